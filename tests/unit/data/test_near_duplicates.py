from __future__ import annotations

import io
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from scipy.fft import dctn

from xaireport.data.audit.near_duplicates import (
    Likenesses,
    find_alike,
    hashed,
    seen,
    seen_spectra,
    spectra,
    views_of,
)
from xaireport.data.audit.pooled_images import Pool, blocks
from xaireport.data.audit.thresholds import MAX_DISTANCE, MIN_CORRELATION
from xaireport.types.data import Pixels

SHAPES = ((12, 12, 3), (9, 14, 1), (28, 28, 3), (5, 6, 1), (6, 6, 6, 1))


def smooth(seed: int, shape: tuple[int, ...], n: int) -> Pixels:
    """Different images, each of a few soft blotches under some grain, as photographs have."""
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((n, *[5] * (len(shape) - 1), shape[-1]))
    for axis, width in enumerate(shape[:-1], start=1):
        ramps = np.array([np.interp(np.linspace(0, 4, width), np.arange(5), row) for row in np.eye(5)])
        images = np.moveaxis(np.moveaxis(images, axis, -1) @ ramps, -1, axis)
    grain = rng.standard_normal((*images.shape[:-1], 1))  # grey: JPEG would wipe out colours this fine
    return np.clip(128 + 50 * images + 8 * grain, 0, 255).astype(np.uint8)


def pool_of(images: Pixels) -> Pool:
    n = len(images)
    empty = images[:0]
    return Pool(
        (images, empty, empty),
        np.zeros(n, np.int64),
        np.array([f"i{row}" for row in range(n)]),
        np.zeros(n, np.int64),
        None,
    )


def find(images: Pixels) -> Likenesses:
    rows = np.arange(len(images))
    return find_alike(pool_of(images), rows, rows)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_spectrum_is_scipys(shape: tuple[int, ...]) -> None:
    images = smooth(0, shape, 4)
    values = images.astype(float) - images.mean(axis=tuple(range(1, images.ndim - 1)), keepdims=True)
    values /= np.sqrt((values**2).sum(axis=tuple(range(1, images.ndim)), keepdims=True))
    expected = dctn(values, axes=tuple(range(1, images.ndim - 1)), norm="ortho")
    low = spectra(images)
    kept = tuple(slice(0, min(size, have)) for size, have in zip(low.shape, expected.shape, strict=True))
    np.testing.assert_allclose(low[kept], expected[kept], atol=1e-5)
    assert not np.any(low[:, len(expected[0]) :])  # frequencies that the image is too small for


@pytest.mark.parametrize(("shape", "count"), [((8, 8), 8), ((8, 9), 4), ((4, 4, 4), 8), ((4, 5, 6), 8)])
def test_views_are_different_and_keep_the_shape(shape: tuple[int, ...], count: int) -> None:
    image = np.arange(np.prod(shape)).reshape(1, *shape, 1)
    views = views_of(shape)
    pictures = [seen(image, view) for view in views]
    assert {picture.shape for picture in pictures} == {image.shape}
    assert len({picture.tobytes() for picture in pictures}) == len(views) == count
    assert views[0].name == "as it is"


def test_views_in_2d_are_pillows() -> None:
    image = np.random.default_rng(0).integers(0, 256, (7, 7), dtype=np.uint8)
    turned = {
        "flipped up–down": Image.Transpose.FLIP_TOP_BOTTOM,
        "flipped left–right": Image.Transpose.FLIP_LEFT_RIGHT,
        "turned by 180°": Image.Transpose.ROTATE_180,
        "mirrored on its diagonal": Image.Transpose.TRANSPOSE,
        "turned by 90° to the left": Image.Transpose.ROTATE_90,
        "turned by 90° to the right": Image.Transpose.ROTATE_270,
        "mirrored on its other diagonal": Image.Transpose.TRANSVERSE,
    }
    for view in views_of((7, 7))[1:]:
        expected = np.asarray(Image.fromarray(image).transpose(turned[view.name]))
        np.testing.assert_array_equal(seen(image[np.newaxis, ..., np.newaxis], view)[0, ..., 0], expected)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_hash_of_a_view_is_the_view_of_the_hash(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from(SHAPES))
    image = data.draw(arrays.arrays(np.uint8, (1, *shape)))
    view = data.draw(st.sampled_from(views_of(shape[:-1])))
    of_view, seen_low = spectra(seen(image, view)), seen_spectra(spectra(image), view)
    np.testing.assert_allclose(of_view, seen_low, atol=2e-5)
    grey = np.abs(seen_low @ (np.array([0.299, 0.587, 0.114]) if shape[-1] == 3 else np.ones(1)))
    near_zero = int((grey < 1e-4).sum())  # rounding decides the signs of those
    assert int(np.bitwise_count(hashed(of_view) ^ hashed(seen_low))[0]) <= near_zero


