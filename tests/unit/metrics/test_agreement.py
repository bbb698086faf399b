"""Agreement of two models: a case worked by hand, scikit-learn, and properties of any predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, recall_score

from xaireport.errors import DataError
from xaireport.metrics.agreement import agreement

CLASSES = ("a", "b", "c")


def certain(labels: Any, p: float = 0.8) -> np.ndarray[Any, Any]:
    """Probabilities that say so."""
    rows = np.full((len(labels), 3), (1 - p) / 2)
    rows[np.arange(len(labels)), labels] = p
    return rows


def test_four_images_worked_by_hand() -> None:
    ids = np.array(["w", "x", "y", "z"])
    y_true = np.array([0, 0, 1, 2])
    found = agreement(ids, y_true, certain([0, 1, 1, 0]), certain([1, 0, 1, 1], 0.6), CLASSES)
    assert (found.n, found.same) == (4, 1)
    told = [(flip.sample_id, flip.y_from, flip.y_to, flip.effect) for flip in found.flips]
    assert told == [("w", 0, 1, "lost"), ("x", 1, 0, "gained"), ("z", 0, 1, "neither")]
    assert [(flip.p_from, flip.p_to) for flip in found.flips] == [pytest.approx((0.8, 0.6))] * 3
    first = found.per_class[0]
    assert (first.label, first.n, first.right_from, first.right_to, first.gained, first.lost) == (
        "a", 2, 1, 1, 1, 1,
    )  # fmt: skip


def test_the_surest_come_first_within_an_effect() -> None:
    y_true = np.zeros(3, np.int64)
    second = np.concatenate([certain([1], p) for p in (0.5, 0.9, 0.7)])
    found = agreement(np.array(["a", "b", "c"]), y_true, certain([0, 0, 0]), second, CLASSES)
    assert [flip.sample_id for flip in found.flips] == ["b", "c", "a"]


@settings(deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=40))
def test_counts_belong_together(triples: list[tuple[int, int, int]]) -> None:
    y_true, one, two = (np.array(column) for column in zip(*triples, strict=True))
    ids = np.array([f"{i}" for i in range(len(y_true))])
    found = agreement(ids, y_true, certain(one), certain(two), CLASSES)
    assert found.same == round(accuracy_score(one, two) * len(one))
    assert found.same + len(found.flips) == found.n
    for side, predicted in (("right_from", one), ("right_to", two)):
        right = sum(getattr(each, side) for each in found.per_class)
        assert right == round(accuracy_score(y_true, predicted) * len(y_true))
    for i, each in enumerate(found.per_class):
        assert each.right_to - each.right_from == each.gained - each.lost
        if each.n:
            recall = recall_score(y_true, two, labels=[i], average="macro", zero_division=0)
            assert each.right_to / each.n == pytest.approx(recall)
    effects = [flip.effect for flip in found.flips]
    assert effects.count("lost") == sum(each.lost for each in found.per_class)
    assert effects.count("gained") == sum(each.gained for each in found.per_class)


def test_a_model_agrees_with_itself() -> None:
    y_true = np.array([0, 1, 2])
    found = agreement(np.array(["a", "b", "c"]), y_true, certain([0, 0, 0]), certain([0, 0, 0]), CLASSES)
    assert (found.same, found.flips) == (3, ())


@pytest.mark.parametrize("broken", ["ids", "first", "second", "empty"])
def test_what_does_not_belong_together_is_refused(broken: str) -> None:
    n = 0 if broken == "empty" else 3
    ids, y_true = np.array(["x"] * n), np.zeros(n, np.int64)
    first, second = certain(y_true), certain(y_true)
    if broken == "ids":
        ids = ids[:2]
    if broken == "first":
        first = first[:2]
    if broken == "second":
        second = second[:, :2]
    with pytest.raises(DataError, match="the same images"):
        agreement(ids, y_true, first, second, CLASSES)
