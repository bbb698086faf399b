"""Whether a variant's heatmaps can be believed: every measure beside its control, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.data.canonical import open_dataset
from xaireport.engine.node import Context
from xaireport.explain.explain import MAPS_FILE
from xaireport.explain.methods.explainers import explainer
from xaireport.explain.pictures import Painter
from xaireport.explain.trust import drift
from xaireport.explain.trust.assess import judged, trust
from xaireport.metrics import means
from xaireport.nn.classifier import open_model
from xaireport.pipeline import params
from xaireport.pipeline.labels import pictures_of
from xaireport.pipeline.stages.given import given
from xaireport.pipeline.stages.library import library_maps
from xaireport.pipeline.stages.model import opened
from xaireport.types.artefacts import (
    HEATMAPS_FILE,
    TRUST_FILE,
)
from xaireport.types.data import Ints, Split
from xaireport.types.evidence import Skipped
from xaireport.types.labels import (
    DATA,
    EXPLAINED,
    OTHER,
    OTHER_PREDICTIONS,
    PREDICTIONS,
)
from xaireport.types.pictures import Heatmaps
from xaireport.types.trust import Drift


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write ``trust.json``: a ``Trust``, or why there is none."""
    parameters = given(params.Trust, table)
    heatmaps = serialization.load(Heatmaps | Skipped, context.inputs[EXPLAINED] / HEATMAPS_FILE)
    if isinstance(heatmaps, Skipped):
        serialization.save(heatmaps, context.out / TRUST_FILE)
        return
    dataset = open_dataset(context.inputs[DATA].parent)
    n_classes = len(dataset.info.classes)
    classifier = opened(open_model, context, parameters.reading, dataset)
    seed = parameters.seed
    vis = library_maps(classifier, seed)
    method = explainer(classifier, heatmaps.method, heatmaps.layer, seed, vis)
    ours = drift.Stored(context.inputs[EXPLAINED], _answers(context.inputs[PREDICTIONS]))
    known = ours.maps() if method.is_fast else None
    found = trust(method, classifier, dataset.test, ours.y_pred, n_classes, seed, means, known)
    moved = _drift(context, parameters, dataset.test, ours)
    criterion = moved if parameters.is_quantised else None
    serialization.save(judged(replace(found, drift=moved), criterion), context.out / TRUST_FILE)


def _answers(path: Path) -> Ints:
    with np.load(path, allow_pickle=False) as stored:
        y_pred: Ints = stored["test_y_prob"].argmax(axis=1)
    return y_pred


def _drift(context: Context, parameters: params.Trust, test: Split, ours: drift.Stored) -> Drift | Skipped:
    if not parameters.other:
        return Skipped("drift", "the study has no other variant to compare with")
    if OTHER not in context.inputs or OTHER_PREDICTIONS not in context.inputs:
        return Skipped("drift", f"there are no heatmaps of {parameters.other}")
    theirs = drift.Stored(context.inputs[OTHER], _answers(context.inputs[OTHER_PREDICTIONS]))
    if not (theirs.folder / MAPS_FILE).is_file():
        return Skipped("drift", f"there are no heatmaps of {parameters.other}")
    # Theirs in a folder of their own: a sample may be called whatever ours and a further word would make.
    folder = f"{pictures_of(parameters.variant)}/moved"
    painters = Painter(context.out, folder), Painter(context.out, f"{folder}/other")
    return drift.drift(
        ours, theirs, test, parameters.other, parameters.relation, parameters.seed, means.measure, painters
    )
