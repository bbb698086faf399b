"""Heatmaps of one variant, and the pictures its card shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.data.canonical import open_classes, open_dataset
from xaireport.engine.node import Context
from xaireport.explain.explain import explain
from xaireport.nn.classifier import open_model
from xaireport.pipeline import params
from xaireport.pipeline.labels import pictures_of
from xaireport.pipeline.stages.given import given
from xaireport.pipeline.stages.library import library_maps
from xaireport.pipeline.stages.model import opened
from xaireport.types.artefacts import (
    HEATMAPS_FILE,
    PICTURES_FILE,
)
from xaireport.types.evidence import Skipped
from xaireport.types.labels import (
    CLASSES,
    DATA,
    PARENT,
    PREDICTIONS,
)
from xaireport.types.pictures import Heatmaps


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write ``heatmaps.json``, ``pictures.json``, ``maps.npz``, ``occlusion.npz``, a folder of pictures."""
    parameters = given(params.Explain, table)
    dataset = open_dataset(context.inputs[DATA].parent)
    classes = open_classes(context.inputs[CLASSES])
    classifier = opened(open_model, context, parameters.reading, dataset)
    with np.load(context.inputs[PREDICTIONS], allow_pickle=False) as stored:
        y_prob = stored["test_y_prob"]
    explanation = explain(
        classifier,
        dataset,
        classes,
        parameters.settings,
        parameters.seed,
        context.out,
        pictures_of(parameters.variant),
        vis=library_maps(classifier, parameters.seed),
        y_prob=y_prob,
        parent_layer=_layer(context.inputs.get(PARENT)),
    )
    serialization.save(explanation.heatmaps, context.out / HEATMAPS_FILE)
    serialization.save(explanation.pictures, context.out / PICTURES_FILE)


def _layer(parent: Path | None) -> str:
    """Return where the parent's maps are read; empty where it has none, or the method looks at no layer."""
    heatmaps = None if parent is None else serialization.load(Heatmaps | Skipped, parent)
    return heatmaps.layer if isinstance(heatmaps, Heatmaps) else ""
