"""Scores against scikit-learn called on its own, cases worked by hand, and properties that must hold."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics

from xaireport.errors import ConfigError, DataError, ModelError, XaiReportError
from xaireport.metrics import calibration, intervals
from xaireport.metrics import scores as module
from xaireport.types.evidence import ClassScores, Evaluation, Score

SOME = settings(max_examples=40, deadline=None)
BOUNDS = {
    "mcc": (-1, 1),
    "brier": (0, 2),
    "brier_skill": (-math.inf, 1),
    "log_loss": (0, math.inf),
    "nll": (0, math.inf),
}
"""Of those scores that do not run from 0 to 1."""


def evaluate(*arguments: Any) -> Evaluation:
    """The scores alone; their intervals have tests of their own, and are drawn in short here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "RESAMPLES", 20)
        patch.setattr(calibration, "NULL_DRAWS", 2)
        found = module.evaluate(*arguments)
    return Evaluation(
        {name: bare(score) for name, score in found.scores.items()},
        tuple(
            replace(one, **{name: bare(score) for name, score in parts(one).items()})
            for one in found.per_class
        ),
        found.confusion,
    )


def bare(score: Score) -> Score:
    about_the_score = [part for part in score.reason.split("; ") if not part.startswith("no interval: ")]
    return Score(score.value, score.n, "; ".join(about_the_score))


def random_case(seed: int, n_classes: int, n: int = 300) -> tuple[Any, Any, list[str]]:
    rng = np.random.default_rng(seed)
    y_true = rng.choice(n_classes, n, p=rng.dirichlet(np.full(n_classes, 5.0)))
    logits = rng.normal(size=(n, n_classes)) + 1.5 * np.eye(n_classes)[y_true]
    y_prob = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return y_true, y_prob.astype(np.float32), [f"class {index}" for index in range(n_classes)]


def values(evaluation: Evaluation) -> dict[str, float | None]:
    return {name: score.value for name, score in evaluation.scores.items()}


def parts(one: ClassScores) -> dict[str, Score]:
    return {field.name: getattr(one, field.name) for field in fields(one) if field.name not in ("label", "n")}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Any, Any, list[str]]:
    """Anything valid, degenerate cases included; weights in quarters make ties."""
    n, k = draw(st.integers(1, 12)), draw(st.integers(2, 5))
    y_true = draw(hnp.arrays(np.int64, n, elements=st.integers(0, k - 1)))
    weights = draw(hnp.arrays(np.int64, (n, k), elements=st.integers(0, 4)))
    weights[weights.sum(axis=1) == 0] = 1
    return y_true, weights / weights.sum(axis=1, keepdims=True), [f"c{index}" for index in range(k)]