@pytest.mark.parametrize("shape", [(28, 28, 3), (28, 20, 1), (12, 12, 12, 1)])
def test_every_view_of_an_image_is_found(shape: tuple[int, ...]) -> None:
    images = smooth(1, shape, 20)
    views = views_of(shape[:-1])
    turned = np.concatenate([seen(images[5:6], view) for view in views])
    found = find(np.concatenate([images, turned[1:]]))
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == set(
        combinations([5, *range(20, 19 + len(views))], 2)
    )
    assert found.correlation.min() > 0.999
    of_original = found.first == 5
    names = [views[number].name for number in found.view[of_original]]
    assert names == [view.name for view in views[1:]]


def test_noise_jpeg_and_light_do_not_hide_a_copy() -> None:
    images = smooth(2, (28, 28, 3), 200)
    rng = np.random.default_rng(0)
    noisy = np.clip(images + rng.normal(0, 4, images.shape), 0, 255).astype(np.uint8)
    brighter = np.clip(images * 0.8 + 30, 0, 255).astype(np.uint8)
    squeezed = []
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=85)
        with Image.open(file) as opened:
            squeezed.append(np.asarray(opened))
    for copies in (noisy, brighter, np.stack(squeezed)):
        found = find(np.concatenate([images, seen(copies, views_of((28, 28))[5])]))
        pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
        right = [second - first == 200 for first, second in pairs]
        assert all(right)
        assert sum(right) >= 180


def test_unrelated_noise_is_not_found() -> None:
    images = np.random.default_rng(3).integers(0, 256, (600, 28, 28, 3), dtype=np.uint8)
    assert len(find(images).first) == 0


def test_all_pairs_are_those_of_brute_force() -> None:
    images = smooth(4, (10, 10, 1), 40)
    images[20:] = np.clip(images[:20].astype(int) + smooth(5, (10, 10, 1), 20) // 8, 0, 255)
    images[30:] = seen(images[30:], views_of((10, 10))[6])
    views = views_of((10, 10))
    expected = {}
    for a, b in combinations(range(40), 2):
        for view in views:
            one, two = seen(images[a : a + 1], view), images[b : b + 1]
            r = np.corrcoef(one.ravel(), two.ravel())[0, 1]
            bits = int(np.bitwise_count(hashed(spectra(one)) ^ hashed(spectra(two)))[0])
            if bits <= MAX_DISTANCE and r >= MIN_CORRELATION:
                expected[a, b] = max(r, expected.get((a, b), -1))
    found = find(images)
    assert len(expected) >= 5
    assert set(zip(found.first.tolist(), found.second.tolist(), strict=True)) == set(expected)
    for a, b, r in zip(found.first, found.second, found.correlation, strict=True):
        assert r == pytest.approx(expected[int(a), int(b)], abs=1e-5)


def test_identical_images_are_passed_over() -> None:
    images = smooth(6, (12, 12, 1), 3)[[0, 1, 1, 2]]
    found = find_alike(pool_of(images), np.arange(4), np.array([0, 1, 1, 2]))
    assert (len(found.first), found.candidates) == (0, 0)


def test_only_the_given_rows_are_compared() -> None:
    images = smooth(7, (12, 12, 1), 4)[[0, 1, 2, 3, 0, 1]]
    found = find_alike(pool_of(images), np.array([1, 2, 5]), np.arange(6))
    assert (found.first.tolist(), found.second.tolist()) == ([1], [5])
    assert len(find_alike(pool_of(images), np.zeros(0, np.int64), np.arange(6)).first) == 0


def test_blocks_cover_every_row_once() -> None:
    for n, each in product((0, 1, 5, 10_000), (1, 1000, 10**8)):
        rows = [row for part in blocks(n, each) for row in range(n)[part]]
        assert rows == list(range(n))
