"""One training of one variant with one seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaireport import serialization
from xaireport.data.canonical import open_dataset
from xaireport.engine.node import Context
from xaireport.nn.train import train
from xaireport.pipeline.stages.params import given
from xaireport.study_schema import Recipe


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``model.keras`` and ``training.json``."""
    recipe = given(Recipe, params["recipe"])
    if "weights" in context.inputs:
        options = {**recipe.options, "weights": str(context.inputs["weights"])}
        recipe = recipe.model_copy(update={"options": options})
    record = train(
        open_dataset(context.inputs["data"].parent),
        recipe,
        seed=params["seed"],
        out=context.out,
        checkpoints=context.checkpoint,
        max_minutes=params["max_minutes"],
        allow_random_backbone=params["allow_random_backbone"],
        on_epoch=context.progress,
    )
    serialization.save(record, context.out / "training.json")
