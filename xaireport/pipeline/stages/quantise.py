"""A TFLite file from a trained model: quantised, or float32, which the quantised ones are held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaireport import serialization
from xaireport.data.canonical import open_dataset
from xaireport.engine.node import Context
from xaireport.errors import ModelError
from xaireport.nn.tflite.quantise import quantise
from xaireport.pipeline.stages.params import given
from xaireport.study_schema import Conversion
from xaireport.types import Quantisation, Skipped, TrainingRecord


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``model.tflite``, ``quantisation.json`` and, where there was retraining, ``training.json``.

    A float model that cannot be converted is no failure: nobody asked for its file, and ``skipped.json`` says
    why its cost is not known.
    """
    conversion = given(Conversion, params["conversion"])
    try:
        quantisation, training = _quantise(context, conversion, params)
    except ModelError:
        if conversion.mode != "float32":
            raise
        serialization.save(
            Skipped("cost", "no TFLite file can be made of this model"), context.out / "skipped.json"
        )
        return
    serialization.save(quantisation, context.out / "quantisation.json")
    if training is not None:
        serialization.save(training, context.out / "training.json")


def _quantise(
    context: Context, conversion: Conversion, params: Mapping[str, Any]
) -> tuple[Quantisation, TrainingRecord | None]:
    return quantise(
        context.inputs["model"],
        conversion,
        open_dataset(context.inputs["data"].parent),
        seed=params["seed"],
        out=context.out,
        checkpoints=context.checkpoint,
        pixel_scale=params["pixel_scale"],
        output=params["output"],
        max_minutes=params["max_minutes"],
        on_epoch=context.progress,
    )
