"""All scores of one set of predicted probabilities against the truth, by scikit-learn where it has them.

What is 0/0 stays undefined and says why. Intervals come from ``bounds``; no two systems are compared here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from sklearn import metrics

from xaireport.errors import ConfigError, DataError, ModelError
from xaireport.metrics import calibration
from xaireport.metrics.bounds import Bounds
from xaireport.metrics.intervals import units_of
from xaireport.metrics.resampled import confusion_scores
from xaireport.types.evidence import ClassScores, Evaluation, Score

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
    ordinal: bool = False,
    cost_matrix: ArrayLike | None = None,
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
    ordinal : bool
        Whether the classes are steps of a scale, in their order: then there is ``kappa_weighted``.
    cost_matrix : float array, (K, K), optional
        What calling an image of one class (row) another (column) costs: then there is ``expected_cost``.

    Returns
    -------
    Evaluation
        ``scores``: ``accuracy``, ``balanced_accuracy`` (mean recall of the classes that have images),
        ``macro_`` and ``weighted_`` ``precision``, ``recall``, ``f1`` (what is undefined counts as 0 in the
        mean, scikit-learn's ``zero_division=0``, and the score's reason names it), ``mcc``, ``log_loss``
        (natural logarithm, rows normalised, clipped at float64's epsilon) and ``auroc`` (of the second class,
        the positive one, if there are two; else the mean of one-versus-rest over the classes with images),
        ``average_precision`` (of the same classes), ``no_information_rate`` (the share of the largest class),
        ``brier``, ``brier_skill``, ``nll`` (the log loss under its other name), ``ece`` and ``ece_classwise``
        (see :func:`xaireport.metrics.calibration.scores`), ``kappa_weighted`` (quadratic weights),
        ``expected_cost`` (mean over images). Per class, against all others: ``precision``, ``recall``,
        ``f1`` = 2 TP / (2 TP + FP + FN), ``specificity``, ``npv``, ``lr_plus`` = recall / (1 - specificity),
        ``auroc`` and ``average_precision``.

    Raises
    ------
    ConfigError
        If ``classes`` are fewer than two, or not unique; or ``cost_matrix`` is not of shape (K, K), finite
        and at least 0.
    DataError
        If ``y_true`` is empty, is no vector of integers, or holds an index out of range; or ``groups`` are
        not as many.
    ModelError
        If ``y_prob`` is not of shape (n, K), not finite, out of [0, 1], or its rows do not sum to 1.

    References
    ----------
    One-versus-rest AUROC: Provost & Domingos 2000, unweighted. MCC for K classes: Gorodkin 2004,
    doi:10.1016/j.compbiolchem.2004.09.006. Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2.
    Weighted kappa: Cohen 1968, doi:10.1037/h0026256.

    Examples
    --------
    >>> evaluation = evaluate([0, 0, 1, 1], [[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]], ["no", "yes"])
    >>> evaluation.scores["accuracy"].value, evaluation.confusion
    (0.75, ((1, 1), (0, 2)))
    """
    labels = _valid_classes(classes)
    truth = _valid_truth(y_true, labels)
    prob = _valid_probabilities(y_prob, truth, labels)
    costs = _valid_costs(cost_matrix, labels)
    predicted = prob.argmax(axis=1)
    confusion = metrics.confusion_matrix(truth, predicted, labels=range(len(labels)))
    per_class = _per_class(truth, prob, predicted, labels, confusion)
    log_loss = _log_loss(truth, prob)
    scores = {
        "accuracy": Score(float(metrics.accuracy_score(truth, predicted)), len(truth)),
        "balanced_accuracy": _balanced_accuracy(per_class),
        **_averages(truth, predicted, per_class),
        "mcc": _mcc(truth, predicted),
        "log_loss": log_loss,
        "auroc": _ranking("auroc", per_class),
        "average_precision": _ranking("average_precision", per_class),
        **_calibration(truth, prob),
        "nll": log_loss,
        "no_information_rate": Score(float(np.bincount(truth).max() / len(truth)), len(truth)),
    }
    if ordinal:
        scores["kappa_weighted"] = _kappa(truth, predicted, len(labels))
    if costs is not None:
        scores["expected_cost"] = Score(float((confusion * costs).sum() / len(truth)), len(truth))
    units = None if groups is None else units_of(groups, len(truth))
    bounds = Bounds(truth, prob, units, seed, ordinal=ordinal, costs=costs)
    return Evaluation(
        {name: bounds.of(name, score) for name, score in scores.items()},
        tuple(bounds.of_class(index, one) for index, one in enumerate(per_class)),
        tuple(tuple(int(count) for count in row) for row in confusion),
    )


