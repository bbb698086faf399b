"""Intervals against statsmodels, SciPy, scikit-learn and cases worked by hand; their coverage, slowly."""

from __future__ import annotations

from typing import Any

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, matthews_corrcoef, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from xaireport.errors import DataError
from xaireport.metrics import intervals
from xaireport.metrics.resampled import confusion_scores
from xaireport.metrics.scores import evaluate

CLASSES = ("a", "b", "c")


def case(n: int = 300, seed: int = 0, skill: float = 0.6) -> tuple[Any, Any]:
    """Truth and probabilities of a middling classifier of unequal classes."""
    rng = np.random.default_rng(seed)
    y_true = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    y_prob = rng.dirichlet(np.ones(3), n)
    y_prob[np.arange(n), y_true] += skill
    return y_true, y_prob / y_prob.sum(axis=1, keepdims=True)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_that_of_statsmodels(pair: tuple[int, int]) -> None:
    successes, n = pair
    found = intervals.wilson(successes, n)
    assert found == pytest.approx(proportion_confint(successes, n, method="wilson"), abs=1e-12)
    assert 0 <= found[0] <= successes / n <= found[1] <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=9, max_size=9).filter(lambda cells: sum(cells) > 0))
def test_many_confusions_at_once_are_scored_as_one(cells: list[int]) -> None:
    confusion = np.array(cells).reshape(3, 3)
    y_true, y_pred = (np.repeat(axis.reshape(-1), cells) for axis in np.indices((3, 3)))
    one = evaluate(y_true, np.eye(3)[y_pred], CLASSES)
    many = confusion_scores(np.stack([confusion, np.eye(3, dtype=int)]))
    for name, score in one.scores.items():
        if name in many:
            expected = np.nan if score.value is None else score.value
            np.testing.assert_allclose(many[name][0], expected, atol=1e-12, err_msg=name)
    for name in ("precision", "recall", "f1"):
        values = [getattr(each, name).value for each in one.per_class]
        np.testing.assert_allclose(many[name][0], [np.nan if v is None else v for v in values], atol=1e-12)
    assert many["mcc"][1] == pytest.approx(1)


def test_four_images_worked_by_hand() -> None:
    """Three of four right, one wrong: Wilson of 3/4, and resampling sees accuracies of 0, 1/4, …, 1."""
    y_true, y_pred = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0])
    found = evaluate(y_true, np.eye(2)[y_pred], ("no", "yes"))
    accuracy = found.scores["accuracy"]
    assert (accuracy.value, accuracy.method, accuracy.level) == (0.75, "Wilson", 0.95)
    assert (accuracy.lo, accuracy.hi) == (pytest.approx(0.3006, abs=1e-4), pytest.approx(0.9544, abs=1e-4))
    resampled = np.concatenate(list(intervals.resampled_confusions(np.array([[2, 0], [1, 1]]), 0)))
    values = confusion_scores(resampled)["accuracy"]
    share = [(values == k / 4).mean() for k in range(5)]
    np.testing.assert_allclose(share, [1 / 256, 12 / 256, 54 / 256, 108 / 256, 81 / 256], atol=0.015)


@pytest.mark.parametrize(
    ("name", "oracle"),
    [
        ("balanced_accuracy", balanced_accuracy_score),
        ("macro_f1", lambda t, p: f1_score(t, p, average="macro", zero_division=0)),
        ("mcc", matthews_corrcoef),
    ],
)
def test_the_multinomial_bootstrap_is_scipys_percentile_bootstrap(name: str, oracle: Any) -> None:
    y_true, y_prob = case()
    y_pred = y_prob.argmax(axis=1)
    ours = evaluate(y_true, y_prob, CLASSES).scores[name]
    theirs = oracles.percentile_bootstrap(
        (y_true, y_pred), oracle, paired=True, vectorized=False, n_resamples=1500
    )
    width = ours.hi - ours.lo  # type: ignore[operator]
    assert ours.method == "multinomial bootstrap"
    assert (ours.lo, ours.hi) == pytest.approx(theirs, abs=0.1 * width)


