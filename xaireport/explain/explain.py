"""Explain a classifier on a test set: maps for all images, pictures of the chosen ones, a plain gallery.

It puts the parts together. The classifier is seen through its protocol; further methods come in as a
callable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import ConfigError, ModelError
from xaireport.explain import cam, select
from xaireport.explain.pictures import Layers, Painter
from xaireport.explain.select import Choice
from xaireport.spec import ExplainSettings
from xaireport.types import (
    Classifier,
    Dataset,
    DifferentiableClassifier,
    Example,
    Floats,
    Heatmaps,
    Ints,
    LayerInfo,
    Pictures,
    Pixels,
    Skipped,
    Split,
)

VisMaps = Callable[[Pixels, Ints, str, str], Floats]
"""``(images, targets, layer, method) -> maps``, float (n, *grid): how methods other than Grad-CAM come in."""

MAPS_FILE = "maps.npz"
"""All maps: ``maps`` (n, *grid), ``zero`` (n,), ``index`` (n,) in the test split, ``target`` (n,) classes."""

_ACTIVATION_BYTES = 64 * 2**20
"""Activations, and as many gradients, held at once."""


@dataclass(frozen=True)
class Explanation:
    """How the heatmaps were made, or why there are none, and the images on show, which are there anyway."""

    heatmaps: Heatmaps | Skipped
    pictures: Pictures


@dataclass(frozen=True)
class _Maps:
    """Maps of some test images: their positions, the maps from 0 to 1, which are all zero."""

    index: Ints
    maps: Floats
    zero: NDArray[np.bool_]

    def of(self, index: int) -> Floats | None:
        """Return the map of a test image, None where it is all zero."""
        row = int(np.searchsorted(self.index, index))
        return None if self.zero[row] else self.maps[row]


def explain(
    classifier: Classifier,
    dataset: Dataset,
    classes: Sequence[str],
    settings: ExplainSettings,
    seed: int,
    out: Path,
    prefix: str,
    vis: VisMaps | None = None,
    y_prob: Floats | None = None,
) -> Explanation:
    """Make the heatmaps of the predicted classes, and write the pictures that the card shows.

    Grad-CAM is made for every test image; the other methods, which take far longer, for the images on show.

    Parameters
    ----------
    classifier : Classifier
        With gradients, or its heatmaps are skipped.
    dataset : Dataset
        Its test split is explained.
    classes : sequence of str
        Class names, in the order of the labels.
    settings : ExplainSettings
        Method and layer.
    seed : int
        Draws the random examples, the common ones and the gallery.
    out : Path
        An existing folder: pictures go to ``out/prefix``, all maps to ``out/maps.npz``.
    prefix : str
        The variant; the addresses of its pictures begin with ``assets/<prefix>/``.
    vis : callable, optional
        Makes the maps of every method but ``gradcam``.
    y_prob : float32 array, (n, n_classes), optional
        The test split's probabilities, where they are known already.

    Raises
    ------
    ConfigError
        A method that needs ``vis``, without it.
    ModelError
        An unknown layer, or probabilities that do not fit the data.
    """
    test = dataset.test
    if y_prob is None:
        y_prob = classifier.predict(test.images, batch_size=_batch_size(test.images))
    if y_prob.shape != (len(test), len(classes)):
        raise ModelError(f"probabilities of shape {(len(test), len(classes))}", y_prob.shape)
    painter = Painter(out, prefix)
    targets = y_prob.argmax(axis=1)
    chosen = select.examples(test.labels, y_prob, seed)
    common = select.common(test.labels, len(classes), seed)
    layer = _layer(classifier, settings.layer)
    made: _Maps | None = None
    if isinstance(layer, Skipped) or not isinstance(classifier, DifferentiableClassifier):
        heatmaps: Heatmaps | Skipped = layer if isinstance(layer, Skipped) else _no_gradients()
    else:
        if settings.method == "gradcam":
            made = _gradcam_all(classifier, test.images, targets, layer)
        else:
            shown = np.unique([choice.index for choice in chosen + common]).astype(np.int64)
            made = _vis_maps(vis, settings.method, test.images, targets, shown, layer)
        _save(out / MAPS_FILE, made, targets)
        heatmaps = Heatmaps(
            method=settings.method,
            layer="" if settings.method == "smoothgrad" else layer.name,
            grid=tuple(int(cells) for cells in made.maps.shape[1:]),
            n=len(made.maps),
            zero_maps=int(made.zero.sum()),
            notes=_notes(classifier, layer, settings, test, classes),
        )

    def shown_with_map(choice: Choice) -> Example:
        heat = None if made is None else made.of(choice.index)
        named = _named(test, choice)
        layers = painter.plain(*named) if heat is None else painter.explained(*named, heat)
        return _example(test, y_prob, choice, layers)

    return Explanation(
        heatmaps,
        Pictures(
            examples=tuple(shown_with_map(choice) for choice in chosen),
            common=tuple(shown_with_map(choice) for choice in common),
            gallery=tuple(
                _example(test, y_prob, choice, painter.plain(*_named(test, choice)))
                for choice in select.gallery(len(test), seed)
            ),
        ),
    )


def _layer(classifier: Classifier, name: str) -> LayerInfo | Skipped:
    if not isinstance(classifier, DifferentiableClassifier):
        return _no_gradients()
    try:
        layers = classifier.spatial_layers()
    except ModelError as error:  # a model that cannot be looked into can still be evaluated
        return Skipped("heatmaps", error.message, error.hint)
    return cam.choose_layer(layers, name)


def _no_gradients() -> Skipped:
    return Skipped(
        "heatmaps",
        "a TFLite file gives no gradients, and maps of its own are not made yet; those of the model it was "
        "made from would be another model's",
        "the card of that model has heatmaps",
    )


def _batch_size(images: Pixels) -> int:
    """Fewer volumes than images fit into memory at once."""
    return 256 if images.ndim == 4 else 32


def _gradcam_all(
    classifier: DifferentiableClassifier, images: Pixels, targets: Ints, layer: LayerInfo
) -> _Maps:
    """Reduce batch by batch: of all activations, no more than a batch is held."""
    per_image = 4 * prod(layer.grid) * layer.channels
    step = max(1, min(_batch_size(images), _ACTIVATION_BYTES // per_image))
    maps = np.zeros((len(images), *layer.grid), np.float32)
    zero = np.zeros(len(images), np.bool_)
    for start in range(0, len(images), step):
        batch = slice(start, start + step)
        activations, gradients, _ = classifier.activations_and_gradients(
            images[batch], targets[batch], layer.name
        )
        maps[batch], zero[batch] = cam.gradcam(activations, gradients)
    return _Maps(np.arange(len(images)), maps, zero)


def _vis_maps(
    vis: VisMaps | None, method: str, images: Pixels, targets: Ints, shown: Ints, layer: LayerInfo
) -> _Maps:
    if vis is None:
        raise ConfigError("explain.method gradcam for this kind of model", repr(method))
    maps, zero = cam.normalise(np.maximum(vis(images[shown], targets[shown], layer.name, method), 0))
    return _Maps(shown, maps, zero)


def _save(path: Path, made: _Maps, targets: Ints) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(
            file, maps=made.maps, zero=made.zero, index=made.index, target=targets[made.index]
        )
    part.replace(path)


def _named(test: Split, choice: Choice) -> tuple[str, Pixels]:
    return str(test.sample_id[choice.index]), test.images[choice.index]


def _example(test: Split, y_prob: Floats, choice: Choice, layers: Layers) -> Example:
    row = y_prob[choice.index]
    y_true, y_pred = int(test.labels[choice.index]), int(row.argmax())
    return Example(
        sample_id=str(test.sample_id[choice.index]),
        y_true=y_true,
        y_pred=y_pred,
        p=float(row[y_pred]),
        outcome="hit" if y_true == y_pred else "miss",
        chosen=choice.chosen,
        image=layers.image,
        map=layers.map,
        overlay=layers.overlay,
        peak=layers.peak,
        slices=layers.slices,
    )


def _notes(
    classifier: DifferentiableClassifier,
    layer: LayerInfo,
    settings: ExplainSettings,
    test: Split,
    classes: Sequence[str],
) -> tuple[str, ...]:
    """What a reader would otherwise wonder about."""
    notes = []
    last = cam.last_computing(classifier.spatial_layers())
    if settings.method == "smoothgrad":
        notes.append("SmoothGrad looks at the pixels, not at a layer.")
    elif not settings.layer and last is not None and last.grid != layer.grid:
        notes.append(
            f"The last layer with a grid, {last.name}, has only {cam.grid_text(last.grid)} cells; "
            f"the maps are read at {layer.name}, the last one with at least {cam.MIN_CELLS} per axis."
        )
    if settings.method != "gradcam":
        notes.append(f"Maps by {settings.method} were made for the images on show only.")
    absent = [name for k, name in enumerate(classes) if not np.any(test.labels == k)]
    if absent:
        notes.append(f"No test image shows: {', '.join(absent)}.")
    return tuple(notes)
