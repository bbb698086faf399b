"""One training of one variant with one seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaireport import serialization
from xaireport.data.canonical import open_dataset
from xaireport.engine.node import Context
from xaireport.nn.train import train
from xaireport.pipeline import params
from xaireport.pipeline.stages.given import given
from xaireport.types.artefacts import (
    TRAINING_FILE,
)
from xaireport.types.labels import (
    DATA,
    WEIGHTS,
)


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write ``model.keras`` and ``training.json``."""
    parameters = given(params.Train, table)
    recipe = parameters.recipe
    if WEIGHTS in context.inputs:
        options = {**recipe.options, "weights": str(context.inputs[WEIGHTS])}
        recipe = recipe.model_copy(update={"options": options})
    record = train(
        open_dataset(context.inputs[DATA].parent),
        recipe,
        seed=parameters.seed,
        out=context.out,
        checkpoints=context.checkpoint,
        max_minutes=parameters.max_minutes,
        allow_random_backbone=parameters.allow_random_backbone,
        on_epoch=context.progress,
    )
    serialization.save(record, context.out / TRAINING_FILE)
