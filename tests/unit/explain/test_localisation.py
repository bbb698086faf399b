"""Maps against masks: by hand, at chance, and where masks are missing."""

from __future__ import annotations

import numpy as np
import pytest

from xaireport.errors import DataError
from xaireport.explain.trust.localisation import localise

N = 400


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noise, a mask of a 6 × 6 square somewhere, and a map that is exactly the square."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (N, 24, 24, 3), np.uint8)
    masks = np.zeros((N, 24, 24), np.uint8)
    maps = np.zeros((N, 8, 8), np.float32)
    for i, (row, column) in enumerate(rng.integers(0, 7, (N, 2))):
        masks[i, 3 * row : 3 * row + 6, 3 * column : 3 * column + 6] = 255
        maps[i, row : row + 2, column : column + 2] = 1
    return images, masks, maps


def test_a_perfect_map() -> None:
    images, masks, maps = scene()
    found = localise(maps, images, masks, 0)
    assert found["pointing"]["map"].tolist() == [1] * N
    np.testing.assert_allclose(found["energy_in_mask"]["chance"], 36 / 576)
    assert found["energy_in_mask"]["map"].mean() > 0.7  # interpolation spreads it over the border
    at_full_size = localise(masks.astype(np.float32) / 255, images, masks, 0)
    np.testing.assert_allclose(at_full_size["energy_in_mask"]["map"], 1, rtol=1e-5)
    assert set(found) == {"energy_in_mask", "pointing", "iou"}
    for columns in found.values():
        assert all(column.shape == (N,) for column in columns.values())


def test_a_grid_finer_than_the_image_has_a_peak_as_well() -> None:
    images, masks, _ = scene()
    fine = np.random.default_rng(4).random((N, 32, 32), np.float32)
    found = localise(fine, images, masks, 0)["pointing"]
    assert np.isfinite(found["map"]).all()
    assert found["map"].mean() == pytest.approx(found["chance"].mean(), abs=0.04)


def test_maps_that_know_nothing_are_at_chance() -> None:
    images, masks, _ = scene()
    random = np.random.default_rng(9).random((N, 8, 8), np.float32)
    found = localise(random, images, masks, 0)
    for name in ("energy_in_mask", "pointing"):
        columns = found[name]
        for which in ("map", "random"):
            assert columns[which].mean() == pytest.approx(columns["chance"].mean(), abs=0.03), (name, which)
    assert found["iou"]["map"].mean() == pytest.approx(found["iou"]["random"].mean(), abs=0.02)


def test_the_blob_and_the_edges_find_what_lies_in_the_middle_and_has_edges() -> None:
    images = np.full((3, 24, 24, 3), 100, np.uint8)
    images[:, 9:15, 9:15] = 250
    masks = np.zeros((3, 24, 24), np.uint8)
    masks[:, 8:16, 8:16] = 255
    corner = np.zeros((3, 8, 8), np.float32)
    corner[:, 0, 0] = 1
    found = localise(corner, images, masks, 0)
    assert found["pointing"]["centre"].tolist() == [1, 1, 1]
    assert found["pointing"]["map"].tolist() == found["energy_in_mask"]["map"].tolist() == [0, 0, 0]
    assert found["energy_in_mask"]["edges"].min() > 0.99
    chance = found["energy_in_mask"]["chance"]
    assert (found["energy_in_mask"]["centre"] > 2 * chance).all()
    plain = localise(corner, np.full_like(images, 7), masks, 0)  # an image without edges
    np.testing.assert_allclose(plain["energy_in_mask"]["edges"], chance)


def test_soft_masks_count_by_their_share() -> None:
    images = np.zeros((1, 4, 4, 1), np.uint8)
    masks = np.full((1, 4, 4), 51, np.uint8)
    masks[0, 0, 0] = 255
    maps = np.ones((1, 4, 4), np.float32)
    found = localise(maps, images, masks, 0)
    assert found["energy_in_mask"]["map"][0] == pytest.approx((15 * 0.2 + 1) / 16)
    assert found["pointing"]["map"][0] == pytest.approx(1 / 16)  # every pixel is the peak


def test_a_pixel_lies_within_from_half_on() -> None:
    images, maps = np.zeros((2, 4, 4, 1), np.uint8), np.zeros((2, 4, 4), np.float32)
    maps[:, 1, 1] = 1
    masks = np.zeros((2, 4, 4), np.uint8)
    masks[:, 3, 3] = 255  # so that neither mask is empty
    masks[:, 1, 1] = [127, 128]
    assert localise(maps, images, masks, 0)["pointing"]["map"].tolist() == [0, 1]


def test_an_edge_counts_by_its_height() -> None:
    """Two edges, one twice as high: a third of the energy is at the lower one."""
    images = np.zeros((1, 8, 24, 1), np.uint8)
    images[:, :, 8:16], images[:, :, 16:] = 50, 150
    masks = np.zeros((1, 8, 24), np.uint8)
    masks[:, :, 4:12] = 255
    found = localise(np.ones((1, 4, 12), np.float32), images, masks, 0)
    assert found["energy_in_mask"]["edges"][0] == pytest.approx(1 / 3, rel=1e-5)


def test_images_without_a_mask_or_a_map_do_not_count() -> None:
    images, masks, maps = scene()
    masks[0] = 100  # below half everywhere
    maps[1] = 0
    for columns in localise(maps, images, masks, 0).values():
        for column in columns.values():
            assert np.isnan(column[:2]).all()
            assert np.isfinite(column[2:]).all()


def test_masks_of_another_size_are_refused() -> None:
    images, masks, maps = scene()
    with pytest.raises(DataError, match=r"\(400, 24, 24\).*\(400, 24, 20\)"):
        localise(maps, images, masks[:, :, :20], 0)


def test_volumes() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 8, 1), np.uint8)
    masks = np.zeros((4, 8, 8, 8), np.uint8)
    masks[:, :4] = 255
    maps = np.zeros((4, 2, 2, 2), np.float32)
    maps[:, 0] = 1
    found = localise(maps, images, masks, 0)
    assert found["pointing"]["map"].tolist() == [1] * 4
    assert found["energy_in_mask"]["map"].min() > 0.7
    assert found["energy_in_mask"]["chance"].tolist() == [0.5] * 4
