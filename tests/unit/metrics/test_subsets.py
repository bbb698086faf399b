"""Parts of the test split against scikit-learn on those images alone and a plain bootstrap in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata
from sklearn import metrics

from xaireport.metrics import intervals
from xaireport.metrics.scores import evaluate
from xaireport.metrics.subgroups import MOST_LEVELS, bands, levels, subgroups
from xaireport.metrics.subsets import FEWEST, score_subsets
from xaireport.types.evidence import Level, Subset

SKLEARN: Mapping[str, Callable[[Any, Any], float]] = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "macro_f1": lambda t, p: metrics.f1_score(t, p, average="macro"),
    "weighted_precision": lambda t, p: metrics.precision_score(t, p, average="weighted"),
    "mcc": metrics.matthews_corrcoef,
}
NAMES = (*SKLEARN, "auroc")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer resamples, where their number does not matter."""
    monkeypatch.setattr(intervals, "RESAMPLES", 200)


def case(n: int = 300, k: int = 3, seed: int = 0) -> tuple[Any, Any, Any]:
    """Truth, probabilities, and a part of the images that is harder than the rest."""
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, k, n)
    mask = rng.random(n) < 0.4
    seen = np.where(mask, 1.0, 1.8)[:, None] * np.eye(k)[y_true] + rng.normal(size=(n, k))
    powers = np.exp(seen)
    return y_true, powers / powers.sum(axis=1, keepdims=True), mask


def area(y_true: Any, y_prob: Any) -> float:
    if y_prob.shape[1] == 2:
        return float(metrics.roc_auc_score(y_true, y_prob[:, 1]))
    return float(metrics.roc_auc_score(y_true, y_prob, multi_class="ovr", average="macro"))


def quick_area(y_true: Any, y_prob: Any) -> float:
    """Share of pairs that are in order."""
    areas = []
    for index in (1,) if y_prob.shape[1] == 2 else range(y_prob.shape[1]):
        shown = y_true == index
        p = shown.sum()
        won = rankdata(y_prob[:, index])[shown].sum() - p * (p + 1) / 2
        areas.append(won / (p * (~shown).sum()))
    return float(np.mean(areas))


def quick(name: str, y_true: Any, y_pred: Any) -> float:
    """A score of three classes, of their counts."""
    table = np.bincount(y_true * 3 + y_pred, minlength=9).reshape(3, 3)
    hits, shown, called, n = table.diagonal(), table.sum(axis=1), table.sum(axis=0), len(y_true)
    spread = (n**2 - (shown**2).sum()) * (n**2 - (called**2).sum())
    return float(
        {
            "accuracy": hits.sum() / n,
            "balanced_accuracy": (hits / shown).mean(),
            "macro_f1": (2 * hits / (shown + called)).mean(),
            "mcc": (hits.sum() * n - (shown * called).sum()) / spread**0.5,
        }[name]
    )


def expected(name: str, y_true: Any, y_prob: Any) -> float:
    return area(y_true, y_prob) if name == "auroc" else SKLEARN[name](y_true, y_prob.argmax(axis=1))


def one_part(
    y_true: Any, y_prob: Any, mask: Any, names: Any = NAMES, against: Any = "rest", **more: Any
) -> Subset:
    classes = [f"class {index}" for index in range(y_prob.shape[1])]
    return score_subsets(y_true, y_prob, {"part": mask}, names, classes, against=against, **more)["part"]


def split(values: Any) -> dict[str, Any]:
    return levels(values, bands(values))


def by_level(found: tuple[Level, ...]) -> dict[tuple[str, str], Level]:
    return {(one.column, one.level): one for one in found}


