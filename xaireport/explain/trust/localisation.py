"""Whether maps lie on what masks mark, beside maps that know nothing of the model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import DataError
from xaireport.explain.methods.cam import upsample
from xaireport.explain.trust.similarity import overlap, top_share
from xaireport.types.data import Floats, Pixels
from xaireport.types.streams import Stream

Numbers = NDArray[np.float64]

INSIDE = 128
"""From this value of 0 to 255 on a pixel of a soft mask lies within."""
BLOB = 0.25
"""Standard deviation of the blob in the middle, as a share of each side."""


def localise(maps: Floats, images: Pixels, masks: Pixels, seed: int) -> dict[str, dict[str, Numbers]]:
    """Hold maps against masks, and the same of maps that do not depend on the model.

    Parameters
    ----------
    maps : float32 array, (n, *grid)
        From 0 to 1.
    images : uint8 array, (n, *spatial, channels)
        What they explain.
    masks : uint8 array, (n, *spatial)
        0 to 255.
    seed : int
        Draws the random maps.

    Returns
    -------
    dict
        ``energy_in_mask``: share of the map's sum within the mask. ``pointing``: how much of the highest cell
        lies within (the mean over equal ones). ``iou``: overlap of the top fifth of the pixels with the mask.
        Each a dict of float arrays (n,): ``map``, and the controls ``chance`` (the mask's share of the image;
        of ``iou`` there is none), ``centre``, ``edges`` and ``random``. NaN for images whose mask has no
        pixel within, or whose map is all 0.

    Raises
    ------
    DataError
        The masks are not of the images' size.
    """
    if masks.shape != images.shape[:-1]:
        raise DataError(f"masks of shape {images.shape[:-1]}", masks.shape, where="masks")
    n, shape = len(images), images.shape[1:-1]
    rng = np.random.default_rng([seed, Stream.RANDOM_MAPS])
    soft = masks.reshape(n, -1).astype(np.float32) / 255
    hard = (masks.reshape(n, -1) >= INSIDE).astype(np.float64)
    usable = hard.any(axis=1) & maps.any(axis=tuple(range(1, maps.ndim)))
    noise = rng.random(maps.shape, np.float32)
    cells = {"map": maps, "random": noise}
    stacks = {
        "map": upsample(maps, shape),
        "centre": np.broadcast_to(_blob(shape), images.shape[:-1]),
        "edges": _edges(images),
        "random": upsample(noise, shape),
    }
    chance = np.where(usable, soft.mean(axis=1), np.nan).astype(np.float64)
    out: dict[str, dict[str, Numbers]] = {"energy_in_mask": {}, "pointing": {}, "iou": {}}
    for name, stack in stacks.items():
        flat = stack.reshape(n, -1)
        total = flat.sum(axis=1, dtype=np.float64)
        peak = _peaks(cells[name], shape) if name in cells else flat == flat.max(axis=1, keepdims=True)
        values = {
            # An image without edges has its energy nowhere in particular: as chance has it.
            "energy_in_mask": np.where(
                total > 0, (flat * soft).sum(axis=1) / np.where(total > 0, total, 1), soft.mean(axis=1)
            ),
            "pointing": (peak * hard).sum(axis=1) / peak.sum(axis=1),
            "iou": overlap(top_share(flat), hard),
        }
        for measure, column in values.items():
            out[measure][name] = np.where(usable, column, np.nan)
            if name == "map" and measure != "iou":
                out[measure]["chance"] = (
                    chance if measure == "energy_in_mask" else np.where(usable, hard.mean(axis=1), np.nan)
                )
    return out


def _peaks(maps: Floats, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which pixels belong to a map's highest cell: bool (n, pixels).

    The enlarged map will not do: interpolation lowers every peak but those at the border.
    """
    axes = tuple(range(1, maps.ndim))
    highest = maps == maps.max(axis=axes, keepdims=True)
    for axis, size in enumerate(shape, start=1):
        first = np.arange(size) * highest.shape[axis] // size
        # Of a grid finer than the image (a model that enlarges it) a pixel holds several cells.
        finer = highest.shape[axis] > size
        highest = np.logical_or.reduceat(highest, first, axis) if finer else highest.take(first, axis)
    out: NDArray[np.bool_] = highest.reshape(len(maps), -1)
    return out


def _blob(shape: tuple[int, ...]) -> Floats:
    """Return a Gaussian in the middle of an image."""
    exponent = np.zeros(shape)
    for axis, size in enumerate(shape):
        at = (np.arange(size) - (size - 1) / 2) / (BLOB * size)
        exponent += (at**2).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return np.exp(-exponent / 2).astype(np.float32)


def _edges(images: Pixels) -> Floats:
    """Return how steep the grey values are, by Sobel's filter."""
    from scipy.ndimage import sobel

    grey = images.mean(axis=-1, dtype=np.float32)
    slopes = [sobel(grey, axis) ** 2 for axis in range(1, grey.ndim)]
    return np.sqrt(np.sum(slopes, axis=0, dtype=np.float32))
