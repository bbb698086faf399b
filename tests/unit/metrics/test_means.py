"""Means per image with their intervals: coverage, pairing, groups, and what has none."""

from __future__ import annotations

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xaireport.errors import DataError
from xaireport.metrics import intervals, means
from xaireport.metrics.intervals import wilson
from xaireport.metrics.means import measure, over_seeds


def test_a_mean_its_control_and_the_paired_difference() -> None:
    rng = np.random.default_rng(0)
    control = rng.normal(0, 5, 300)
    values = control + 1 + rng.normal(0, 0.1, 300)
    found = measure(values, {"random": control})
    assert found.value == pytest.approx(values.mean())
    assert found.controls["random"].value == pytest.approx(control.mean())
    difference = found.controls["random"].difference
    assert difference.value == pytest.approx((values - control).mean())
    assert found.lo is not None
    assert found.hi is not None
    assert difference.lo is not None
    assert difference.hi is not None
    reach = 1.96 * values.std() / 300**0.5
    assert found.hi - found.lo == pytest.approx(2 * reach, rel=0.05)
    assert difference.hi - difference.lo == pytest.approx(2 * 1.96 * 0.1 / 300**0.5, rel=0.15)


def test_only_images_where_all_is_known_count() -> None:
    values = np.array([1.0, np.nan, 3.0, 5.0])
    control = np.array([0.0, 0.0, np.nan, 1.0])
    found = measure(values, {"chance": control})
    assert (found.value, found.n, found.controls["chance"].value) == (3, 2, 0.5)


def test_groups_are_resampled_whole() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(60), 5)
    values = rng.normal(size=60)[groups] + rng.normal(0, 0.1, 300)
    alone, together = measure(values, {}), measure(values, {}, groups=groups)
    assert together.value == alone.value
    assert None not in (alone.lo, alone.hi, together.lo, together.hi)
    assert together.hi - together.lo > 2 * (alone.hi - alone.lo)  # type: ignore[operator]


def test_all_or_none_has_wilsons_interval() -> None:
    found = measure(np.zeros(50), {})
    assert (found.value, found.lo, found.hi) == (0, *wilson(0, 50))
    grouped = measure(np.ones(50), {}, groups=np.arange(50) // 5)
    assert (grouped.lo, grouped.hi) == wilson(10, 10)


def test_what_has_no_interval_says_why() -> None:
    none = measure(np.full(3, np.nan), {"chance": np.zeros(3)})
    assert (none.value, none.n, none.reason) == (None, 0, "no image could be measured")
    assert none.controls["chance"].value is None
    one = measure(np.array([0.5]), {"chance": np.array([0.1])})
    assert (one.value, one.lo, one.reason) == (0.5, None, "no interval: one image")
    assert one.controls["chance"].difference.value == pytest.approx(0.4)
    same = measure(np.array([0.5, 0.7]), {}, groups=["a", "a"])
    assert same.reason == "no interval: all images are of one group"


def test_as_many_groups_as_values() -> None:
    values = np.array([0.5, np.nan, 0.7])
    with pytest.raises(DataError, match=r"groups of shape \(3,\)"):
        measure(values, {}, groups=["a", "b"])


def test_intervals_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of skewed values in groups: 400 samples, 95 % nominal."""
    monkeypatch.setattr(intervals, "RESAMPLES", 800)
    rng = np.random.default_rng(2)
    inside = np.zeros(2)
    for _ in range(400):
        sizes = rng.integers(1, 4, 60)
        groups = np.repeat(np.arange(60), sizes)
        values = rng.beta(2, 5, 60)[groups] * 0.7 + 0.3 * rng.random(len(groups))
        control = rng.random(len(groups))
        found = measure(values, {"random": control}, groups=groups, seed=int(rng.integers(1000)))
        true = 0.7 * 2 / 7 + 0.15
        difference = found.controls["random"].difference
        inside += [found.lo <= true <= found.hi, difference.lo <= true - 0.5 <= difference.hi]  # type: ignore[operator]
    assert (inside / 400 > 0.915).all(), inside
    assert (inside / 400 < 0.985).all(), inside


def test_a_paired_difference_is_narrower_than_an_unpaired_one() -> None:
    rng = np.random.default_rng(3)
    control = rng.normal(size=200)
    values = control + rng.normal(0, 0.3, 200)
    paired = measure(values, {"random": control}).controls["random"].difference
    unpaired = measure(values, {"random": rng.permutation(control)}).controls["random"].difference
    assert paired.value == pytest.approx(unpaired.value)
    assert None not in (paired.lo, paired.hi, unpaired.lo, unpaired.hi)
    assert paired.hi - paired.lo < 0.5 * (unpaired.hi - unpaired.lo)  # type: ignore[operator]


def test_the_interval_is_scipys() -> None:
    rng = np.random.default_rng(4)
    values = rng.beta(2, 5, 200)
    control = 0.8 * values + 0.2 * rng.random(200)
    found = measure(values, {"random": control})
    difference = found.controls["random"].difference
    for lo, hi, column in (
        (found.lo, found.hi, values),
        (difference.lo, difference.hi, values - control),
    ):
        expected = oracles.percentile_bootstrap((column,), np.mean, seed=0, n_resamples=10_000)
        assert (lo, hi) == pytest.approx(expected, abs=0.05 * (expected[1] - expected[0]))


def test_over_seeds_by_hand() -> None:
    found = over_seeds(np.array([0.1, 0.2, 0.3, np.nan]))
    assert (found.value, found.n) == (pytest.approx(0.2), 3)
    assert found.hi - found.value == pytest.approx(4.302653 * 0.1 / 3**0.5, rel=1e-5)  # type: ignore[operator]
    assert over_seeds(np.array([0.1])).reason == "no interval: one repetition"
    assert over_seeds(np.array([np.nan])).value is None


@settings(deadline=None, max_examples=15)
@given(st.lists(st.floats(-5, 5), min_size=3, max_size=30), st.floats(-3, 3))
def test_a_shift_moves_everything(values: list[float], shift: float) -> None:
    here, there = measure(np.array(values), {}), measure(np.array(values) + shift, {})
    assert here.value is not None
    assert there.value == pytest.approx(here.value + shift, abs=1e-6)
    if here.lo is not None and not set(np.add(values, shift)) <= {0.0, 1.0} and not set(values) <= {0.0, 1.0}:
        assert here.lo <= here.value + 1e-6
        assert there.lo == pytest.approx(here.lo + shift, abs=1e-4)


def test_constants() -> None:
    assert means.LEVEL == intervals.LEVEL
