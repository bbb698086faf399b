"""A difference between two scores with its interval, or why it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xaireport.metrics import intervals
from xaireport.metrics.bounds import auroc_influences
from xaireport.types.evidence import Difference

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bounded(value: float, bounds: tuple[float, float] | None, otherwise: str) -> Difference:
    """Return a difference with its interval.

    Parameters
    ----------
    value : float
        NaN where it is undefined.
    bounds : (float, float) or None
        Where both are one number, resampling saw no spread: from nought to nought would say too much.
    otherwise : str
        Why there are no bounds, where there are none.
    """
    if np.isnan(value):
        return Difference(None, reason="undefined for one of the two")
    if bounds is None:
        return Difference(value, reason=otherwise)
    if bounds[0] == bounds[1]:
        return Difference(value, reason="resampling sees no spread")
    return Difference(value, *bounds)


def auroc(
    truth: NDArray[np.int64], prob: NDArray[np.float64]
) -> tuple[float | None, NDArray[np.float64] | None]:
    """Return the (macro) AUROC and how much each image moves it; None where undefined, or without spread."""
    from sklearn.metrics import roc_auc_score

    present = np.unique(truth)
    if len(present) < 2:
        return None, None
    ranked = present if prob.shape[1] > 2 else present[1:]
    value = float(np.mean([roc_auc_score(truth == index, prob[:, index]) for index in ranked]))
    return value, auroc_influences(truth, prob, ranked)


def auroc_difference(
    ours: tuple[float | None, NDArray[np.float64] | None],
    theirs: tuple[float | None, NDArray[np.float64] | None],
    groups: NDArray[np.int64] | None,
) -> Difference:
    """Return the difference of two AUROCs whose influences, (n,) each, are about the same n images."""
    (first, moves_first), (second, moves_second) = ours, theirs
    if first is None or second is None:
        return Difference(None, reason="undefined for one of the two")
    value = first - second
    if moves_first is None or moves_second is None:
        return Difference(value, reason="a class has a single image")
    bounds = intervals.mean_interval(value, moves_first - moves_second, groups)
    return bounded(value, bounds, "one image or group has no spread")
