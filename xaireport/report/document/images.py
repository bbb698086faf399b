"""What a document shows of test images: pictures, galleries, a reviewer's galleries, images side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xaireport.report.document.inline import Number, Quote, Text, slug


@dataclass(frozen=True)
class Image:
    """A stored picture, or an empty frame.

    Parameters
    ----------
    file : str
        JPEG or PNG, relative to the folder of results.json: ``here.image(file)`` places it. May be empty.
    alt : str
        The words that stand for it.
    label : str
        What an empty frame says.
    """

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
    """Pictures that belong together, under a heading of their own where ``title`` is given.

    Parameters
    ----------
    pictures : tuple of Picture
        In reading order.
    title, aside : Text
        The heading, and what stands beside it; may be empty.
    anchor : str
        Id of the heading; may be empty.
    """

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
        Marks are kept under its name.
    digest : str
        Of the evidence that they are marks of.
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
    """The same test image through several variants: one row.

    Parameters
    ----------
    image : Picture
        The test image.
    views : tuple of Picture or None
        What each variant makes of it; None where it was not asked.
    """

    image: Picture
    views: tuple[Picture | None, ...]


@dataclass(frozen=True)
class SideBySide:
    """Rows of one test image each, a column per variant.

    Parameters
    ----------
    caption : Text
        Above the table.
    columns : tuple of Text
        The variants.
    rows : tuple of Side
        One per test image.
    study : Quote
        As for `Review`.
    digest : str
        As for `Review`.
    """

    caption: Text
    columns: tuple[Text, ...]
    rows: tuple[Side, ...]
    study: Quote
    digest: str
    kind: ClassVar[str] = "side_by_side"
