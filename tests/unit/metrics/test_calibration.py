"""Calibration and average precision against scikit-learn, SciPy, plain Python and cases worked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint

from xaireport.metrics import calibration, intervals
from xaireport.metrics.bounds import Bounds
from xaireport.metrics.ranking import Ranking
from xaireport.metrics.reliability import TEMPERATURES, diagram, fit_temperature, reliability, softened
from xaireport.metrics.scores import evaluate
from xaireport.types.evidence import Score

HAND = (
    np.array([0, 1, 2, 1]),
    np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3]]),
)


def case(n: int = 300, k: int = 3, seed: int = 0) -> tuple[Any, Any]:
    """Truth and probabilities of a middling classifier of unequal classes, too sure of itself."""
    rng = np.random.default_rng(seed)
    share = np.arange(k, 0, -1) / np.arange(k, 0, -1).sum()
    y_true = rng.choice(k, n, p=share)
    return y_true, softmax(1.5 * rng.normal(size=(n, k)) + 1.5 * np.eye(k)[y_true], axis=1)


def scored(y_true: Any, y_prob: Any) -> dict[str, float]:
    sums = calibration.columns(y_true, y_prob).sum(axis=0, keepdims=True)
    return {name: float(value[0]) for name, value in calibration.scores(sums, y_prob.shape[1]).items()}


def gap(confidence: list[float], right: list[bool]) -> float:
    """Expected calibration error, bin by bin as Guo et al. write it."""
    total = 0.0
    for index in range(15):
        last = index == 14
        inside = [at for at, p in enumerate(confidence) if index <= p * 15 < index + 1 + last]
        if inside:
            mean = sum(confidence[at] for at in inside) / len(inside)
            share = sum(right[at] for at in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(share - mean)
    return total


# --- scores -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 8])
@pytest.mark.parametrize("seed", range(2))
def test_scores_are_those_of_scikit_learn(k: int, seed: int) -> None:
    y_true, y_prob = case(400, k, seed)
    found = scored(y_true, y_prob)
    share = np.bincount(y_true, minlength=k) / len(y_true)
    brier, naive = oracles.brier(y_true, y_prob), oracles.brier(y_true, np.tile(share, (len(y_true), 1)))
    right = (y_prob.argmax(axis=1) == y_true).tolist()
    of_class = [gap(y_prob[:, index].tolist(), (y_true == index).tolist()) for index in range(k)]
    assert found == pytest.approx(
        {
            "brier": brier,
            "brier_skill": 1 - brier / naive,
            "nll": metrics.log_loss(y_true, y_prob),
            "ece": gap(y_prob.max(axis=1).tolist(), right),
            "ece_classwise": sum(of_class) / k,
        },
        abs=1e-10,
    )


def test_four_images_of_three_classes_worked_by_hand() -> None:
    found = scored(*HAND)
    # Squared distances 0.09 + 0.04 + 0.01, 0.36 + 0.49 + 0.01, 0.01 + 0.09 + 0.16, 0.04 + 0.25 + 0.09.
    assert found["brier"] == pytest.approx((0.14 + 0.86 + 0.26 + 0.38) / 4)
    # Shares 1/4, 1/2, 1/4: always giving those costs 1 - 6/16.
    assert found["brier_skill"] == pytest.approx(1 - 0.41 / 0.625)
    assert found["nll"] == pytest.approx(-(math.log(0.7) + math.log(0.3) + math.log(0.6) + math.log(0.5)) / 4)
    # 0.7 right, 0.5 right, and in one bin 0.6 wrong and 0.6 right.
    assert found["ece"] == pytest.approx((0.3 + 0.5 + abs(1 - 1.2)) / 4)
    # Class by class; 0.3 twice, once the truth, and 0.1 twice share bins.
    a, b, c = 0.3 + 0.6 + 0.1 + 0.2, 0.2 + abs(1 - 0.6) + 0.5, 0.2 + 0.4 + 0.3
    assert found["ece_classwise"] == pytest.approx((a + b + c) / 4 / 3)


def test_four_images_of_two_classes_worked_by_hand() -> None:
    y_prob = np.array([[0.75, 0.25], [0.25, 0.75], [0.25, 0.75], [1.0, 0.0]])
    found = scored(np.array([0, 0, 1, 0]), y_prob)
    assert found["brier"] == pytest.approx((1 / 16 + 9 / 16 + 1 / 16) / 4)
    assert found["brier_skill"] == pytest.approx(1 - (11 / 64) / (3 / 16))
    assert found["ece"] == pytest.approx(abs(2 - 2.25) / 4)  # three times 0.75, twice right; 1 right
    # First class: 0.75 true, 0.25 once true, 1 true. The second one is its complement.
    assert found["ece_classwise"] == pytest.approx((0.25 + abs(1 - 0.5) + 0) / 4)


@pytest.mark.parametrize("k", [2, 3])
def test_certain_and_right_or_wrong(k: int) -> None:
    y_true = np.arange(2 * k) % k
    right, wrong = scored(y_true, np.eye(k)[y_true]), scored(y_true, np.eye(k)[(y_true + 1) % k])
    assert right == pytest.approx({"brier": 0, "brier_skill": 1, "nll": 0, "ece": 0, "ece_classwise": 0})
    assert wrong["brier"] == pytest.approx(1 if k == 2 else 2)
    assert wrong["nll"] == pytest.approx(-math.log(np.finfo(float).eps))
    assert wrong["ece"] == pytest.approx(1)
    assert wrong["ece_classwise"] == pytest.approx(2 / k)


def test_of_one_class_there_is_no_skill() -> None:
    assert math.isnan(scored(np.zeros(5, int), np.full((5, 2), 0.5))["brier_skill"])
    found = evaluate(np.zeros(5, int), np.full((5, 2), 0.5), "ab").scores["brier_skill"]
    assert found.value is None
    assert "one class" in found.reason


def test_probabilities_of_the_shares_have_no_skill() -> None:
    y_true, _ = case(100)
    found = scored(y_true, np.tile(np.bincount(y_true) / 100, (100, 1)))
    assert found["brier_skill"] == pytest.approx(0)
    assert found["ece_classwise"] == pytest.approx(0)


# --- the diagram --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 4])
def test_bins_count_every_image_once_and_make_up_the_error(k: int) -> None:
    y_true, y_prob = case(350, k)
    bins = diagram(y_true, y_prob)
    confidence, right = y_prob.max(axis=1), y_prob.argmax(axis=1) == y_true
    assert len(bins) == calibration.BINS == 15
    assert [one.lo for one in bins] + [1.0] == pytest.approx([0.0] + [one.hi for one in bins])
    assert sum(one.n for one in bins) == 350
    for one in bins:
        inside = (one.lo <= confidence) & (confidence < one.hi)
        assert one.n == inside.sum()
        if not one.n:
            assert one.confidence is one.accuracy is one.accuracy_lo is one.accuracy_hi is None
            continue
        hits = int(right[inside].sum())
        assert one.confidence == pytest.approx(confidence[inside].mean())
        assert one.accuracy == pytest.approx(hits / one.n)
        expected = proportion_confint(hits, one.n, method="wilson")
        assert (one.accuracy_lo, one.accuracy_hi) == pytest.approx(expected, abs=1e-12)
    total = sum(one.n * abs(one.accuracy - one.confidence) for one in bins if one.n)  # type: ignore[operator]
    assert total / 350 == pytest.approx(scored(y_true, y_prob)["ece"])


def test_bins_of_four_images_worked_by_hand() -> None:
    bins = diagram(*HAND)
    found = {index: (one.n, one.confidence, one.accuracy) for index, one in enumerate(bins) if one.n}
    assert found == {7: (1, 0.5, 1.0), 9: (2, pytest.approx(0.6), 0.5), 10: (1, pytest.approx(0.7), 1.0)}


def test_edges_belong_to_the_bin_above_and_one_to_the_last() -> None:
    assert calibration.bin_of(np.arange(16) / 15).tolist() == [*range(15), 14]
    assert diagram(np.array([0, 1]), np.array([[1.0, 0.0], [1.0, 0.0]]))[-1].n == 2


# --- temperature --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("k", [2, 5])
def test_a_known_temperature_is_found_again(temperature: float, k: int) -> None:
    rng = np.random.default_rng(k)
    logits = 1.5 * rng.normal(size=(20_000, k))
    y_true = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    found = fit_temperature(y_true, softmax(temperature * logits, axis=1))
    assert found.value == pytest.approx(temperature, rel=0.05)
    assert not found.at_bound
    assert found.n == 20_000
    assert found.nll_before == pytest.approx(metrics.log_loss(y_true, softmax(temperature * logits, axis=1)))
    expected = metrics.log_loss(y_true, softmax(temperature / found.value * logits, axis=1))
    assert found.nll_after == pytest.approx(expected)
    grid = np.geomspace(0.2, 5, 200)
    least = min(metrics.log_loss(y_true, softmax(temperature / t * logits, axis=1)) for t in grid)
    assert found.nll_after <= least + 1e-9


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(np.int64, st.tuples(st.integers(1, 5), st.integers(2, 5)), elements=st.integers(0, 100)),
    st.floats(*TEMPERATURES),
)
def test_a_temperature_never_changes_a_call(weights: Any, temperature: float) -> None:
    weights[weights.sum(axis=1) == 0] = 1
    prob = weights / weights.sum(axis=1, keepdims=True)
    soft = softened(prob, temperature)
    assert (soft.argmax(axis=1) == prob.argmax(axis=1)).all()
    np.testing.assert_allclose(soft.sum(axis=1), 1)
    powers = np.maximum(prob, 1e-15) ** (1 / temperature)
    np.testing.assert_allclose(soft, powers / powers.sum(axis=1, keepdims=True), atol=0.02)
    np.testing.assert_allclose(softened(prob, 1.0), prob, atol=1e-12)


def test_the_test_split_is_scored_and_not_fitted() -> None:
    val, (y_true, y_prob) = case(400, seed=1), case(300, seed=2)
    found = reliability(*val, y_true, y_prob)
    other = reliability(*val, (y_true + 1) % 3, y_prob[::-1])
    assert found.temperature == other.temperature == fit_temperature(*val)
    assert found.temperature is not None
    assert found.temperature.value > 1.1  # it was too sure
    assert found.temperature.nll_after < found.temperature.nll_before
    assert found.bins == diagram(y_true, y_prob)  # of the probabilities as they are
    powers = y_prob ** (1 / found.temperature.value)
    expected = scored(y_true, powers / powers.sum(axis=1, keepdims=True))
    assert {name: score.value for name, score in found.scores.items()} == pytest.approx(expected)
    assert set(found.scores) == set(calibration.SCORES)
    for name, score in found.scores.items():
        assert score.n == 300
        assert score.lo <= score.value <= score.hi, name  # type: ignore[operator]


@pytest.mark.parametrize("sure", [0.9, 0.999, 1.0])
@pytest.mark.parametrize("k", [2, 3])
def test_where_all_is_right_no_temperature_is_best(sure: float, k: int) -> None:
    y_true = np.arange(60) % k
    y_prob = np.where(np.eye(k, dtype=bool)[y_true], sure, (1 - sure) / (k - 1))
    found = reliability(y_true, y_prob, y_true, y_prob)
    assert found.temperature is not None
    assert found.temperature.at_bound
    assert not found.scores
    assert found.reason


def test_where_nothing_is_known_no_temperature_is_best() -> None:
    """The worse the answers, the flatter they ought to be."""
    y_true = np.arange(60) % 3
    found = fit_temperature(y_true, 0.7 * np.eye(3)[(y_true + 1) % 3] + 0.1)
    assert found.at_bound
    assert found.value == pytest.approx(TEMPERATURES[1], rel=0.02)


def test_validation_images_of_one_class_fit_nothing() -> None:
    y_true, y_prob = case(60)
    found = reliability(np.zeros(20, int), y_prob[:20], y_true, y_prob)
    assert found.temperature is None
    assert not found.scores
    assert "one class" in found.reason
    assert sum(one.n for one in found.bins) == 60


def test_without_validation_images_nothing_is_fitted() -> None:
    y_true, y_prob = case(60)
    found = reliability([], np.zeros((0, 3)), y_true, y_prob)
    assert found.temperature is None
    assert found.reason
    assert "one class" not in found.reason


def test_probabilities_of_nought_and_one_have_a_temperature() -> None:
    y_true = np.arange(40) % 2
    y_prob = np.eye(2)[np.where(np.arange(40) % 10 == 0, 1 - y_true, y_true)]
    found = fit_temperature(y_true, y_prob)
    # Nine of ten right: the best certainty is 0.9, so that ln(1 / eps) / T = ln 9.
    expected = -math.log(np.finfo(float).eps) / math.log(9)
    assert found.value == pytest.approx(expected, rel=0.01)
    assert found.nll_after == pytest.approx(-0.9 * math.log(0.9) - 0.1 * math.log(0.1), abs=1e-6)


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_test_images(n: int) -> None:
    val, (y_true, y_prob) = case(200, seed=1), case(n, seed=2)
    found = reliability(*val, y_true, y_prob)
    assert sum(one.n for one in found.bins) == n
    assert all(math.isfinite(score.value) for score in found.scores.values())  # type: ignore[arg-type]


# --- intervals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3])
def test_brier_and_log_loss_have_the_percentile_bootstrap_of_scipy(k: int) -> None:
    y_true, y_prob = case(250, k)
    found = evaluate(y_true, y_prob, "abc"[:k]).scores
    shown = np.eye(k)[y_true]
    each = {
        "brier": ((y_prob - shown) ** 2).sum(axis=1) / (2 if k == 2 else 1),
        "nll": -np.log(y_prob[np.arange(250), y_true]),
    }
    for name, values in each.items():
        theirs = oracles.percentile_bootstrap((values,), np.mean, n_resamples=5000)
        ours = found[name]
        assert ours.method == "case bootstrap"
        assert ours.value == pytest.approx(values.mean())
        assert (ours.lo, ours.hi) == pytest.approx(theirs, abs=0.06 * (theirs[1] - theirs[0]))


def test_average_precision_has_the_percentile_bootstrap_of_scipy() -> None:
    y_true, y_prob = case(200)
    found = evaluate(y_true, y_prob, "abc")

    def of_class(t: Any, p: Any) -> float:
        return float(metrics.average_precision_score(t == 2, p))

    theirs = oracles.percentile_bootstrap(
        (y_true, y_prob[:, 2]), of_class, paired=True, vectorized=False, n_resamples=1000
    )
    ours = found.per_class[2].average_precision
    assert (ours.lo, ours.hi) == pytest.approx(theirs, abs=0.1 * (theirs[1] - theirs[0]))
    rng = np.random.default_rng(2)
    means = []
    for _ in range(350):
        drawn = rng.integers(0, 200, 200)
        shown = np.eye(3)[y_true[drawn]]
        means.append(metrics.average_precision_score(shown, y_prob[drawn], average="macro"))
    low, high = np.quantile(means, [0.025, 0.975])
    macro = found.scores["average_precision"]
    assert (macro.lo, macro.hi) == pytest.approx((low, high), abs=0.18 * (high - low))


@pytest.mark.parametrize("seed", range(6))
def test_the_error_of_calibration_lies_in_its_interval(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resampled errors are larger than the error itself, the more so the better it is calibrated."""
    monkeypatch.setattr(intervals, "RESAMPLES", 500)
    rng = np.random.default_rng(seed)
    y_prob = rng.dirichlet(np.ones(3), 150)
    y_true = (y_prob.cumsum(axis=1) < rng.random((150, 1))).sum(axis=1)
    for name in ("ece", "ece_classwise"):
        score = evaluate(y_true, y_prob, "abc").scores[name]
        assert score.method == "case bootstrap, less its bias"
        assert 0 <= score.lo <= score.value <= score.hi <= 1, name  # type: ignore[operator]
        assert score.lo < score.hi  # type: ignore[operator]