# --- parts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.usefixtures("few")
def test_scores_are_those_of_scikit_learn_on_the_part(k: int) -> None:
    y_true, y_prob, mask = case(300, k)
    found = one_part(y_true, y_prob, mask)
    assert found.n == mask.sum()
    assert found.reason == ""
    for name in NAMES:
        score = found.scores[name]
        assert score.value == pytest.approx(expected(name, y_true[mask], y_prob[mask])), name
        assert (score.n, score.reason) == (mask.sum(), ""), name


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.usefixtures("few")
def test_a_part_has_the_intervals_that_it_would_have_alone(grouped: bool) -> None:
    y_true, y_prob, mask = case()
    groups = np.arange(300) // 3 if grouped else None
    found = one_part(y_true, y_prob, mask, groups=groups).scores
    inside = None if groups is None else groups[mask]
    alone = evaluate(y_true[mask], y_prob[mask], "abc", groups=inside).scores
    for name in NAMES:
        ours, theirs = found[name], alone[name]
        assert (ours.lo, ours.hi, ours.method) == (theirs.lo, theirs.hi, theirs.method), name


@pytest.mark.parametrize("against", ["rest", "whole"])
@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.usefixtures("few")
def test_differences_are_to_the_rest_or_to_the_whole(against: str, k: int) -> None:
    y_true, y_prob, mask = case(300, k)
    found = one_part(y_true, y_prob, mask, against=against).differences
    other = ~mask if against == "rest" else np.ones(300, bool)
    for name in NAMES:
        value = expected(name, y_true[mask], y_prob[mask]) - expected(name, y_true[other], y_prob[other])
        assert found[name].value == pytest.approx(value), name
        assert found[name].lo <= value <= found[name].hi, name  # type: ignore[operator]


