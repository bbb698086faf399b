"""Two models on the same images: where they agree, and by how much their scores differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from xaireport.types.evidence import Difference


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


@dataclass(frozen=True)
class Paired:
    """One score of two variants on the same test images.

    Parameters
    ----------
    a, b : str
        Names of the variants.
    score : str
        Which score.
    difference : Difference
        That of ``a`` less that of ``b``; the level of its interval stands in ``Comparisons``.
    method : str
        How the interval was made.
    """

    a: str
    b: str
    score: str
    difference: Difference
    method: str = ""


@dataclass(frozen=True)
class McNemar:
    """Images that only one of two variants calls right, and what chance alone would do.

    Parameters
    ----------
    a, b : str
        Names of the variants.
    only_a, only_b : int
        Test images that only this one calls right.
    p : float
        Exact, two-sided.
    p_holm : float or None
        Adjusted for all pairs of the family; None outside of it.
    """

    a: str
    b: str
    only_a: int
    only_b: int
    p: float
    p_holm: float | None = None


@dataclass(frozen=True)
class Comparisons:
    """All pairs of variants of a study on one test set.

    Parameters
    ----------
    level : float
        Nominal coverage of every interval.
    test_sha256 : str
        Of the names and labels of the test images that all variants were asked.
    differences : tuple of Paired
        Every pair and score.
    tests : tuple of McNemar
        Every pair.
    left_out : mapping of str to str
        Variants that cannot be compared, and why.
    """

    level: float
    test_sha256: str
    differences: tuple[Paired, ...] = ()
    tests: tuple[McNemar, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
