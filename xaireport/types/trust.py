"""Whether heatmaps can be believed: each measure beside its control, and one verdict over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from xaireport.types.evidence import Difference, Skipped

TrustOutcome = Literal["pass", "fail", "untested"]


@dataclass(frozen=True)
class Control:
    """What a measure has to be held against, and by how much they differ, image by image."""

    value: float | None
    difference: Difference


@dataclass(frozen=True)
class Measure:
    """A mean over images, with its interval, beside those of its controls.

    Parameters
    ----------
    value : float or None
        None where no image could be measured; ``reason`` says why.
    n : int
        Images that it rests on.
    lo, hi : float or None
        The 95 % interval.
    controls : mapping of str to Control
        By name; differences are this measure less the control, on the same images.
    reason : str
        Why there is no value, or no interval.
    """

    value: float | None
    n: int
    lo: float | None = None
    hi: float | None = None
    controls: Mapping[str, Control] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True)
class CascadeStep:
    """Maps with all layers from the output down to ``layer`` randomised, held against the trained model's.

    ``correlation`` and ``ssim`` are means over seeds, ``n`` is the count of seeds, and the intervals are over
    seeds.
    """

    layer: str
    layers: int
    correlation: Measure
    ssim: Measure


@dataclass(frozen=True)
class Cascade:
    """Cascading randomisation of the weights, from the output down.

    Parameters
    ----------
    steps : tuple of CascadeStep
        More and more layers; the last one has all.
    decisive : int
        Which step is the first in which the explained layer's own weights are randomised too.
    n : int
        Images.
    seeds : int
        Randomisations of each step.
    other_image : float or None
        What maps of different images correlate by: without it no figure above means anything.
    zero_maps : float or None
        Share of maps without positive evidence in the model that is randomised whole.
    """

    steps: tuple[CascadeStep, ...]
    decisive: int
    n: int
    seeds: int
    other_image: float | None
    zero_maps: float | None


@dataclass(frozen=True)
class Moved:
    """A test image whose map moved most.

    Parameters
    ----------
    sample_id : str
        The image.
    y_true, y_pred : int
        Its class, and the one both variants see in it.
    correlation : float
        Rank correlation of both maps.
    image, overlay, overlay_other : str
        JPEG files, paths relative to the folder of ``results.json``: the image, and under this variant's map
        and the other's. Empty where there is no map.
    """

    sample_id: str
    y_true: int
    y_pred: int
    correlation: float
    image: str = ""
    overlay: str = ""
    overlay_other: str = ""


@dataclass(frozen=True)
class Drift:
    """A variant's maps held against those of another one: do they look at the same places?

    Parameters
    ----------
    other : str
        The variant compared with.
    relation : {"parent", "sibling"}
        Whether it was made from it.
    maps : Measure
        Rank correlation of the maps that the cards show, where both give the same answer.
    maps_iou : Measure
        Of the top 20 % of their pixels.
    occlusion, occlusion_iou : Measure
        The same of occlusion maps, which are made in the same way for any model; the verdict uses these.
    moved : tuple of Moved
        The images with the least correlation, the least first.
    """

    other: str
    relation: Literal["parent", "sibling"]
    maps: Measure
    maps_iou: Measure
    occlusion: Measure
    occlusion_iou: Measure
    moved: tuple[Moved, ...] = ()


@dataclass(frozen=True)
class Reason:
    """One criterion of the verdict, met or not, in words."""

    criterion: str
    outcome: TrustOutcome
    text: str


@dataclass(frozen=True)
class TrustVerdict:
    """The verdict over a variant's heatmaps: fail if one criterion is missed, untested if none was."""

    outcome: TrustOutcome
    sentence: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Trust:
    """Every measure of a variant's heatmaps, and the verdict.

    ``energy_in_mask``, ``pointing`` and ``iou`` need masks; ``deletion`` and ``insertion`` have one measure
    per baseline, that is, per what a removed pixel is replaced by.
    """

    zero_maps: Measure
    energy_in_mask: Measure | Skipped
    pointing: Measure | Skipped
    iou: Measure | Skipped
    deletion: Mapping[str, Measure]
    insertion: Mapping[str, Measure]
    randomisation: Cascade | Skipped
    wrong_class: Measure | Skipped
    stability: Measure | Skipped
    drift: Drift | Skipped
    verdict: TrustVerdict
