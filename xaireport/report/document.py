"""The document that every output format places: a frozen tree of sections, blocks and inline text.

It describes; it neither computes nor knows any markup. A number in it is a `Number`, which names the place in
results.json it comes from; words copied from there are a `Quote`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Literal, TypeAlias

from xaireport.report import format as forms

State = Literal["filled", "computed", "missing", "n/a"]
Tone = Literal["", "good", "bad", "muted"]


def slug(name: str) -> str:
    """Return an id for any name: itself where it can be one, else what is readable of it and a hash.

    >>> slug("test-00012"), slug("Lesion 7")
    ('test-00012', 'lesion-7-baf48d')
    """
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    if re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
        return name
    return f"{readable}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}".strip("-")


@dataclass(frozen=True)
class Number:
    """One number and where it stands in results.json.

    Parameters
    ----------
    key : str
        Dotted path, list positions as integers.
    value : int, float or None
        As stored, at full precision.
    form : str
        One of `xaireport.report.format.FORMS`.
    study : str
        Which results.json, on a page that draws on several.
    reason : str
        Why there is no value, as stored.
    """

    key: str
    value: int | float | None
    form: str = "score"
    study: str = ""
    reason: str = ""
    kind: ClassVar[str] = "number"

    @property
    def text(self) -> str:
        """As printed."""
        return forms.text(self.value, self.form)

    @property
    def exact(self) -> str:
        """The stored value at full precision; empty where there is none."""
        return "" if self.value is None else repr(self.value)


@dataclass(frozen=True)
class Quote:
    """Words copied from results.json: a class name, a digest, a note by the data's author.

    Parameters
    ----------
    key : str
        Where they stand; empty for words that are not in results.json, such as why a whole study failed.
    text : str
        As printed.
    role : {"text", "class", "code", "time"}
        What they are.
    whole : str
        The stored words where ``text`` is only their beginning.
    """

    key: str
    text: str
    role: Literal["text", "class", "code", "time"] = "text"
    study: str = ""
    whole: str = ""
    kind: ClassVar[str] = "quote"


@dataclass(frozen=True)
class Strong:
    """Words that matter, with the way they lean."""

    text: Text
    tone: Tone = ""
    kind: ClassVar[str] = "strong"


@dataclass(frozen=True)
class Link:
    """Words or quotations that are a relative link to another page of the report."""

    text: tuple[str | Quote, ...]
    href: str
    kind: ClassVar[str] = "link"


Inline: TypeAlias = "str | Number | Quote | Strong | Link"
Text: TypeAlias = "tuple[Inline, ...]"


@dataclass(frozen=True)
class Paragraph:
    """A sentence or more."""

    text: Text
    tone: Tone = ""
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True)
class Notice:
    """What nobody may overlook."""

    text: Text
    tone: Tone = "bad"
    kind: ClassVar[str] = "notice"


@dataclass(frozen=True)
class Tile:
    """One big number, its name, and what it is to be compared with."""

    label: Text
    number: Number
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Tiles:
    """A row of tiles."""

    tiles: tuple[Tile, ...]
    kind: ClassVar[str] = "tiles"


@dataclass(frozen=True)
class Facts:
    """Names and what they stand for."""

    rows: tuple[tuple[Text, Text], ...]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Cell:
    """One cell of a table: what it says, and up to two quieter lines beneath."""

    text: Text
    below: Text = ()
    tone: Tone = ""
    further: Text = ()


@dataclass(frozen=True)
class Column:
    """Head of a column; ``numeric`` columns are set flush right."""

    label: Text
    numeric: bool = True


@dataclass(frozen=True)
class Row:
    """One row: its head (the first column) and the cells after it."""

    head: Cell
    cells: tuple[Cell, ...]
    tone: Tone = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption; ``columns`` includes the one of the row heads."""

    caption: Text
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Text, ...] = ()
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Count:
    """A cell of a confusion matrix; ``shade`` runs from 0 (none of the row) to 20 (all of it)."""

    number: Number
    share: Number
    shade: int
    right: bool


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: rows true, columns predicted; classes go by a letter in the column heads."""

    caption: Text
    labels: tuple[tuple[str, Quote], ...]
    rows: tuple[tuple[Count, ...], ...]
    kind: ClassVar[str] = "matrix"


@dataclass(frozen=True)
class Figure:
    """A drawing stored beside results.json."""

    file: str
    caption: Text
    kind: ClassVar[str] = "figure"

    @property
    def anchor(self) -> str:
        """Its id within the page."""
        return f"figure-{PurePosixPath(self.file).stem}"


@dataclass(frozen=True)
class Image:
    """A stored JPEG and the words that stand for it; without a file, ``label`` fills an empty frame."""

    file: str
    alt: str
    label: str = ""


@dataclass(frozen=True)
class Subject:
    """What a picture shows, for the reviewer's filters, marks and exports.

    Parameters
    ----------
    sample : Quote
        The test image.
    variant : str
        Whose answer and heatmap.
    y_true, y_pred : Quote
        Names of the true and the called class.
    p : Number, optional
        Probability of the called class.
    layer : str
        File of the coloured map alone, to be laid over the image; empty where there is none.
    place : str
        Goes before its id, where one image stands in several places of a page.
    """

    sample: Quote
    variant: str
    y_true: Quote
    y_pred: Quote
    p: Number | None = None
    layer: str = ""
    place: str = "image"

    @property
    def reviewed(self) -> bool:
        """Whether this is the picture that a reviewer judges, of all that show the image."""
        return self.place == "image" and self.p is not None

    @property
    def anchor(self) -> str:
        """Id of the picture within the page."""
        return f"{self.place}-{slug(self.sample.text)}"


@dataclass(frozen=True)
class Picture:
    """A test image, beside its heatmap where there is one.

    Parameters
    ----------
    images : tuple of Image
        What is shown, side by side.
    caption, below : Text
        The line under it, and a quieter one.
    hit : bool
        Whether the model was right.
    wide : bool
        Each image is a strip of slices through a volume.
    subject : Subject, optional
        Where the picture can be reviewed and linked to.
    """

    images: tuple[Image, ...]
    caption: Text
    hit: bool
    below: Text = ()
    wide: bool = False
    subject: Subject | None = None


@dataclass(frozen=True)
class Gallery:
    """Pictures that belong together, under a heading of their own where ``title`` is given."""

    pictures: tuple[Picture, ...]
    title: Text = ()
    aside: Text = ()
    anchor: str = ""
    kind: ClassVar[str] = "gallery"


@dataclass(frozen=True)
class Review:
    """Galleries that a reviewer goes through: filtered, sorted, enlarged and marked where scripts run.

    Parameters
    ----------
    galleries : tuple of Gallery
        One per class.
    study : Quote
        Marks are kept under its name …
    digest : str
        … and under the evidence they are marks of.
    method : str
        What made the maps.
    """

    galleries: tuple[Gallery, ...]
    study: Quote
    digest: str
    method: str
    kind: ClassVar[str] = "review"


@dataclass(frozen=True)
class Side:
    """The same test image through several variants: one row."""

    image: Picture
    views: tuple[Picture | None, ...]


@dataclass(frozen=True)
class SideBySide:
    """Rows of one test image each, a column per variant."""

    caption: Text
    columns: tuple[Text, ...]
    rows: tuple[Side, ...]
    study: Quote
    digest: str
    kind: ClassVar[str] = "side_by_side"


@dataclass(frozen=True)
class Details:
    """Blocks that a screen folds away and paper shows."""

    summary: Text
    blocks: tuple[Block, ...]
    kind: ClassVar[str] = "details"


Block: TypeAlias = (
    "Paragraph | Notice | Tiles | Facts | Table | Matrix | Figure | Gallery | Review | SideBySide | Details"
)


@dataclass(frozen=True)
class Section:
    """A section; ``letter`` is its place in the list of what a card must contain, A to P."""

    letter: str
    title: str
    state: State
    blocks: tuple[Block, ...]

    @property
    def anchor(self) -> str:
        """Its id within the page."""
        return f"section-{self.letter.lower()}"


@dataclass(frozen=True)
class Page:
    """A page: what stands at its head, then its sections.

    Parameters
    ----------
    layout : {"card", "comparison", "index"}
        Which of the three it is.
    title : Text
        Its one h1.
    plain_title : str
        The same without markup, for the window and the PDF's properties.
    trail : Text
        Where the page lies among the others.
    verdict : tuple of Text
        What it comes to, in words.
    lead : tuple of Block
        Between the verdict and the sections.
    demonstration : bool
        Synthetic data: every page says so.
    digests : tuple of Quote
        What its numbers rest on.
    dense : bool
        Few enough classes for the table per class and the matrix to stand side by side.
    created : str
        ISO 8601 with zone; the run's, not the clock's.
    """

    layout: Literal["card", "comparison", "index"]
    title: Text
    plain_title: str
    trail: Text
    verdict: tuple[Text, ...]
    lead: tuple[Block, ...]
    sections: tuple[Section, ...]
    demonstration: bool
    created: str
    digests: tuple[Quote, ...] = ()
    dense: bool = False