@pytest.mark.parametrize("against", ["rest", "whole"])
@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "mcc", "macro_f1"])
def test_intervals_of_differences_are_those_of_a_plain_bootstrap(against: str, name: str) -> None:
    y_true, y_prob, mask = case(400)
    y_pred = y_prob.argmax(axis=1)
    found = one_part(y_true, y_prob, mask, [name], against).differences[name]
    assert quick(name, y_true, y_pred) == pytest.approx(SKLEARN[name](y_true, y_pred))
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(1000):
        at = rng.integers(0, 400, 400)
        part, other = at[mask[at]], at[~mask[at]] if against == "rest" else at
        drawn.append(quick(name, y_true[part], y_pred[part]) - quick(name, y_true[other], y_pred[other]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found.lo, found.hi) == pytest.approx((low, high), abs=0.1 * (high - low))


@pytest.mark.parametrize("against", ["rest", "whole"])
@pytest.mark.parametrize("k", [2, 3])
def test_the_interval_of_a_difference_of_aurocs_against_the_bootstrap(against: str, k: int) -> None:
    y_true, y_prob, mask = case(400, k)
    found = one_part(y_true, y_prob, mask, ["auroc"], against).differences["auroc"]
    assert quick_area(y_true, y_prob) == pytest.approx(area(y_true, y_prob))
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(600):
        at = rng.integers(0, 400, 400)
        part, other = at[mask[at]], at[~mask[at]] if against == "rest" else at
        drawn.append(quick_area(y_true[part], y_prob[part]) - quick_area(y_true[other], y_prob[other]))
    assert (found.hi - found.lo) / 2 / 1.96 == pytest.approx(np.std(drawn), rel=0.13)  # type: ignore[operator]


@pytest.mark.parametrize("against", ["rest", "whole"])
def test_groups_are_resampled_together(against: Any) -> None:
    y_true, y_prob, mask = case(200)
    twice = {"y_true": y_true, "y_prob": y_prob, "mask": mask}
    doubled = {name: np.repeat(each, 2, axis=0) for name, each in twice.items()}
    once = one_part(y_true, y_prob, mask, against=against).differences
    naive = one_part(**doubled, against=against).differences
    honest = one_part(**doubled, against=against, groups=np.repeat(np.arange(200), 2)).differences
    for name in NAMES:
        ours, theirs, blind = honest[name], once[name], naive[name]
        assert ours.value == pytest.approx(theirs.value), name
        width = theirs.hi - theirs.lo  # type: ignore[operator]
        if name != "auroc":
            assert (ours.lo, ours.hi) == pytest.approx((theirs.lo, theirs.hi)), name
        assert ours.hi - ours.lo == pytest.approx(width, rel=0.02), name  # type: ignore[operator]
        assert blind.hi - blind.lo == pytest.approx(width / 2**0.5, rel=0.1), name  # type: ignore[operator]


@pytest.mark.usefixtures("few")
def test_a_small_part_is_not_scored() -> None:
    y_true, y_prob, _ = case(100)
    at = np.arange(100)
    masks = {"small": at < FEWEST - 1, "enough": at < FEWEST, "none": at < 0}
    found = score_subsets(y_true, y_prob, masks, NAMES, "abc", against="rest")
    assert list(found) == list(masks)
    for name, n in (("small", 19), ("none", 0)):
        assert (found[name].n, found[name].scores, found[name].differences) == (n, {}, {})
        assert "fewer than 20" in found[name].reason
    assert set(found["enough"].scores) == set(found["enough"].differences) == set(NAMES)


@pytest.mark.usefixtures("few")
def test_a_small_rest_is_no_rest() -> None:
    y_true, y_prob, _ = case(100)
    large = np.arange(100) < 81
    found = one_part(y_true, y_prob, large)
    assert set(found.scores) == set(NAMES)
    assert not found.differences
    assert "fewer than 20 other" in found.reason
    assert set(one_part(y_true, y_prob, large, against="whole").differences) == set(NAMES)


@pytest.mark.usefixtures("few")
def test_all_images_do_not_differ_from_the_whole() -> None:
    y_true, y_prob, _ = case(100)
    found = one_part(y_true, y_prob, np.ones(100, bool), against="whole")
    for name, one in found.differences.items():
        assert one.value == pytest.approx(0, abs=1e-12), name
        assert one.lo is one.hi is None, name
        assert one.reason, name


@pytest.mark.usefixtures("few")
def test_a_class_that_a_part_does_not_show_is_named() -> None:
    y_true, y_prob, mask = case()
    mask = mask & (y_true != 2)
    y_prob = np.where(mask[:, None], y_prob * [1, 1, 0] + [0, 0, 1e-9], y_prob)
    y_prob /= y_prob.sum(axis=1, keepdims=True)
    found = one_part(y_true, y_prob, mask, ["balanced_accuracy", "auroc", "macro_f1", "accuracy"]).scores
    y_pred = y_prob.argmax(axis=1)
    recalls = metrics.recall_score(y_true[mask], y_pred[mask], average=None, labels=[0, 1])
    assert found["balanced_accuracy"].value == pytest.approx(recalls.mean())
    areas = [metrics.roc_auc_score(y_true[mask] == index, y_prob[mask, index]) for index in (0, 1)]
    assert found["auroc"].value == pytest.approx(np.mean(areas))
    three = metrics.f1_score(y_true[mask], y_pred[mask], average="macro", labels=[0, 1, 2], zero_division=0)
    assert found["macro_f1"].value == pytest.approx(three)
    assert found["accuracy"].reason == ""
    for name in ("balanced_accuracy", "auroc", "macro_f1"):
        assert "class 2" in found[name].reason, name


def test_balanced_accuracies_differ_over_the_classes_that_both_show() -> None:
    y_true, y_prob, mask = case()
    mask = mask & (y_true != 2)
    y_pred = y_prob.argmax(axis=1)
    found = one_part(y_true, y_prob, mask, ["balanced_accuracy"]).differences["balanced_accuracy"]

    def recall(at: Any) -> float:
        return float(np.mean([(y_pred[at] == index)[y_true[at] == index].mean() for index in (0, 1)]))

    assert found.value == pytest.approx(recall(mask) - recall(~mask))
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(1000):
        at = rng.integers(0, 300, 300)
        drawn.append(recall(at[mask[at]]) - recall(at[~mask[at]]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert (found.lo, found.hi) == pytest.approx((low, high), abs=0.1 * (high - low))


@pytest.mark.usefixtures("few")
def test_a_part_of_one_class_says_what_is_undefined() -> None:
    y_true, y_prob, _ = case()
    found = one_part(y_true, y_prob, y_true == 0)
    for name in ("mcc", "auroc"):
        assert found.scores[name].value is found.differences[name].value is None
        assert found.scores[name].reason
        assert found.differences[name].reason
    assert found.scores["accuracy"].value is not None
    assert found.differences["accuracy"].lo is not None


@pytest.mark.usefixtures("few")
def test_a_class_of_one_image_keeps_its_difference_of_aurocs() -> None:
    y_true, y_prob, mask = case(300, 2)
    rare = np.flatnonzero(mask & (y_true == 1))[1:]
    mask[rare] = False
    found = one_part(y_true, y_prob, mask, ["auroc"])
    assert found.scores["auroc"].lo is None
    value = area(y_true[mask], y_prob[mask]) - area(y_true[~mask], y_prob[~mask])
    assert found.differences["auroc"].value == pytest.approx(value)
    assert found.differences["auroc"].lo is None
    assert found.differences["auroc"].reason


def test_rare_classes_of_a_part_do_not_push_the_difference_out_of_its_interval() -> None:
    """The rest is all right: the difference is that of the part to 1, and so are its bounds."""
    y_true = np.concatenate([np.repeat(np.arange(12), [60, 40] + [1] * 10), np.repeat(np.arange(12), 10)])
    called = np.where(np.arange(230) % 20 == 0, 1 - np.minimum(y_true, 1), y_true)
    called[110:] = y_true[110:]
    found = one_part(y_true, np.eye(12)[called], np.arange(230) < 110, ["macro_f1", "macro_recall"])
    for name, one in found.differences.items():
        own = found.scores[name]
        assert one.lo <= one.value <= one.hi, name  # type: ignore[operator]
        assert (one.lo, one.hi) == pytest.approx((own.lo - 1, own.hi - 1), abs=0.01), name  # type: ignore[operator]


@pytest.mark.parametrize("name", [*SKLEARN, "auroc"])
@pytest.mark.usefixtures("few")
def test_a_single_group_has_no_interval(name: str) -> None:
    y_true, y_prob, mask = case(100)
    found = one_part(y_true, y_prob, mask, [name], groups=np.zeros(100))
    assert found.scores[name].lo is None
    assert found.differences[name].value is not None
    assert found.differences[name].lo is None
    assert found.differences[name].reason


@pytest.mark.usefixtures("few")
def test_the_same_seed_gives_the_same_bounds_and_no_part_touches_another() -> None:
    y_true, y_prob, mask = case()
    alone = one_part(y_true, y_prob, mask)
    masks = {"other": ~mask, "part": mask}
    classes = [f"class {index}" for index in range(3)]
    together = score_subsets(y_true, y_prob, masks, NAMES, classes, against="rest")
    assert together["part"] == alone
    for name in NAMES:
        one, other = together["part"].differences[name], together["other"].differences[name]
        assert (one.value, one.lo) == pytest.approx((-other.value, -other.hi)), name  # type: ignore[operator]
    assert one_part(y_true, y_prob, mask, seed=1) != alone


@pytest.mark.usefixtures("few")
def test_scores_of_a_scale_and_of_costs() -> None:
    y_true, y_prob, mask = case()
    costs = np.array([[0, 1, 4], [2, 0, 1], [9, 3, 0]])
    y_pred = y_prob.argmax(axis=1)
    names = ["kappa_weighted", "expected_cost"]
    found = one_part(y_true, y_prob, mask, names, ordinal=True, cost_matrix=costs)
    parts = [(y_true[part], y_pred[part]) for part in (mask, ~mask)]
    kappa = [metrics.cohen_kappa_score(*each, weights="quadratic") for each in parts]
    spent = [costs[each].mean() for each in parts]
    for name, (ours, theirs) in zip(names, (kappa, spent), strict=True):
        assert found.scores[name].value == pytest.approx(ours)
        assert found.differences[name].value == pytest.approx(ours - theirs)


# --- levels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "known"),
    [
        (np.array(["m", "f", "", "unknown", "None", " NaN ", "m", "n/a"]), {"f": 1, "m": 2}),
        (np.array([1.5, np.nan, 2, 2, np.nan, np.nan, np.nan, np.nan]), {"1.5": 1, "2": 2}),
        (np.array(["nan"] * 5), {}),
        (np.full(5, np.nan), {}),
    ],
)
def test_what_is_not_known_is_a_level_of_its_own(values: Any, known: dict[str, int]) -> None:
    found = split(values)
    assert {level: int(mask.sum()) for level, mask in found.items() if level} == known
    assert found[""].sum() == len(values) - sum(known.values())


def test_without_missing_values_there_is_no_level_of_them() -> None:
    assert list(split(np.array(["f", "m"]))) == ["f", "m"]


def test_unknown_values_beside_bands() -> None:
    values = np.r_[np.arange(0.0, 100.0), np.nan, np.nan]
    found = split(values)
    assert found[""].sum() == 2
    assert sum(mask.sum() for mask in found.values()) == 102
    assert list(found) == [f"{at} to below {at + 20}" for at in range(0, 100, 20)] + [""]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([3, 1, 10, 2, 1]), ["1", "2", "3", "10"]),
        (np.array([0.5, -1.0, 0.5, 10.0]), ["-1", "0.5", "10"]),
        (np.array(["10", "9", "b", "a"]), ["9", "10", "a", "b"]),
        (np.array([True, False, True]), ["False", "True"]),
        (np.array([7, 7, 7]), ["7"]),
        (np.array([1_000_001.0, 1_000_002.0]), ["1000001", "1000002"]),
    ],
)
def test_levels_are_in_the_order_of_numbers_then_of_texts(values: Any, expected: list[str]) -> None:
    found = split(values)
    assert list(found) == expected
    for level, mask in found.items():
        assert [str(value).removesuffix(".0") for value in values[mask].tolist()] == [level] * mask.sum()


