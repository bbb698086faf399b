"""What is found out about a model: scores, agreement with another, heatmaps, and what could not be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

SCORES = (
    "accuracy",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
    "mcc",
    "log_loss",
    "auroc",
)
"""Every score of a variant, in the order in which they are stored."""


@dataclass(frozen=True)
class Score:
    """One number with the count it rests on, and its interval.

    Parameters
    ----------
    value : float or None
        None where undefined; ``reason`` says why.
    n : int
        Images that it rests on.
    reason : str
        Also of a mean that counted something undefined as 0.
    lo, hi : float or None
        The interval; None where there is none.
    level : float or None
        Its nominal coverage.
    method : str
        How it was made.
    """

    value: float | None
    n: int
    reason: str = ""
    lo: float | None = None
    hi: float | None = None
    level: float | None = None
    method: str = ""

    def to_json(self) -> dict[str, Any]:
        """As stored in results.json: reason and interval only where there is one."""
        out: dict[str, Any] = {"value": self.value, "n": self.n}
        if self.lo is not None:
            out |= {"lo": self.lo, "hi": self.hi, "level": self.level, "method": self.method}
        if self.reason:
            out["reason"] = self.reason
        return out


@dataclass(frozen=True)
class ClassScores:
    """Precision, recall and F1 of one class; ``n`` is its support in the test set."""

    label: str
    n: int
    precision: Score
    recall: Score
    f1: Score


@dataclass(frozen=True)
class Evaluation:
    """All scores of one set of predictions; ``confusion`` is int, rows true, columns predicted."""

    scores: Mapping[str, Score]
    per_class: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Skipped:
    """What could not be made, why, and what would help: the report prints it."""

    what: str
    reason: str
    hint: str = ""


@dataclass(frozen=True)
class Flip:
    """A test image that two models call differently; ``effect`` is what that did to the second one."""

    sample_id: str
    y_true: int
    y_from: int
    y_to: int
    p_from: float
    p_to: float
    effect: Literal["gained", "lost", "neither"]


@dataclass(frozen=True)
class ClassChange:
    """Test images of one class: right in the first model and in the second, and how many changed sides."""

    label: str
    n: int
    right_from: int
    right_to: int
    gained: int
    lost: int


@dataclass(frozen=True)
class Agreement:
    """Two models on the same test images: how many they call the same, and where they part."""

    n: int
    same: int
    per_class: tuple[ClassChange, ...]
    flips: tuple[Flip, ...]


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


@dataclass(frozen=True)
class Heatmaps:
    """How the heatmaps of a variant were made."""

    method: str
    layer: str
    grid: tuple[int, ...]
    n: int
    zero_maps: int
    notes: tuple[str, ...] = ()


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