@pytest.mark.parametrize("k", [2, 3])
def test_delong_against_the_bootstrap(k: int) -> None:
    y_true, y_prob = case()
    if k == 2:
        keep = y_true < 2
        y_true, y_prob = y_true[keep], y_prob[keep][:, :2] / y_prob[keep][:, :2].sum(axis=1, keepdims=True)

    def auroc(t: Any, p: Any) -> float:
        if k == 2:
            return float(roc_auc_score(t, p[:, 1]))
        return float(np.mean([roc_auc_score(t == i, p[:, i]) for i in range(3)]))

    ours = evaluate(y_true, y_prob, CLASSES[:k]).scores["auroc"]
    rng = np.random.default_rng(3)
    drawn = (rng.integers(0, len(y_true), len(y_true)) for _ in range(600))
    spread = np.std([auroc(y_true[i], y_prob[i]) for i in drawn])
    assert ours.value == pytest.approx(auroc(y_true, y_prob))
    assert (ours.hi - ours.lo) / 2 / 1.96 == pytest.approx(spread, rel=0.12)  # type: ignore[operator]


def test_influences_of_an_auroc_by_hand() -> None:
    """Positives 3 and 1, negatives 2 and 1 (a tie): pairs won 1, 1, 0, 1/2, so that the area is 5/8."""
    positive, score = np.array([True, True, False, False]), np.array([3.0, 1.0, 2.0, 1.0])
    found = intervals.auroc_influence(positive, score)
    # Components 1, 1/4 of the positives and 1/2, 3/4 of the negatives, less 5/8, times n over their number,
    # times √(2 / 1): so that the squares add up to S10 / 2 + S01 / 2 with S10 = 9/32 and S01 = 1/32.
    np.testing.assert_allclose(found, np.array([0.75, -0.75, -0.25, 0.25]) * 2**0.5)
    assert (found**2).sum() / 16 == pytest.approx((9 / 32 + 1 / 32) / 2)
    assert intervals.mean_interval(0.625, np.zeros(4), None) == (0.625, 0.625)


def test_groups_are_resampled_together() -> None:
    """Every image twice over: treated as independent it looks surer by √2 than it is."""
    y_true, y_prob = case(200)
    doubled = np.repeat(y_true, 2), np.repeat(y_prob, 2, axis=0)
    single = evaluate(y_true, y_prob, CLASSES)
    naive = evaluate(*doubled, CLASSES)
    honest = evaluate(*doubled, CLASSES, groups=np.repeat([f"g{i}" for i in range(200)], 2))
    for name in ("balanced_accuracy", "macro_f1", "mcc", "auroc", "log_loss"):
        one, two, three = (each.scores[name] for each in (single, naive, honest))
        width = {each: each.hi - each.lo for each in (one, two, three)}  # type: ignore[operator]
        assert width[two] == pytest.approx(width[one] / 2**0.5, rel=0.08), name
        assert width[three] == pytest.approx(width[one], rel=0.08), name
        assert "cluster" in three.method, name
        assert three.value == two.value
    assert honest.scores["accuracy"].method == "cluster bootstrap"


