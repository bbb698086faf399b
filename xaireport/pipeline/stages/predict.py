"""What a model says of every validation and test image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.data.canonical import open_dataset
from xaireport.engine.node import Context
from xaireport.nn.predictor import open_predictor, summary_of
from xaireport.pipeline.stages.model import opened


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``predictions.npz`` (per split ``sample_id``, ``y_true``, ``y_prob``) and ``summary.json``."""
    dataset = open_dataset(context.inputs["data"].parent)
    predictor = opened(open_predictor, context, params, dataset)
    batch_size = 256 if len(dataset.input_shape) == 3 else 32
    arrays: dict[str, Any] = {}
    for name in ("val", "test"):
        split = dataset.split(name)
        arrays[f"{name}_sample_id"] = split.sample_id
        arrays[f"{name}_y_true"] = split.labels
        arrays[f"{name}_y_prob"] = predictor.predict(split.images, batch_size=batch_size)
    np.savez(context.out / "predictions.npz", **arrays)
    serialization.save(summary_of(predictor), context.out / "summary.json")
