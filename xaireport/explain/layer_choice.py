"""Which method explains a model, and at which layer: by the study, the parent, or validation images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xaireport.errors import ModelError
from xaireport.explain import layers
from xaireport.explain.methods.explainers import batch_size, explainer
from xaireport.explain.trust.faithfulness import deletion_insertion
from xaireport.study_schema import ExplainSettings
from xaireport.types.data import Split
from xaireport.types.explainers import EXPLAINERS
from xaireport.types.models import Classifier, DifferentiableClassifier, LayerInfo
from xaireport.types.notes import Note
from xaireport.types.pictures import ChosenBy, LayerChoice

CHOICE_IMAGES, CHOICE_VOLUMES = 128, 24
"""Validation images by which the layer is chosen: drawn by the seed."""


@dataclass(frozen=True)
class Decision:
    """A method, the layer that it reads, and how it came to that."""

    method: str
    layer: str
    chosen_by: ChosenBy = ""
    choices: tuple[LayerChoice, ...] = ()
    choice_images: int = 0
    notes: tuple[Note, ...] = ()


def decide(
    classifier: Classifier, settings: ExplainSettings, val: Split, seed: int, parent_layer: str = ""
) -> Decision:
    """Decide how a model is explained.

    A layer that the study names is taken. A model made from another one is read where its parent is, so that
    their maps can be compared. Otherwise, of the candidates, the layer whose Grad-CAM maps find best what
    drives the score of validation images. A model without usable gradients is explained by occlusion.

    Parameters
    ----------
    classifier : Classifier
        The model.
    settings : ExplainSettings
        What the study says.
    val : Split
        Validation images.
    seed : int
        Draws which of them.
    parent_layer : str
        Where the maps of the model that this one was made from are read.

    Raises
    ------
    ModelError
        The study names a layer that does not exist, or one with a single cell.
    """
    asked = EXPLAINERS.get(settings.method)  # none: "auto"
    if asked and asked.by == "perturbation":
        return Decision(settings.method, "")
    if not isinstance(classifier, DifferentiableClassifier):
        return _occlusion(Note("no_gradients"))
    try:
        known = classifier.spatial_layers()
        suffix = classifier.method_suffix
        brought_file = suffix and not parent_layer and not settings.layer
        if brought_file and settings.method == "auto":
            return _occlusion(Note("file_alone"))
        if asked and not asked.reads_layer and not suffix:
            return Decision(settings.method, "", notes=(Note("pixels_not_layers"),))
    except ModelError:  # a model that cannot be looked into can still be asked
        return _occlusion(Note("no_layers"))
    is_there = parent_layer in {layer.name for layer in known}
    from_parent = parent_layer if is_there and not settings.layer else ""
    found = layers.candidates(known, settings.layer or from_parent)
    if isinstance(found, Note):
        return _occlusion(found)
    method, notes = _method(settings.method, suffix)
    try:
        if len(found) == 1:
            by: ChosenBy = "study" if settings.layer else "parent" if from_parent else "only candidate"
            explainer(classifier, _reduction(method), found[0].name).make(  # can it be differentiated there?
                classifier, val.images[:1], np.zeros(min(1, len(val)), np.int64)
            )
            return Decision(method, found[0].name, by, notes=notes)
        choices, n = _scores(classifier, _reduction(method), found, val, seed)
    except ModelError:
        return _occlusion(Note("no_map_by_gradients", {"layers": [layer.name for layer in found]}))
    best = max(choices, key=lambda each: -np.inf if each.score is None else each.score)
    return Decision(method, best.layer, "validation", choices, n, (*notes, *_coarse(known, best)))


def _occlusion(why: Note) -> Decision:
    """Return the method that is always there. Not the words of an error: those may change, a result not."""
    return Decision("occlusion", "", notes=(why,))


def _method(asked: str, suffix: str) -> tuple[str, tuple[Note, ...]]:
    """Return the method's full name; a TFLite file has the reductions of gradients only."""
    if asked == "auto":
        return f"gradcam{suffix}", ()
    if suffix and _is_of_library(asked):
        return f"gradcam{suffix}", (Note("gradcam_instead", {"asked": asked}),)
    return (asked if _is_of_library(asked) else f"{asked}{suffix}"), ()


def _reduction(method: str) -> str:
    """Return the method by which a layer is chosen: its own, or Grad-CAM where that would take too long."""
    return "gradcam" if _is_of_library(method) else method


def _is_of_library(method: str) -> bool:
    return method in EXPLAINERS and EXPLAINERS[method].by == "library"


def _scores(
    classifier: DifferentiableClassifier, method: str, layers_: tuple[LayerInfo, ...], val: Split, seed: int
) -> tuple[tuple[LayerChoice, ...], int]:
    """Return for each layer by how much deletion in the order of its maps beats random maps."""
    most = CHOICE_IMAGES if val.images.ndim == 4 else CHOICE_VOLUMES
    drawn = np.sort(np.random.default_rng([seed, len(val)]).permutation(len(val))[:most])
    images = val.images[drawn]
    size = batch_size(images)
    targets = classifier.predict(images, size).argmax(axis=1)
    choices = []
    for layer in layers_:
        made = explainer(classifier, method, layer.name).make(classifier, images, targets)
        found = deletion_insertion(
            lambda part: classifier.predict(part, size),
            images,
            made.maps,
            targets,
            seed=seed,
            kinds=("deletion",),
        )["deletion"]
        # A map without evidence gains nothing: leaving such images out would reward layers that have many.
        gains = [np.nan_to_num(area["random"] - area["map"]) for area in found.values()]
        choices.append(LayerChoice(layer.name, layer.grid, float(np.mean(gains)) if len(drawn) else None))
    return tuple(choices), len(drawn)


def _coarse(known: tuple[LayerInfo, ...], best: LayerChoice) -> tuple[Note, ...]:
    last = layers.last_computing(known)
    if last is None or min(last.grid) >= layers.MIN_CELLS:
        return ()
    found = {"layer": last.name, "grid": layers.grid_text(last.grid), "read": best.layer}
    return (Note("last_layer_coarse", found),)
