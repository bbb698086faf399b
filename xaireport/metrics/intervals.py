"""Intervals: how far a score on the test images may lie from what the system would get on all such images.

Resampling n (truth, prediction) pairs with replacement is one multinomial draw over the K × K cells of the
confusion matrix, so that 10,000 resamples cost one call. Where images belong together (patient, lesion), the
groups are resampled instead. This module knows no names of scores; see ``resampled`` for those.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


def resampled_confusions(
    confusion: NDArray[np.int64], rng: np.random.Generator, rows: int = RESAMPLES
) -> NDArray[np.int64]:
    """Return ``rows`` confusion matrices, int (rows, K, K), of as many images drawn with replacement."""
    cells = confusion.reshape(-1)
    n = int(cells.sum())
    return rng.multinomial(n, cells / n, size=rows).reshape(rows, *confusion.shape)


def resampled_sums(
    values: NDArray[Any], groups: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return sums over resampled groups: float (B, m).

    Parameters
    ----------
    values : array, (n, m)
        Per image.
    groups : int array, (n,)
        0 to G - 1, each at least once. Without groups: ``arange(n)``.
    rng : Generator
        Draws G of G groups with replacement, ``RESAMPLES`` times; all images of a group come together.
    """
    n_groups = int(groups.max()) + 1
    per_group = np.zeros((n_groups, values.shape[1]))
    np.add.at(per_group, groups, values)
    out = np.empty((RESAMPLES, values.shape[1]))
    step = max(1, CHUNK // n_groups)
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        drawn = rng.integers(0, n_groups, (rows, n_groups), dtype=np.int32)
        drawn += np.arange(rows, dtype=np.int32)[:, None] * n_groups
        weights = np.bincount(drawn.reshape(-1), minlength=rows * n_groups).reshape(rows, n_groups)
        out[start : start + rows] = weights.astype(np.float64) @ per_group
    return out


def percentile(values: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float] | None:
    """Return the percentile interval of resampled values; None where fewer than half are defined."""
    known = values[~np.isnan(values)]
    if 2 * len(known) < len(values):
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


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
) -> tuple[float, float]:
    """Return the normal interval of a mean of influences, within [0, 1].

    Parameters
    ----------
    value : float
        The estimate.
    influence : float array, (n,)
    groups : int array, (n,), optional
        Images of one group are one observation; at least two groups.
    """
    n = len(influence)
    sums = influence if groups is None else np.bincount(groups, weights=influence)
    count = len(sums)
    few = 1.0 if groups is None else count / (count - 1)  # the influences of single images are scaled already
    deviation = (few * float((sums**2).sum())) ** 0.5 / n
    z = NormalDist().inv_cdf(0.5 + level / 2)
    return max(0.0, value - z * deviation), min(1.0, value + z * deviation)
