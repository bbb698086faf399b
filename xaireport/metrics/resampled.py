"""The scores of a confusion matrix, for many matrices at once: what scikit-learn computes for one.

Undefined is NaN here; the point estimates, and the reasons where there is none, are made in ``scores``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


PER_CLASS = ("precision", "recall", "f1", "specificity", "npv", "lr_plus")
"""Scores of one class against the others that its two-by-two table determines."""


def confusion_scores(
    confusions: NDArray[Any],
    defined: Mapping[str, NDArray[np.bool_]] | None = None,
    *,
    ordinal: bool = False,
    costs: NDArray[np.float64] | None = None,
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
    ordinal : bool
        Whether the classes are steps of a scale: only then is there a ``kappa_weighted``.
    costs : float array, (K, K), optional
        What each call costs, rows true, columns predicted: only then is there an ``expected_cost``.

    Returns
    -------
    dict of str to array
        Of shape (B,): ``accuracy``, ``balanced_accuracy``, ``macro_`` and ``weighted_`` ``precision``,
        ``recall``, ``f1``, ``mcc``, ``no_information_rate``. Per class, of shape (B, K): those of
        ``PER_CLASS``; ``lr_plus`` is infinite without a false positive. Definitions as in
        :func:`xaireport.metrics.scores.evaluate`.
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
        found = {
            "accuracy": hits.sum(axis=1) / total,
            "no_information_rate": true.max(axis=1) / total,
            **per_class,
            **_against_the_rest(hits, true, predicted, total[:, None]),
        }
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
        if ordinal:
            found["kappa_weighted"] = _kappa(counts, true, predicted, total)
        if costs is not None:
            found["expected_cost"] = (counts * costs).sum(axis=(1, 2)) / total
    return found


def overall(found: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Return the scores that are one number per matrix."""
    return {name: values for name, values in found.items() if values.ndim == 1}


def defined_in(found: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.bool_]]:
    """Return what ``confusion_scores`` takes as ``defined``, from the scores of the data themselves."""
    return {name: ~np.isnan(found[name][0]) for name in ("precision", "recall", "f1")}


def joined(parts: Sequence[Mapping[str, NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    """Return scores that were made a few matrices at a time in one piece."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _against_the_rest(
    hits: NDArray[Any], true: NDArray[Any], predicted: NDArray[Any], total: NDArray[Any]
) -> dict[str, NDArray[np.float64]]:
    """Return what a two-by-two table of each class against all others gives further, (B, K) each."""
    false_alarms, negatives = predicted - hits, total - true
    quiet = total - predicted
    return {
        "specificity": (negatives - false_alarms) / negatives,
        "npv": (quiet - (true - hits)) / quiet,
        "lr_plus": (hits / true) / (false_alarms / negatives),
    }


def _kappa(
    counts: NDArray[Any], true: NDArray[Any], predicted: NDArray[Any], total: NDArray[Any]
) -> NDArray[np.float64]:
    """Quadratic weights: a call two steps off weighs four times one that is a step off (Cohen 1968)."""
    steps = np.arange(counts.shape[1], dtype=np.float64)
    weights = (steps[:, None] - steps) ** 2
    observed = (counts * weights).sum(axis=(1, 2)) * total
    expected = np.einsum("bi,ij,bj->b", true, weights, predicted)
    return np.where(expected > 0, 1 - observed / expected, np.nan)
