"""The ways to a heatmap behind one call: reductions of gradients, tf-keras-vis' methods, perturbation.

What an explainer is made of is decided in :mod:`xaireport.explain.layer_choice`; here it only runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import ConfigError, ModelError
from xaireport.explain.methods import cam, perturbation
from xaireport.types.data import Floats, Ints, Pixels
from xaireport.types.explainers import EXPLAINERS, ExplainerFacts
from xaireport.types.models import Classifier, DifferentiableClassifier, LayerInfo

VisMaps = Callable[[Pixels, Ints, str, str], Floats]
"""``(images, targets, layer, method) -> maps``, float (n, *grid): how tf-keras-vis' methods come in."""

HYBRID = "-hybrid"
"""Ends the name of a gradient method whose activations and weights are those of a TFLite file."""
VOLUMES, AT_LEAST = 0.25, 8
"""Of the images that are affordable, the share where they are volumes; and how many at least."""

_ACTIVATION_BYTES = 64 * 2**20
"""Activations, and as many gradients, held at once."""


@dataclass(frozen=True)
class Maps:
    """Heatmaps of some images.

    Parameters
    ----------
    maps : float32 array, (n, *grid)
        From 0 to 1, or all 0.
    zero : bool array, (n,)
        Maps without positive evidence.
    broken : bool array, (n,)
        Maps that are zero because what they were to be made from is not finite.
    """

    maps: Floats
    zero: NDArray[np.bool_]
    broken: NDArray[np.bool_]


@dataclass(frozen=True)
class Explainer:
    """A method, ready to be asked for maps.

    Parameters
    ----------
    method : str
        As in ``explain.method``, with :data:`HYBRID` for a TFLite file's own gradients.
    layer : str
        Where the maps are read; empty where the method looks at no layer.
    make : callable
        ``(classifier, images, targets) -> Maps``; the classifier may be a shuffled one.
    """

    method: str
    layer: str
    make: Callable[[Classifier, Pixels, Ints], Maps]

    @property
    def facts(self) -> ExplainerFacts:
        """What the catalogue says of the method."""
        return EXPLAINERS[self.method.removesuffix(HYBRID)]

    @property
    def is_fast(self) -> bool:
        """Whether maps of the whole test set are affordable."""
        return self.facts.by == "gradients"

    def affordable(self, volumes: bool) -> int:
        """Return for how many images maps can be made several times over."""
        images = self.facts.affordable
        return max(AT_LEAST, int(images * VOLUMES)) if volumes else images


def explainer(
    classifier: Classifier, method: str, layer: str, seed: int = 0, vis: VisMaps | None = None
) -> Explainer:
    """Return the explainer of a method.

    Parameters
    ----------
    classifier : Classifier
        The model; for a reduction of gradients one that has them.
    method : str
        A name from ``explain.method`` but for ``auto``, or such a name with :data:`HYBRID`.
    layer : str
        One of the classifier's spatial layers; ignored by methods that look at none.
    seed : int
        Draws the masks of ``rise``.
    vis : callable, optional
        Makes the maps of tf-keras-vis' methods.

    Raises
    ------
    ConfigError
        A method of tf-keras-vis without ``vis``.
    ModelError
        A reduction of gradients for a model without, or a layer that does not exist.
    """
    base = method.removesuffix(HYBRID)
    if base in cam.REDUCTIONS:
        if not isinstance(classifier, DifferentiableClassifier):
            raise ModelError("a model with gradients", type(classifier).__name__, "occlusion needs none")
        found = [info for info in classifier.spatial_layers() if info.name == layer]
        if not found:
            raise ModelError("the name of a layer with a grid", repr(layer))
        return Explainer(method, layer, _reduced(cam.REDUCTIONS[base], found[-1]))
    if base == "occlusion":
        return Explainer(method, "", _occluded)
    if base == "rise":
        return Explainer(method, "", _rise(seed))
    if vis is None:
        raise ConfigError("explain.method gradcam for this kind of model", repr(method))
    return Explainer(method, layer if EXPLAINERS[method].reads_layer else "", _by_vis(vis, method, layer))


def batch_size(images: Pixels) -> int:
    """Return how many images, or volumes, a model is given at once."""
    return 256 if images.ndim == 4 else 32


def _reduced(reduction: cam.Reduction, layer: LayerInfo) -> Callable[[Classifier, Pixels, Ints], Maps]:
    """Reduce batch by batch: of all activations, no more than a batch is held."""

    def make(classifier: Classifier, images: Pixels, targets: Ints) -> Maps:
        assert isinstance(classifier, DifferentiableClassifier)
        per_image = 4 * prod(layer.grid) * layer.channels
        step = max(1, min(batch_size(images), _ACTIVATION_BYTES // per_image))
        maps = np.zeros((len(images), *layer.grid), np.float32)
        zero, broken = np.zeros((2, len(images)), np.bool_)
        axes = tuple(range(1, images.ndim))
        for start in range(0, len(images), step):
            part = slice(start, start + step)
            activations, gradients, _ = classifier.activations_and_gradients(
                images[part], targets[part], layer.name
            )
            with np.errstate(invalid="ignore", over="ignore"):  # told by `broken`
                maps[part], zero[part] = reduction(activations, gradients)
                sums = activations.sum(axis=axes), gradients.sum(axis=axes)
            broken[part] = ~(np.isfinite(sums[0]) & np.isfinite(sums[1]))
        maps[broken] = 0  # whatever a method makes of the cells that are known
        return Maps(maps, zero | broken, broken)

    return make


def _occluded(classifier: Classifier, images: Pixels, targets: Ints) -> Maps:
    drops = perturbation.occlusion(lambda part: classifier.logits(part, batch_size(images)), images)
    maps, zero = perturbation.occlusion_maps(drops, targets)
    return Maps(maps, zero, np.zeros(len(images), np.bool_))


def _rise(seed: int) -> Callable[[Classifier, Pixels, Ints], Maps]:
    def make(classifier: Classifier, images: Pixels, targets: Ints) -> Maps:
        made = perturbation.rise(
            lambda part: classifier.predict(part, batch_size(images)), images, targets, seed=seed
        )
        maps, zero = cam.normalise(np.maximum(made, 0))
        return Maps(maps, zero, np.zeros(len(images), np.bool_))

    return make


def _by_vis(vis: VisMaps, method: str, layer: str) -> Callable[[Classifier, Pixels, Ints], Maps]:
    def make(classifier: Classifier, images: Pixels, targets: Ints) -> Maps:
        made = vis(images, targets, layer, method)
        maps, zero = cam.normalise(np.maximum(made, 0))
        return Maps(maps, zero, np.isnan(made.reshape(len(made), -1).sum(axis=1)))

    return make
