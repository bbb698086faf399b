"""Intervals: how far a score on the test images may lie from what the system would get on all such images.

Everything that is drawn for an interval is drawn here, as whole numbers. NumPy promises the stream of a
bit generator, and of no method on top of it (NEP 19): ``multinomial`` has changed, ``integers`` has not, and
a test pins the draws. Images are resampled, or where they belong together (patient, lesion) the groups.
This module knows no names of scores; see ``resampled`` for those.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from xaireport.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
RESAMPLES = 10_000
CHUNK = 1 << 22
"""Numbers in memory at once."""


def wilson(successes: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the score interval of a proportion.

    Parameters
    ----------
    successes, n : int
        n is at least 1.
    level : float
        Nominal coverage.

    References
    ----------
    Wilson 1927, doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> [round(bound, 3) for bound in wilson(23, 23)]
    [0.857, 1.0]
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    p, zz = successes / n, z * z
    centre = (p + zz / (2 * n)) / (1 + zz / n)
    half = z / (1 + zz / n) * (p * (1 - p) / n + zz / (4 * n * n)) ** 0.5
    # At the ends rounding may leave the bound beside the value itself.
    return (centre - half if successes else 0.0), (centre + half if successes < n else 1.0)


def resampled_weights(
    n_groups: int, seed: int | Sequence[int], numbers: int = 1
) -> Iterator[NDArray[np.float32]]:
    """Yield how often each group was drawn: float (rows, G) at a time, ``RESAMPLES`` rows in all.

    Parameters
    ----------
    n_groups : int
        G of G groups are drawn with replacement; all images of a group come together. Without groups: n.
    seed : int or sequence of int
        The same seed draws the same rows, however many come at a time.
    numbers : int
        How many numbers the caller makes of each row: so that what is in memory at once stays within bounds.
    """
    rng = _generator(seed)
    step = max(1, CHUNK // max(n_groups, numbers))
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        drawn = rng.integers(0, n_groups, (rows, n_groups), dtype=np.int32)
        drawn += np.arange(rows, dtype=np.int32)[:, None] * n_groups
        weights = np.bincount(drawn.reshape(-1), minlength=rows * n_groups)
        yield weights.astype(np.float32).reshape(rows, n_groups)


def resampled_confusions(
    confusion: NDArray[np.int64], seed: int | Sequence[int]
) -> Iterator[NDArray[np.float64]]:
    """Yield confusion matrices of as many images drawn with replacement: float (rows, K, K) at a time.

    In law one multinomial draw over the cells, but for the draws themselves, which are those of the images in
    the order of their cells.
    """
    cells = confusion.reshape(-1)
    filled = np.flatnonzero(cells)
    starts = np.cumsum(cells[filled]) - cells[filled]
    for weights in resampled_weights(int(cells.sum()), seed, len(cells)):
        drawn = np.zeros((len(weights), len(cells)))
        drawn[:, filled] = np.add.reduceat(weights, starts, axis=1)
        yield drawn.reshape(-1, *confusion.shape)


def fractions(n: int, seed: int | Sequence[int], rows: int) -> Iterator[NDArray[np.float64]]:
    """Yield ``rows`` times n numbers from 0 to below 1, every multiple of 2⁻⁵³ as likely as the next."""
    rng = _generator(seed)
    for _ in range(rows):
        yield rng.integers(0, 1 << 53, n).astype(np.float64) / (1 << 53)


def _generator(seed: int | Sequence[int]) -> np.random.Generator:
    # Not default_rng: NumPy may change the bit generator behind it.
    return np.random.Generator(np.random.PCG64(seed))


def units_of(groups: ArrayLike | None, n: int) -> NDArray[np.int64]:
    """Return what is independent as a number from 0 on, (n,): the group of each image, or itself.

    Raises
    ------
    DataError
        Not as many groups as images.
    """
    if groups is None:
        return np.arange(n)
    named = np.asarray(groups)
    if named.shape != (n,):
        raise DataError(f"groups of shape ({n},), one per image", named.shape, where="groups")
    return np.unique(named, return_inverse=True)[1].astype(np.int64)


def group_sums(values: NDArray[Any], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sums of values (n, m) within groups 0 to G - 1: float (G, m)."""
    sums = np.zeros((int(groups.max()) + 1, values.shape[1]))
    np.add.at(sums, groups, values)
    return sums


