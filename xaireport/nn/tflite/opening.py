"""Open a ``.tflite`` file, and check that it is what it is said to be."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from xaireport.nn.keras.opening import check_shapes, declared
from xaireport.nn.keras.predictor import PIXEL_SCALES
from xaireport.nn.tflite.predictor import TFLitePredictor

T = TypeVar("T", bound=TFLitePredictor)


def open_tflite(
    kind: type[T],
    path: Path,
    *,
    pixel_scale: str = "0-255",
    output: str = "probabilities",
    n_classes: int | None = None,
    input_shape: tuple[int, ...] | None = None,
) -> T:
    """Load a ``.tflite`` file as a ``kind`` of predictor; see :func:`xaireport.nn.classifier.open_model`."""
    with declared(path, pixel_scale, output):
        predictor = kind(path, *PIXEL_SCALES[pixel_scale], output)
        check_shapes((None, *predictor.input_shape), (None, predictor.n_outputs), n_classes, input_shape)
        predictor.check()
    return predictor
