"""Maps of a model that can only be asked: what its scores lose when parts of an image are hidden."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import ModelError
from xaireport.explain.methods import cam
from xaireport.types.data import Floats, Ints, Pixels
from xaireport.types.streams import Stream

Ask = Callable[[Pixels], Floats]
"""``images uint8 (m, *shape) -> scores float32 (m, n_classes)``."""

CELLS, CELLS_3D = 7, 5
"""Cells per axis. Each costs a run of the model: 49 per image, 125 per volume."""
MASKS = 2000
"""Random masks of RISE. Maps by two sets of so many have a rank correlation of .72 on the skin images."""
SHOWN = 0.5
"""Share of an image that a random mask leaves."""
_BYTES = 32 * 2**20
"""Altered images held at once."""


def occlusion(logits: Ask, images: Pixels) -> Floats:
    """Return what each class's score loses when a patch takes on the image's mean colour.

    Patches are two cells wide, one about the middle of each cell.

    Parameters
    ----------
    logits : callable
        Scores before the softmax: a saturated softmax hardly moves, and that of an integer model not at all.
    images : uint8 array, (n, *spatial, channels)
        Raw pixels, 2D or 3D.

    Returns
    -------
    float32 array, (n, *cells, n_classes)
        At most :data:`CELLS` (in 3D :data:`CELLS_3D`) cells per axis. Positive where hiding the patch lowers
        the class's score against the mean over classes, which a softmax does not see move.

    Raises
    ------
    ModelError
        Scores are not finite.

    References
    ----------
    M. D. Zeiler & R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014,
    doi:10.1007/978-3-319-10590-1_53.
    """
    patches = list(_patches(images.shape[1:-1]))
    grid = _grid(images.shape[1:-1])
    hidden = mean_colour(images)
    before = _centred(logits, images)
    drops = np.empty((len(images), len(patches), before.shape[1]), np.float32)
    at_once = max(1, _BYTES // max(1, images[:1].nbytes * len(patches)))
    for start in range(0, len(images), at_once):
        part = slice(start, start + at_once)
        altered = np.repeat(images[part][:, None], len(patches), axis=1)
        for i, patch in enumerate(patches):
            altered[:, i][(slice(None), *patch)] = hidden[part]
        after = _centred(logits, altered.reshape(-1, *images.shape[1:]))
        drops[part] = before[part][:, None] - after.reshape(-1, len(patches), before.shape[1])
    return drops.reshape(len(images), *grid, -1)


def occlusion_maps(drops: Floats, targets: Ints) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the maps of one class per image, and which of them show no positive evidence.

    Parameters
    ----------
    drops : float32 array, (n, *cells, n_classes)
        Of :func:`occlusion`.
    targets : int array, (n,)
        The class, per image.
    """
    of_class = drops[np.arange(len(drops)), ..., targets]
    return cam.normalise(np.maximum(of_class, 0))


def rise(ask: Ask, images: Pixels, targets: Ints, seed: int, n_masks: int = MASKS) -> Floats:
    """Return RISE maps: the mean score with a pixel shown, less the mean score.

    Parameters
    ----------
    ask : callable
        Probabilities.
    images : uint8 array, (n, *spatial, channels)
        Raw pixels; what a mask hides takes on the image's mean colour.
    targets : int array, (n,)
        The class, per image.
    seed : int
        Draws the masks, which are the same for all images.
    n_masks : int
        How many.

    Returns
    -------
    float32 array, (n, *spatial)
        Positive where showing a pixel raises the score.

    Raises
    ------
    ModelError
        Scores are not finite.

    References
    ----------
    V. Petsiuk, A. Das & K. Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models",
    BMVC 2018, arXiv:1806.07421.
    """
    shape = images.shape[1:-1]
    masks = _random_masks(shape, n_masks, np.random.default_rng([seed, Stream.RISE]))
    flat = masks.reshape(n_masks, -1)
    shown = flat.mean(axis=0)
    maps = np.empty((len(images), *shape), np.float32)
    at_once = max(1, _BYTES // (4 * max(1, images[:1].size)))
    for i, (image, colour) in enumerate(zip(images, mean_colour(images), strict=True)):
        scores = np.empty(n_masks)
        for start in range(0, n_masks, at_once):
            weights = masks[start : start + at_once, ..., None]
            mixed = np.rint(weights * image + (1 - weights) * colour).astype(np.uint8)
            scores[start : start + at_once] = _finite(ask(mixed))[:, targets[i]]
        # The covariance of score and mask: what every mask has in common says nothing about where.
        with_pixel = (scores - scores.mean()) @ (flat - shown) / (n_masks * shown * (1 - shown) + 1e-9)
        maps[i] = with_pixel.reshape(shape)
    return maps


def _grid(shape: Sequence[int]) -> tuple[int, ...]:
    most = CELLS if len(shape) == 2 else CELLS_3D
    return tuple(min(most, size) for size in shape)


def _patches(shape: Sequence[int]) -> Iterator[tuple[slice, ...]]:
    """Yield a box of two cells' width about the middle of each cell, in the order of the grid."""
    sides = []
    for size, cells in zip(shape, _grid(shape), strict=True):
        width = size / cells
        sides.append(
            [
                slice(max(0, round((i - 0.5) * width)), min(size, round((i + 1.5) * width)))
                for i in range(cells)
            ]
        )
    for at in np.ndindex(*_grid(shape)):
        yield tuple(side[i] for side, i in zip(sides, at, strict=True))


def mean_colour(images: Pixels) -> Pixels:
    """Return the mean colour of each image, uint8 (n, 1, …, channels)."""
    mean = images.mean(axis=tuple(range(1, images.ndim - 1)), keepdims=True)
    colour: Pixels = np.rint(mean).astype(np.uint8)
    return colour


def _centred(ask: Ask, images: Pixels) -> Floats:
    scores = _finite(ask(images))
    centred: Floats = scores - scores.mean(axis=1, keepdims=True)
    return centred


def _finite(scores: Floats) -> Floats:
    bad = int((~np.isfinite(scores).all(axis=1)).sum())
    if bad:
        raise ModelError("finite scores of altered images", f"NaN or infinity for {bad} of {len(scores)}")
    return scores


def _random_masks(shape: Sequence[int], n: int, rng: np.random.Generator) -> Floats:
    """Return smooth random masks, float32 (n, *shape): coarse ones, enlarged and shifted at random."""
    grid = _grid(shape)
    cell = [-(-size // cells) for size, cells in zip(shape, grid, strict=True)]
    coarse = (rng.random((n, *(cells + 1 for cells in grid))) < SHOWN).astype(np.float32)
    fine = cam.upsample(coarse, [(cells + 1) * size for cells, size in zip(grid, cell, strict=True)])
    shifts = np.stack([rng.integers(0, size, n) for size in cell], axis=1)
    return np.stack(
        [
            mask[tuple(slice(at, at + size) for at, size in zip(shift, shape, strict=True))]
            for mask, shift in zip(fine, shifts, strict=True)
        ]
    )
