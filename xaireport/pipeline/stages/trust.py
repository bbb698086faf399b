"""Whether a variant's heatmaps can be believed: every measure beside its control, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.data.canonical import open_dataset
from xaireport.engine.node import Context
from xaireport.errors import ModelError
from xaireport.explain.explain import MAPS_FILE
from xaireport.explain.methods.explainers import Explainer, batch_size, explainer
from xaireport.explain.pictures import Painter
from xaireport.explain.trust import drift, faithfulness, localisation, randomisation, robustness
from xaireport.explain.trust.verdict import verdict
from xaireport.metrics.means import measure, over_seeds
from xaireport.nn.classifier import open_model
from xaireport.nn.keras.classifier import KerasClassifier
from xaireport.nn.keras.tf_keras_vis import vis_maps
from xaireport.pipeline import params
from xaireport.pipeline.labels import pictures_of
from xaireport.pipeline.stages.given import given
from xaireport.pipeline.stages.model import opened
from xaireport.types import (
    Cascade,
    CascadeStep,
    Classifier,
    Drift,
    Floats,
    Heatmaps,
    Ints,
    Measure,
    Moved,
    Pixels,
    Skipped,
    Split,
    Trust,
    TrustVerdict,
)
from xaireport.types.artefacts import (
    HEATMAPS_FILE,
    TRUST_FILE,
)
from xaireport.types.labels import (
    DATA,
    EXPLAINED,
    OTHER,
    OTHER_PREDICTIONS,
    PREDICTIONS,
)


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write ``trust.json``: a ``Trust``, or why there is none."""
    told = given(params.Trust, table)
    heatmaps = serialization.load(Heatmaps | Skipped, context.inputs[EXPLAINED] / HEATMAPS_FILE)
    if isinstance(heatmaps, Skipped):
        serialization.save(heatmaps, context.out / TRUST_FILE)
        return
    dataset = open_dataset(context.inputs[DATA].parent)
    n_classes = len(dataset.info.classes)
    classifier = opened(open_model, context, told.reading, dataset)
    seed = told.seed
    vis = partial(vis_maps, classifier) if isinstance(classifier, KerasClassifier) else None
    method = explainer(classifier, heatmaps.method, heatmaps.layer, seed, vis)
    ours = drift.Stored(context.inputs[EXPLAINED], _answers(context.inputs[PREDICTIONS]))
    known = ours.maps() if method.is_fast else None
    found = trust(method, classifier, dataset.test, ours.y_pred, n_classes, seed, known)
    moved = _drift(context, told, dataset.test, ours)
    criterion = moved if told.is_quantised else None
    serialization.save(judged(replace(found, drift=moved), criterion), context.out / TRUST_FILE)


def trust(
    method: Explainer,
    classifier: Classifier,
    test: Split,
    y_pred: Ints,
    n_classes: int,
    seed: int,
    known: tuple[Ints, Floats] | None = None,
) -> Trust:
    """Return every measure of a model's heatmaps but for drift, which needs another model.

    Parameters
    ----------
    method : Explainer
        Makes the maps that are judged.
    classifier : Classifier
        The model.
    test : Split
        What is explained; with masks, or the measures that need some are skipped.
    y_pred : int array, (n,)
        The classes explained.
    n_classes : int
        How many there are.
    seed : int
        Draws the sample, the random maps, the other classes and the noise.
    known : tuple of index (m,) and maps (m, *grid), optional
        Maps that are there already, and are not made again: those of the whole test split.
    """
    volumes = test.images.ndim == 5
    drawn = np.random.default_rng([seed, 5]).permutation(len(test))[: method.affordable(volumes)]
    sample = np.sort(drawn).astype(np.int64)
    images, targets = test.images[sample], y_pred[sample]
    groups = None if test.groups is None else test.groups[sample]
    mean = partial(measure, groups=groups, seed=seed)
    if known is None:
        index, maps = sample, method.make(classifier, images, targets).maps
    else:
        index, maps = known
    mine = maps[np.searchsorted(index, sample)]
    chance = {"other_image": robustness.other_image(mine, seed)}
    zero = ~maps.reshape(len(maps), -1).any(axis=1)
    located = _located(maps, test, index, seed)
    size = batch_size(images)
    areas = faithfulness.deletion_insertion(
        lambda part: classifier.predict(part, size), images, mine, targets, seed=seed
    )
    found = Trust(
        zero_maps=measure(
            np.asarray(zero, np.float64),
            {},
            groups=None if test.groups is None else test.groups[index],
            seed=seed,
        ),
        energy_in_mask=located["energy_in_mask"],
        pointing=located["pointing"],
        iou=located["iou"],
        deletion=_areas(areas["deletion"], mean),
        insertion=_areas(areas["insertion"], mean),
        randomisation=_randomised(method, classifier, images, targets, mine, mean(chance["other_image"], {})),
        wrong_class=mean(
            robustness.other_class(method, classifier, images, targets, mine, n_classes, seed), chance
        ),
        stability=mean(robustness.noisy(method, classifier, images, targets, mine, seed), chance),
        drift=Skipped("drift", "there is no variant to compare with"),
        verdict=TrustVerdict("untested", ""),
    )
    return judged(found, None)


