"""A TFLite file from a trained model: quantised, or float32, which the quantised ones are held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaireport import serialization
from xaireport.data.canonical import open_dataset
from xaireport.engine.node import Context
from xaireport.errors import ModelError
from xaireport.nn.tflite.quantise import quantise
from xaireport.pipeline import params
from xaireport.pipeline.stages.given import given
from xaireport.types.artefacts import (
    QUANTISATION_FILE,
    SKIPPED_FILE,
    TRAINING_FILE,
)
from xaireport.types.device import Quantisation
from xaireport.types.evidence import Skipped
from xaireport.types.labels import (
    DATA,
    MODEL,
)
from xaireport.types.models import TrainingRecord


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write ``model.tflite``, ``quantisation.json`` and, where there was retraining, ``training.json``.

    A float model that cannot be converted is no failure: nobody asked for its file, and ``skipped.json`` says
    why its cost is not known.
    """
    parameters = given(params.Quantise, table)
    try:
        quantisation, training = _quantise(context, parameters)
    except ModelError:
        if parameters.conversion.mode != "float32":
            raise
        serialization.save(
            Skipped("cost", "no TFLite file can be made of this model"), context.out / SKIPPED_FILE
        )
        return
    serialization.save(quantisation, context.out / QUANTISATION_FILE)
    if training is not None:
        serialization.save(training, context.out / TRAINING_FILE)


def _quantise(context: Context, parameters: params.Quantise) -> tuple[Quantisation, TrainingRecord | None]:
    return quantise(
        context.inputs[MODEL],
        parameters.conversion,
        open_dataset(context.inputs[DATA].parent),
        seed=parameters.seed,
        out=context.out,
        checkpoints=context.checkpoint,
        pixel_scale=parameters.reading.pixel_scale,
        output=parameters.reading.output,
        max_minutes=parameters.max_minutes,
        on_epoch=context.progress,
    )