def test_few_numbers_are_levels_and_many_are_bands() -> None:
    assert bands(np.arange(MOST_LEVELS)) is None
    assert bands(np.repeat(np.arange(MOST_LEVELS), 30)) is None
    assert bands(np.arange(MOST_LEVELS + 1)) is not None
    assert bands(np.array([str(value) for value in range(30)])) is None
    assert bands(np.array([True, False] * 20)) is None
    edges = bands(np.arange(18, 91))
    assert edges is not None
    assert edges.tolist() == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]


DECIMALS = st.integers(-(10**6), 10**6).flatmap(
    lambda start: st.lists(st.integers(start, start + 10**4), min_size=9, max_size=40).map(
        lambda parts: np.array(parts) / 1000
    )
)
NUMBERS = st.one_of(
    st.lists(st.integers(-50, 120), min_size=1, max_size=40).map(np.array),
    st.lists(st.sampled_from([-3.5, 2.0]), min_size=1, max_size=40).map(np.array),
    st.tuples(st.floats(-1e6, 1e6), st.integers(1, 30)).map(lambda pair: np.full(pair[1], pair[0])),
    DECIMALS,
    st.lists(st.floats(-1e3, 1e3, width=32) | st.just(np.nan), min_size=1, max_size=40).map(np.array),
    st.lists(st.integers(0, 500), min_size=9, max_size=40).map(lambda parts: np.array(parts) + 1.7e9),
    st.lists(st.floats(-1e100, 1e100), min_size=9, max_size=40).map(np.array),
)
"""Whole numbers, two values, one, three decimals, single precision with gaps, dates in seconds, huge."""


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.arange(34, 54) / 10, id="tenths"),
        pytest.param(np.arange(136, 156) / 10, id="more tenths"),
        pytest.param(np.arange(-20, 60) / 10, id="below nought"),
        pytest.param(np.arange(9) / 1000, id="thousandths"),
        pytest.param(1.7e9 + np.arange(300), id="seconds of a day"),
        pytest.param(np.arange(20) * 1e-8 + 1, id="close to one"),
        pytest.param(np.arange(30) * 1e12, id="large"),
        pytest.param(np.arange(20, dtype=np.uint8) + 230, id="bytes"),
        pytest.param(np.arange(20) - 10, id="whole"),
        pytest.param(np.arange(20, dtype=np.float32) / 10, id="single precision"),
    ],
)
def test_bands_lose_nobody(values: Any) -> None:
    edges = bands(values)
    assert edges is not None
    assert edges[0] <= values.min() <= values.max() < edges[-1]
    found = split(values)
    assert (np.sum(list(found.values()), axis=0) == 1).all()
    assert len(found) == len(edges) - 1  # all told apart by name


