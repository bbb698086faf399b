"""Two models' maps of the same images held against each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xaireport.explain.explain import MAPS_FILE, OCCLUSION_FILE
from xaireport.explain.methods import perturbation
from xaireport.explain.methods.cam import upsample
from xaireport.explain.trust.robustness import other_image
from xaireport.explain.trust.similarity import rank_correlation, top_share_iou
from xaireport.types import Floats, Ints

Numbers = NDArray[np.float64]
MOVED = 6
"""Images shown whose maps moved most."""


@dataclass(frozen=True)
class Alike:
    """How alike the maps of two models are, float (n,) each, on the images ``index``.

    ``chance`` is the rank correlation of one model's maps of different images.
    """

    index: Ints
    correlation: Numbers
    iou: Numbers
    chance: Numbers


@dataclass(frozen=True)
class Stored:
    """What ``explain`` left of a variant: its folder, and its classes of the test images, (n,)."""

    folder: Path
    y_pred: Ints

    def maps(self) -> tuple[Ints, Floats]:
        """Return the test images that have a map, and the maps."""
        with np.load(self.folder / MAPS_FILE, allow_pickle=False) as stored:
            return stored["index"], stored["maps"]

    def drops(self) -> tuple[Ints, Floats]:
        """Return the test images that parts were hidden of, and what that cost each class."""
        with np.load(self.folder / OCCLUSION_FILE, allow_pickle=False) as stored:
            return stored["index"], stored["drops"]


def of_maps(ours: Stored, theirs: Stored, shape: tuple[int, ...], seed: int) -> tuple[Alike, Floats, Floats]:
    """Compare the maps that the cards show, where both models give the same answer.

    Maps on different grids are compared at the size of the images, ``shape``.

    Returns
    -------
    alike : Alike
    mine, other : float32 array, (n, *grid)
        The maps compared.
    """
    (index, maps), (their_index, their_maps) = ours.maps(), theirs.maps()
    both = np.intersect1d(index, their_index)
    both = both[ours.y_pred[both] == theirs.y_pred[both]]
    mine = maps[np.searchsorted(index, both)]
    other = their_maps[np.searchsorted(their_index, both)]
    a, b = mine, other
    if a.shape[1:] != b.shape[1:]:
        a, b = upsample(a, shape), upsample(b, shape)
    return _alike(both, a, b, seed), mine, other


def of_occlusion(ours: Stored, theirs: Stored, seed: int) -> Alike:
    """Compare what hiding parts of an image costs the class that the first model sees in it."""
    (index, drops), (_, their_drops) = ours.drops(), theirs.drops()
    targets = ours.y_pred[index]
    mine, other = (perturbation.occlusion_maps(each, targets)[0] for each in (drops, their_drops))
    return _alike(index, mine, other, seed)


def _alike(index: Ints, mine: Floats, other: Floats, seed: int) -> Alike:
    return Alike(index, rank_correlation(mine, other), top_share_iou(mine, other), other_image(mine, seed))


def moved_most(alike: Alike, most: int = MOVED) -> Ints:
    """Return the rows of the images whose maps are least alike, the least first."""
    order = np.argsort(alike.correlation, kind="stable")
    return order[np.isfinite(alike.correlation[order])][:most]
