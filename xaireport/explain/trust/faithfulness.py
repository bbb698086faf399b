"""Deletion and insertion: does the score fall without what a map marks, and rise when it is put back?

The model is only asked. Random maps on the same grid, as smooth as the real ones, are the control.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from xaireport.explain.methods.cam import upsample
from xaireport.explain.methods.perturbation import mean_colour
from xaireport.types.data import Floats, Ints, Pixels
from xaireport.types.streams import Stream

Numbers = NDArray[np.float64]
Predict = Callable[[Pixels], Floats]
"""``images uint8 (m, *shape) -> probabilities float32 (m, n_classes)``."""

KINDS = ("deletion", "insertion")
STEPS = 10
"""Steps from the whole image to nothing left of it."""
BLUR = 1 / 8
"""Standard deviation of the blurred copy, as a share of each side."""
_BYTES = 32 * 2**20
"""Altered images held at once."""


def deletion_insertion(
    predict: Predict,
    images: Pixels,
    maps: Floats,
    targets: Ints,
    seed: int,
    steps: int = STEPS,
    kinds: Sequence[str] = KINDS,
) -> dict[str, dict[str, dict[str, Numbers]]]:
    """Return areas under the curves of deletion and insertion, in the order of the maps and of random ones.

    Parameters
    ----------
    predict : callable
        The model.
    images : uint8 array, (n, *shape)
        Channels last.
    maps : float32 array, (n, *grid)
        Their maps.
    targets : int array, (n,)
        The class whose probability is followed.
    seed : int
        Draws the random maps, and the order of pixels that tie.
    steps : int
        Points of a curve, less one.
    kinds : sequence of {"deletion", "insertion"}
        Which of them; each costs as much as the other.

    Returns
    -------
    dict
        ``["deletion" or "insertion"]["mean" or "blur"]["map" or "random"]`` -> float (n,), from 0 to 1.
        Pixels are replaced by the image's mean colour, or by a blurred copy. NaN for maps that are all 0.

    References
    ----------
    V. Petsiuk, A. Das & K. Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models",
    BMVC 2018, arXiv:1806.07421.
    """
    n, shape = len(images), images.shape[1:-1]
    rng = np.random.default_rng([seed, Stream.RANDOM_ORDER])
    usable = maps.any(axis=tuple(range(1, maps.ndim)))
    orders = {
        "map": _ranks(upsample(maps, shape), rng),
        "random": _ranks(upsample(rng.random(maps.shape, np.float32), shape), rng),
    }
    pixels = int(np.prod(shape))
    counts = np.rint(np.linspace(0, pixels, steps + 1)).astype(int)
    whole = _scores(predict, images, targets)
    out: dict[str, dict[str, dict[str, Numbers]]] = {kind: {} for kind in kinds}
    for name, replaced in (
        ("mean", np.broadcast_to(mean_colour(images), images.shape)),
        ("blur", _blurred(images)),
    ):
        ends = (whole, _scores(predict, replaced, targets))
        for kind in kinds:
            areas = {}
            start, end = (images, replaced) if kind == "deletion" else (replaced, images)
            first, last = ends if kind == "deletion" else ends[::-1]
            for which, ranks in orders.items():
                curve = np.empty((steps + 1, n))
                curve[0], curve[-1] = first, last
                curve[1:-1] = _curve(predict, start, end, ranks, counts[1:-1], targets)
                area = (curve[1:] + curve[:-1]).sum(axis=0) / (2 * steps)
                areas[which] = np.where(usable, area, np.nan)
            out[kind][name] = areas
    return out


def _curve(
    predict: Predict, start: Pixels, end: Pixels, ranks: Ints, counts: NDArray[np.int_], targets: Ints
) -> Numbers:
    """Return the score with the first ``counts`` pixels exchanged: float (len(counts), n)."""
    n = len(start)
    found = np.empty((len(counts), n))
    if not len(counts):
        return found
    at_once = max(1, _BYTES // max(1, start[:1].nbytes * max(1, len(counts))))
    for begin in range(0, n, at_once):
        part = slice(begin, begin + at_once)
        exchanged = ranks[part][None] < counts.reshape(-1, *(1,) * ranks.ndim)
        altered = np.where(exchanged[..., None], end[part][None], start[part][None])
        scores = _scores(predict, altered.reshape(-1, *start.shape[1:]), np.tile(targets[part], len(counts)))
        found[:, part] = scores.reshape(len(counts), -1)
    return found


def _scores(predict: Predict, images: Pixels, targets: Ints) -> Numbers:
    return predict(images)[np.arange(len(images)), targets].astype(np.float64)


def _ranks(maps: Floats, rng: np.random.Generator) -> Ints:
    """Return the place of each pixel in the order of its map, highest first; ties in random order."""
    flat = maps.reshape(len(maps), -1)
    order = np.lexsort((rng.random(flat.shape), -flat), axis=1)
    ranks = np.empty(order.shape, np.int64)
    np.put_along_axis(ranks, order, np.arange(flat.shape[1])[None], axis=1)
    return ranks.reshape(maps.shape)


def _blurred(images: Pixels) -> Pixels:
    from scipy.ndimage import gaussian_filter

    spread = (0, *(BLUR * size for size in images.shape[1:-1]), 0)
    blurred = gaussian_filter(images.astype(np.float32), spread, mode="nearest")
    out: Pixels = np.clip(np.rint(blurred), 0, 255).astype(np.uint8)
    return out