@settings(max_examples=150, deadline=None)
@given(NUMBERS)
def test_every_image_is_in_one_level_of_a_column_of_numbers(values: Any) -> None:
    found = split(values)
    assert (np.sum(list(found.values()), axis=0) == 1).all()
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    if bands(values) is None:
        assert len(set(found) - {""}) == len(np.unique(known)) <= MOST_LEVELS
        for level, mask in found.items():
            assert level == "" or len(np.unique(values[mask])) == 1


@settings(max_examples=150, deadline=None)
@given(NUMBERS)
def test_edges_of_bands_are_round_and_hold_all_values(values: Any) -> None:
    edges = bands(values)
    if edges is None:
        return
    known = values[~np.isnan(values.astype(float))].astype(float)
    assert edges[0] <= known.min()
    assert known.max() < edges[-1]
    width = (edges[-1] - edges[0]) / (len(edges) - 1)
    mantissa = width / 10.0 ** np.floor(np.log10(width) + 1e-9)
    assert min(abs(mantissa - step) for step in (1, 2, 5)) < 1e-3
    np.testing.assert_allclose(edges / width, np.round(edges / width), atol=1e-6, rtol=1e-9)
    assert 4 <= len(edges) - 1 <= 12


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["f", "m", "M", " m", "", "none", "Unknown", "3", "03"]), min_size=1))
def test_every_image_is_in_one_level_of_a_column_of_texts(texts: list[str]) -> None:
    values = np.array(texts)
    found = split(values)
    assert (np.sum(list(found.values()), axis=0) == 1).all()
    assert all(mask.any() for mask in found.values())


