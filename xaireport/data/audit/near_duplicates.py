"""Images that look alike, whichever way they are turned: a perceptual hash, and the pixels to confirm it.

The hash holds the signs of the lowest frequencies of an image (discrete cosine transform, DCT). Flipping an
image changes signs of its frequencies, transposing it swaps them: one transform serves all views of an image.

References
----------
Zauner (2010), "Implementation and benchmarking of perceptual image hash functions", for hashes from the DCT.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xaireport.data.audit.pooled_images import Pool, blocks
from xaireport.data.audit.thresholds import MAX_DISTANCE, MIN_CORRELATION

if TYPE_CHECKING:
    from xaireport.types.data import Floats, Ints, Pixels

_FREQUENCIES = {2: 8, 3: 4}  # per axis: 8² = 4³ = 64
_GREY = {1: (1.0,), 3: (0.299, 0.587, 0.114)}  # ITU-R BT.601
_PAIRS = 1 << 21  # compared at a time: 16 MiB of hashes


class View(NamedTuple):
    """One way to see an image: its first two axes swapped or not, then flipped along some axes."""

    name: str
    transposed: bool
    flips: tuple[int, ...]


_IN_2D = (
    View("as it is", False, ()),
    View("flipped up–down", False, (0,)),
    View("flipped left–right", False, (1,)),
    View("turned by 180°", False, (0, 1)),
    View("mirrored on its diagonal", True, ()),
    View("turned by 90° to the left", True, (0,)),
    View("turned by 90° to the right", True, (1,)),
    View("mirrored on its other diagonal", True, (0, 1)),
)


@dataclass(frozen=True)
class Likenesses:
    """Pairs of images that look alike.

    Parameters
    ----------
    first, second : int64 array, (pairs,)
        Rows of the pool, ``first < second``.
    correlation : float64 array, (pairs,)
        Of the aligned pixels.
    view : int64 array, (pairs,)
        How the first has to be seen: a position in ``views``.
    views : tuple of View
        The views that were compared.
    candidates : int
        Pairs with similar hashes.
    """

    first: Ints
    second: Ints
    correlation: NDArray[np.float64]
    view: Ints
    views: tuple[View, ...]
    candidates: int


@dataclass(frozen=True)
class _Search:
    """Images prepared for comparison.

    Parameters
    ----------
    pool : Pool
    rows : int64 array, (n,)
        Of the pool; first and second of a pair count in these.
    views : tuple of View
    low : float32 array, (n, …)
        Spectra.
    rest : float32 array, (n,)
        Length of what the spectra leave out, of 1.
    hashes : uint64 array, (views, n)
        Of each image in each view.
    """

    pool: Pool
    rows: Ints
    views: tuple[View, ...]
    low: Floats
    rest: Floats
    hashes: NDArray[np.uint64]


def find_alike(pool: Pool, rows: Ints, keys: Ints) -> Likenesses:
    """Find all pairs of different images that look alike in some view.

    Two images do where, in one and the same view, their hashes differ in at most ``MAX_DISTANCE`` bits and
    their pixels correlate with at least ``MIN_CORRELATION``. All pairs are compared, a block at a time.

    Parameters
    ----------
    pool : Pool
    rows : int64 array, (n,)
        The images to compare, ascending; none of them constant.
    keys : int64 array, (len(pool),)
        Equal for identical images, which are passed over.
    """
    search = _prepare(pool, rows)
    candidates, none = 0, np.zeros(0, np.int64)
    found: list[tuple[NDArray[Any], ...]] = [(none, none, np.zeros(0), none)]
    for first, second in _similar(search.hashes):
        different = keys[rows[first]] != keys[rows[second]]
        first, second = first[different], second[different]
        candidates += len(first)
        best, view = _correlate(search, first, second)
        alike = best >= MIN_CORRELATION
        found.append((rows[first[alike]], rows[second[alike]], best[alike], view[alike]))
    one, other, correlation, seen_as = (np.concatenate(column) for column in zip(*found, strict=True))
    return Likenesses(one, other, correlation, seen_as, search.views, candidates)


def views_of(spatial: tuple[int, ...]) -> tuple[View, ...]:
    """Return the views that keep the shape: 8 of a square, 4 of other rectangles, the 8 flips of a volume."""
    if len(spatial) == 2:
        return _IN_2D if spatial[0] == spatial[1] else _IN_2D[:4]
    flips = [axes for count in range(4) for axes in combinations(range(3), count)]
    return tuple(View(f"flipped along {_axes(axes)}" if axes else "as it is", False, axes) for axes in flips)


def seen(images: NDArray[Any], view: View) -> NDArray[Any]:
    """Return images (n, *spatial, channels) in a view of them."""
    if view.transposed:
        images = images.swapaxes(1, 2)
    return np.flip(images, tuple(axis + 1 for axis in view.flips))


def seen_spectra(low: Floats, view: View) -> Floats:
    """Return the spectra of images in a view: axes swap as theirs do, a flip turns the odd ones' signs."""
    if view.transposed:
        low = low.swapaxes(1, 2)
    for axis in view.flips:
        signs = (-1.0) ** np.arange(low.shape[axis + 1], dtype=np.float32)
        low = low * signs.reshape(-1, *[1] * (low.ndim - axis - 2))
    return low


