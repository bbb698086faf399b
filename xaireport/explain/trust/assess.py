"""The assessment of a model's heatmaps: every measure beside its control, and the verdict over them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from xaireport.errors import ModelError
from xaireport.explain.methods.explainers import Explainer, batch_size
from xaireport.explain.trust import faithfulness, localisation, randomisation, robustness
from xaireport.explain.trust.verdict import verdict
from xaireport.types.data import Floats, Ints, Pixels, Split
from xaireport.types.evidence import Skipped
from xaireport.types.models import Classifier
from xaireport.types.streams import Stream
from xaireport.types.trust import Cascade, CascadeStep, Drift, Measure, Trust, TrustVerdict


class Means(Protocol):
    """What puts means together, with their intervals: `xaireport.metrics.means`."""

    def measure(self, values: Any, controls: Mapping[str, Any], groups: Any = None, seed: int = 0) -> Measure:
        """Return the mean of a value per image, and the differences to its controls."""

    def over_seeds(self, values: Any) -> Measure:
        """Return the mean over random repetitions."""


def trust(
    method: Explainer,
    classifier: Classifier,
    test: Split,
    y_pred: Ints,
    n_classes: int,
    seed: int,
    means: Means,
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
    means : Means
        Puts means over images together, with their intervals.
    known : tuple of index (m,) and maps (m, *grid), optional
        Maps that are there already, and are not made again: those of the whole test split.
    """
    volumes = test.images.ndim == 5
    drawn = np.random.default_rng([seed, Stream.TRUST_SAMPLE]).permutation(len(test))[
        : method.affordable(volumes)
    ]
    sample = np.sort(drawn).astype(np.int64)
    images, targets = test.images[sample], y_pred[sample]
    groups = None if test.groups is None else test.groups[sample]
    mean = partial(means.measure, groups=groups, seed=seed)
    if known is None:
        index, maps = sample, method.make(classifier, images, targets).maps
    else:
        index, maps = known
    mine = maps[np.searchsorted(index, sample)]
    chance = {"other_image": robustness.other_image(mine, seed)}
    zero = ~maps.reshape(len(maps), -1).any(axis=1)
    located = _located(maps, test, index, seed, means)
    size = batch_size(images)
    areas = faithfulness.deletion_insertion(
        lambda part: classifier.predict(part, size), images, mine, targets, seed=seed
    )
    found = Trust(
        zero_maps=means.measure(
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
        randomisation=_randomised(
            method, classifier, images, targets, mine, mean(chance["other_image"], {}), means
        ),
        wrong_class=mean(
            robustness.other_class(method, classifier, images, targets, mine, n_classes, seed), chance
        ),
        stability=mean(robustness.noisy(method, classifier, images, targets, mine, seed), chance),
        drift=Skipped("drift", "there is no variant to compare with"),
        verdict=TrustVerdict("untested", ""),
    )
    return judged(found, None)


def _randomised(
    method: Explainer,
    classifier: Classifier,
    images: Pixels,
    targets: Ints,
    maps: Floats,
    chance: Measure,
    means: Means,
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
                means.over_seeds(_per_seed(step.correlation)),
                means.over_seeds(_per_seed(step.ssim)),
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


def _located(maps: Floats, test: Split, index: Ints, seed: int, means: Means) -> dict[str, Measure | Skipped]:
    names = ("energy_in_mask", "pointing", "iou")
    if test.masks is None:
        return {name: Skipped(name, "the data have no masks of what is to be seen") for name in names}
    if not (test.masks >= localisation.INSIDE).any():
        return {name: Skipped(name, "every mask is empty") for name in names}
    groups = None if test.groups is None else test.groups[index]
    found = localisation.localise(maps, test.images[index], test.masks[index], seed)
    return {
        name: means.measure(
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
