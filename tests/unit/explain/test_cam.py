from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from tolerance import allowed

from xaireport.errors import ModelError
from xaireport.explain.methods.cam import (
    REDUCTIONS,
    ZERO_GUARD,
    gradcam,
    gradcam_plus_plus,
    hirescam,
    layercam,
    normalise,
    upsample,
)


def test_by_hand() -> None:
    """Two channels on 1 × 2 cells: weights are mean gradients, 2 and -1."""
    activations = np.array([[[[1.0, 3.0], [4.0, 2.0]]]], np.float32)
    gradients = np.array([[[[3.0, -2.0], [1.0, 0.0]]]], np.float32)
    maps, zero = gradcam(activations, gradients)  # cells: 2·1 - 3 = -1 -> 0, 2·4 - 2 = 6 -> 1
    assert maps.dtype == np.float32
    assert maps.tolist() == [[[0.0, 1.0]]]
    assert zero.tolist() == [False]


def test_hirescam_and_layercam_by_hand() -> None:
    """One channel on three cells, and what each method makes of a negative slope."""
    activations = np.array([[[[2.0], [3.0], [1.0]]]], np.float32)
    gradients = np.array([[[[1.0], [-1.0], [4.0]]]], np.float32)
    assert hirescam(activations, gradients)[0].tolist() == [[[0.5, 0.0, 1.0]]]  # 2, -3, 4
    assert layercam(activations, gradients)[0].tolist() == [[[0.5, 0.0, 1.0]]]
    assert gradcam(activations, gradients)[0].ravel().tolist() == pytest.approx([2 / 3, 1, 1 / 3])
    # Activations that may be negative: LayerCAM takes only slopes upwards, HiResCAM both.
    activations = np.array([[[[-2.0], [3.0]]]], np.float32)
    gradients = np.array([[[[-1.0], [1.0]]]], np.float32)
    assert hirescam(activations, gradients)[0].ravel().tolist() == pytest.approx([2 / 3, 1])
    assert layercam(activations, gradients)[0].ravel().tolist() == [0, 1]


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.integers(0, 99), st.booleans())
def test_gradcam_is_its_formula(n: int, side: int, channels: int, seed: int, relu: bool) -> None:
    rng = np.random.default_rng(seed)
    activations, gradients = rng.normal(size=(2, n, side, side + 1, channels)).astype(np.float32)
    activations = np.maximum(activations, 0) if relu else activations
    maps, zero = gradcam(activations, gradients)
    for i in range(n):
        evidence = sum(gradients[i, ..., c].mean() * activations[i, ..., c] for c in range(channels))
        evidence = np.maximum(evidence, 0)
        # The slopes' mean and the sum over channels may both cancel: all that counts, of either sign.
        total = (np.abs(activations[i]) * np.abs(gradients[i]).mean(axis=(0, 1))).sum(axis=-1).max()
        off = allowed(side * (side + 1) + channels, total)
        if zero[i]:
            assert evidence.max() <= ZERO_GUARD * total + off
        else:  # the peak is off as well
            np.testing.assert_allclose(maps[i], evidence / evidence.max(), atol=2 * off / evidence.max())


@pytest.mark.parametrize("method", ["hirescam", "layercam"])
def test_a_linear_head_over_the_mean_gives_all_methods_one_map(method: str) -> None:
    rng = np.random.default_rng(2)
    activations = rng.random((3, 4, 4, 6), np.float32)
    gradients = np.broadcast_to(rng.random(6).astype(np.float32), activations.shape)
    np.testing.assert_allclose(
        REDUCTIONS[method](activations, gradients)[0],
        gradcam(activations, gradients)[0],
        rtol=2 * allowed(4 * 4 + 6),  # nothing cancels; the cell and its peak
    )


