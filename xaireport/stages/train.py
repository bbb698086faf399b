"""One training of one variant with one seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaireport import codec
from xaireport.data.canonical import open_dataset
from xaireport.engine.node import Context
from xaireport.nn.train import train
from xaireport.spec import VariantSpec


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``model.keras`` and ``training.json``."""
    variant = VariantSpec.model_validate(params["variant"], strict=False)
    if "weights" in context.inputs:
        options = {**variant.options, "weights": str(context.inputs["weights"])}
        variant = variant.model_copy(update={"options": options})
    record = train(
        open_dataset(context.inputs["data"].parent),
        variant,
        seed=params["seed"],
        out=context.out,
        checkpoints=context.checkpoint,
        max_minutes=params["max_minutes"],
        allow_random_backbone=params["allow_random_backbone"],
        on_epoch=context.progress,
    )
    codec.save(record, context.out / "training.json")
