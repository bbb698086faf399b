"""Deletion and insertion on models whose true explanation is known by construction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tolerance import allowed

from xaireport.explain.trust.faithfulness import deletion_insertion

N = 60


def images(shape: tuple[int, ...] = (16, 16, 3), seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 200, (N, *shape), np.uint8)


def of_box(box: tuple[slice, ...]) -> Any:
    """A model that sees a box only: sure of class 1 where it is white."""

    def predict(pixels: Any) -> Any:
        p = pixels[(slice(None), *box)].reshape(len(pixels), -1).mean(axis=1) / 255
        return np.stack([1 - p, p], axis=1).astype(np.float32)

    return predict


@pytest.mark.parametrize("rank", [2, 3])
def test_the_true_map_beats_random_ones_under_both_baselines(rank: int) -> None:
    pixels = images((16,) * rank + (1,))
    box = (slice(4, 8),) * rank
    pixels[(slice(None), *box)] = 255
    maps = np.zeros((N, *(8,) * rank), np.float32)
    maps[(slice(None), *(slice(2, 4),) * rank)] = 1
    found = deletion_insertion(of_box(box), pixels, maps, np.ones(N, np.int64), seed=0)
    for baseline in ("mean", "blur"):
        down, up = found["deletion"][baseline], found["insertion"][baseline]
        assert (down["map"] < down["random"]).mean() > 0.95
        assert (up["map"] > up["random"]).mean() > 0.95
    assert found["deletion"]["mean"]["map"].mean() < found["deletion"]["mean"]["random"].mean() - 0.1


def test_a_random_map_is_no_better_than_random_ones() -> None:
    pixels, box = images(), (slice(4, 8), slice(4, 8))
    pixels[:, 4:8, 4:8] = 255
    maps = np.random.default_rng(5).random((N, 8, 8), np.float32)
    found = deletion_insertion(of_box(box), pixels, maps, np.ones(N, np.int64), seed=0)
    for kind in ("deletion", "insertion"):
        for areas in found[kind].values():
            difference = areas["map"] - areas["random"]
            assert abs(difference.mean()) < 3 * difference.std() / N**0.5


def test_the_ends_of_the_curves_are_the_image_and_its_replacement() -> None:
    """With one step the area is the mean of both ends, whatever the order."""
    pixels, box = images(), (slice(0, 16), slice(0, 16))
    maps = np.random.default_rng(5).random((N, 8, 8), np.float32)
    found = deletion_insertion(of_box(box), pixels, maps, np.ones(N, np.int64), seed=0, steps=1)
    mean = np.rint(pixels.mean(axis=(1, 2))).mean(axis=1)
    expected = (pixels.reshape(N, -1).mean(axis=1) + mean) / 2 / 255
    for kind in ("deletion", "insertion"):
        np.testing.assert_allclose(found[kind]["mean"]["map"], expected, atol=allowed(4))
        np.testing.assert_allclose(found[kind]["mean"]["random"], expected, atol=allowed(4))


def test_a_model_that_does_not_look_has_equal_areas() -> None:
    def constant(pixels: Any) -> Any:
        return np.tile(np.array([[0.25, 0.75]], np.float32), (len(pixels), 1))

    found = deletion_insertion(
        constant, images(), np.ones((N, 4, 4), np.float32), np.zeros(N, np.int64), seed=0
    )
    for kind in ("deletion", "insertion"):
        for areas in found[kind].values():
            np.testing.assert_allclose(areas["map"], 0.25)
            np.testing.assert_allclose(areas["random"], 0.25)


def test_pixels_that_tie_have_no_order_of_their_own() -> None:
    """A map that is the same everywhere knows nothing, also of a box that comes first in memory."""
    pixels, box = images(), (slice(0, 4), slice(0, 16))
    pixels[(slice(None), *box)] = 255
    found = deletion_insertion(
        of_box(box), pixels, np.ones((N, 8, 8), np.float32), np.ones(N, np.int64), seed=0
    )
    for kind in ("deletion", "insertion"):
        for name, areas in found[kind].items():
            difference = areas["map"] - areas["random"]
            assert abs(difference.mean()) < 3 * difference.std() / N**0.5, (kind, name)


def test_the_model_is_asked_no_more_than_needed_and_for_little_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from xaireport.explain.trust import faithfulness as module

    pixels, maps = images(), np.random.default_rng(5).random((N, 8, 8), np.float32)
    asked: list[int] = []

    def predict(pixels: Any) -> Any:
        asked.append(len(pixels))
        return np.full((len(pixels), 2), 0.5, np.float32)

    deletion_insertion(predict, pixels, maps, np.ones(N, np.int64), seed=0, steps=5)
    # Three ends, each once: the image and its two replacements. Two kinds, baselines and orders of 4 points.
    assert sum(asked) == N * (3 + 2 * 2 * 2 * 4)
    assert len(asked) == 3 + 2 * 2 * 2  # one call for a whole curve, where it fits
    asked.clear()
    monkeypatch.setattr(module, "_BYTES", 10 * 4 * pixels[0].nbytes)
    deletion_insertion(predict, pixels, maps, np.ones(N, np.int64), seed=0, steps=5)
    assert sum(asked) == N * (3 + 2 * 2 * 2 * 4)
    assert sorted(set(asked)) == [40, N]


def test_maps_without_evidence_are_left_out_and_the_images_are_untouched() -> None:
    pixels = images()
    before = pixels.copy()
    maps = np.random.default_rng(5).random((N, 8, 8), np.float32)
    maps[3] = 0
    found = deletion_insertion(of_box((slice(0, 8), slice(0, 8))), pixels, maps, np.ones(N, np.int64), seed=0)
    areas = found["insertion"]["blur"]
    assert np.isnan([areas["map"][3], areas["random"][3]]).all()
    assert np.isfinite(np.delete(areas["map"], 3)).all()
    assert (pixels == before).all()


def test_the_same_seed_gives_the_same_areas_however_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from xaireport.explain.trust import faithfulness as module

    pixels, maps = images(), np.random.default_rng(5).random((N, 8, 8), np.float32)
    predict, targets = of_box((slice(2, 9), slice(0, 8))), np.ones(N, np.int64)
    first = deletion_insertion(predict, pixels, maps, targets, seed=3)
    monkeypatch.setattr(module, "_BYTES", 1)
    second = deletion_insertion(predict, pixels, maps, targets, seed=3)
    other = deletion_insertion(predict, pixels, maps, targets, seed=4)
    for kind, baselines in first.items():
        for name, areas in baselines.items():
            np.testing.assert_array_equal(areas["map"], second[kind][name]["map"])
            assert (areas["random"] != other[kind][name]["random"]).any()
