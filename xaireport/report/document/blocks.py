"""The document that every output format places: a frozen tree of sections, blocks and inline text.

It describes; it neither computes nor knows any markup. A number in it is a `Number`, which names the place in
results.json it comes from; words copied from there are a `Quote`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from xaireport.report.document.drawings import mark
from xaireport.report.document.images import Gallery, Image, Picture, Review, Side, SideBySide, Subject
from xaireport.report.document.inline import Inline, Link, Number, Quote, Strong, Text, Tone, slug

__all__ = [
    "Block", "Cell", "Column", "Count", "Details", "Facts", "Figure", "Gallery", "Image", "Inline", "Link",
    "Matrix", "Notice", "Number", "Page", "Paragraph", "Picture", "Quote", "Review", "Row", "Section", "Side",
    "SideBySide", "State", "Strong", "Subject", "Table", "Text", "Tile", "Tiles", "Tone", "slug",
]  # fmt: skip

State = Literal["filled", "computed", "missing", "n/a"]


@dataclass(frozen=True)
class Paragraph:
    """A sentence or more.

    Parameters
    ----------
    text : Text
        Its words.
    tone : {"", "good", "bad", "muted"}
        The way it leans.
    """

    text: Text
    tone: Tone = ""
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True)
class Notice:
    """What nobody may overlook.

    Parameters
    ----------
    text : Text
        Its words.
    tone : {"", "good", "bad", "muted"}
        The way it leans.
    """

    text: Text
    tone: Tone = "bad"
    kind: ClassVar[str] = "notice"


@dataclass(frozen=True)
class Tile:
    """One big number, its name, and what it is to be compared with.

    Parameters
    ----------
    label : Text
        What the number is.
    number : Number
        The number.
    notes : tuple of Text
        Interval, baseline, reference: a line each.
    """

    label: Text
    number: Number
    notes: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Tiles:
    """A row of tiles.

    Parameters
    ----------
    tiles : tuple of Tile
        From left to right.
    """

    tiles: tuple[Tile, ...]
    kind: ClassVar[str] = "tiles"


@dataclass(frozen=True)
class Facts:
    """Names and what they stand for.

    Parameters
    ----------
    rows : tuple of (Text, Text)
        Name, and what it stands for.
    """

    rows: tuple[tuple[Text, Text], ...]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Parameters
    ----------
    text : Text
        What it says.
    below, further : Text
        Quieter lines beneath.
    tone : {"", "good", "bad", "muted"}
        The way it leans.
    """

    text: Text
    below: Text = ()
    tone: Tone = ""
    further: Text = ()


@dataclass(frozen=True)
class Column:
    """Head of a column.

    Parameters
    ----------
    label : Text
        Its heading.
    numeric : bool
        Whether it is set flush right.
    """

    label: Text
    numeric: bool = True


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Parameters
    ----------
    head : Cell
        The first column.
    cells : tuple of Cell
        The others.
    tone : {"", "good", "bad", "muted"}
        "good" marks the row that matters, "muted" one that does not.
    """

    head: Cell
    cells: tuple[Cell, ...]
    tone: Tone = ""


@dataclass(frozen=True)
class Table:
    """A table with a caption.

    Parameters
    ----------
    caption : Text
        Above the table.
    columns : tuple of Column
        The one of the row heads included.
    rows : tuple of Row
        From top to bottom.
    notes : tuple of Text
        Beneath the table.
    """

    caption: Text
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Text, ...] = ()
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Count:
    """A cell of a confusion matrix.

    Parameters
    ----------
    number, share : Number
        How many images, and which share of the row.
    shade : int
        From 0 (none of the row) to 20 (all of it): classes v0 to v20 of matrix.css.
    right : bool
        Whether the cell lies on the diagonal.
    """

    number: Number
    share: Number
    shade: int
    right: bool


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix: rows true, columns predicted; classes go by a letter in the column heads.

    Parameters
    ----------
    caption : Text
        Above the matrix.
    labels : tuple of (str, Quote)
        A letter and the name of each class.
    rows : tuple of tuple of Count
        True classes downwards, predicted ones across.
    """

    caption: Text
    labels: tuple[tuple[str, Quote], ...]
    rows: tuple[tuple[Count, ...], ...]
    kind: ClassVar[str] = "matrix"


@dataclass(frozen=True)
class Figure:
    """A drawing stored beside results.json.

    Parameters
    ----------
    file : str
        An SVG, relative to the folder of results.json: ``here.drawing(file)`` places it.
    caption : Text
        Beneath the drawing.
    """

    file: str
    caption: Text
    kind: ClassVar[str] = "figure"

    @property
    def anchor(self) -> str:
        """Its id within the page."""
        return f"figure-{mark(self.file)}"


@dataclass(frozen=True)
class Details:
    """Blocks that a screen folds away and paper shows.

    Parameters
    ----------
    summary : Text
        What the fold says.
    blocks : tuple of Block
        What it holds.
    """

    summary: Text
    blocks: tuple[Block, ...]
    kind: ClassVar[str] = "details"


Block: TypeAlias = (
    "Paragraph | Notice | Tiles | Facts | Table | Matrix | Figure | Gallery | Review | SideBySide | Details"
)


@dataclass(frozen=True)
class Section:
    """A section of a page.

    Parameters
    ----------
    letter : str
        A to P; several characters for a section from outside, or of another page.
    title : str
        Its heading.
    state : {"filled", "computed", "missing", "n/a"}
        Stated by people, made by the program, absent, or without meaning here.
    blocks : tuple of Block
        What it holds.
    """

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
    sections : tuple of Section
        In reading order, missing ones last.
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
