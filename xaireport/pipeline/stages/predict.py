"""What a model says of every validation and test image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.data.canonical import open_dataset
from xaireport.engine.node import Context
from xaireport.nn.predictor import open_predictor, summary_of
from xaireport.pipeline import params
from xaireport.pipeline.stages.given import given
from xaireport.pipeline.stages.model import opened
from xaireport.types.artefacts import (
    PREDICTIONS_FILE,
    SUMMARY_FILE,
)
from xaireport.types.labels import (
    DATA,
)


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write ``predictions.npz`` (per split ``sample_id``, ``y_true``, ``y_prob``) and ``summary.json``."""
    dataset = open_dataset(context.inputs[DATA].parent)
    predictor = opened(open_predictor, context, given(params.Predict, table).reading, dataset)
    batch_size = 256 if len(dataset.input_shape) == 3 else 32
    arrays: dict[str, Any] = {}
    for name in ("val", "test"):
        split = dataset.split(name)
        arrays[f"{name}_sample_id"] = split.sample_id
        arrays[f"{name}_y_true"] = split.labels
        arrays[f"{name}_y_prob"] = predictor.predict(split.images, batch_size=batch_size)
    np.savez(context.out / PREDICTIONS_FILE, **arrays)
    serialization.save(summary_of(predictor), context.out / SUMMARY_FILE)
