"""Explain a classifier on a test set: maps for all images, pictures of the chosen ones, a plain gallery.

It puts the parts together. The classifier is seen through its protocol; further methods come in as a
callable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import ModelError
from xaireport.explain import select
from xaireport.explain.layer_choice import decide
from xaireport.explain.methods import perturbation
from xaireport.explain.methods.explainers import Explainer, Maps, VisMaps, batch_size, explainer
from xaireport.explain.pictures import Layers, Painter
from xaireport.explain.select import Choice
from xaireport.files import replacing
from xaireport.study_schema import ExplainSettings
from xaireport.types.data import Dataset, Floats, Ints, Pixels, Split
from xaireport.types.evidence import Skipped
from xaireport.types.models import Classifier
from xaireport.types.notes import Note
from xaireport.types.pictures import Example, Heatmaps, Pictures

MAPS_FILE = "maps.npz"
"""All maps: ``maps`` (n, *grid), ``zero`` (n,), ``index`` (n,) in the test split, ``target`` (n,) classes."""
OCCLUSION_FILE = "occlusion.npz"
"""``drops`` (n, *cells, n_classes) of the same images for every variant, and their ``index`` (n,)."""


@dataclass(frozen=True)
class Explanation:
    """How the heatmaps were made, or why there are none, and the images on show, which are there anyway."""

    heatmaps: Heatmaps | Skipped
    pictures: Pictures


@dataclass(frozen=True)
class _Made:
    """Maps of some test images, by position: ``index`` is sorted."""

    index: Ints
    of: Maps

    def map(self, index: int) -> Floats | None:
        """Return the map of a test image, None where it is all zero."""
        row = int(np.searchsorted(self.index, index))
        return None if self.of.zero[row] else self.of.maps[row]


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
    parent_layer: str = "",
) -> Explanation:
    """Make the heatmaps of the predicted classes, and write the pictures that the card shows.

    Reductions of gradients are made for every test image; the other methods, which take far longer, for the
    images on show. Occlusion is measured beside either, on images that are the same for every variant.

    Parameters
    ----------
    classifier : Classifier
        Its test split is explained by occlusion where it has no gradients.
    dataset : Dataset
        Its test split is explained; the layer is chosen on its validation split.
    classes : sequence of str
        Class names, in the order of the labels.
    settings : ExplainSettings
        Method and layer.
    seed : int
        Draws the random examples, the common ones and the gallery.
    out : Path
        An existing folder: pictures go to ``out/prefix``, all maps to ``out/maps.npz``.
    prefix : str
        The variant's folder; the addresses of its pictures begin with ``assets/<prefix>/``.
    vis : callable, optional
        Makes the maps of tf-keras-vis' methods.
    y_prob : float32 array, (n, n_classes), optional
        The test split's probabilities, where they are known already.
    parent_layer : str
        Where the maps of the model that this one was made from are read.

    Raises
    ------
    ConfigError
        A method that needs ``vis``, without it.
    ModelError
        An unknown layer, or probabilities that do not fit the data.
    """
    test = dataset.test
    if y_prob is None:
        y_prob = classifier.predict(test.images, batch_size(test.images))
    if y_prob.shape != (len(test), len(classes)):
        raise ModelError(f"probabilities of shape {(len(test), len(classes))}", y_prob.shape)
    painter = Painter(out, prefix)
    targets = y_prob.argmax(axis=1)
    chosen = select.examples(test.labels, y_prob, seed)
    common = select.common(test.labels, len(classes), seed)
    decision = decide(classifier, settings, dataset.val, seed, parent_layer)
    method = explainer(classifier, decision.method, decision.layer, seed, vis)
    shown = np.unique([choice.index for choice in chosen + common]).astype(np.int64)
    made: _Made | None = None
    heatmaps: Heatmaps | Skipped
    tried = decision.method
    try:
        made = _made(method, classifier, test.images, targets, np.arange(len(test)), shown)
        tried = "occlusion"  # beside them, the same for every variant
        _occlusion(classifier, test, len(classes), seed, out)
    except ModelError:
        made = None  # no maps on show of which nothing is said
        heatmaps = Skipped("heatmaps", f"{tried} could make no maps of this model")
    else:
        _save(out / MAPS_FILE, made, targets)
        heatmaps = Heatmaps(
            method=method.method,
            layer=method.layer,
            grid=tuple(int(cells) for cells in made.of.maps.shape[1:]),
            n=len(made.index),
            zero_maps=int(made.of.zero.sum()),
            notes=(*decision.notes, *_notes(method, made, test, classes)),
            chosen_by=decision.chosen_by,
            choices=decision.choices,
            choice_images=decision.choice_images,
        )

    def shown_with_map(choice: Choice) -> Example:
        heat = None if made is None else made.map(choice.index)
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


def _made(
    method: Explainer, classifier: Classifier, images: Pixels, targets: Ints, every: Ints, shown: Ints
) -> _Made:
    index = every if method.is_fast else shown
    return _Made(index, method.make(classifier, images[index], targets[index]))


def _occlusion(classifier: Classifier, test: Split, n_classes: int, seed: int, out: Path) -> None:
    index = select.per_class(test.labels, n_classes, seed, volumes=test.images.ndim == 5)
    images = test.images[index]
    drops = perturbation.occlusion(lambda part: classifier.logits(part, batch_size(images)), images)
    _write(out / OCCLUSION_FILE, drops=drops.astype(np.float32), index=index)


def _save(path: Path, made: _Made, targets: Ints) -> None:
    _write(path, maps=made.of.maps, zero=made.of.zero, index=made.index, target=targets[made.index])


def _write(path: Path, **arrays: NDArray[Any]) -> None:
    with replacing(path) as part:
        np.savez_compressed(part, allow_pickle=False, **arrays)


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
        montage=layers.montage,
        montage_slices=layers.montage_slices,
    )


def _notes(method: Explainer, made: _Made, test: Split, classes: Sequence[str]) -> tuple[Note, ...]:
    """What a reader would otherwise wonder about."""
    notes = []
    if not method.is_fast:
        notes.append(Note("shown_only", {"method": method.method}))
    if broken := int(made.of.broken.sum()):
        notes.append(Note("maps_not_finite", {"broken": broken, "n": len(made.index)}))
    absent = [name for k, name in enumerate(classes) if not np.any(test.labels == k)]
    if absent:
        notes.append(Note("no_test_image", {"classes": absent}))
    return tuple(notes)
