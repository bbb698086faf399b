"""Resampling step by step, and what a study may ask for: a scale's kappa, costs, likelihood ratios."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics

from xaireport.errors import ConfigError
from xaireport.metrics import intervals
from xaireport.metrics.resampled import confusion_scores
from xaireport.metrics.scores import evaluate
from xaireport.types.evidence import Evaluation, Score

COSTS = np.array([[0.0, 1.0, 4.0], [2.0, 0.0, 1.0], [9.0, 3.0, 0.0]])


def case(n: int = 300, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y_true = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    powers = np.exp(1.4 * np.eye(3)[y_true] + rng.normal(size=(n, 3)))
    return y_true, powers / powers.sum(axis=1, keepdims=True)


def everything(found: Evaluation) -> dict[str, Score]:
    of_class = {
        f"{one.label} {field.name}": getattr(one, field.name)
        for one in found.per_class
        for field in fields(one)
        if field.name not in ("label", "n")
    }
    return {**found.scores, **of_class}


# --- resamples ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_groups", [1, 2, 7, 300])
def test_every_resample_draws_as_many_groups_as_there_are(
    n_groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intervals, "CHUNK", 3000)
    parts = list(intervals.resampled_weights(n_groups, 0))
    assert all(part.size <= 3000 for part in parts)
    weights = np.concatenate(parts)
    assert weights.shape == (intervals.RESAMPLES, n_groups)
    assert (weights.sum(axis=1) == n_groups).all()
    assert weights.mean() == 1
    # Each count is binomial: n throws with chance 1/n.
    assert weights[:, 0].mean() == pytest.approx(1, abs=0.06)
    assert weights[:, 0].var() == pytest.approx(1 - 1 / n_groups, abs=0.06)


def test_more_groups_than_fit_into_memory_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "CHUNK", 10)
    monkeypatch.setattr(intervals, "RESAMPLES", 5)
    parts = list(intervals.resampled_weights(30, 0))
    assert [part.shape for part in parts] == [(1, 30)] * 5


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_sums_of_cells_are_counted_one_by_one(data: st.DataObject) -> None:
    n, n_groups = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 6))
    cells = data.draw(hnp.arrays(np.int64, n, elements=st.integers(-1, 8)))
    groups = data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, n_groups - 1)))
    weights = data.draw(hnp.arrays(np.float32, (4, n_groups), elements=st.integers(0, 5).map(float)))
    found = intervals.cell_sums(cells, 9, groups, weights)
    expected = np.zeros((4, 9))
    for row in range(4):
        for cell, group in zip(cells.tolist(), groups.tolist(), strict=True):
            if cell >= 0:
                expected[row, cell] += weights[row, group]
    np.testing.assert_array_equal(found, expected)
    by_group = np.zeros((n_groups, 2))
    values = np.stack([cells, groups], axis=1).astype(float)
    groups[-1] = n_groups - 1
    np.add.at(by_group, groups, values)
    np.testing.assert_array_equal(intervals.group_sums(values, groups), by_group)


# --- intervals ----------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(-10, 10)))
def test_percentiles_are_those_of_numpy(values: Any) -> None:
    assert intervals.percentile(values) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))
    assert intervals.percentile(values, 0.5) == pytest.approx(tuple(np.quantile(values, [0.25, 0.75])))


def test_percentiles_between_infinities() -> None:
    values = np.arange(1.0, 1002.0)
    assert intervals.percentile(np.r_[values[:980], [np.inf] * 21]) == (26, 976)
    assert intervals.percentile(np.r_[values[:970], [np.inf] * 31]) is None
    assert intervals.percentile(np.full(10, np.inf)) is None
    assert intervals.percentile(np.r_[[-np.inf] * 10, values[10:]]) == (26, 976)


def test_percentiles_of_what_is_mostly_undefined() -> None:
    values = np.r_[np.arange(1.0, 101.0), np.full(100, np.nan)]
    assert intervals.percentile(values) == pytest.approx(tuple(np.quantile(values[:100], [0.025, 0.975])))
    assert intervals.percentile(np.r_[values, np.nan]) is None
    assert intervals.percentile(np.full(3, np.nan)) is None


def test_the_interval_of_a_distance_worked_by_hand() -> None:
    """Percentiles 3 and 5 around a mean of 4; a calibrated model shows 1 on average: 3 - 1 - (5 - 4) is 1."""
    values = np.linspace(2.947368421052632, 5.052631578947368, 1001)
    assert intervals.percentile(values) == pytest.approx((3, 5))
    null = np.array([0.5, 1.5])
    assert intervals.above_zero(3, values, null) == pytest.approx((1, 5))
    assert intervals.above_zero(1.5, values, null) == pytest.approx((0, 5))
    assert intervals.above_zero(6, values, null) == pytest.approx((4, 6))
    assert intervals.above_zero(4, np.full(5, np.nan), null) is None
    assert intervals.above_zero(4, np.full(5, 4.0), null) == (4, 4)  # no spread: for the caller to see


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0, 1),
    hnp.arrays(np.float64, st.integers(2, 40), elements=st.floats(0, 1)).filter(
        lambda values: float(np.quantile(values, 0.025)) < float(np.quantile(values, 0.975))
    ),
)
def test_the_interval_of_a_distance_holds_its_value_and_nothing_below_nought(
    value: float, values: Any
) -> None:
    found = intervals.above_zero(value, values, np.abs(values - values.mean()))
    assert found is not None
    assert 0 <= found[0] <= value <= found[1]


@pytest.mark.parametrize("grouped", [False, True])
def test_the_order_of_the_images_changes_no_interval(grouped: bool) -> None:
    y_true, y_prob = case(150)
    y_prob[:20] = [0.25, 0.25, 0.5]  # ties
    groups = np.array([f"p{index // 2}" for index in range(150)]) if grouped else None
    order = np.random.default_rng(1).permutation(150)
    one, other = (
        everything(
            evaluate(
                y_true[at], y_prob[at], "abc", groups=None if groups is None else groups[at],
                ordinal=True, cost_matrix=COSTS,
            )
        )
        for at in (np.arange(150), order)
    )  # fmt: skip
    for name, score in one.items():
        assert score.lo is not None, name
        expected = pytest.approx((score.value, score.lo, score.hi), abs=1e-6)
        assert (other[name].value, other[name].lo, other[name].hi) == expected, name


@pytest.mark.parametrize("prob", [[[1.0, 0.0]], [[0.0, 1.0]], [[0.5, 0.5]]])
@pytest.mark.parametrize("groups", [None, ["p"]])
def test_a_single_image_has_no_interval_but_wilsons(prob: Any, groups: Any) -> None:
    found = evaluate([0], prob, "ab", groups=groups, ordinal=True, cost_matrix=[[0, 1], [1, 0]])
    for name, score in everything(found).items():
        assert score.lo is None or score.method.startswith("Wilson"), name


# --- likelihood ratio ---------------------------------------------------------------------------------------


def test_the_likelihood_ratio_against_a_plain_bootstrap() -> None:
    y_true, y_prob = case()
    y_pred = y_prob.argmax(axis=1)
    rng = np.random.default_rng(1)
    for index, one in enumerate(evaluate(y_true, y_prob, "abc").per_class):
        shown, called = y_true == index, y_pred == index
        drawn = []
        for _ in range(3000):
            at = rng.integers(0, 300, 300)
            drawn.append(called[at][shown[at]].mean() / called[at][~shown[at]].mean())
        low, high = np.quantile(drawn, [0.025, 0.975])
        score = one.lr_plus
        assert score.method == "multinomial bootstrap"
        assert (score.lo, score.hi) == pytest.approx((low, high), abs=0.1 * (high - low))
        assert 0 < score.lo < score.value < score.hi  # type: ignore[operator]


def test_a_likelihood_ratio_that_is_infinite_now_and_then_has_no_interval() -> None:
    """One false alarm: a third of all resamples has none."""
    y_true = np.repeat([0, 1], 50)
    y_pred = np.where(np.arange(100) == 60, 0, y_true)
    one, other = evaluate(y_true, np.eye(2)[y_pred], "ab").per_class
    assert one.lr_plus.value == pytest.approx(50)
    assert one.lr_plus.lo is None
    assert other.lr_plus.value is None
    assert "infinite" in other.lr_plus.reason


# --- kappa --------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=16, max_size=16).filter(lambda cells: sum(cells) > 0))
def test_kappa_is_that_of_scikit_learn(cells: list[int]) -> None:
    y_true, y_pred = (np.repeat(axis.reshape(-1), cells) for axis in np.indices((4, 4)))
    confusion = np.array(cells).reshape(1, 4, 4)
    assert "kappa_weighted" not in confusion_scores(confusion)
    found = confusion_scores(confusion, ordinal=True)["kappa_weighted"][0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "RESAMPLES", 10)
        score = evaluate(y_true, np.eye(4)[y_pred], "abcd", ordinal=True).scores["kappa_weighted"]
    if len(set(y_true.tolist()) | set(y_pred.tolist())) == 1:
        assert np.isnan(found)
        assert score.value is None
        assert score.reason
        return
    expected = metrics.cohen_kappa_score(y_true, y_pred, labels=range(4), weights="quadratic")
    assert found == pytest.approx(expected)
    assert score.value == pytest.approx(expected)


def test_resampled_kappa_against_a_plain_bootstrap() -> None:
    y_true, y_prob = case()
    y_pred = y_prob.argmax(axis=1)
    score = evaluate(y_true, y_prob, "abc", ordinal=True).scores["kappa_weighted"]
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(800):
        at = rng.integers(0, 300, 300)
        drawn.append(metrics.cohen_kappa_score(y_true[at], y_pred[at], weights="quadratic"))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (score.lo, score.hi) == pytest.approx((low, high), abs=0.12 * (high - low))


def test_only_a_scale_has_a_weighted_kappa() -> None:
    y_true, y_prob = case(30)
    found = evaluate(y_true, y_prob, "abc").scores
    assert "kappa_weighted" not in found
    assert "expected_cost" not in found


# --- costs --------------------------------------------------------------------------------------------------


def test_costs_worked_by_hand() -> None:
    """Called right, a as c, b as a, c as a: 0, 4, 2 and 9."""
    y_true, y_pred = np.array([0, 0, 1, 2]), np.array([0, 2, 0, 0])
    found = evaluate(y_true, np.eye(3)[y_pred], "abc", cost_matrix=COSTS.tolist()).scores["expected_cost"]
    assert found.value == pytest.approx((0 + 4 + 2 + 9) / 4)
    assert found.n == 4
    wrong = evaluate(y_true, np.eye(3)[y_pred], "abc", cost_matrix=1 - np.eye(3)).scores
    assert wrong["expected_cost"].value == pytest.approx(1 - wrong["accuracy"].value)  # type: ignore[operator]


def test_costs_against_a_plain_bootstrap() -> None:
    y_true, y_prob = case()
    each = COSTS[y_true, y_prob.argmax(axis=1)]
    score = evaluate(y_true, y_prob, "abc", cost_matrix=COSTS).scores["expected_cost"]
    means = each[np.random.default_rng(1).integers(0, 300, (5000, 300))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    assert score.value == pytest.approx(each.mean())
    assert (score.lo, score.hi) == pytest.approx((low, high), abs=0.06 * (high - low))


@pytest.mark.parametrize(
    "costs",
    [
        [[0, 1], [1, 0]],
        [[0, 1, 2]],
        [0, 1, 2],
        5,
        [[0, 1, 2], [1, 0, 1], [2, -1, 0]],
        [[0, 1, 2], [1, 0, float("nan")], [2, 1, 0]],
        [[0, 1, 2], [1, 0, float("inf")], [2, 1, 0]],
        [[0, 1, 2], [1, 0], [2, 1, 0]],
        [[0, 1, 2], [1, 0, "much"], [2, 1, 0]],
        [[0, 1, 2], [1, 0, None], [2, 1, 0]],
        [[0, 1, 2], [1, 0, {}], [2, 1, 0]],
    ],
)
def test_costs_that_are_none_are_refused(costs: Any) -> None:
    y_true, y_prob = case(10)
    with pytest.raises(ConfigError, match="cost_matrix"):
        evaluate(y_true, y_prob, "abc", cost_matrix=costs)