def test_gradcam_plus_plus_by_hand() -> None:
    """Two channels on two cells; slopes downwards have no weight, whatever they would be divided by."""
    activations = np.array([[[[1.0, 3.0], [1.0, 1.0]]]], np.float32)  # sums 2 and 4
    gradients = np.array([[[[1.0, -0.5], [2.0, 0.5]]]], np.float32)  # of the first channel 2 + g S = 4 and 6
    # Weights: 1/4 + 2/6 = 7/12, and of the second channel only .5 / (2 + 2) = 1/8. Cells: 23/24 and 17/24.
    maps, zero = gradcam_plus_plus(activations, gradients)
    assert maps.ravel().tolist() == pytest.approx([1, 17 / 23])
    assert zero.tolist() == [False]


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.integers(0, 99), st.floats(-20, 20))
def test_gradcam_plus_plus_is_its_formula_whatever_the_score(
    n: int, side: int, channels: int, seed: int, score: float
) -> None:
    """The paper's equation 19 as it stands, with exp(S): what is added to a score is in no map."""
    rng = np.random.default_rng(seed)
    activations = np.maximum(rng.normal(size=(n, side, side + 1, channels)), 0).astype(np.float32)
    gradients = rng.normal(size=activations.shape).astype(np.float32)
    maps, zero = gradcam_plus_plus(activations, gradients)
    for i in range(n):
        evidence = np.zeros((side, side + 1))
        for c in range(channels):
            a, g = activations[i, ..., c].astype(np.float64), gradients[i, ..., c].astype(np.float64)
            first, second, third = (np.exp(score) * g**power for power in (1, 2, 3))
            below = 2 * second + a.sum() * third
            alpha = np.divide(second, below, out=np.zeros_like(second), where=below != 0)
            evidence += (alpha * np.maximum(first, 0)).sum() * a
        if evidence.max() > 0:
            assert not zero[i]
            np.testing.assert_allclose(maps[i], evidence / evidence.max(), rtol=allowed(4), atol=1e-9)
        else:
            assert zero[i]


@pytest.mark.parametrize("size", [1e-30, 1e-12, 1.0, 1e12])
def test_gradcam_plus_plus_is_finite_however_steep_the_slopes(size: float) -> None:
    rng = np.random.default_rng(0)
    activations = rng.random((2, 4, 4, 5), np.float32)
    gradients = (size * rng.normal(size=activations.shape)).astype(np.float32)
    maps, zero = gradcam_plus_plus(activations, gradients)
    assert np.isfinite(maps).all()
    assert not zero.any()
    assert maps.max(axis=(1, 2)).tolist() == [1, 1]


def test_gradcam_plus_plus_finds_no_evidence_in_what_is_negative() -> None:
    """The paper's sum over a channel would turn its weight around, or divide by next to nothing."""
    activations = np.array([[[[-1.0], [-10.0]], [[-10.0], [-10.0]]]], np.float32)
    maps, zero = gradcam_plus_plus(activations, np.ones_like(activations))
    assert zero.all()
    assert not maps.any()
    rng = np.random.default_rng(0)
    swish = rng.normal(size=(20, 7, 7, 16)).astype(np.float32) - 0.5
    up = np.abs(rng.normal(size=swish.shape)).astype(np.float32)
    weighed = gradcam_plus_plus(swish, up)[0]
    for i in range(len(swish)):  # whatever stands out is positive in a channel, in none the other way round
        highest = np.unravel_index(weighed[i].argmax(), weighed[i].shape)
        assert swish[i][highest].max() > 0


def test_each_map_has_its_own_maximum_in_3d_too() -> None:
    activations = np.random.default_rng(0).random((3, 2, 3, 4, 5), np.float32)
    gradients = np.ones_like(activations) * np.array([1e-8, 1, 1e8], np.float32).reshape(3, 1, 1, 1, 1)
    maps, zero = gradcam(activations, gradients)
    assert maps.max(axis=(1, 2, 3)).tolist() == [1, 1, 1]
    assert not zero.any()
    sums = activations[1].sum(axis=-1)
    np.testing.assert_allclose(maps[1], sums / sums.max(), rtol=2 * allowed(2 * 3 * 4 + 5))


