"""Drift: two models' maps of the same images held against each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xaireport.explain.explain import MAPS_FILE, OCCLUSION_FILE
from xaireport.explain.methods import perturbation
from xaireport.explain.methods.cam import upsample
from xaireport.explain.pictures import Painter
from xaireport.explain.trust.robustness import other_image
from xaireport.explain.trust.similarity import rank_correlation, top_share_iou
from xaireport.types.data import Floats, Ints, Split
from xaireport.types.trust import Drift, Measure, Moved

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


def drift(
    ours: Stored,
    theirs: Stored,
    test: Split,
    other: str,
    relation: Literal["parent", "sibling"],
    seed: int,
    measure: Callable[..., Measure],
    painters: tuple[Painter, Painter],
) -> Drift:
    """Return how alike two variants' maps are, and show those that moved most.

    Parameters
    ----------
    ours, theirs : Stored
        What `explain` left of both.
    test : Split
        What is explained.
    other, relation : str
        The other variant's name, and what it is to this one.
    seed : int
        Draws the images whose maps are the control, and the resamples.
    measure : callable
        As `xaireport.metrics.means.measure`.
    painters : tuple of two Painter
        Draw this variant's and the other's map of an image.
    """
    shown, mine, its = of_maps(ours, theirs, test.images.shape[1:-1], seed)
    hidden = of_occlusion(ours, theirs, seed)

    def mean(alike: Alike, values: Numbers, controls: Mapping[str, Numbers]) -> Measure:
        groups = None if test.groups is None else test.groups[alike.index]
        return measure(values, controls, groups=groups, seed=seed)

    return Drift(
        other=other,
        relation=relation,
        maps=mean(shown, shown.correlation, {"other_image": shown.chance}),
        maps_iou=mean(shown, shown.iou, {}),
        occlusion=mean(hidden, hidden.correlation, {"other_image": hidden.chance}),
        occlusion_iou=mean(hidden, hidden.iou, {}),
        moved=tuple(
            _moved(painters, test, shown, row, mine[row], its[row], ours.y_pred) for row in moved_most(shown)
        ),
    )


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


def _moved(
    painters: tuple[Painter, Painter],
    test: Split,
    shown: Alike,
    row: int,
    mine: Floats,
    its: Floats,
    y_pred: Ints,
) -> Moved:
    at = int(shown.index[row])
    name, pixels = str(test.sample_id[at]), test.images[at]
    layers, other = (
        painter.explained(name, pixels, grid) for painter, grid in zip(painters, (mine, its), strict=True)
    )
    return Moved(
        name,
        int(test.labels[at]),
        int(y_pred[at]),
        float(shown.correlation[row]),
        layers.image,
        layers.overlay,
        other.overlay,
    )
