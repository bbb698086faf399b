"""Occlusion and RISE on models whose true explanation is known by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tolerance import allowed

from xaireport.errors import ModelError
from xaireport.explain.methods.perturbation import occlusion, occlusion_maps, rise


def of_pixel(at: tuple[int, ...], scale: float = 1.0) -> Any:
    """Logits of a model that sees one pixel: class 0 likes it bright, class 1 dark, class 2 does not care."""

    def logits(images: Any) -> Any:
        value = images[(slice(None), *at)].astype(np.float32).mean(axis=-1) * scale / 255
        return np.stack([value, -value, np.zeros_like(value)], axis=1)

    return logits


def softmax(logits: Any) -> Any:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "at"), [((28, 28, 3), (14, 22)), ((32, 20, 1), (3, 17)), ((15, 15, 15, 1), (7, 1, 13))]
)
def test_one_pixel_decides(shape: tuple[int, ...], at: tuple[int, ...]) -> None:
    images = np.full((3, *shape), 60, np.uint8)
    images[(slice(None), *at)] = 250
    drops = occlusion(of_pixel(at), images)
    cells = drops.shape[1:-1]
    assert cells == ((7, 7) if len(shape) == 3 else (5, 5, 5))
    maps, zero = occlusion_maps(drops, np.array([0, 1, 0]))
    assert zero.tolist() == [False, True, False]
    home = tuple(i * n // size for i, n, size in zip(at, cells, shape, strict=False))
    assert maps[(0, *home)] == 1
    far = np.abs(np.indices(cells) - np.array(home).reshape(-1, *(1,) * len(cells))).max(axis=0) > 1
    assert not maps[0][far].any()
    np.testing.assert_allclose(drops[..., 2], 0, atol=allowed(3 + 4))


def test_a_saturated_softmax_hides_nothing() -> None:
    images = np.full((1, 28, 28, 3), 60, np.uint8)
    images[:, 14, 14] = 250
    ask = of_pixel((14, 14), scale=300)
    assert softmax(ask(images))[0, 0] == 1
    assert not occlusion_maps(occlusion(ask, images), np.array([0]))[1].any()


def test_a_shift_of_all_scores_is_no_evidence() -> None:
    def bright(images: Any) -> Any:
        level = images.astype(np.float32).mean(axis=tuple(range(1, images.ndim)))
        return np.stack([level, level], axis=1)

    images = np.random.default_rng(0).integers(0, 256, (2, 14, 14, 1), np.uint8)
    np.testing.assert_allclose(occlusion(bright, images), 0, atol=1e-5)


def test_a_planted_corner_is_found() -> None:
    def corner(images: Any) -> Any:
        value = images[:, :3, :3].astype(np.float32).mean(axis=(1, 2, 3)) / 32
        return np.stack([value, 4 - value], axis=1)

    images = np.random.default_rng(0).integers(0, 120, (4, 28, 28, 3), np.uint8)
    images[:, :3, :3] = 255
    maps, _ = occlusion_maps(occlusion(corner, images), np.zeros(4, np.int64))
    assert [np.unravel_index(each.argmax(), each.shape) for each in maps] == [(0, 0)] * 4
    shown = rise(lambda part: softmax(corner(part)), images, np.zeros(4, np.int64), seed=0, n_masks=400)
    for each in shown:
        row, column = np.unravel_index(each.argmax(), each.shape)
        assert max(row, column) < 5


def test_rise_converges_and_does_not_see_what_does_not_matter() -> None:
    images = np.full((1, 28, 28, 3), 60, np.uint8)
    images[:, 18:22, 6:10] = 250

    def box(part: Any) -> Any:
        value = part[:, 18:22, 6:10].astype(np.float32).mean(axis=(1, 2, 3)) / 255
        return np.stack([value, 1 - value], axis=1)

    made = rise(box, images, np.array([0]), seed=1, n_masks=1000)[0]
    row, column = np.unravel_index(made.argmax(), made.shape)
    assert 16 <= row < 24
    assert 4 <= column < 12
    inside = made[18:22, 6:10].mean()
    outside = np.abs(made[:10, 16:]).mean()
    assert outside < 0.2 * inside
    np.testing.assert_array_equal(made, rise(box, images, np.array([0]), seed=1, n_masks=1000)[0])


def test_how_many_at_once_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    from xaireport.explain.methods import perturbation as module

    images = np.random.default_rng(0).integers(0, 256, (5, 12, 12, 1), np.uint8)
    ask = of_pixel((4, 4))
    first = occlusion(ask, images), rise(ask, images, np.zeros(5, np.int64), 0, n_masks=50)
    monkeypatch.setattr(module, "_BYTES", 1)
    second = occlusion(ask, images), rise(ask, images, np.zeros(5, np.int64), 0, n_masks=50)
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=allowed(50 + 4))  # 50 masks of scores up to 1


def test_small_images_have_fewer_cells() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 9, 1), np.uint8)
    assert occlusion(of_pixel((1, 1)), images).shape == (2, 4, 7, 3)


def test_scores_that_are_not_finite_are_refused() -> None:
    images = np.zeros((2, 14, 14, 1), np.uint8)

    def broken(part: Any) -> Any:
        scores = np.zeros((len(part), 2), np.float32)
        scores[0] = np.nan
        return scores

    with pytest.raises(ModelError, match="NaN or infinity for 1 of 2"):
        occlusion(broken, images)