# --- independent oracles ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_classes", [2, 3, 7, 10])
def test_scores_are_scikit_learns(seed: int, n_classes: int) -> None:
    y_true, y_prob, classes = random_case(seed, n_classes)
    y_pred = y_prob.argmax(axis=1)
    exact = (y_prob / y_prob.sum(axis=1, keepdims=True, dtype=np.float64)).astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    expected = {
        "accuracy": metrics.accuracy_score(y_true, y_pred),
        "balanced_accuracy": metrics.balanced_accuracy_score(y_true, y_pred),
        "mcc": metrics.matthews_corrcoef(y_true, y_pred),
        "log_loss": metrics.log_loss(y_true, exact),
        "auroc": metrics.roc_auc_score(y_true, y_prob[:, 1])
        if n_classes == 2
        else metrics.roc_auc_score(y_true, exact, multi_class="ovr", average="macro"),
    }
    for average in ("macro", "weighted"):
        expected[f"{average}_precision"] = metrics.precision_score(y_true, y_pred, average=average)
        expected[f"{average}_recall"] = metrics.recall_score(y_true, y_pred, average=average)
        expected[f"{average}_f1"] = metrics.f1_score(y_true, y_pred, average=average)

    evaluation = evaluate(y_true, y_prob, classes)

    share = np.eye(n_classes)[y_true].mean(axis=0)
    naive = oracles.brier(y_true, np.tile(share, (len(y_true), 1)))
    expected["brier"] = oracles.brier(y_true, exact)
    expected["brier_skill"] = 1 - expected["brier"] / naive
    expected["nll"] = expected["log_loss"]
    expected["average_precision"] = (
        metrics.average_precision_score(y_true, y_prob[:, 1])
        if n_classes == 2
        else metrics.average_precision_score(np.eye(n_classes)[y_true], y_prob, average="macro")
    )
    expected["no_information_rate"] = share.max()
    expected["ece"] = expected_calibration_error(exact.max(axis=1), y_pred == y_true)
    expected["ece_classwise"] = np.mean(
        [expected_calibration_error(exact[:, i], y_true == i) for i in range(n_classes)]
    )

    assert values(evaluation) == pytest.approx(expected, abs=1e-9)
    assert all(score.n == len(y_true) and not score.reason for score in evaluation.scores.values())
    assert np.array_equal(evaluation.confusion, metrics.confusion_matrix(y_true, y_pred))
    for index, one in enumerate(evaluation.per_class):
        truth, predicted = y_true == index, y_pred == index
        assert one.label == classes[index]
        assert one.n == one.recall.n == truth.sum()
        assert one.precision.n == predicted.sum()
        assert one.precision.value == pytest.approx(metrics.precision_score(truth, predicted))
        assert one.recall.value == pytest.approx(metrics.recall_score(truth, predicted))
        assert one.f1.value == pytest.approx(metrics.f1_score(truth, predicted))
        assert one.specificity.value == pytest.approx(metrics.recall_score(~truth, ~predicted))
        assert one.npv.value == pytest.approx(metrics.precision_score(~truth, ~predicted))
        plus, _ = metrics.class_likelihood_ratios(truth, predicted)
        assert one.lr_plus.value == pytest.approx(plus)
        assert one.auroc.value == pytest.approx(metrics.roc_auc_score(truth, y_prob[:, index]))
        ap = metrics.average_precision_score(truth, y_prob[:, index])
        assert one.average_precision.value == pytest.approx(ap)