def test_a_perfect_class_has_wilsons_interval_with_groups_too() -> None:
    y_true = np.array([0] * 23 + [1] * 20)
    y_prob = np.eye(2)[np.where(np.arange(43) < 30, 0, 1)]
    found = evaluate(y_true, y_prob, ("a", "b"), groups=np.arange(43) // 2)
    recall = found.per_class[0].recall
    assert (recall.value, recall.method) == (1.0, "Wilson over groups")
    assert (recall.lo, recall.hi) == (pytest.approx(intervals.wilson(12, 12)[0]), 1.0)  # 23 images, 12 groups


def test_rare_classes_that_drop_out_of_a_resample_do_not_pull_the_mean_down() -> None:
    y_true = np.repeat(np.arange(7), [100, 60, 1, 1, 1, 1, 1])
    y_prob = np.eye(7)[np.where(np.arange(165) % 11 == 0, 0, y_true)]
    found = evaluate(y_true, y_prob, [f"c{i}" for i in range(7)])
    for name in ("macro_recall", "macro_precision", "macro_f1"):
        score = found.scores[name]
        assert score.lo <= score.value <= score.hi, name  # type: ignore[operator]
    perfect = evaluate(y_true, np.eye(7)[y_true], [f"c{i}" for i in range(7)])
    assert perfect.scores["macro_f1"].value == 1
    assert perfect.scores["macro_f1"].lo is None  # no spread seen is no interval of width nought


@pytest.mark.parametrize("groups", [None, [0] * 30])
def test_without_spread_there_is_no_interval(groups: list[int] | None) -> None:
    y_true = np.arange(30) % 3
    prob = np.eye(3)[y_true if groups is None else np.where(np.arange(30) < 9, y_true, (y_true + 1) % 3)]
    found = evaluate(y_true, prob, CLASSES, groups=groups)
    for name in ("mcc", "macro_f1", "auroc", "log_loss", *(("accuracy",) if groups else ())):
        assert found.scores[name].lo is None, name


def test_one_image_of_a_class_gives_its_auroc_no_interval() -> None:
    y_true = np.array([0, 0, 0, 1])
    found = evaluate(y_true, [[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.5, 0.5]], ("a", "b"))
    assert found.scores["auroc"].value == pytest.approx(2 / 3)
    assert found.scores["auroc"].lo is None


def test_what_is_undefined_has_no_interval() -> None:
    found = evaluate(np.array([0, 0, 1]), np.eye(3)[[0, 0, 0]], CLASSES)
    assert found.scores["mcc"].lo is None
    assert found.per_class[2].recall.lo is None
    assert found.per_class[1].precision.lo is None


def test_the_same_seed_gives_the_same_bounds_and_holds_the_value() -> None:
    y_true, y_prob = case()
    first, second, other = (evaluate(y_true, y_prob, CLASSES, seed=seed) for seed in (0, 0, 1))
    assert first == second
    assert first.scores["mcc"].lo != other.scores["mcc"].lo
    for score in (*first.scores.values(), *(each.f1 for each in first.per_class)):
        assert score.lo <= score.value <= score.hi  # type: ignore[operator]
        assert score.level == 0.95


def test_groups_that_do_not_fit_are_refused() -> None:
    y_true, y_prob = case(9)
    with pytest.raises(DataError, match="one per image"):
        evaluate(y_true, y_prob, CLASSES, groups=np.arange(8))


@pytest.mark.slow
def test_coverage() -> None:
    """Nominal 95 % intervals hold the value that the system has on all images in 92.5 to 97 % of samples."""
    share = np.array([0.03, 0.05, 0.11, 0.02, 0.11, 0.66, 0.02])
    rng = np.random.default_rng(0)
    right = 0.75 * np.eye(7) + 0.25 * rng.dirichlet(np.ones(7), 7)
    cells = share[:, None] * right
    truth = {name: values[0] for name, values in confusion_scores(cells[None] * 1e6).items()}
    names = ("accuracy", "balanced_accuracy", "macro_f1", "mcc")
    held = dict.fromkeys(names, 0)
    rounds, n = 400, 2005
    for seed in range(rounds):
        confusion = rng.multinomial(n, cells.reshape(-1)).reshape(7, 7)
        drawn = np.concatenate(list(intervals.resampled_confusions(confusion, seed)))
        resampled = confusion_scores(drawn)
        for name in names:
            if name == "accuracy":
                bounds = intervals.wilson(int(np.trace(confusion)), n)
            else:
                bounds = intervals.percentile(resampled[name])  # type: ignore[assignment]
            held[name] += bounds[0] <= truth[name] <= bounds[1]
    assert {name: 0.925 <= count / rounds <= 0.97 for name, count in held.items()} == dict.fromkeys(
        names, True
    ), held