# --- columns ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("few")
def test_columns_are_scored_level_by_level() -> None:
    y_true, y_prob, _ = case()
    rng = np.random.default_rng(3)
    columns = {
        "sex": rng.choice(["f", "m", ""], 300, p=[0.6, 0.35, 0.05]),
        "age": np.where(rng.random(300) < 0.2, np.nan, rng.integers(0, 90, 300)),
        "flash": rng.random(300) < 0.5,
        "site": np.repeat(["home"], 300),
    }
    found = subgroups(columns, y_true, y_prob, ["accuracy", "auroc"], "abc")
    assert list(dict.fromkeys(one.column for one in found)) == list(columns)
    for column in columns:
        assert sum(one.subset.n for one in found if one.column == column) == 300
    of = by_level(found)
    for name in ("f", "m"):
        mask = columns["sex"] == name
        theirs = one_part(y_true, y_prob, mask, ["accuracy", "auroc"])
        assert of["sex", name] == Level("sex", name, False, theirs)
        value = of["sex", name].subset.scores["accuracy"].value
        assert value == pytest.approx((y_prob.argmax(axis=1) == y_true)[mask].mean())
    missing = of["sex", "missing"]
    assert missing.missing
    assert missing.subset.n == (columns["sex"] == "").sum() < FEWEST
    assert "fewer than 20" in missing.subset.reason
    assert of["age", "missing"].subset.n == np.isnan(columns["age"]).sum()
    assert of["age", "missing"].subset.scores
    assert [of["flash", name].subset.n for name in ("True", "False")] == [
        columns["flash"].sum(),
        (~columns["flash"]).sum(),
    ]
    only = of["site", "home"].subset
    assert only.n == 300
    assert only.scores
    assert not only.differences
    assert only.reason


