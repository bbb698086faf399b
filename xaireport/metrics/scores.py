"""All scores of one set of predicted probabilities against the truth, by scikit-learn where it has them.

What is 0/0 stays undefined and says why. Intervals come from ``bounds``; no two systems are compared here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from sklearn import metrics

from xaireport.errors import ConfigError, DataError, ModelError
from xaireport.metrics.bounds import Bounds
from xaireport.types import ClassScores, Evaluation, Score

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SUM_TOLERANCE = 1e-3
"""How far a row of probabilities may be from summing to 1: half precision and rounding, no more."""


def evaluate(
    y_true: ArrayLike,
    y_prob: ArrayLike,
    classes: Sequence[str],
    *,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> Evaluation:
    """Score predicted probabilities, each score with its interval.

    The predicted class is the most probable one, the first of equals.

    Parameters
    ----------
    y_true : int array, (n,)
        True class indices, 0 to K - 1.
    y_prob : float array, (n, K)
        Predicted probabilities; rows sum to 1 within ``SUM_TOLERANCE``.
    classes : sequence of K str
        Class names, in the order of the indices; K is at least 2.
    groups : array, (n,), optional
        What several images show in common, such as the patient: resampled together. Without it, images are
        treated as independent.
    seed : int
        Of resampling.

    Returns
    -------
    Evaluation
        ``scores``: ``accuracy``, ``balanced_accuracy`` (mean recall of the classes that have images),
        ``macro_`` and ``weighted_`` ``precision``, ``recall``, ``f1`` (what is undefined counts as 0 in the
        mean, scikit-learn's ``zero_division=0``, and the score's reason names it), ``mcc``, ``log_loss``
        (natural logarithm, rows normalised, clipped at float64's epsilon) and ``auroc`` (of the second class,
        the positive one, if there are two; else the mean of one-versus-rest over the classes with images).
        Per class: precision, recall, and F1 = 2 TP / (2 TP + FP + FN).

    Raises
    ------
    ConfigError
        If ``classes`` are fewer than two, or not unique.
    DataError
        If ``y_true`` is empty, is no vector of integers, or holds an index out of range; or ``groups`` are
        not as many.
    ModelError
        If ``y_prob`` is not of shape (n, K), not finite, out of [0, 1], or its rows do not sum to 1.

    References
    ----------
    One-versus-rest AUROC: Provost & Domingos 2000, unweighted. MCC for K classes: Gorodkin 2004,
    doi:10.1016/j.compbiolchem.2004.09.006.

    Examples
    --------
    >>> evaluation = evaluate([0, 0, 1, 1], [[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]], ["no", "yes"])
    >>> evaluation.scores["accuracy"].value, evaluation.confusion
    (0.75, ((1, 1), (0, 2)))
    """
    labels = _valid_classes(classes)
    truth = _valid_truth(y_true, labels)
    prob = _valid_probabilities(y_prob, truth, labels)
    predicted = prob.argmax(axis=1)
    per_class = _per_class(truth, predicted, labels)
    scores = {
        "accuracy": Score(float(metrics.accuracy_score(truth, predicted)), len(truth)),
        "balanced_accuracy": _balanced_accuracy(per_class),
        **_averages(truth, predicted, per_class),
        "mcc": _mcc(truth, predicted),
        "log_loss": _log_loss(truth, prob),
        "auroc": _auroc(truth, prob, labels),
    }
    confusion = metrics.confusion_matrix(truth, predicted, labels=range(len(labels)))
    bounds = Bounds(truth, prob, _valid_groups(groups, truth), seed)
    return Evaluation(
        {name: bounds.of(name, score) for name, score in scores.items()},
        tuple(bounds.of_class(index, one) for index, one in enumerate(per_class)),
        tuple(tuple(int(count) for count in row) for row in confusion),
    )


def _per_class(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], labels: tuple[str, ...]
) -> tuple[ClassScores, ...]:
    columns = metrics.precision_recall_fscore_support(
        truth, predicted, labels=range(len(labels)), zero_division=np.nan
    )
    return tuple(
        ClassScores(
            label,
            int(n),
            precision=_defined(precision, int((predicted == index).sum()), "never predicted"),
            recall=_defined(recall, int(n), "no test image"),
            f1=_defined(f1, int(n), "no test image, and never predicted"),
        )
        for index, (label, precision, recall, f1, n) in enumerate(zip(labels, *columns, strict=True))
    )


def _defined(value: float, n: int, otherwise: str) -> Score:
    return Score(None, n, otherwise) if np.isnan(value) else Score(float(value), n)


def _balanced_accuracy(per_class: tuple[ClassScores, ...]) -> Score:
    # Not metrics.balanced_accuracy_score: it warns where a class without images is predicted.
    recalls = [one.recall.value for one in per_class if one.recall.value is not None]
    absent = _names([one.label for one in per_class if not one.n])
    reason = f"mean over the classes that have test images; none of {absent}" if absent else ""
    return Score(float(np.mean(recalls)), sum(one.n for one in per_class), reason)


def _averages(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], per_class: tuple[ClassScores, ...]
) -> dict[str, Score]:
    scores = {}
    for average in ("macro", "weighted"):
        values = metrics.precision_recall_fscore_support(
            truth, predicted, labels=range(len(per_class)), average=average, zero_division=0
        )
        for name, value in zip(("precision", "recall", "f1"), values[:3], strict=True):
            # A class without images has no weight: it does not touch a weighted mean.
            undefined = _names(
                [
                    one.label
                    for one in per_class
                    if getattr(one, name).value is None and (one.n or average == "macro")
                ]
            )
            reason = f"{name} undefined, counted as 0: {undefined}" if undefined else ""
            scores[f"{average}_{name}"] = Score(float(value), len(truth), reason)
    return scores


def _mcc(truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> Score:
    for array, reason in (
        (predicted, "undefined: only one class is predicted"),
        (truth, "undefined: the test images are all of one class"),
    ):
        if (array == array[0]).all():
            return Score(None, len(truth), reason)
    return Score(float(metrics.matthews_corrcoef(truth, predicted)), len(truth))


def _log_loss(truth: NDArray[np.int64], prob: NDArray[np.float64]) -> Score:
    normalised = prob / prob.sum(axis=1, keepdims=True)
    return Score(float(metrics.log_loss(truth, normalised, labels=range(prob.shape[1]))), len(truth))


def _auroc(truth: NDArray[np.int64], prob: NDArray[np.float64], labels: tuple[str, ...]) -> Score:
    present = np.unique(truth)
    if len(present) == 1:
        return Score(None, len(truth), "undefined: the test images are all of one class")
    ranked = present if len(labels) > 2 else present[1:]
    values = [metrics.roc_auc_score(truth == index, prob[:, index]) for index in ranked]
    absent = _names([label for index, label in enumerate(labels) if index not in present])
    reason = f"mean over the classes that have test images; none of {absent}" if absent else ""
    return Score(float(np.mean(values)), len(truth), reason)


def _names(labels: list[str]) -> str:
    return ", ".join(labels)


def _valid_classes(classes: Sequence[str]) -> tuple[str, ...]:
    labels = tuple(str(label) for label in classes)
    if len(labels) < 2:
        raise ConfigError("at least two classes", len(labels), where="classes")
    if len(set(labels)) < len(labels):
        raise ConfigError("class names that differ", labels, where="classes")
    return labels


def _valid_truth(y_true: ArrayLike, labels: tuple[str, ...]) -> NDArray[np.int64]:
    truth = np.asarray(y_true)
    if truth.ndim != 1 or not truth.size:
        raise DataError("true classes of shape (n,), at least one", truth.shape, where="y_true")
    if truth.dtype.kind not in "iu":
        raise DataError("true classes as integers", truth.dtype, where="y_true")
    if truth.min() < 0 or truth.max() >= len(labels):
        raise DataError(
            f"class indices from 0 to {len(labels) - 1}", f"{truth.min()} to {truth.max()}", where="y_true"
        )
    return truth.astype(np.int64)


def _valid_groups(groups: ArrayLike | None, truth: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return groups as numbers from 0 on."""
    if groups is None:
        return None
    named = np.asarray(groups)
    if named.shape != truth.shape:
        raise DataError(f"groups of shape {truth.shape}, one per image", named.shape, where="groups")
    return np.unique(named, return_inverse=True)[1].astype(np.int64)


