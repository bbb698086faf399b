"""Robustness: maps must depend on the class asked for and on the image, and not on a little noise.

Each function gives one number per image; means and intervals are made elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xaireport.explain.methods.explainers import Explainer, batch_size
from xaireport.explain.trust.similarity import rank_correlation
from xaireport.types.data import Floats, Ints, Pixels
from xaireport.types.models import Classifier
from xaireport.types.streams import Stream

NOISE = 0.02
"""Standard deviation of the noise, as a share of the range of pixel values: hardly visible."""

Numbers = NDArray[np.float64]


def other_class(
    explainer: Explainer,
    classifier: Classifier,
    images: Pixels,
    targets: Ints,
    maps: Floats,
    n_classes: int,
    seed: int,
) -> Numbers:
    """Return the rank correlation of each map with that of another class, drawn at random: float (n,).

    References
    ----------
    L. Sixt, M. Granz & T. Landgraf, "When Explanations Lie: Why Many Modified BP Attributions Fail", ICML
    2020, arXiv:1912.09818 (there the random logit test).
    """
    rng = np.random.default_rng([seed, Stream.OTHER_CLASS])
    others = (targets + rng.integers(1, n_classes, len(targets))) % n_classes
    return rank_correlation(maps, explainer.make(classifier, images, others).maps)


def noisy(
    explainer: Explainer, classifier: Classifier, images: Pixels, targets: Ints, maps: Floats, seed: int
) -> Numbers:
    """Return the rank correlation of each map with that of the image under a little noise: float (n,).

    NaN where the noise changes the answer: then the map may change too.
    """
    rng = np.random.default_rng([seed, Stream.NOISE])
    shaken = images + rng.normal(0, NOISE * 255, images.shape)
    pixels = np.clip(np.rint(shaken), 0, 255).astype(np.uint8)
    same = classifier.predict(pixels, batch_size(pixels)).argmax(axis=1) == targets
    return np.where(same, rank_correlation(maps, explainer.make(classifier, pixels, targets).maps), np.nan)


def other_image(maps: Floats, seed: int) -> Numbers:
    """Return the rank correlation of each map with that of another image: float (n,).

    What maps of one model have in common, whatever the image: most look at the middle.
    """
    n = len(maps)
    if n < 2:
        return np.full(n, np.nan)
    order = np.random.default_rng([seed, Stream.OTHER_IMAGE]).permutation(n)
    partner = np.empty(n, np.int64)
    partner[order] = np.roll(order, 1)
    return rank_correlation(maps, maps[partner])
