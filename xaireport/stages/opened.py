"""The model of a variant, opened as its study says: what several stages begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaireport.engine.node import Context
from xaireport.nn.keras_classifier import KerasClassifier
from xaireport.nn.runtime import open_model
from xaireport.nn.tflite.classifier import TFLiteClassifier
from xaireport.types import Dataset


def opened(
    context: Context, params: Mapping[str, Any], dataset: Dataset
) -> KerasClassifier | TFLiteClassifier:
    """Return the classifier behind the input ``model``, checked against the data."""
    return open_model(
        context.inputs["model"],
        pixel_scale=params["pixel_scale"],
        output=params["output"],
        n_classes=len(dataset.info.classes),
        input_shape=dataset.input_shape,
    )
