"""The scores of a confusion matrix, for many matrices at once: what scikit-learn computes for one.

Undefined is NaN here; the point estimates, and the reasons where there is none, are made in ``scores``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def confusion_scores(
    confusions: NDArray[Any], defined: Mapping[str, NDArray[np.bool_]] | None = None
) -> dict[str, NDArray[np.float64]]:
    """Return every score that a confusion matrix determines.

    Parameters
    ----------
    confusions : array, (B, K, K)
        Rows true, columns predicted; sums are positive.
    defined : mapping of str to bool array (K,), optional
        For ``precision``, ``recall`` and ``f1``: the classes for which it is defined in the data that the
        matrices were resampled from. Where one of them drops out of a resample it is left out of that mean;
        what was undefined all along counts as 0, as in the estimate.

    Returns
    -------
    dict of str to array
        Of shape (B,): ``accuracy``, ``balanced_accuracy``, ``macro_`` and ``weighted_`` ``precision``,
        ``recall``, ``f1``, and ``mcc``. Per class, of shape (B, K): ``precision``, ``recall`` and ``f1``.
        Definitions as in :func:`xaireport.metrics.scores.evaluate`.
    """
    counts = np.asarray(confusions, np.float64)
    hits = np.diagonal(counts, axis1=1, axis2=2)
    true, predicted = counts.sum(axis=2), counts.sum(axis=1)
    total = true.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_class = {
            "precision": hits / predicted,
            "recall": hits / true,
            "f1": 2 * hits / (true + predicted),
        }
        found = {"accuracy": hits.sum(axis=1) / total, **per_class}
        shown = true > 0
        recalls = np.where(shown, per_class["recall"], 0.0)
        found["balanced_accuracy"] = recalls.sum(axis=1) / shown.sum(axis=1)
        for name, values in per_class.items():
            known = np.nan_to_num(values, nan=0.0)
            dropped = np.isnan(values) & (defined[name] if defined else False)
            found[f"macro_{name}"] = known.sum(axis=1) / (known.shape[1] - dropped.sum(axis=1))
            found[f"weighted_{name}"] = (known * true).sum(axis=1) / total
        # Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006
        covariance = hits.sum(axis=1) * total - (true * predicted).sum(axis=1)
        spread = (total**2 - (predicted**2).sum(axis=1)) * (total**2 - (true**2).sum(axis=1))
        found["mcc"] = np.where(spread > 0, covariance / np.sqrt(spread), np.nan)
    return found
