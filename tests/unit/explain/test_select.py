from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xaireport.explain import select


def case(n: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, k, n), rng.dirichlet(np.ones(k), n).astype(np.float32)


def test_by_hand() -> None:
    y_true = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1])
    p0 = np.array([0.6, 0.9, 0.9, 0.7, 0.2, 0.1, 0.4, 0.3, 0.8])
    y_prob = np.stack([p0, 1 - p0], axis=1).astype(np.float32)
    chosen = [(c.index, c.chosen) for c in select.examples(y_true, y_prob, seed=0)]
    hit, miss = "most confident hit", "most confident miss"
    of_0 = [(1, hit), (2, hit), (3, hit), (5, miss), (4, miss)]
    assert chosen[:5] == of_0
    assert chosen[5][0] in (0, 6)
    assert chosen[5][1] == "random"
    assert chosen[6:] == [(7, hit), (8, miss)]


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 999))
def test_examples_are_distinct_and_follow_their_rules(n: int, k: int, seed: int) -> None:
    y_true, y_prob = case(n, k, seed)
    chosen = select.examples(y_true, y_prob, seed)
    assert chosen == select.examples(y_true, y_prob, seed)
    assert len({c.index for c in chosen}) == len(chosen)
    y_pred, confidence = y_prob.argmax(1), y_prob.max(1)
    for label in range(k):
        mine = [c for c in chosen if y_true[c.index] == label]
        for rule, want, most in (("hit", True, select.HITS), ("miss", False, select.MISSES)):
            group = np.flatnonzero((y_true == label) & ((y_pred == label) == want))
            shown = [c.index for c in mine if c.chosen == f"most confident {rule}"]
            assert len(shown) == min(most, len(group))
            assert sorted(confidence[group])[::-1][: len(shown)] == list(confidence[shown])
        rest = np.count_nonzero(y_true == label) - sum(c.chosen != "random" for c in mine)
        assert sum(c.chosen == "random" for c in mine) == min(select.RANDOM, rest)


def test_a_class_nobody_predicts_and_one_without_images() -> None:
    y_true = np.array([0, 0, 1, 1])
    y_prob = np.tile(np.array([0.8, 0.1, 0.1], np.float32), (4, 1))
    chosen = select.examples(y_true, y_prob, 0)
    assert Counter((int(y_true[c.index]), c.chosen) for c in chosen) == {
        (0, "most confident hit"): 2,
        (1, "most confident miss"): 2,
    }


def test_random_cases_depend_on_the_seed() -> None:
    y_true, y_prob = case(400, 3, 0)
    drawn = {
        tuple(c.index for c in select.examples(y_true, y_prob, seed) if c.chosen == "random")
        for seed in range(5)
    }
    assert len(drawn) == 5


@settings(deadline=None)
@given(st.integers(2, 14), st.integers(0, 999))
def test_common_images_are_per_class_and_bounded(k: int, seed: int) -> None:
    y_true = np.random.default_rng(seed).integers(0, k, 300)
    chosen = select.common(y_true, k, seed)
    assert chosen == select.common(y_true.copy(), k, seed)
    counts = Counter(int(y_true[c.index]) for c in chosen)
    assert set(counts.values()) == {2 if k <= 3 else 1}
    assert len(counts) == min(k, 10)
    assert len({c.index for c in chosen}) == len(chosen)


def test_common_images_without_a_class() -> None:
    chosen = select.common(np.array([0, 0, 2]), 3, 0)
    assert Counter(c.index for c in chosen) == {0: 1, 1: 1, 2: 1}


@settings(deadline=None)
@given(st.integers(0, 60), st.integers(0, 99))
def test_the_gallery_is_in_the_order_of_the_test_set(n: int, seed: int) -> None:
    indices = [c.index for c in select.gallery(n, seed)]
    assert indices == sorted(set(indices))
    assert len(indices) == min(n, select.GALLERY)
    assert all(0 <= i < n for i in indices)