def _randomised(
    method: Explainer, classifier: Classifier, images: Pixels, targets: Ints, maps: Floats, chance: Measure
) -> Cascade | Skipped:
    if not classifier.learnt_layers():
        return Skipped("randomisation", "the model has no weights to randomise")
    try:
        steps, decisive = randomisation.cascade(method, classifier, images, targets, maps)
    except ModelError:  # what is left of the model may not run
        return Skipped("randomisation", "a randomised model could not be explained")
    return Cascade(
        tuple(
            CascadeStep(
                step.layer,
                step.layers,
                over_seeds(_per_seed(step.correlation)),
                over_seeds(_per_seed(step.ssim)),
            )
            for step in steps
        ),
        decisive,
        int(np.isfinite(steps[0].correlation[0]).sum()),
        randomisation.SEEDS,
        chance.value,
        steps[-1].zero,
    )


def judged(found: Trust, moved: Drift | Skipped | None) -> Trust:
    """Return the measures with the verdict over them; ``moved`` where drift is a criterion."""
    return replace(
        found,
        verdict=verdict(found.energy_in_mask, found.deletion, found.randomisation, found.wrong_class, moved),
    )


def _located(maps: Floats, test: Split, index: Ints, seed: int) -> dict[str, Measure | Skipped]:
    names = ("energy_in_mask", "pointing", "iou")
    if test.masks is None:
        return {name: Skipped(name, "the data have no masks of what is to be seen") for name in names}
    if not (test.masks >= localisation.INSIDE).any():
        return {name: Skipped(name, "every mask is empty") for name in names}
    groups = None if test.groups is None else test.groups[index]
    found = localisation.localise(maps, test.images[index], test.masks[index], seed)
    return {
        name: measure(
            columns["map"],
            {other: column for other, column in columns.items() if other != "map"},
            groups=groups,
            seed=seed,
        )
        for name, columns in found.items()
    }


def _areas(areas: Mapping[str, Mapping[str, Any]], mean: Any) -> dict[str, Measure]:
    return {name: mean(area["map"], {"random": area["random"]}) for name, area in areas.items()}


def _per_seed(values: Any) -> Any:
    """Return the mean over images of each seed; NaN where no image has a map."""
    known = np.isfinite(values)
    return np.where(
        known.any(axis=1), np.where(known, values, 0).sum(axis=1) / np.maximum(1, known.sum(axis=1)), np.nan
    )


def _answers(path: Path) -> Ints:
    with np.load(path, allow_pickle=False) as stored:
        y_pred: Ints = stored["test_y_prob"].argmax(axis=1)
    return y_pred


def _drift(context: Context, told: params.Trust, test: Split, ours: drift.Stored) -> Drift | Skipped:
    other = told.other
    if not other:
        return Skipped("drift", "the study has no other variant to compare with")
    if OTHER not in context.inputs or OTHER_PREDICTIONS not in context.inputs:
        return Skipped("drift", f"there are no heatmaps of {other}")
    theirs = drift.Stored(context.inputs[OTHER], _answers(context.inputs[OTHER_PREDICTIONS]))
    if not (theirs.folder / MAPS_FILE).is_file():
        return Skipped("drift", f"there are no heatmaps of {other}")
    seed, shape = told.seed, test.images.shape[1:-1]
    shown, mine, its = drift.of_maps(ours, theirs, shape, seed)
    hidden = drift.of_occlusion(ours, theirs, seed)

    def mean(alike: drift.Alike, values: Any, controls: Mapping[str, Any]) -> Measure:
        groups = None if test.groups is None else test.groups[alike.index]
        return measure(values, controls, groups=groups, seed=seed)

    # Theirs in a folder of their own: a sample may be called whatever ours and a further word would make.
    folder = f"{pictures_of(told.variant)}/moved"
    painters = Painter(context.out, folder), Painter(context.out, f"{folder}/other")
    return Drift(
        other=other,
        relation=told.relation,
        maps=mean(shown, shown.correlation, {"other_image": shown.chance}),
        maps_iou=mean(shown, shown.iou, {}),
        occlusion=mean(hidden, hidden.correlation, {"other_image": hidden.chance}),
        occlusion_iou=mean(hidden, hidden.iou, {}),
        moved=tuple(
            _moved(painters, test, shown, row, mine[row], its[row], ours.y_pred)
            for row in drift.moved_most(shown)
        ),
    )


def _moved(
    painters: tuple[Painter, Painter],
    test: Split,
    shown: drift.Alike,
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