@pytest.mark.usefixtures("few")
def test_a_column_of_names_is_no_column_of_subgroups() -> None:
    y_true, y_prob, _ = case(120)
    columns = {"name": np.array([f"p{index % 41}" for index in range(120)]), "ward": np.arange(120) % 2}
    found = subgroups(columns, y_true, y_prob, ["accuracy"], "abc")
    of = by_level(found)
    assert set(of) == {("name", "all"), ("ward", "0"), ("ward", "1")}
    told = of["name", "all"].subset
    assert (told.n, told.scores, told.differences) == (120, {}, {})
    assert "more than 40" in told.reason
    forty = {"name": np.array([f"p{index % 40}" for index in range(120)])}
    assert len(subgroups(forty, y_true, y_prob, ["accuracy"], "abc")) == 40


def test_without_columns_there_are_no_levels() -> None:
    y_true, y_prob, _ = case(60)
    assert subgroups({}, y_true, y_prob, NAMES, "abc") == ()


@pytest.mark.usefixtures("few")
def test_the_order_of_the_images_does_not_change_who_is_in_a_level() -> None:
    y_true, y_prob, _ = case(200)
    rng = np.random.default_rng(0)
    age = rng.integers(10, 90, 200)
    order = rng.permutation(200)
    one = subgroups({"age": age}, y_true, y_prob, ["accuracy"], "abc")
    other = subgroups({"age": age[order]}, y_true[order], y_prob[order], ["accuracy"], "abc")
    for here, there in zip(one, other, strict=True):
        assert (here.level, here.subset.n) == (there.level, there.subset.n)
        assert [score.value for score in here.subset.scores.values()] == [
            score.value for score in there.subset.scores.values()
        ]


def test_few_groups_give_a_value_and_no_interval_and_say_so() -> None:
    """Thirty images of three patients: resampling the patients would see next to no spread."""
    rng = np.random.default_rng(0)
    y_true = rng.integers(0, 2, 300)
    y_prob = np.eye(2)[np.where(rng.random(300) < 0.8, y_true, 1 - y_true)]
    groups = np.concatenate([np.repeat(["a", "b", "c"], 10), np.arange(270).astype(str)])
    part = score_subsets(
        y_true, y_prob, {"x": np.arange(300) < 30}, ["accuracy"], "ab", against="rest", groups=groups
    )["x"]
    assert part.reason == "fewer than 10 groups: no interval"
    assert part.scores["accuracy"].value == np.mean(y_prob.argmax(axis=1)[:30] == y_true[:30])
    assert part.scores["accuracy"].lo is None
    assert part.differences["accuracy"].lo is None
    assert part.differences["accuracy"].reason == part.reason


def test_absent_classes_are_told_apart_from_why_there_is_no_interval() -> None:
    y_true = np.array([0] * 30 + [1] * 30)
    y_prob = np.eye(3)[y_true]
    part = score_subsets(y_true, y_prob, {0: y_true == 0}, ["balanced_accuracy"], "abc", against="rest")[0]
    assert part.absent == ("b", "c")
    assert part.scores["balanced_accuracy"].reason == (
        "over the classes it shows; none of b, c; no interval: resampling sees no spread"
    )
