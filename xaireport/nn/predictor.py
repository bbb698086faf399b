"""Open a trained ``.keras`` or ``.tflite`` file to predict with, and the facts of it that a card prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xaireport.nn.keras.opening import open_keras
from xaireport.nn.keras.predictor import KerasPredictor
from xaireport.nn.keras.summary import summary
from xaireport.nn.tflite.opening import open_tflite
from xaireport.nn.tflite.predictor import TFLitePredictor
from xaireport.types.models import ModelSummary


def open_predictor(path: Path, **said: Any) -> KerasPredictor | TFLitePredictor:
    """Load a model file to predict with; see :func:`xaireport.nn.classifier.open_model`."""
    if path.suffix == ".tflite":
        return open_tflite(TFLitePredictor, path, **said)
    return open_keras(KerasPredictor, path, **said)


def summary_of(predictor: KerasPredictor | TFLitePredictor) -> ModelSummary:
    """Return the facts of a model file."""
    return predictor.summary if isinstance(predictor, TFLitePredictor) else summary(predictor)
