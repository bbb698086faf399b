"""Subgroups of the test images: the levels of any column that the data carry, scored one by one."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from xaireport.metrics.subsets import score_subsets
from xaireport.types.evidence import Level, Subset

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

MOST_LEVELS = 8
"""Distinct numbers of a column; one that has more is cut into bands."""
MOST_TEXTS = 40
"""Distinct texts of a column; one that has more names single images, not groups of people."""
MISSING = ("", "nan", "none", "missing", "unknown", "n/a", "na", "null", "?")
"""What stands for a value that is not known."""


def levels(values: NDArray[Any], edges: NDArray[np.float64] | None) -> dict[str, NDArray[np.bool_]]:
    """Return the images of each level of a column: name -> bool array (n,), unknown ones under ``""``.

    Parameters
    ----------
    values : array, (n,)
        Numbers or texts, one per image.
    edges : float array, optional
        Of bands, where the numbers are to be cut; see :func:`bands`.
    """
    unknown = missing(values)
    found: dict[str, NDArray[np.bool_]] = {}
    if edges is not None:
        numbers = np.where(unknown, np.nan, values.astype(np.float64))
        for low, high in itertools.pairwise(edges.tolist()):
            found[f"{_text(low)} to below {_text(high)}"] = (numbers >= low) & (numbers < high)
    else:
        texts = np.array([_text(value) for value in values.tolist()])
        for level in sorted(set(texts[~unknown].tolist()), key=lambda text: (_number(text), text)):
            found[level] = (texts == level) & ~unknown
    if unknown.any():
        found[""] = unknown
    return {level: mask for level, mask in found.items() if mask.any()}


def bands(values: NDArray[Any]) -> NDArray[np.float64] | None:
    """Return round edges that cut a column of many numbers into a few bands; None where it needs none."""
    if values.dtype.kind not in "iuf":
        return None
    known = np.unique(values[~missing(values)].astype(np.float64))
    if len(known) <= MOST_LEVELS:
        return None
    low, high = float(known[0]), float(known[-1])
    width, power = _width((high - low) / 4)
    edges = [_times(step, width, power) for step in range(*_steps(low, high, width, power))]
    # Rounding may put an edge beside the value that it was made for.
    if edges[0] > low:
        edges.insert(0, low)
    if edges[-1] <= high:
        edges.append(float(np.nextafter(high, np.inf)))
    return np.array(edges)


def _width(most: float) -> tuple[int, int]:
    """Return the widest of 1, 2 and 5 times a power of ten, as the two, that is no more than ``most``."""
    power = math.floor(math.log10(most))
    digit = next((digit for digit in (5, 2, 1) if _times(digit, 1, power) <= most), 1)
    return digit, power


def _times(step: int, width: int, power: int) -> float:
    """Multiply in whole numbers: 34 tenths are 3.4, and not a little more."""
    return float(step * width * 10**power) if power >= 0 else step * width / 10**-power


def _steps(low: float, high: float, width: int, power: int) -> tuple[int, int]:
    size = _times(1, width, power)
    return math.floor(low / size), math.floor(high / size) + 2


def missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which entries of a column say that the value is not known; an infinite number is none."""
    if values.dtype.kind == "f":
        return np.asarray(~np.isfinite(values))
    if values.dtype.kind in "US":
        return np.asarray(np.isin(np.char.lower(np.char.strip(values.astype(str))), MISSING))
    return np.zeros(len(values), np.bool_)


def subgroups(
    columns: Mapping[str, NDArray[Any]],
    y_true: ArrayLike,
    y_prob: ArrayLike,
    scores: Sequence[str],
    classes: Sequence[str],
    **settings: Any,
) -> tuple[Level, ...]:
    """Score the images of each level of each column against all other images.

    Parameters
    ----------
    columns : mapping of str to array, (n,)
        A column of many numbers (age) is cut into bands; images without a value are a level of their own.
    y_true, y_prob, scores, classes, settings
        As in :func:`score_subsets`.
    """
    masks: dict[tuple[str, str], NDArray[np.bool_]] = {}
    crowded = []
    for column, values in columns.items():
        found = levels(values, bands(values))
        if len(found) > MOST_TEXTS:
            many = f"more than {MOST_TEXTS} distinct values: no column of subgroups"
            crowded.append(Level(column, "all", False, Subset(len(values), {}, {}, many)))
        else:
            masks |= {(column, level): mask for level, mask in found.items()}
    scored = score_subsets(y_true, y_prob, masks, scores, classes, against="rest", **settings)
    told = [Level(*key, False, part) if key[1] else _unknown(key[0], part) for key, part in scored.items()]
    return (*told, *crowded)


def _unknown(column: str, part: Subset) -> Level:
    return Level(column, "missing", True, part)


def _text(value: Any) -> str:
    """Write a value so that no other one reads the same."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("inf")
