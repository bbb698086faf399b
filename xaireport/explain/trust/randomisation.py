"""Randomisation of weights: maps must depend on what a model has learnt.

One number per image and seed; means and intervals are made elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xaireport.explain.methods.explainers import Explainer
from xaireport.explain.trust.similarity import rank_correlation, ssim
from xaireport.types.data import Floats, Ints, Pixels
from xaireport.types.models import Classifier

SEEDS = 5
"""Randomisations of each step: one alone is not monotone in the number of layers."""
STEPS = 8
"""Steps of the cascade at most; a model with more layers skips some."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Randomised:
    """Maps with ``layers`` layers from the output down to ``layer`` randomised.

    ``correlation`` and ``ssim`` are held against the trained model's maps, float (seeds, n); ``zero`` is the
    share of maps without evidence.
    """

    layer: str
    layers: int
    correlation: Numbers
    ssim: Numbers
    zero: float


def cascade(
    explainer: Explainer, classifier: Classifier, images: Pixels, targets: Ints, maps: Floats
) -> tuple[tuple[Randomised, ...], int]:
    """Randomise a model layer by layer from the output down, and see what becomes of its maps.

    The weights are shuffled within each tensor, see `xaireport.types.models.Classifier.shuffled`: they keep
    their distribution, so that only what was learnt is lost.

    Parameters
    ----------
    explainer : Explainer
        Makes the maps.
    classifier : Classifier
        The trained model; it is as before afterwards.
    images, targets : arrays, (n, *shape) and (n,)
        What is explained.
    maps : float32 array, (n, *grid)
        The trained model's maps of it.

    Returns
    -------
    steps : tuple of Randomised
        At most :data:`STEPS`.
    decisive : int
        The first step in which the explained layer's own weights are random, too; for a method that looks at
        no layer, the last one.

    References
    ----------
    J. Adebayo et al., "Sanity Checks for Saliency Maps", NeurIPS 2018, arXiv:1810.03292.
    """
    learnt = classifier.learnt_layers()[::-1]
    total = len(learnt)
    behind = len(classifier.learnt_layers(explainer.layer)) if explainer.layer else 0
    down_to = total - behind + 1 if behind else total
    depths = {*np.rint(np.linspace(1, total, min(STEPS, total))).astype(int).tolist(), down_to}
    steps = []
    for depth in sorted(depths):
        pairs, zeros = [], []
        for seed in range(SEEDS):
            with classifier.shuffled(learnt[:depth], seed) as randomised:
                made = explainer.make(randomised, images, targets)
            pairs.append((rank_correlation(maps, made.maps), ssim(maps, made.maps)))
            zeros.append(float(made.zero.mean()))
        correlation, likeness = (np.stack(column) for column in zip(*pairs, strict=True))
        steps.append(Randomised(learnt[depth - 1], int(depth), correlation, likeness, float(np.mean(zeros))))
    return tuple(steps), sorted(depths).index(down_to)