def test_no_positive_evidence_is_an_all_zero_map() -> None:
    activations = np.ones((2, 2, 2, 3), np.float32)
    gradients = np.stack([-np.ones((2, 2, 3)), np.zeros((2, 2, 3))]).astype(np.float32)
    maps, zero = gradcam(activations, gradients)
    assert zero.tolist() == [True, True]
    assert not maps.any()


def test_what_rounding_leaves_of_cancelled_evidence_is_no_evidence() -> None:
    rng = np.random.default_rng(1)
    half = rng.random((1, 4, 4, 64), np.float32)
    weights = np.concatenate([np.full(64, 0.1), np.full(64, -0.1)]).astype(np.float32)
    activations = np.concatenate([half, half[..., ::-1]], axis=-1)  # the same sum, added in another order
    gradients = np.broadcast_to(weights, activations.shape).astype(np.float32)
    maps, zero = gradcam(activations, gradients)
    assert zero.all()
    assert not maps.any()
    activations[0, 2, 1, 0] *= 1.01  # a small difference is evidence
    assert not gradcam(activations, gradients)[1].any()


def test_shapes_must_agree() -> None:
    with pytest.raises(ModelError, match="of one shape"):
        gradcam(np.zeros((1, 2, 2, 3), np.float32), np.zeros((1, 2, 2, 4), np.float32))


def test_maps_that_are_not_finite_count_as_zero() -> None:
    maps, zero = normalise(np.array([[1.0, np.inf], [np.nan, 1.0], [1.0, 4.0]], np.float32))
    assert zero.tolist() == [True, True, False]
    assert maps.tolist() == [[0, 0], [0, 0], [0.25, 1]]


def test_half_pixel_centres_by_hand() -> None:
    assert upsample(np.array([0.0, 1.0], np.float32), [4]).tolist() == [0.0, 0.25, 0.75, 1.0]
    # Corner alignment would give 0, 1/3, 2/3, 1 and set the peak of the middle cell elsewhere:
    peak = np.zeros((3, 3), np.float32)
    peak[1, 1] = 1
    big = upsample(peak, (9, 9))
    assert np.unravel_index(np.argmax(big), big.shape) == (4, 4)
    assert big[4, 4] == 1
    np.testing.assert_allclose(big, big[::-1, ::-1], atol=allowed(8))


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.integers(0, 99),
)
def test_upsampling_is_scipys_grid_mode(cells: tuple[int, int], size: tuple[int, int], seed: int) -> None:
    grid = np.random.default_rng(seed).random(cells, np.float32)
    rows, columns = (
        np.clip((np.arange(s) + 0.5) * c / s - 0.5, 0, c - 1) for c, s in zip(cells, size, strict=True)
    )
    expected = ndimage.map_coordinates(
        grid, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest"
    )
    ours = upsample(grid, size)
    assert ours.dtype == np.float32
    off = allowed(2 * 4)  # per axis the share, two products and a sum, of values up to 1
    np.testing.assert_allclose(ours, expected, atol=off)
    assert ours.min() >= grid.min() - off
    assert ours.max() <= grid.max() + off


def test_upsampling_a_volume_axis_by_axis() -> None:
    grid = np.random.default_rng(0).random((2, 3, 4), np.float32)
    big = upsample(grid, (8, 9, 8))
    assert big.shape == (8, 9, 8)
    np.testing.assert_allclose(
        upsample(grid.transpose(2, 0, 1), (8, 8, 9)), big.transpose(2, 0, 1), atol=allowed(3 * 4)
    )
    assert (
        upsample(np.full((2, 2, 2), 0.5, np.float32), (5, 5, 5)).tolist() == np.full((5, 5, 5), 0.5).tolist()
    )