def cell_sums(
    cells: NDArray[np.int64], n_cells: int, groups: NDArray[np.int64], weights: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return how often each cell comes up in each resample: float (rows, m).

    Parameters
    ----------
    cells : int array, (n,)
        The cell of each image, below ``n_cells``; -1 for an image that does not count.
    groups : int array, (n,)
        0 to G - 1.
    weights : float array, (rows, G)
        Of ``resampled_weights``.
    """
    from scipy.sparse import csr_array

    # One image is in one cell: a product with a sparse matrix is ten times faster than with a full one.
    counted = cells >= 0
    ones = np.ones(int(counted.sum()), np.float32)
    table = csr_array((ones, (cells[counted], groups[counted])), shape=(n_cells, weights.shape[1]))
    return np.asarray((table @ weights.T).T, np.float64)


def percentile(values: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float] | None:
    """Return the percentile interval of resampled values.

    None where fewer than half are defined, or a bound is infinite.
    """
    known = values[~np.isnan(values)]
    if 2 * len(known) < len(values):
        return None
    ends = [(1 - level) / 2, (1 + level) / 2]
    # Between infinities there is nothing to interpolate.
    method = "linear" if np.isfinite(known).all() else "inverted_cdf"
    low, high = np.quantile(known, ends, method=method)  # type: ignore[call-overload]
    return (float(low), float(high)) if np.isfinite([low, high]).all() else None


def above_zero(
    value: float, resampled: NDArray[np.float64], null: NDArray[np.float64], level: float = LEVEL
) -> tuple[float, float] | None:
    """Return the interval of a distance, such as ECE: at least 0, and too large in small samples.

    Percentiles would lie beside the truth, since resampling adds the bias a second time. The bias is largest
    where the distance is nought; it is taken off the lower bound as large as that, and the upper bound stays
    where resampling puts it. Covers its nominal level or more, whatever the distance (tested).

    Parameters
    ----------
    value : float
        The estimate.
    resampled : float array, (B,)
        Of the data.
    null : float array, (B,)
        Of data drawn so that the true distance is nought.
    """
    bounds = percentile(resampled, level)
    if bounds is None or bounds[0] == bounds[1]:
        return bounds
    spread = bounds[1] - float(np.nanmean(resampled))
    return max(0.0, value - float(null.mean()) - spread), max(value, bounds[1])


def auroc_influence(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much each image moves an AUROC: float (n,), their mean is 0.

    The structural components of DeLong, DeLong & Clarke-Pearson 1988 (doi:10.2307/2531595), scaled so that
    the sum of their squares over n² is the variance given there. Unlike a variance they can be summed within
    groups and averaged over classes.

    Parameters
    ----------
    positive : bool array, (n,)
        At least two of each kind.
    score : float array, (n,)
    """
    from scipy.stats import rankdata

    n, p = len(positive), int(positive.sum())
    ranks = rankdata(score)
    below = np.empty(n)
    # Share of the other kind that ranks below a positive, or above a negative; ties count half.
    below[positive] = (ranks[positive] - rankdata(score[positive])) / (n - p)
    below[~positive] = 1 - (ranks[~positive] - rankdata(score[~positive])) / p
    area = float(below[positive].mean())
    out = (below - area) * n
    q = n - p
    out[positive] *= (p / (p - 1)) ** 0.5 / p
    out[~positive] *= (q / (q - 1)) ** 0.5 / q
    return out


def mean_interval(
    value: float, influence: NDArray[np.float64], groups: NDArray[np.int64] | None, level: float = LEVEL
) -> tuple[float, float] | None:
    """Return the normal interval of a mean of influences; None of a single image or group.

    Parameters
    ----------
    value : float
        The estimate.
    influence : float array, (n,)
    groups : int array, (n,), optional
        Images of one group are one observation.
    """
    n = len(influence)
    sums = influence if groups is None else np.bincount(groups, weights=influence)
    count = len(sums)
    if count < 2:
        return None
    few = 1.0 if groups is None else count / (count - 1)  # the influences of single images are scaled already
    deviation = (few * float((sums**2).sum())) ** 0.5 / n
    z = NormalDist().inv_cdf(0.5 + level / 2)
    return value - z * deviation, value + z * deviation
