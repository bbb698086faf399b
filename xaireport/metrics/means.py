"""Means of one value per image, each with its interval and beside those of its controls."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xaireport.metrics.intervals import (
    LEVEL,
    group_sums,
    percentile,
    resampled_weights,
    units_of,
    wilson,
)
from xaireport.types.evidence import Difference
from xaireport.types.streams import Stream
from xaireport.types.trust import Control, Measure

Numbers = NDArray[np.float64]


def measure(
    values: Numbers, controls: Mapping[str, Numbers], groups: ArrayLike | None = None, seed: int = 0
) -> Measure:
    """Return the mean of a value per image, and the differences to its controls, with percentile intervals.

    Parameters
    ----------
    values : float array, (n,)
        NaN for images that could not be measured.
    controls : mapping of str to float array, (n,)
        The same of something that the values are held against. Only images where all are known count.
    groups : array, (n,), optional
        Patients or lesions: what is resampled as one. Without them, images are.
    seed : int
        Draws the resamples, the same for values and controls.

    Returns
    -------
    Measure
        A share of exactly 0 or 1, where the bootstrap has no width, has Wilson's interval, every group being
        one observation.

    Raises
    ------
    DataError
        Not as many groups as values.
    """
    columns = np.stack([values, *controls.values()], axis=1).astype(np.float64)
    known = np.isfinite(columns).all(axis=1)
    every = units_of(groups, len(values))
    n = int(known.sum())
    if not n:
        reason = "no image could be measured"
        none = {name: Control(None, Difference(None)) for name in controls}
        return Measure(None, 0, controls=none, reason=reason)
    columns = columns[known]
    units = np.unique(every[known], return_inverse=True)[1]
    count = int(units.max()) + 1
    means = columns.mean(axis=0)
    reason, bounds = "", None
    differences: list[tuple[float, float] | None] = [None] * len(controls)
    if count < 2:
        reason = f"no interval: {'one image' if groups is None else 'all images are of one group'}"
    else:
        resampled = _resampled_means(columns, units, seed)
        bounds = percentile(resampled[:, 0])
        differences = [percentile(resampled[:, 0] - resampled[:, i]) for i in range(1, columns.shape[1])]
        if np.isin(columns[:, 0], (0, 1)).all() and means[0] in (0, 1):
            bounds = wilson(round(float(means[0]) * count), count)
    lo, hi = bounds or (None, None)
    found = {
        name: Control(float(mean), Difference(float(means[0] - mean), *(ends or (None, None))))
        for name, mean, ends in zip(controls, means[1:], differences, strict=True)
    }
    return Measure(float(means[0]), n, lo, hi, found, reason)


def over_seeds(values: Numbers) -> Measure:
    """Return the mean over random repetitions, float (seeds,), with Student's interval.

    NaN ones do not count. The interval is that of the mean over all repetitions there could be.
    """
    from scipy.stats import t

    known = values[np.isfinite(values)]
    n = len(known)
    if not n:
        return Measure(None, 0, reason="no repetition could be measured")
    mean = float(known.mean())
    if n < 2:
        return Measure(mean, n, reason="no interval: one repetition")
    reach = float(t.ppf(0.5 + LEVEL / 2, n - 1) * known.std(ddof=1) / n**0.5)
    return Measure(mean, n, mean - reach, mean + reach)


def _resampled_means(columns: Numbers, units: NDArray[np.int64], seed: int) -> Numbers:
    """Return the means of resamples of whole groups: float (resamples, columns)."""
    sums = group_sums(columns, units)
    sizes = np.bincount(units).astype(np.float64)
    table = np.column_stack([sums, sizes]).astype(np.float32)
    parts = [weights @ table for weights in resampled_weights(len(sizes), [seed, Stream.MEANS])]
    drawn = np.concatenate(parts).astype(np.float64)
    return drawn[:, :-1] / drawn[:, -1:]
