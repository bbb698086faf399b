"""Similarity of maps against scipy, a plain loop, and figures of scikit-image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from xaireport.explain.methods.cam import upsample
from xaireport.explain.trust.similarity import (
    overlap,
    rank_correlation,
    ssim,
    top_share,
    top_share_iou,
)


def maps(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).random(shape, np.float32)


@pytest.mark.parametrize(("grid", "shape"), [((7, 7), (28, 28)), ((3, 5), (10, 9)), ((2, 3, 4), (8, 9, 5))])
def test_a_stack_is_enlarged_like_each_map(grid: tuple[int, ...], shape: tuple[int, ...]) -> None:
    stack = maps(0, 4, *grid)
    big = upsample(stack, shape)
    assert big.dtype == np.float32
    np.testing.assert_array_equal(big, [upsample(each, shape) for each in stack])


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 5), st.integers(2, 5), st.integers(0, 999), st.booleans())
def test_rank_correlation_is_scipys(n: int, side: int, seed: int, ties: bool) -> None:
    a, b = maps(seed, n, side, side), maps(seed + 1, n, side, side)
    if ties:
        a, b = np.maximum(a - 0.5, 0), np.round(b, 1)
    found = rank_correlation(a, b)
    for i in range(n):
        if np.ptp(a[i]) == 0:
            assert np.isnan(found[i])
        elif np.ptp(b[i]) == 0:
            assert found[i] == 0
        else:
            assert found[i] == pytest.approx(spearmanr(a[i].ravel(), b[i].ravel()).statistic, abs=1e-9)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 40), st.integers(0, 999), st.sampled_from([rank_correlation, ssim, top_share_iou]))
def test_the_type_of_the_maps_does_not_decide_the_precision(side: int, seed: int, measure: Any) -> None:
    """Whatever a library makes of float32: the same values give the same figure."""
    a, b = maps(seed, 2, side, side), np.round(maps(seed + 1, 2, side, side), 1)
    found = measure(a, b)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, measure(a.astype(np.float64), b.astype(np.float64)))


def test_empty_maps() -> None:
    full, zero = maps(0, 1, 5, 5), np.zeros((1, 5, 5), np.float32)
    for measure in (rank_correlation, ssim, top_share_iou):
        assert np.isnan(measure(zero, full)[0]), measure.__name__
        assert measure(full, full)[0] == pytest.approx(1)
        assert measure(full, zero)[0] < 0.1
        assert measure(full[:0], full[:0]).shape == (0,)
    assert rank_correlation(full, zero)[0] == top_share_iou(full, zero)[0] == 0


def plain_ssim(a: Any, b: Any, side: int) -> float:
    """Each window by itself, variances with n - 1, as scikit-image has it by default."""
    values = []
    for at in np.ndindex(*(cells - side + 1 for cells in a.shape)):
        box = tuple(slice(i, i + side) for i in at)
        x, y = a[box].astype(np.float64).ravel(), b[box].astype(np.float64).ravel()
        covariance = np.cov(x, y)
        top = (2 * x.mean() * y.mean() + 0.01**2) * (2 * covariance[0, 1] + 0.03**2)
        low = (x.mean() ** 2 + y.mean() ** 2 + 0.01**2) * (covariance[0, 0] + covariance[1, 1] + 0.03**2)
        values.append(top / low)
    return float(np.mean(values))


@pytest.mark.parametrize(("shape", "side"), [((7, 7), 7), ((14, 9), 7), ((6, 6), 5), ((7, 8, 9), 7)])
def test_ssim_is_a_plain_loop(shape: tuple[int, ...], side: int) -> None:
    a, b = maps(3, 3, *shape), maps(4, 3, *shape)
    expected = [plain_ssim(x, y, side) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(ssim(a, b), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((14, 9), 0.9523646121808381), ((6, 6), 0.9432900250284861), ((7, 8, 9), 0.9525553240689374)],
)
def test_ssim_is_scikit_images(shape: tuple[int, ...], expected: float) -> None:
    """Computed once by structural_similarity of 0.26.0, win_size=7 (5 at 6 × 6) and data_range=1."""
    rows = np.indices(shape)
    first, second = (
        sum(step * at for step, at in zip(steps, rows, strict=False)) % 10 for steps in ((7, 3, 1), (4, 9, 2))
    )
    a, b = first / 9, (4 * first + second) / 45
    assert ssim(a[None].astype(np.float32), b[None].astype(np.float32))[0] == pytest.approx(
        expected, abs=1e-9
    )


def test_the_top_share_has_its_size_whatever_ties() -> None:
    stack = np.round(maps(5, 20, 6, 7), 1)
    np.testing.assert_allclose(top_share(stack).sum(axis=1), round(0.2 * 42))
    flat = np.zeros((1, 10), np.float32)
    np.testing.assert_allclose(top_share(flat), 0.2)  # no cell is above another
    one = np.array([[0, 0, 5, 1, 1]], np.float32)
    np.testing.assert_allclose(top_share(one, 0.4), [[0, 0, 1, 0.5, 0.5]])


def test_overlap_by_hand() -> None:
    a, b = np.array([[1.0, 1, 0, 0], [0, 0, 0, 0]]), np.array([[0.0, 1, 1, 0], [0, 0, 0, 0]])
    found = overlap(a, b)
    assert found[0] == pytest.approx(1 / 3)
    assert np.isnan(found[1])
    left, right = np.zeros((2, 1, 5, 5), np.float32)
    left[0, 0], right[0, 4] = 1, 1
    assert top_share_iou(left, right)[0] == 0
