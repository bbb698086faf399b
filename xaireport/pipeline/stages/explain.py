"""Heatmaps of one variant, and the pictures its card shows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.data.canonical import open_classes, open_dataset
from xaireport.engine.node import Context
from xaireport.explain.explain import explain
from xaireport.nn.classifier import open_model
from xaireport.nn.keras.classifier import KerasClassifier
from xaireport.nn.keras.tf_keras_vis import vis_maps
from xaireport.pipeline.labels import pictures_of
from xaireport.pipeline.stages.model import opened
from xaireport.pipeline.stages.params import given
from xaireport.study_schema import ExplainSettings
from xaireport.types import Heatmaps, Skipped


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``heatmaps.json``, ``pictures.json``, ``maps.npz``, ``occlusion.npz``, a folder of pictures."""
    dataset = open_dataset(context.inputs["data"].parent)
    classes = open_classes(context.inputs["classes"])
    classifier = opened(open_model, context, params, dataset)
    with np.load(context.inputs["predictions"], allow_pickle=False) as stored:
        y_prob = stored["test_y_prob"]
    explanation = explain(
        classifier,
        dataset,
        classes,
        given(ExplainSettings, params["explain"]),
        params["seed"],
        context.out,
        pictures_of(params["name"]),
        vis=partial(vis_maps, classifier) if isinstance(classifier, KerasClassifier) else None,
        y_prob=y_prob,
        parent_layer=_layer(context.inputs.get("parent")),
    )
    serialization.save(explanation.heatmaps, context.out / "heatmaps.json")
    serialization.save(explanation.pictures, context.out / "pictures.json")


def _layer(parent: Path | None) -> str:
    """Return where the parent's maps are read; empty where it has none, or the method looks at no layer."""
    heatmaps = None if parent is None else serialization.load(Heatmaps | Skipped, parent)
    return heatmaps.layer if isinstance(heatmaps, Heatmaps) else ""
