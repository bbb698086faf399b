"""What is found out about a model's predictions: scores, their parts, and what could not be made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
    """Scores of one class against all others; ``n`` is its support in the test set."""

    label: str
    n: int
    precision: Score
    recall: Score
    f1: Score
    specificity: Score
    npv: Score
    lr_plus: Score
    auroc: Score
    average_precision: Score


@dataclass(frozen=True)
class Evaluation:
    """All scores of one set of predictions; ``confusion`` is int, rows true, columns predicted."""

    scores: Mapping[str, Score]
    per_class: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Bin:
    """Test images whose most probable class has a probability from ``lo`` to ``hi``.

    Parameters
    ----------
    lo, hi : float
        The bin; closed below.
    n : int
        Images in it.
    confidence, accuracy : float or None
        Their mean probability, and the share called right; None of an empty bin.
    accuracy_lo, accuracy_hi : float or None
        Wilson's interval.
    """

    lo: float
    hi: float
    n: int
    confidence: float | None
    accuracy: float | None
    accuracy_lo: float | None
    accuracy_hi: float | None


@dataclass(frozen=True)
class Expected:
    """What a calibrated model with the same probabilities would show: on average, and at most (95 %)."""

    mean: float
    most: float


@dataclass(frozen=True)
class Temperature:
    """What logits would have to be divided by; fitted on the ``n`` images of the validation split."""

    value: float
    n: int
    nll_before: float
    nll_after: float
    at_bound: bool
    """The best value lies outside of what was tried: no correction."""


@dataclass(frozen=True)
class Reliability:
    """How probabilities and outcomes go together on the test split; nothing of it is applied.

    Parameters
    ----------
    bins : tuple of Bin
        The reliability diagram.
    expected : mapping of str to Expected
        Of ``ece`` and ``ece_classwise``, which no sample leaves at nought.
    temperature : Temperature or None
        None where it could not be fitted; ``reason`` says why.
    scores : mapping of str to Score
        Calibration scores as they would be after the temperature.
    """

    bins: tuple[Bin, ...]
    expected: Mapping[str, Expected]
    temperature: Temperature | None
    scores: Mapping[str, Score]
    reason: str = ""


@dataclass(frozen=True)
class Difference:
    """A difference between two scores, its interval, and why there is none."""

    value: float | None
    lo: float | None = None
    hi: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Subset:
    """A part of the test split, scored by itself.

    Parameters
    ----------
    n : int
        Its images.
    scores : mapping of str to Score
        Empty where it is too small to be scored; ``reason`` says so.
    differences : mapping of str to Difference
        Of the same scores, to what the part is held against.
    reason : str
        Why it was not scored, or has no intervals.
    absent : tuple of str
        Classes of which it has no image.
    """

    n: int
    scores: Mapping[str, Score]
    differences: Mapping[str, Difference]
    reason: str = ""
    absent: tuple[str, ...] = ()


@dataclass(frozen=True)
class Level:
    """The test images that share a value of a column; ``missing`` where theirs is not known."""

    column: str
    level: str
    missing: bool
    subset: Subset


@dataclass(frozen=True)
class Skipped:
    """What could not be made, why, and what would help: the report prints it."""

    what: str
    reason: str
    hint: str = ""