def test_groups_are_resampled_together() -> None:
    """Every image twice over: treated as independent it looks surer by √2 than it is."""
    y_true, y_prob = case(200)
    doubled = np.repeat(y_true, 2), np.repeat(y_prob, 2, axis=0)
    single = evaluate(y_true, y_prob, "abc")
    naive = evaluate(*doubled, "abc")
    honest = evaluate(*doubled, "abc", groups=np.repeat([f"g{i}" for i in range(200)], 2))
    for name in ("brier", "brier_skill", "nll", "average_precision", "ece", "ece_classwise"):
        one, two, three = (each.scores[name] for each in (single, naive, honest))
        width = {each: each.hi - each.lo for each in (one, two, three)}  # type: ignore[operator]
        assert width[three] == pytest.approx(width[one], rel=0.08), name
        assert width[two] < 0.85 * width[one], name
        if "ece" not in name:
            assert width[two] == pytest.approx(width[one] / 2**0.5, rel=0.08), name
        assert "cluster" in three.method, name
        assert three.value == pytest.approx(two.value), name


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1.0, 1.2, 2.0])
@pytest.mark.parametrize("name", ["brier", "nll", "ece", "ece_classwise"])
def test_coverage(name: str, factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels are drawn from probabilities, of which the model shows a sharper form; with 1 it is calibrated.

    The interval of a distance is meant to cover its level or more.
    """
    monkeypatch.setattr(intervals, "RESAMPLES", 1000)
    monkeypatch.setattr(calibration, "NULL_DRAWS", 200)

    def drawn(rng: np.random.Generator, n: int) -> tuple[Any, Any]:
        logits = 1.5 * rng.normal(size=(n, 3))
        truth = softmax(logits, axis=1)
        y_true = (truth.cumsum(axis=1)[:, :2] < rng.random((n, 1))).sum(axis=1)
        return y_true, softmax(factor * logits, axis=1)

    is_distance = name in calibration.DISTANCES
    exact = is_distance and factor == 1
    truth = 0.0 if exact else scored(*drawn(np.random.default_rng(1), 1_000_000))[name]
    rng, rounds, held = np.random.default_rng(0), 300, 0
    for seed in range(rounds):
        y_true, y_prob = drawn(rng, 500)
        score = Score(scored(y_true, y_prob)[name], 500)
        bounds = Bounds(y_true, y_prob, None, seed).of(name, score)
        held += bounds.lo <= truth <= bounds.hi  # type: ignore[operator]
    print(name, factor, held / rounds)
    assert 0.92 <= held / rounds <= (1 if is_distance else 0.975)


# --- average precision --------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_average_precision_is_that_of_scikit_learn_with_weights_and_ties(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 20))
    positive = data.draw(hnp.arrays(np.bool_, n).filter(lambda values: values.any()))
    score = data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, 4))) / 4
    weights = data.draw(hnp.arrays(np.int64, (3, n), elements=st.integers(0, 3)))
    ranking = Ranking(positive, score)
    found = ranking.average_precision(weights[:, ranking.order].astype(np.float32))
    for row, value in zip(weights, found, strict=True):
        if not row[positive].sum():
            assert math.isnan(value)
            continue
        assert value == pytest.approx(
            metrics.average_precision_score(positive, score, sample_weight=row), abs=1e-6
        )


def test_average_precision_worked_by_hand() -> None:
    """Falling: hit, miss, two equals of which one is a hit: precisions 1 and 2/4."""
    ranking = Ranking(np.array([True, False, True, False]), np.array([0.9, 0.8, 0.5, 0.5]))
    found = ranking.average_precision(np.ones((1, 4), np.float32))
    assert found[0] == pytest.approx((1 + 1 / 2) / 2)