def expected_calibration_error(confidence: Any, right: Any) -> float:
    """Bin by bin, in plain Python."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for p, hit in zip(confidence.tolist(), right.tolist(), strict=True):
        bins.setdefault(min(int(p * 15), 14), []).append((p, hit))
    gaps = [abs(sum(hit for _, hit in each) - sum(p for p, _ in each)) for each in bins.values()]
    return sum(gaps) / len(confidence)


@SOME
@given(cases())
def test_scores_are_what_their_definitions_say(case: tuple[Any, Any, list[str]]) -> None:
    """Counted in plain Python, without scikit-learn; the degenerate cases are included."""
    y_true, y_prob, classes = case
    y_pred = [max(range(len(row)), key=lambda index: (row[index], -index)) for row in y_prob.tolist()]
    pairs = list(zip(y_true.tolist(), y_pred, strict=True))
    evaluation = evaluate(y_true, y_prob, classes)
    labels = range(len(classes))

    assert evaluation.confusion == tuple(
        tuple(pairs.count((true, pred)) for pred in labels) for true in labels
    )
    recalls = []
    for index, one in enumerate(evaluation.per_class):
        hits = pairs.count((index, index))
        support, named = sum(true == index for true, _ in pairs), sum(pred == index for _, pred in pairs)
        assert one.recall.value == (pytest.approx(hits / support) if support else None)
        assert one.precision.value == (pytest.approx(hits / named) if named else None)
        assert one.f1.value == (pytest.approx(2 * hits / (support + named)) if support + named else None)
        recalls += [hits / support] if support else []
    scores = values(evaluation)
    assert scores["accuracy"] == pytest.approx(sum(true == pred for true, pred in pairs) / len(pairs))
    assert scores["balanced_accuracy"] == pytest.approx(sum(recalls) / len(recalls))
    for name in ("precision", "recall", "f1"):
        counted = [getattr(one, name).value or 0.0 for one in evaluation.per_class]
        supports = [one.n for one in evaluation.per_class]
        assert scores[f"macro_{name}"] == pytest.approx(sum(counted) / len(counted))
        weighted = sum(value * n for value, n in zip(counted, supports, strict=True)) / sum(supports)
        assert scores[f"weighted_{name}"] == pytest.approx(weighted)

    ranked = [index for index in labels if 0 < sum(y_true == index) < len(y_true)]
    ranked = ranked[1:] if len(classes) == 2 else ranked
    areas = []
    for index in ranked:
        ours, others = y_prob[y_true == index, index], y_prob[y_true != index, index]
        wins = [(a > b) + (a == b) / 2 for a in ours for b in others]
        areas.append(sum(wins) / len(wins))
    assert scores["auroc"] == (pytest.approx(sum(areas) / len(areas)) if areas else None)


# --- cases worked by hand -----------------------------------------------------------------------------------


def test_four_images_of_two_classes_worked_by_hand() -> None:
    #         true no: hit, miss         true yes: hit, hit
    y_prob = [[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]]
    evaluation = evaluate([0, 0, 1, 1], y_prob, ["no", "yes"])
    assert evaluation.confusion == ((1, 1), (0, 2))
    no, yes = evaluation.per_class
    assert (no.n, no.precision, no.recall) == (2, Score(1.0, 1), Score(0.5, 2))
    assert (yes.precision, yes.recall) == (Score(2 / 3, 3), Score(1.0, 2))
    assert (no.f1.value, yes.f1.value) == (pytest.approx(2 / 3), pytest.approx(0.8))
    assert values(evaluation) == pytest.approx(
        {
            "accuracy": 3 / 4,
            "balanced_accuracy": (1 / 2 + 1) / 2,
            "macro_precision": (1 + 2 / 3) / 2,
            "macro_recall": (1 / 2 + 1) / 2,
            "macro_f1": (2 / 3 + 4 / 5) / 2,
            "weighted_precision": (1 + 2 / 3) / 2,
            "weighted_recall": 3 / 4,
            "weighted_f1": (2 / 3 + 4 / 5) / 2,
            "mcc": (2 * 1 - 1 * 0) / math.sqrt(3 * 2 * 2 * 1),
            "log_loss": -(math.log(0.9) + math.log(0.4) + math.log(0.7) + math.log(0.8)) / 4,
            "auroc": 1.0,  # 0.7 and 0.8 rank above 0.1 and 0.6
            "average_precision": 1.0,
            "brier": (0.1**2 + 0.6**2 + 0.3**2 + 0.2**2) / 4,
            "brier_skill": 1 - (0.1**2 + 0.6**2 + 0.3**2 + 0.2**2) / 4 / 0.25,
            "nll": -(math.log(0.9) + math.log(0.4) + math.log(0.7) + math.log(0.8)) / 4,
            "ece": (0.1 + 0.6 + 0.3 + 0.2) / 4,  # each in a bin of its own
            "ece_classwise": (0.1 + 0.6 + 0.3 + 0.2) / 4,
            "no_information_rate": 1 / 2,
        }
    )


def test_auroc_of_two_classes_ranks_the_second() -> None:
    y_prob = [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.5, 0.5]]
    # Positive: 0.7, 0.5. Negative: 0.1, 0.8. Pairs won: 0.7 > 0.1, 0.5 > 0.1 of four.
    assert values(evaluate([0, 0, 1, 1], y_prob, ["no", "yes"]))["auroc"] == 0.5


def test_auroc_of_two_classes_does_not_look_at_the_first() -> None:
    # Rounded rows: by the first class the images would be told apart, by the second they are not.
    assert values(evaluate([0, 1], [[0.5005, 0.5], [0.5, 0.5]], ["no", "yes"]))["auroc"] == 0.5


def test_auroc_of_three_classes_is_the_plain_mean() -> None:
    y_prob = [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.5, 0.4, 0.1], [0.1, 0.2, 0.7]]
    # a: 0.6, 0.2 against 0.5, 0.1 -> 3/4. b: 0.4 against 0.3, 0.5, 0.2 -> 2/3. c: 0.7 above all -> 1.
    assert values(evaluate([0, 0, 1, 2], y_prob, "abc"))["auroc"] == pytest.approx((3 / 4 + 2 / 3 + 1) / 3)


def test_a_class_never_predicted_has_no_precision() -> None:
    y_prob = [[0.8, 0.1, 0.1], [0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8]]
    evaluation = evaluate([0, 0, 1, 2], y_prob, ["nevus", "scar", "wart"])
    scar = evaluation.per_class[1]
    assert scar.precision == Score(None, 0, "never predicted")
    assert (scar.recall, scar.f1) == (Score(0.0, 1), Score(0.0, 1))
    assert evaluation.scores["macro_precision"] == Score(
        pytest.approx((2 / 3 + 0 + 1) / 3), 4, "precision undefined, counted as 0: scar"
    )
    assert evaluation.scores["weighted_precision"].reason == "precision undefined, counted as 0: scar"
    assert evaluation.scores["macro_recall"] == Score(pytest.approx(2 / 3), 4)


def test_a_class_without_test_images_has_no_recall() -> None:
    y_prob = [[0.8, 0.1, 0.1], [0.1, 0.2, 0.7], [0.3, 0.6, 0.1], [0.1, 0.9, 0.0]]
    evaluation = evaluate([0, 0, 1, 1], y_prob, ["nevus", "scar", "wart"])
    wart = evaluation.per_class[2]
    assert (wart.n, wart.recall) == (0, Score(None, 0, "no test image"))
    assert wart.precision == Score(0.0, 1)
    assert evaluation.scores["balanced_accuracy"] == Score(
        0.75, 4, "mean over the classes that have test images; none of wart"
    )
    assert evaluation.scores["macro_recall"] == Score(0.5, 4, "recall undefined, counted as 0: wart")
    assert evaluation.scores["weighted_recall"] == Score(0.75, 4)  # weight zero: nothing to note
    # nevus: 0.8, 0.1 against 0.3, 0.1 -> 2.5/4. scar: 0.6, 0.9 above 0.1, 0.2 -> 1.
    assert evaluation.scores["auroc"] == Score(
        pytest.approx((2.5 / 4 + 1) / 2), 4, "mean over the classes that have test images; none of wart"
    )


def test_a_model_that_predicts_one_class_only() -> None:
    evaluation = evaluate([0, 0, 0, 1], [[0.9, 0.1]] * 4, ["no", "yes"])
    assert evaluation.confusion == ((3, 0), (1, 0))
    assert values(evaluation)["accuracy"] == 0.75
    assert values(evaluation)["balanced_accuracy"] == values(evaluation)["auroc"] == 0.5
    assert evaluation.scores["mcc"] == Score(None, 4, "undefined: only one class is predicted")
    assert evaluation.scores["macro_f1"] == Score(pytest.approx((6 / 7 + 0) / 2), 4)


def test_a_test_set_of_one_class_only() -> None:
    evaluation = evaluate([1, 1], [[0.2, 0.8], [0.6, 0.4]], ["no", "yes"])
    reason = "undefined: the test images are all of one class"
    assert evaluation.scores["auroc"] == evaluation.scores["mcc"] == Score(None, 2, reason)
    assert evaluation.scores["balanced_accuracy"].value == 0.5


def test_certain_and_wrong_has_a_finite_loss() -> None:
    loss = values(evaluate([0, 1], [[0.0, 1.0], [0.0, 1.0]], ["no", "yes"]))["log_loss"]
    assert loss == pytest.approx(-math.log(np.finfo(np.float64).eps) / 2)


def test_the_first_of_equals_is_predicted() -> None:
    assert evaluate([1], [[0.25, 0.375, 0.375]], "abc").confusion[1] == (0, 1, 0)


# --- properties ---------------------------------------------------------------------------------------------


@SOME
@given(cases(), st.randoms())
def test_the_order_of_the_images_does_not_matter(case: tuple[Any, Any, list[str]], random: Any) -> None:
    y_true, y_prob, classes = case
    order = random.sample(range(len(y_true)), len(y_true))
    one, other = evaluate(y_true, y_prob, classes), evaluate(y_true[order], y_prob[order], classes)
    assert values(other) == pytest.approx(values(one))
    assert (other.confusion, other.per_class) == (one.confusion, one.per_class)


@SOME
@given(cases())
def test_scores_are_bounded_and_say_why_they_are_not_there(case: tuple[Any, Any, list[str]]) -> None:
    evaluation = evaluate(*case)
    for name, score in evaluation.scores.items():
        if score.value is None:
            assert name in ("mcc", "auroc", "average_precision", "brier_skill")
            assert score.reason
        else:
            low, high = BOUNDS.get(name, (0, 1))
            assert low - 1e-12 <= score.value <= high + 1e-12
            assert type(score.value) is float
    assert sum(map(sum, evaluation.confusion)) == len(case[0])
    assert values(evaluation)["accuracy"] == pytest.approx(values(evaluation)["weighted_recall"])


@SOME
@given(st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_a_perfect_predictor(y_true: list[int]) -> None:
    evaluation = evaluate(y_true, np.eye(4)[y_true], "abcd")
    scores = values(evaluation)
    assert scores["accuracy"] == scores["balanced_accuracy"] == scores["weighted_f1"] == 1
    assert scores["log_loss"] == pytest.approx(0, abs=1e-12)
    for name in ("mcc", "auroc"):
        assert scores[name] == (pytest.approx(1) if len(set(y_true)) > 1 else None)
    for one in evaluation.per_class:
        assert one.f1.value == (1 if one.n else None)


@SOME
@given(cases(), st.randoms())
def test_renaming_the_classes_moves_the_matrix_and_nothing_else(
    case: tuple[Any, Any, list[str]], random: Any
) -> None:
    y_true, y_prob, classes = case
    y_prob = y_prob + 1e-4 * np.arange(len(classes))  # no ties: the first of equals depends on the order
    y_prob /= y_prob.sum(axis=1, keepdims=True)
    order = random.sample(range(len(classes)), len(classes))  # new index -> old index
    new = np.argsort(order)[y_true]
    one = evaluate(y_true, y_prob, classes)
    other = evaluate(new, y_prob[:, order], [classes[index] for index in order])
    of_pair = ("average_precision",) if len(classes) == 2 else ()  # that of the second one of two
    assert {name: value for name, value in values(other).items() if name not in of_pair} == pytest.approx(
        {name: value for name, value in values(one).items() if name not in of_pair}
    )
    assert np.array_equal(other.confusion, np.array(one.confusion)[np.ix_(order, order)])
    assert other.per_class == tuple(one.per_class[index] for index in order)


def test_types_do_not_matter() -> None:
    y_true, y_prob, classes = random_case(0, 3, 20)
    one = evaluate(y_true, y_prob, classes)
    assert evaluate(y_true.astype(np.uint8), y_prob.astype(np.float64), tuple(classes)) == one
    assert evaluate(y_true.tolist(), y_prob.tolist(), classes) == one


# --- what is refused ----------------------------------------------------------------------------------------

GOOD = [[0.5, 0.5], [0.25, 0.75]]


@pytest.mark.parametrize(
    ("y_true", "y_prob", "classes", "error", "message"),
    [
        ([0, 1], GOOD, ["one"], ConfigError, "at least two classes"),
        ([0, 1], GOOD, ["one", "one"], ConfigError, "differ"),
        ([], np.zeros((0, 2)), "ab", DataError, "at least one"),
        ([[0], [1]], GOOD, "ab", DataError, r"shape \(n,\)"),
        ([0.0, 1.0], GOOD, "ab", DataError, "integers"),
        ([0, 2], GOOD, "ab", DataError, "0 to 1. Received: 0 to 2"),
        ([-1, 1], GOOD, "ab", DataError, "Received: -1 to 1"),
        ([0, 1], GOOD[:1], "ab", ModelError, r"\(2, 2\). Received: \(1, 2\)"),
        ([0, 1], GOOD, "abc", ModelError, r"\(2, 3\)"),
        ([0, 1], [["a", "b"]] * 2, "ab", ModelError, "floats"),
        ([0, 1], [[0.5, 0.5], [np.nan, 0.5]], "ab", ModelError, "finite"),
        ([0, 1], [[0.5, 0.5], [-0.5, 1.5]], "ab", ModelError, "from 0 to 1.*logits"),
        ([0, 1], [[0.5, 0.5], [0.5, 0.6]], "ab", ModelError, "sum to 1"),
    ],
)
def test_bad_input_is_refused(
    y_true: Any, y_prob: Any, classes: Any, error: type[XaiReportError], message: str
) -> None:
    with pytest.raises(error, match=message):
        evaluate(y_true, y_prob, classes)


def test_rounded_probabilities_are_accepted() -> None:
    y_true, y_prob, classes = random_case(1, 10, 50)
    rounded = values(evaluate(y_true, y_prob.astype(np.float16), classes))
    assert rounded == pytest.approx(values(evaluate(y_true, y_prob, classes)), abs=2e-3)
