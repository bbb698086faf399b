from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import colormaps
from PIL import Image

from xaireport.explain import pictures
from xaireport.explain.palette import VIRIDIS, colour
from xaireport.explain.pictures import Painter, blend, picture, place, safe_name


def opened(out: Path, address: str) -> np.ndarray:
    with Image.open(out / Path(address).relative_to("assets")) as image:
        assert image.format == "JPEG"
        return np.asarray(image).astype(int)


def smooth(shape: tuple[int, ...]) -> np.ndarray:
    ramp = np.linspace(20, 220, shape[0]).reshape(-1, *(1,) * (len(shape) - 1))
    return np.broadcast_to(ramp, shape).astype(np.uint8)


def test_colours_are_matplotlibs_viridis() -> None:
    expected = np.rint(np.asarray(colormaps["viridis"].colors) * 255).astype(np.uint8)
    np.testing.assert_array_equal(VIRIDIS, expected)
    assert colour(np.array([-1.0, 0.0, 1.0, 2.0])).tolist() == [
        [68, 1, 84], [68, 1, 84], [253, 231, 37], [253, 231, 37],
    ]  # fmt: skip


def test_three_layers_in_2d(tmp_path: Path) -> None:
    pixels = smooth((28, 20, 3))
    grid = np.zeros((7, 5), np.float32)
    grid[1, 4] = 1
    layers = Painter(tmp_path, "base").explained("s1", pixels, grid)
    assert layers.image.startswith("assets/base/s1-")
    assert layers.image.endswith("-image.jpg")
    assert layers.peak == "upper right"
    assert layers.slices == ()
    image, heat, overlay = (opened(tmp_path, path) for path in (layers.image, layers.map, layers.overlay))
    assert image.shape == heat.shape == overlay.shape == (160, 114, 3)
    middle = (int(1.5 / 7 * 160), int(4.5 / 5 * 114))  # of the peak's cell
    assert np.abs(heat[middle] - VIRIDIS[-1]).max() <= 20
    assert np.abs(heat[150, 5] - VIRIDIS[0]).max() <= 12
    assert np.abs(overlay - (image + heat) / 2).mean() <= 3


def test_volumes_become_strips_through_the_peak(tmp_path: Path) -> None:
    volume = np.zeros((28, 28, 28, 1), np.uint8)
    volume[10, 18, 26] = 255
    grid = np.zeros((7, 7, 7), np.float32)
    grid[2, 4, 6] = 1
    layers = Painter(tmp_path, "v").explained("ct", volume, grid)
    image, heat = opened(tmp_path, layers.image), opened(tmp_path, layers.map)
    assert image.shape == heat.shape == (160, 3 * 160 + 2 * 4, 3)
    at = [int(name.split()[1]) for name in layers.slices]
    assert [name.split()[0] for name in layers.slices] == ["axial", "coronal", "sagittal"]
    np.testing.assert_allclose(at, [9.5, 17.5, 26], atol=1.5)  # the cell's middle, in voxels
    assert layers.peak == ", ".join(layers.slices)
    for start in (0, 164, 328):
        panel = heat[:, start : start + 160]
        # A voxel's middle is at most half a voxel, an eighth of a cell, from the peak's.
        assert panel.sum(axis=2).max() >= colour(np.array(0.875)).sum() - 40


def test_a_plain_volume_shows_its_most_informative_slices(tmp_path: Path) -> None:
    volume = np.zeros((8, 8, 8, 1), np.uint8)
    volume[2, 3, 4] = 255
    layers = Painter(tmp_path, "v").plain("ct", volume)
    assert layers.slices == ("axial 2", "coronal 3", "sagittal 4")
    assert (layers.map, layers.overlay, layers.peak) == ("", "", "")
    assert opened(tmp_path, layers.image).max() > 200


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_number_of_channels_is_shown(channels: int) -> None:
    shown = picture(np.full((10, 5, channels), 90, np.uint8))
    assert shown.shape == (160, 80, 3)
    assert (shown == 90).all()


def test_large_images_are_made_smaller() -> None:
    assert picture(smooth((224, 224, 3))).shape == (160, 160, 3)


def test_images_are_not_shifted_by_upscaling() -> None:
    pixels = np.zeros((10, 10, 1), np.uint8)
    pixels[2, 7] = 255
    shown = picture(pixels)[..., 0].astype(float)
    rows, columns = np.indices(shown.shape)
    centre = (rows * shown).sum() / shown.sum(), (columns * shown).sum() / shown.sum()
    np.testing.assert_allclose(centre, (2.5 * 16 - 0.5, 7.5 * 16 - 0.5), atol=0.5)


def test_blending_by_hand() -> None:
    image, heat = np.full((1, 1, 3), 100, np.uint8), np.full((1, 1, 3), 201, np.uint8)
    assert blend(image, heat, 0.25).tolist() == [[[125, 125, 125]]]


def test_the_same_picture_is_the_same_bytes(tmp_path: Path) -> None:
    pixels, grid = smooth((16, 16, 3)), np.eye(4, dtype=np.float32)
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        layers = Painter(tmp_path / name, "v").explained("x", pixels, grid)
        addresses = (layers.image, layers.map, layers.overlay)
        contents.append([(tmp_path / name / Path(a).relative_to("assets")).read_bytes() for a in addresses])
        assert sorted(path.name for path in (tmp_path / name / "v").iterdir()) == sorted(
            Path(a).name for a in addresses
        )
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [(0, 0, "upper left"), (0, 3, "upper centre"), (3, 6, "centre right"), (3, 3, "centre"),
     (6, 3, "lower centre"), (6, 6, "lower right"), (2, 2, "centre"), (1, 2, "upper centre")],
)  # fmt: skip
def test_places_in_words(row: int, column: int, words: str) -> None:
    grid = np.zeros((7, 7), np.float32)
    grid[row, column] = 1
    assert place(grid) == words


@settings(deadline=None)
@given(st.text(max_size=300), st.text(max_size=300))
def test_names_are_safe_and_tell_samples_apart(a: str, b: str) -> None:
    name = safe_name(a)
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert 8 <= len(name) <= 60
    assert not name.startswith("-")
    assert (name == safe_name(b)) == (a == b)


def test_names_that_would_leave_the_folder(tmp_path: Path) -> None:
    painter = Painter(tmp_path, "v")
    for sample in ("../../etc/passwd", "a/b", "..", "", "CON", "ä" * 500, "A", "a"):
        painter.plain(sample, smooth((8, 8, 3)))
    assert len(list((tmp_path / "v").iterdir())) == 8
    assert pictures.SIDE == 160