def spectra(images: Pixels) -> Floats:
    """Return the lowest frequencies of images, float32 (n, 8, 8, channels) or (n, 4, 4, 4, channels).

    The transform is orthonormal and the images are scaled to length 1 around their channels' means: the dot
    product of two whole spectra would be the correlation of the pixels. Frequencies beyond a size are 0.
    """
    low: Floats = _centred(images)
    axes = images.ndim - 2
    for axis in range(1, axes + 1):
        basis = _cosines(images.shape[axis], _FREQUENCIES[axes])
        low = np.moveaxis(np.moveaxis(low, axis, -1) @ basis.T, -1, axis)
    mean: tuple[slice | int, ...] = (slice(None), *[0] * axes)
    low[mean] = 0  # nothing but rounding, whose sign would be chance
    return low


def hashed(low: Floats) -> NDArray[np.uint64]:
    """Return the 64-bit hash of each image, uint64 (n,): the signs of its grey values' lowest frequencies."""
    channels = low.shape[-1]
    weights = np.array(_GREY.get(channels, (1 / channels,) * channels), np.float32)
    positive = (low @ weights > 0).reshape(len(low), 64)
    return np.packbits(positive, axis=1).view(np.uint64)[:, 0]


def _axes(axes: tuple[int, ...]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else "axes " + " and ".join(map(str, axes))


def _centred(images: Pixels) -> Floats:
    """Return float32 images whose channels have mean 0, each image of length 1."""
    values = images.astype(np.float32)
    spatial = tuple(range(1, images.ndim - 1))
    values -= values.mean(axis=spatial, keepdims=True)
    length = np.sqrt(np.square(values).sum(axis=(*spatial, -1), keepdims=True))
    centred: Floats = values / np.maximum(length, np.float32(1e-6))  # no division by 0
    return centred


def _cosines(size: int, count: int) -> Floats:
    """Return the first rows of the orthonormal DCT-II matrix, float32 (count, size); 0 beyond its last."""
    frequency, place = np.arange(count)[:, np.newaxis], np.arange(size) + 0.5
    rows = np.sqrt(2 / size) * np.cos(np.pi * frequency * place / size)
    rows[0] = np.sqrt(1 / size)
    rows[size:] = 0
    cosines: Floats = rows.astype(np.float32)
    return cosines


def _prepare(pool: Pool, rows: Ints) -> _Search:
    """Transform and hash the images in these rows."""
    views = views_of(pool.shape[:-1])
    parts = [spectra(images) for _, images in pool.blocks(rows)]
    low = np.concatenate(parts or [spectra(pool.pixels(rows))])
    rest = np.sqrt(np.maximum(0, 1 - np.square(low).sum(axis=tuple(range(1, low.ndim)))))
    hashes = np.stack([hashed(seen_spectra(low, view)) for view in views])
    return _Search(pool, rows, views, low, rest, hashes)


def _similar(hashes: NDArray[np.uint64]) -> Iterator[tuple[Ints, Ints]]:
    """Return pairs whose hashes, (views, n), differ in few bits in some view, a block of rows at a time."""
    n = hashes.shape[1]
    step = max(1, _PAIRS // max(n, 1))
    for start in range(0, n, step):
        rows, others = hashes[:, start : start + step, np.newaxis], hashes[0, np.newaxis, start:]
        nearest = np.bitwise_count(rows[0] ^ others)
        for row in rows[1:]:
            np.minimum(nearest, np.bitwise_count(row ^ others), out=nearest)
        first, second = np.nonzero(nearest <= MAX_DISTANCE)
        later = first < second
        yield first[later] + start, second[later] + start


def _correlate(search: _Search, first: Ints, second: Ints) -> tuple[NDArray[np.float64], Ints]:
    """Return the best correlation of each pair over the views in which the hashes are similar, and that view.

    Where it cannot reach the threshold it is not computed, and stays at −1.
    """
    best, which = np.full(len(first), -1.0), np.zeros(len(first), np.int64)
    for number, view in enumerate(search.views):
        similar = np.bitwise_count(search.hashes[number, first] ^ search.hashes[0, second]) <= MAX_DISTANCE
        pairs = np.flatnonzero(similar)
        pairs = pairs[_bound(search, first[pairs], second[pairs], view) >= MIN_CORRELATION - 1e-3]
        for part in blocks(len(pairs), int(np.prod(search.pool.shape))):
            some = pairs[part]
            a, b = (_centred(search.pool.pixels(search.rows[ends[some]])) for ends in (first, second))
            value = _dots(seen(a, view), b)
            better = value > best[some]
            best[some[better]], which[some[better]] = value[better], number
    return best, which


def _bound(search: _Search, first: Ints, second: Ints, view: View) -> Floats:
    """Return what the correlation of each pair cannot exceed.

    By Parseval's theorem the low frequencies' part of it is known, and the rest is bounded by the lengths of
    the rests. Volumes alike in outline pass the hash by the ten thousand; few of them pass this.
    """
    bound = search.rest[first] * search.rest[second]
    for part in blocks(len(bound), search.low[0].size):
        bound[part] += _dots(seen_spectra(search.low[first[part]], view), search.low[second[part]])
    return bound


def _dots(a: Floats, b: Floats) -> Floats:
    """Return the dot product of each pair of arrays (n, …), (n,)."""
    products: Floats = np.einsum("ni,ni->n", a.reshape(len(a), -1), b.reshape(len(b), -1))
    return products
