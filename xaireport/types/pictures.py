"""What is shown of a model: test images, their heatmaps, and how these were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xaireport.types.notes import Note

Outcome = Literal["hit", "miss"]


@dataclass(frozen=True)
class Example:
    """One test image that the card shows, beside its heatmap.

    Parameters
    ----------
    sample_id, y_true, y_pred
        The image, and its true and predicted class indices.
    p : float
        Probability given to the predicted class.
    outcome : {"hit", "miss"}
        Right or wrong.
    chosen : str
        The rule that chose it: "most confident hit", "most confident miss", "random".
    image, map, overlay : str
        JPEG files, paths relative to the folder of ``results.json``: the image, the coloured map, and both
        blended. The last two are empty where there is no map: a plain gallery, no positive evidence.
    peak : str
        Where the map peaks, in words ("upper left"), for the text that stands for the picture.
    slices : tuple of str
        In 3D: what each panel shows ("axial 14", …).
    montage : str
        In 3D: slices through the volume with the map, a file as above.
    montage_slices : tuple of str
        What each of them shows.
    """

    sample_id: str
    y_true: int
    y_pred: int
    p: float
    outcome: Outcome
    chosen: str
    image: str
    map: str = ""
    overlay: str = ""
    peak: str = ""
    slices: tuple[str, ...] = ()
    montage: str = ""
    montage_slices: tuple[str, ...] = ()


@dataclass(frozen=True)
class LayerChoice:
    """A layer that the maps could have been read at, and how well they found what drives the score.

    ``score`` is the mean over validation images by which deletion in the maps' order beats random maps; None
    where it was not measured.
    """

    layer: str
    grid: tuple[int, ...]
    score: float | None = None


ChosenBy = Literal["study", "parent", "validation", "only candidate", ""]


@dataclass(frozen=True)
class Heatmaps:
    """How the heatmaps of a variant were made.

    Parameters
    ----------
    method : str
        Such as "gradcam"; "gradcam-hybrid" from the activations and weights of a TFLite file.
    layer : str
        Where the maps are read; empty where the method looks at no layer.
    grid : tuple of int
        Cells per axis.
    n, zero_maps : int
        Maps made, and those without positive evidence.
    notes : tuple of Note
        What a reader would otherwise wonder about.
    chosen_by : {"study", "parent", "validation", "only candidate", ""}
        What decided on the layer.
    choices : tuple of LayerChoice
        The layers to choose from, where validation images decided.
    choice_images : int
        How many did.
    """

    method: str
    layer: str
    grid: tuple[int, ...]
    n: int
    zero_maps: int
    notes: tuple[Note, ...] = ()
    chosen_by: ChosenBy = ""
    choices: tuple[LayerChoice, ...] = ()
    choice_images: int = 0


@dataclass(frozen=True)
class Pictures:
    """The test images on show; with heatmaps where there are some.

    Parameters
    ----------
    examples : tuple of Example
        Per class: hits, misses and random cases, by the declared rule.
    common : tuple of Example
        The same test images for every variant of the study.
    gallery : tuple of Example
        Drawn by the seed, never with heatmaps.
    """

    examples: tuple[Example, ...] = ()
    common: tuple[Example, ...] = ()
    gallery: tuple[Example, ...] = ()