def _per_class(
    truth: NDArray[np.int64],
    prob: NDArray[np.float64],
    predicted: NDArray[np.int64],
    labels: tuple[str, ...],
    confusion: NDArray[np.int64],
) -> tuple[ClassScores, ...]:
    columns = metrics.precision_recall_fscore_support(
        truth, predicted, labels=range(len(labels)), zero_division=np.nan
    )
    further = confusion_scores(confusion[None])
    return tuple(
        ClassScores(
            label,
            int(n),
            precision=_defined(precision, int((predicted == index).sum()), "never predicted"),
            recall=_defined(recall, int(n), "no test image"),
            f1=_defined(f1, int(n), "no test image, and never predicted"),
            specificity=_defined(
                further["specificity"][0, index], int((truth != index).sum()), "no image of another class"
            ),
            npv=_defined(further["npv"][0, index], int((predicted != index).sum()), "always predicted"),
            lr_plus=_lr_plus(further["lr_plus"][0, index], len(truth), int(n)),
            **_ranking_of(truth == index, prob[:, index]),
        )
        for index, (label, precision, recall, f1, n) in enumerate(zip(labels, *columns, strict=True))
    )


def _lr_plus(value: float, n: int, support: int) -> Score:
    if not support or support == n:
        return Score(None, n, "no test image" if not support else "no image of another class")
    if not np.isfinite(value):
        return Score(None, n, "never predicted" if np.isnan(value) else "infinite: never predicted wrongly")
    return Score(float(value), n)


def _ranking_of(positive: NDArray[np.bool_], score: NDArray[np.float64]) -> dict[str, Score]:
    n = len(positive)
    if not positive.any():
        return dict.fromkeys(("auroc", "average_precision"), Score(None, n, "no test image"))
    auroc = (
        Score(None, n, "no image of another class")
        if positive.all()
        else Score(float(metrics.roc_auc_score(positive, score)), n)
    )
    return {
        "auroc": auroc,
        "average_precision": Score(float(metrics.average_precision_score(positive, score)), n),
    }


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


def _ranking(name: str, per_class: tuple[ClassScores, ...]) -> Score:
    n = sum(one.n for one in per_class)
    present = [one for one in per_class if one.n]
    if len(present) == 1:
        return Score(None, n, "undefined: the test images are all of one class")
    ranked = present if len(per_class) > 2 else present[1:]
    values = [getattr(one, name).value for one in ranked]
    absent = _names([one.label for one in per_class if not one.n])
    reason = f"mean over the classes that have test images; none of {absent}" if absent else ""
    return Score(float(np.mean(values)), n, reason)


def _calibration(truth: NDArray[np.int64], prob: NDArray[np.float64]) -> dict[str, Score]:
    n, alone = len(truth), "undefined: the test images are all of one class"
    return {
        name: Score(value, n, alone if value is None else "")
        for name, value in calibration.values(truth, prob).items()
    }


def _kappa(truth: NDArray[np.int64], predicted: NDArray[np.int64], k: int) -> Score:
    n = len(truth)
    if (truth == truth[0]).all() and (predicted == truth[0]).all():
        return Score(None, n, "undefined: only one class is shown and predicted")
    return Score(float(metrics.cohen_kappa_score(truth, predicted, labels=range(k), weights="quadratic")), n)


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


def _valid_costs(cost_matrix: ArrayLike | None, labels: tuple[str, ...]) -> NDArray[np.float64] | None:
    if cost_matrix is None:
        return None
    k = len(labels)
    try:
        costs = np.asarray(cost_matrix, np.float64)
    except (TypeError, ValueError):  # rows of different lengths, or no numbers
        raise ConfigError(f"{k} rows of {k} costs", cost_matrix, where="cost_matrix") from None
    if costs.shape != (k, k):
        raise ConfigError(f"{k} rows of {k} costs, one per class", costs.shape, where="cost_matrix")
    if not np.isfinite(costs).all() or costs.min() < 0:
        raise ConfigError("finite costs of at least 0", cost_matrix, where="cost_matrix")
    return costs


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