def _valid_probabilities(
    y_prob: ArrayLike, truth: NDArray[np.int64], labels: tuple[str, ...]
) -> NDArray[np.float64]:
    prob = np.asarray(y_prob)
    if prob.shape != (len(truth), len(labels)):
        raise ModelError(
            f"probabilities of shape ({len(truth)}, {len(labels)})",
            prob.shape,
            "one row per image, one column per class",
            "y_prob",
        )
    if prob.dtype.kind not in "fiu":
        raise ModelError("probabilities as floats", prob.dtype, where="y_prob")
    prob = prob.astype(np.float64)
    if not np.isfinite(prob).all():
        raise ModelError(
            "finite probabilities", f"{int((~np.isfinite(prob)).sum())} that are not", where="y_prob"
        )
    hint = "are these logits? Say output = 'logits' in the study"
    if prob.min() < 0 or prob.max() > 1 + SUM_TOLERANCE:
        raise ModelError("probabilities from 0 to 1", f"{prob.min():.6g} to {prob.max():.6g}", hint, "y_prob")
    off = float(np.abs(prob.sum(axis=1) - 1).max())
    if off > SUM_TOLERANCE:
        raise ModelError(
            "rows of probabilities that sum to 1", f"a row that is off by {off:.6g}", hint, "y_prob"
        )
    return prob
