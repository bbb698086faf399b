"""How alike two maps of the same image are. One number per image; NaN where the first map is empty."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xaireport.types.data import Floats

Numbers = NDArray[np.float64]

WINDOW = 7
"""Cells per axis within which SSIM compares; fewer where the grid is smaller."""
_STABLE = (0.01**2, 0.03**2)
"""Constants of SSIM for values from 0 to 1, as in the original."""


def rank_correlation(a: Floats, b: Floats) -> Numbers:
    """Return Spearman's rank correlation of two stacks of maps, (n, *grid): float (n,).

    Ties share their mean rank. NaN where ``a`` is the same everywhere; 0 where only ``b`` is: a map without
    evidence is no resemblance.
    """
    from scipy.stats import rankdata

    n = len(a)
    if not n:
        return np.zeros(0)
    # Newer SciPy gives the ranks of float32 values as float32: sums of their squares would lose digits.
    x, y = (rankdata(each.reshape(n, -1), axis=1).astype(np.float64) for each in (a, b))
    x -= x.mean(axis=1, keepdims=True)
    y -= y.mean(axis=1, keepdims=True)
    spread_x, spread_y = (x**2).sum(axis=1), (y**2).sum(axis=1)
    both = np.sqrt(spread_x * spread_y)
    found = np.where(both > 0, (x * y).sum(axis=1) / np.where(both > 0, both, 1), 0.0)
    return np.where(spread_x > 0, np.clip(found, -1, 1), np.nan)


def ssim(a: Floats, b: Floats) -> Numbers:
    """Return the mean structural similarity of two stacks of maps from 0 to 1, (n, *grid): float (n,).

    Over windows that lie within the grid, each cell counting alike. NaN where ``a`` is all 0.

    References
    ----------
    Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE
    Transactions on Image Processing 13(4), 2004, doi:10.1109/TIP.2003.819861.
    """
    from scipy.ndimage import uniform_filter

    axes = tuple(range(1, a.ndim))
    least = min(a.shape[1:])
    side = min(WINDOW, least if least % 2 else least - 1)
    size = (1, *(side,) * len(axes))
    inside = (slice(None), *(slice(side // 2, cells - side // 2) for cells in a.shape[1:]))
    cells = side ** len(axes)
    sample = cells / max(1, cells - 1)  # the sample's variance

    def mean(values: Numbers) -> Numbers:
        found: Numbers = uniform_filter(values, size)
        return found[inside]

    x, y = a.astype(np.float64), b.astype(np.float64)
    mean_x, mean_y = mean(x), mean(y)
    spread_x = sample * (mean(x * x) - mean_x**2)
    spread_y = sample * (mean(y * y) - mean_y**2)
    shared = sample * (mean(x * y) - mean_x * mean_y)
    first, second = _STABLE
    likeness = ((2 * mean_x * mean_y + first) * (2 * shared + second)) / (
        (mean_x**2 + mean_y**2 + first) * (spread_x + spread_y + second)
    )
    return np.where(a.any(axis=axes), likeness.mean(axis=axes), np.nan)


def top_share(maps: Floats, share: float = 0.2) -> Numbers:
    """Return how much of each cell is in the top share of its map: float (n, cells), from 0 to 1.

    The cells that tie at the threshold share what is left, so that their order does not matter.
    """
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    quota = max(1, round(share * flat.shape[1]))
    threshold = np.partition(flat, -quota, axis=1)[:, -quota][:, None]
    above, tied = flat > threshold, flat == threshold
    left = quota - above.sum(axis=1, keepdims=True)
    out: Numbers = above + tied * (left / tied.sum(axis=1, keepdims=True))
    return out


def overlap(a: Numbers, b: Numbers) -> Numbers:
    """Return the intersection over union of soft sets, (n, cells): float (n,); NaN where both are empty."""
    union = np.maximum(a, b).sum(axis=1)
    return np.where(union > 0, np.minimum(a, b).sum(axis=1) / np.where(union > 0, union, 1), np.nan)


def top_share_iou(a: Floats, b: Floats, share: float = 0.2) -> Numbers:
    """Return the overlap of the top share of two stacks of maps: float (n,).

    NaN where ``a`` is all 0; 0 where only ``b`` is.
    """
    axes = tuple(range(1, a.ndim))
    if not len(a):
        return np.zeros(0)
    found = np.where(b.any(axis=axes), overlap(top_share(a, share), top_share(b, share)), 0.0)
    return np.where(a.any(axis=axes), found, np.nan)
