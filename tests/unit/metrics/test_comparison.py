"""Variants two by two against statsmodels, SciPy, scikit-learn and cases worked by hand; coverage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Any

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, rankdata
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from xaireport.metrics import intervals
from xaireport.metrics.comparison import Answers, compare, holm
from xaireport.metrics.scores import evaluate
from xaireport.types.comparison import Comparisons, McNemar
from xaireport.types.evidence import Difference

OF_CONFUSION = ("accuracy", "balanced_accuracy", "macro_f1", "mcc")


def case(n: int = 300, k: int = 3, seed: int = 0, noise: float = 0.6) -> tuple[Any, Any, Any]:
    """Truth, and probabilities of two classifiers that see much the same."""
    rng = np.random.default_rng(seed)
    share = np.arange(k, 0, -1) / np.arange(k, 0, -1).sum()
    y_true = rng.choice(k, n, p=share)
    seen = 1.4 * np.eye(k)[y_true] + rng.normal(size=(n, k))
    return y_true, *(
        (powers := np.exp(seen + each * rng.normal(size=(n, k)))) / powers.sum(axis=1, keepdims=True)
        for each in (noise, 1.5 * noise)
    )


def answers(y_true: Any, y_prob: Any) -> Answers:
    return Answers(np.array([f"i{index}" for index in range(len(y_true))]), np.asarray(y_true), y_prob)


def compared(y_true: Any, first: Any, second: Any, scores: Any = OF_CONFUSION, **more: Any) -> Comparisons:
    both = {"a": answers(y_true, first), "b": answers(y_true, second)}
    return compare(both, [("a", "b")], scores, **more)


def differences(found: Comparisons) -> dict[str, Difference]:
    return {one.score: one.difference for one in found.differences}


def width(one: Difference) -> float:
    assert one.lo is not None
    assert one.hi is not None
    return one.hi - one.lo


def counted(y_true: Any, y_pred: Any) -> Any:
    return np.bincount(y_true * 3 + y_pred, minlength=9).reshape(3, 3)


def accuracy(y_true: Any, y_pred: Any) -> float:
    return float((y_true == y_pred).mean())


def balanced(y_true: Any, y_pred: Any) -> float:
    table = counted(y_true, y_pred)
    return float((table.diagonal() / table.sum(axis=1)).mean())


def macro_f1(y_true: Any, y_pred: Any) -> float:
    table = counted(y_true, y_pred)
    return float((2 * table.diagonal() / (table.sum(axis=0) + table.sum(axis=1))).mean())


def mcc(y_true: Any, y_pred: Any) -> float:
    """The correlation of the two indicator tables (Gorodkin 2004)."""
    shown, called = (np.eye(3)[each] - np.eye(3)[each].mean(axis=0) for each in (y_true, y_pred))
    return float((shown * called).sum() / np.sqrt((shown**2).sum() * (called**2).sum()))


def area(positive: Any, score: Any) -> float:
    p, n = positive.sum(), len(positive)
    return float((rankdata(score)[positive].sum() - p * (p + 1) / 2) / (p * (n - p)))


ORACLES: Mapping[str, Callable[[Any, Any], float]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced,
    "macro_f1": macro_f1,
    "mcc": mcc,
}
SKLEARN: Mapping[str, Callable[[Any, Any], float]] = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "macro_f1": lambda t, p: metrics.f1_score(t, p, average="macro"),
    "mcc": metrics.matthews_corrcoef,
    "macro_precision": lambda t, p: metrics.precision_score(t, p, average="macro"),
    "weighted_f1": lambda t, p: metrics.f1_score(t, p, average="weighted"),
}


# --- tests --------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=40))
def test_mcnemar_is_that_of_statsmodels_and_scipy(rows: list[tuple[int, int, int]]) -> None:
    y_true, first, second = np.array(rows).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "RESAMPLES", 10)
        (found,) = compared(y_true, np.eye(3)[first], np.eye(3)[second]).tests
    right_a, right_b = first == y_true, second == y_true
    table = [[(x & y).sum() for y in (right_b, ~right_b)] for x in (right_a, ~right_a)]
    assert (found.only_a, found.only_b) == (table[0][1], table[1][0])
    assert found.p == pytest.approx(mcnemar(table, exact=True).pvalue)
    if found.only_a + found.only_b:
        assert found.p == pytest.approx(binomtest(found.only_b, found.only_a + found.only_b).pvalue)
    assert found.p_holm == found.p  # a family of one


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.05, 1.0])), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_holm_is_that_of_statsmodels_within_the_family(drawn: list[tuple[float, bool]]) -> None:
    tests = [McNemar("parent", f"v{index}", 1, 1, p) for index, (p, _) in enumerate(drawn)]
    family = [("parent", f"v{index}") for index, (_, inside) in enumerate(drawn) if inside]
    found = holm(tests, family)
    assert [(one.b, one.p) for one in found] == [(one.b, one.p) for one in tests]
    inside = [one for one, (_, kept) in zip(found, drawn, strict=True) if kept]
    assert all(one.p_holm is None for one, (_, kept) in zip(found, drawn, strict=True) if not kept)
    if inside:
        expected = multipletests([one.p for one in inside], method="holm")[1]
        assert [one.p_holm for one in inside] == pytest.approx(expected.tolist())


def test_a_family_that_is_a_part_of_the_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 50)
    y_true, first, second = case(200)
    third, fourth = case(200, noise=2)[1:]
    four = (first, second, third, fourth)
    named = {name: answers(y_true, prob) for name, prob in zip("abcd", four, strict=True)}
    pairs = [("b", "a"), ("c", "a"), ("d", "a"), ("d", "c")]
    found = compare(named, pairs, ["accuracy"], family=pairs[:3])
    assert [(one.a, one.b) for one in found.tests] == pairs
    expected = multipletests([one.p for one in found.tests[:3]], method="holm")[1]
    assert [one.p_holm for one in found.tests[:3]] == pytest.approx(expected.tolist())
    assert found.tests[3].p_holm is None
    everything = compare(named, pairs, ["accuracy"])
    expected = multipletests([one.p for one in found.tests], method="holm")[1]
    assert [one.p_holm for one in everything.tests] == pytest.approx(expected.tolist())
    assert [one.p for one in everything.tests] == [one.p for one in found.tests]


def test_five_to_none_worked_by_hand() -> None:
    y_true = np.array([0, 1] * 5)
    second = np.where(np.arange(10) < 5, 1 - y_true, y_true)
    (found,) = compared(y_true, np.eye(2)[y_true], np.eye(2)[second], ["accuracy"]).tests
    assert (found.only_a, found.only_b) == (5, 0)
    assert found.p == pytest.approx(2 / 32)


# --- differences --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 3, 7])
def test_differences_are_those_of_scikit_learn(k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 100)
    y_true, first, second = case(400, k)
    found = differences(compared(y_true, first, second, [*SKLEARN, "auroc"]))
    for name, oracle in SKLEARN.items():
        expected = oracle(y_true, first.argmax(axis=1)) - oracle(y_true, second.argmax(axis=1))
        assert found[name].value == pytest.approx(expected), name
    areas = [
        metrics.roc_auc_score(y_true, each[:, 1])
        if k == 2
        else metrics.roc_auc_score(y_true, each, multi_class="ovr", average="macro")
        for each in (first, second)
    ]
    assert found["auroc"].value == pytest.approx(areas[0] - areas[1])


def test_scores_of_a_scale_and_of_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 200)
    y_true, first, second = case()
    costs = np.array([[0, 1, 4], [2, 0, 1], [9, 3, 0]])
    names = ["kappa_weighted", "expected_cost"]
    found = differences(compared(y_true, first, second, names, ordinal=True, cost_matrix=costs))
    calls = [each.argmax(axis=1) for each in (first, second)]
    kappa = [metrics.cohen_kappa_score(y_true, each, weights="quadratic") for each in calls]
    spent = [costs[y_true, each].mean() for each in calls]
    for name, (one, other) in zip(names, (kappa, spent), strict=True):
        assert found[name].value == pytest.approx(one - other)
        assert found[name].lo <= found[name].value <= found[name].hi  # type: ignore[operator]


@pytest.mark.parametrize("name", OF_CONFUSION)
def test_intervals_are_those_of_scipys_paired_bootstrap(name: str) -> None:
    y_true, first, second = case()
    calls = first.argmax(axis=1), second.argmax(axis=1)
    oracle = ORACLES[name]
    assert oracle(y_true, calls[0]) == pytest.approx(SKLEARN[name](y_true, calls[0]))
    (ours,) = compared(y_true, first, second, [name]).differences
    theirs = oracles.percentile_bootstrap(
        (y_true, *calls), lambda t, a, b: oracle(t, a) - oracle(t, b), paired=True, vectorized=False,
        n_resamples=2000,
    )  # fmt: skip
    assert ours.method == "paired bootstrap"
    found = ours.difference.lo, ours.difference.hi
    # Accuracy moves in steps of one image.
    assert found == pytest.approx(theirs, abs=0.1 * (theirs[1] - theirs[0]) + 1 / 300)


@pytest.mark.parametrize("k", [2, 3])
def test_delong_of_a_pair_against_the_bootstrap(k: int) -> None:
    y_true, first, second = case(400, k)
    (ours,) = compared(y_true, first, second, ["auroc"]).differences
    ranked = [1] if k == 2 else range(k)
    rng = np.random.default_rng(1)
    spread = []
    for _ in range(1000):
        at = rng.integers(0, 400, 400)
        one, other = (
            np.mean([area(y_true[at] == index, each[at, index]) for index in ranked])
            for each in (first, second)
        )
        spread.append(one - other)
    assert ours.method == "DeLong, paired"
    assert width(ours.difference) / 2 / 1.96 == pytest.approx(np.std(spread), rel=0.1)
    middle = (ours.difference.lo + ours.difference.hi) / 2  # type: ignore[operator]
    assert middle == pytest.approx(ours.difference.value)


def test_delong_of_a_pair_as_it_was_written() -> None:
    """Covariances of the structural components, pair by pair of images (DeLong et al. 1988, eq. 4 to 6)."""
    y_true, first, second = case(60, 2)
    positive = y_true == 1
    parts = []
    for each in (first[:, 1], second[:, 1]):
        ours, theirs = each[positive][:, None], each[~positive]
        wins = (ours > theirs) + 0.5 * (ours == theirs)
        parts.append((wins.mean(axis=1), wins.mean(axis=0)))
    s10, s01 = (np.cov([one[at] for one in parts]) for at in (0, 1))
    s = s10 / positive.sum() + s01 / (~positive).sum()
    half = NormalDist().inv_cdf(0.975) * float(np.array([1, -1]) @ s @ np.array([1, -1])) ** 0.5
    value = float(parts[0][0].mean() - parts[1][0].mean())
    found = differences(compared(y_true, first, second, ["auroc"]))["auroc"]
    assert (found.value, found.lo, found.hi) == pytest.approx((value, value - half, value + half))


def test_pairing_matters() -> None:
    """What is hard for both does not blur what sets them apart."""
    y_true, first, _ = case(500)
    second = first.copy()
    second[:15] = second[:15, ::-1]
    names = ("accuracy", "balanced_accuracy", "macro_f1", "mcc", "auroc")
    paired = differences(compared(y_true, first, second, names))
    alone = [evaluate(y_true, each, "abc").scores for each in (first, second)]
    for name in names:
        one, other = (each[name].hi - each[name].lo for each in alone)  # type: ignore[operator]
        unpaired = np.hypot(one, other)
        assert width(paired[name]) < 0.5 * unpaired, name


# --- what sees no spread ------------------------------------------------------------------------------------


def test_the_same_calls_have_no_interval() -> None:
    y_true, first, _ = case(60)
    found = differences(compared(y_true, first, first**2 / (first**2).sum(axis=1, keepdims=True)))
    for name in OF_CONFUSION:
        assert found[name].value == 0
        assert found[name].lo is found[name].hi is None
        assert "called differently" in found[name].reason


def test_the_same_probabilities_have_no_interval() -> None:
    y_true, first, _ = case(60)
    found = differences(compared(y_true, first, first, ["auroc"]))["auroc"]
    assert found.value == 0
    assert found.lo is found.hi is None
    assert found.reason


def test_wrong_in_another_way_is_no_interval_of_width_nought() -> None:
    y_true = np.arange(60) % 3
    found = differences(compared(y_true, np.eye(3)[(y_true + 1) % 3], np.eye(3)[(y_true + 2) % 3]))
    for name in ("accuracy", "balanced_accuracy"):
        assert found[name].value == 0
        assert found[name].lo is None, name
        assert found[name].reason


def test_a_single_image() -> None:
    found = compared([0], np.eye(2)[[1]], np.eye(2)[[0]], [*OF_CONFUSION, "auroc"])
    each = differences(found)
    assert (each["accuracy"].value, each["mcc"].value, each["auroc"].value) == (-1, None, None)
    for name, one in each.items():
        assert one.lo is None, name
        assert one.reason, name
    assert (found.tests[0].only_b, found.tests[0].p) == (1, 1.0)


@pytest.mark.parametrize("name", [*OF_CONFUSION, "auroc"])
def test_a_single_group_has_no_interval(name: str) -> None:
    y_true, first, second = case(60)
    found = differences(compared(y_true, first, second, [name], groups=np.zeros(60)))[name]
    assert found.value is not None
    assert found.lo is None
    assert found.reason


def test_images_of_one_class() -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.dirichlet(np.ones(2), 40) for _ in range(2))
    found = differences(compared(np.zeros(40, int), first, second, [*OF_CONFUSION, "auroc"]))
    assert found["auroc"].value is found["mcc"].value is None
    assert found["auroc"].reason
    assert found["mcc"].reason
    assert found["accuracy"].lo < found["accuracy"].hi  # type: ignore[operator]


def test_a_class_of_one_image_has_a_difference_of_aurocs_and_no_interval() -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.dirichlet(np.ones(2), 10) for _ in range(2))
    found = differences(compared(np.eye(10, dtype=int)[0], first, second, ["auroc"]))["auroc"]
    assert found.value is not None
    assert found.lo is None
    assert "single image" in found.reason


# --- who is compared ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["names", "labels", "order", "fewer"])
def test_a_variant_asked_other_images_is_left_out(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 50)
    y_true, first, second = case(50)
    good = answers(y_true, first)
    other = {
        "names": Answers(np.array([f"j{index}" for index in range(50)]), y_true, second),
        "labels": Answers(good.sample_id, np.r_[(y_true[0] + 1) % 3, y_true[1:]], second),
        "order": Answers(good.sample_id[::-1], y_true[::-1], second[::-1]),
        "fewer": Answers(good.sample_id[:-1], y_true[:-1], second[:-1]),
    }[what]
    named = {"a": good, "odd": other, "b": answers(y_true, second)}
    found = compare(named, [("a", "odd"), ("a", "b"), ("odd", "b")], ["accuracy", "auroc"])
    assert list(found.left_out) == ["odd"]
    assert "names or labels" in found.left_out["odd"]
    assert {(one.a, one.b) for one in found.differences} == {("a", "b")}
    assert [(one.a, one.b, one.p_holm is None) for one in found.tests] == [("a", "b", False)]
    assert found.test_sha256 == good.test_sha256 != other.test_sha256


def test_nothing_to_compare() -> None:
    assert compare({}, [], ["accuracy"]).differences == ()
    y_true, first, _ = case(30)
    found = compare({"a": answers(y_true, first)}, [], ["accuracy"])
    assert (found.differences, found.tests, found.left_out) == ((), (), {})


# --- properties ---------------------------------------------------------------------------------------------


def test_groups_are_resampled_together() -> None:
    """Every image twice over: with groups as sure as once, without surer by √2 than it is."""
    y_true, first, second = case(200)
    twice = {"y_true": y_true, "first": first, "second": second}
    doubled = {name: np.repeat(each, 2, axis=0) for name, each in twice.items()}
    names = [*OF_CONFUSION, "auroc"]
    once = differences(compared(y_true, first, second, names))
    grouped = compared(**doubled, scores=names, groups=np.repeat(np.arange(200), 2))
    honest, naive = differences(grouped), differences(compared(**doubled, scores=names))
    for name in names:
        assert honest[name].value == pytest.approx(once[name].value), name
        assert width(honest[name]) == pytest.approx(width(once[name]), rel=0.04), name
        assert width(naive[name]) == pytest.approx(width(once[name]) / 2**0.5, rel=0.1), name
    methods = ["cluster bootstrap"] * 4 + ["DeLong, clustered, paired"]
    assert [one.method for one in grouped.differences] == methods


def test_four_images_worked_by_hand() -> None:
    """One image speaks for ``a``, one for ``b``: resampled, the difference of accuracies runs from -1 to 1.

    It is (n2 - n4) / 4 where n2 and n4 are how often the two are drawn: -1 with chance 1/256, at most -3/4
    with 9/256, so that the bounds at 1/40 and 39/40 are -3/4 and 3/4.
    """
    y_true = np.array([0, 0, 1, 1])
    first, second = np.eye(2)[[0, 0, 1, 0]], np.eye(2)[[0, 1, 1, 1]]
    found = compared(y_true, first, second, ["accuracy", "balanced_accuracy"])
    each = differences(found)
    assert each["accuracy"] == Difference(0.0, -0.75, 0.75)
    assert each["balanced_accuracy"].value == 0
    assert (found.tests[0].only_a, found.tests[0].only_b, found.tests[0].p) == (1, 1, 1.0)
    assert found.level == 0.95


def test_the_same_seed_gives_the_same_bounds() -> None:
    y_true, first, second = case(100)
    one, two, other = (compared(y_true, first, second, seed=seed) for seed in (0, 0, 1))
    assert one == two
    assert differences(one)["mcc"].lo != differences(other)["mcc"].lo
    assert differences(one)["mcc"].value == differences(other)["mcc"].value


def test_the_other_way_round_is_the_negative() -> None:
    y_true, first, second = case(150)
    named = {"a": answers(y_true, first), "b": answers(y_true, second)}
    names = [*OF_CONFUSION, "auroc"]
    found = compare(named, [("a", "b"), ("b", "a")], names)
    half = len(names)
    for one, other in zip(found.differences[:half], found.differences[half:], strict=True):
        ours, theirs = one.difference, other.difference
        assert (ours.value, ours.lo, ours.hi) == pytest.approx(
            (-theirs.value, -theirs.hi, -theirs.lo)  # type: ignore[operator]
        )
    one_way, back = found.tests
    assert (one_way.only_a, one_way.only_b, one_way.p) == (back.only_b, back.only_a, back.p)


def test_a_third_variant_changes_nothing() -> None:
    y_true, first, second = case(100)
    alone = compared(y_true, first, second)
    three = {"a": first, "b": second, "c": first[:, ::-1]}
    named = {name: answers(y_true, prob) for name, prob in three.items()}
    together = compare(named, [("a", "b")], OF_CONFUSION)
    assert together.differences == alone.differences


def test_a_rare_class_does_not_push_the_difference_out_of_its_interval() -> None:
    """Both know every image of five classes of one image each; one makes a few mistakes in a large class."""
    y_true = np.repeat(np.arange(7), [100, 60, 1, 1, 1, 1, 1])
    second = np.where(np.arange(165) % 20 == 0, 1 - np.minimum(y_true, 1), y_true)
    names = ("macro_precision", "macro_recall", "macro_f1", "balanced_accuracy")
    found = differences(compared(y_true, np.eye(7)[y_true], np.eye(7)[second], names))
    for name, one in found.items():
        assert one.lo <= one.value <= one.hi, name  # type: ignore[operator]


@pytest.mark.slow
def test_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nominal 95 % intervals hold the difference on all images in 92 to 97.5 % of test sets."""
    monkeypatch.setattr(intervals, "RESAMPLES", 2000)
    share = np.array([0.5, 0.3, 0.2])
    called = {
        "a": np.array([[0.85, 0.1, 0.05], [0.15, 0.75, 0.1], [0.1, 0.2, 0.7]]),
        "b": np.array([[0.9, 0.06, 0.04], [0.25, 0.65, 0.1], [0.15, 0.25, 0.6]]),
    }
    alike = 0.7  # of the images both are called by one and the same throw
    names = ("accuracy", "balanced_accuracy")

    def drawn(rng: np.random.Generator, n: int) -> tuple[Any, dict[str, Any]]:
        y_true = rng.choice(3, n, p=share)
        throw, own, same = rng.random(n), rng.random(n), rng.random(n) < alike
        throws = {"a": throw, "b": np.where(same, throw, own)}
        calls = {
            name: (table[y_true].cumsum(axis=1)[:, :2] < throws[name][:, None]).sum(axis=1)
            for name, table in called.items()
        }
        return y_true, calls

    y_true, calls = drawn(np.random.default_rng(1), 4_000_000)
    truth = {name: ORACLES[name](y_true, calls["a"]) - ORACLES[name](y_true, calls["b"]) for name in names}
    held = dict.fromkeys(names, 0)
    rounds = 400
    rng = np.random.default_rng(0)
    for seed in range(rounds):
        y_true, calls = drawn(rng, 500)
        found = compared(y_true, np.eye(3)[calls["a"]], np.eye(3)[calls["b"]], names, seed=seed)
        for name, one in differences(found).items():
            held[name] += one.lo <= truth[name] <= one.hi  # type: ignore[operator]
    covered = {name: count / rounds for name, count in held.items()}
    assert all(0.92 <= each <= 0.975 for each in covered.values()), covered
