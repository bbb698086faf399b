"""Open a trained ``.keras`` or ``.tflite`` file as a classifier that can be looked into, for heatmaps.

Where predictions are enough it is ``predictor`` that opens it: what makes heatmaps is then no part of a key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xaireport.nn.keras.classifier import KerasClassifier
from xaireport.nn.keras.opening import open_keras
from xaireport.nn.tflite.classifier import TFLiteClassifier
from xaireport.nn.tflite.opening import open_tflite


def open_model(
    path: Path,
    *,
    pixel_scale: str = "0-255",
    output: str = "probabilities",
    n_classes: int | None = None,
    input_shape: tuple[int, ...] | None = None,
) -> KerasClassifier | TFLiteClassifier:
    """Load a model file and check that it is what it is said to be.

    Parameters
    ----------
    path : Path
        The file. A ``.keras`` file is loaded without its compile state and in safe mode: code hidden in it is
        refused.
    pixel_scale : {"0-255", "0-1", "-1-1"}
        What the model expects its input to be scaled to.
    output : {"probabilities", "logits"}
        What it gives.
    n_classes : int, optional
        How many classes the data have. A model with one output tells two classes apart.
    input_shape : tuple of int, optional
        Shape of one image, channels last.

    Raises
    ------
    ModelError
        The file is missing, damaged, unsafe or no model; its shapes do not fit; or a small run gives NaN or
        contradicts ``output``.
    """
    said: dict[str, Any] = {
        "pixel_scale": pixel_scale,
        "output": output,
        "n_classes": n_classes,
        "input_shape": input_shape,
    }
    if path.suffix == ".tflite":
        return open_tflite(TFLiteClassifier, path, **said)
    return open_keras(KerasClassifier, path, **said)
