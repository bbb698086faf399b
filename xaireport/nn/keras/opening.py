"""Open a trained ``.keras`` file, and check that a model is what it is said to be.

What a file cannot say for itself (pixel scale, logits or probabilities) is declared by the caller and checked
with a small run, never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from xaireport.errors import ModelError
from xaireport.nn.backend import import_keras
from xaireport.nn.keras.predictor import PIXEL_SCALES, KerasPredictor, fits, shapes

K = TypeVar("K", bound=KerasPredictor)


def open_keras(
    kind: type[K],
    path: Path,
    *,
    pixel_scale: str = "0-255",
    output: str = "probabilities",
    n_classes: int | None = None,
    input_shape: tuple[int, ...] | None = None,
) -> K:
    """Load a ``.keras`` file as a ``kind`` of predictor; see :func:`xaireport.nn.classifier.open_model`."""
    with declared(path, pixel_scale, output):
        model = _load(path)
        check_shapes(*shapes(model, input_shape), n_classes, input_shape)
        predictor = kind(model, path, pixel_scale, output, input_shape)
        predictor.check()
    return predictor


@contextmanager
def declared(path: Path, pixel_scale: str, output: str) -> Iterator[None]:
    """Check what is said of a file; within the context, errors say which file it is."""
    if pixel_scale not in PIXEL_SCALES:
        raise ModelError(f"pixel_scale, one of {', '.join(PIXEL_SCALES)}", repr(pixel_scale), where=str(path))
    if output not in ("probabilities", "logits"):
        raise ModelError("output, probabilities or logits", repr(output), where=str(path))
    try:
        yield
    except ModelError as error:
        if error.where:
            raise
        raise ModelError(error.expected, error.received, error.hint, str(path)) from error


def _load(path: Path) -> Any:
    if not path.is_file():
        raise ModelError("a model file", "none there" if not path.exists() else "a folder")
    if path.suffix != ".keras":
        raise ModelError(
            "a .keras or .tflite file", path.name, 'convert it: keras.saving.load_model(…).save("x.keras")'
        )
    try:
        return import_keras().saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # a damaged file can fail in any part of the loader, with any type
        if "safe_mode" in str(error) or "unsafe" in str(error).lower():
            raise ModelError(
                "a model without code inside",
                "a Lambda layer, or other serialised Python, which would run when loaded",
                "replace it by a built-in layer such as Rescaling and save the model again",
            ) from error
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            "a complete Keras 3 model file of built-in layers",
            f"{type(error).__name__}: {first[:200]}",
            "the file may be cut short, of another format, or use layers whose code is not here",
        ) from error


def check_shapes(
    taken: tuple[int | None, ...],
    given: tuple[int | None, ...],
    n_classes: int | None,
    input_shape: tuple[int, ...] | None,
) -> None:
    """Check what a model takes and gives against the data.

    Raises
    ------
    ModelError
        They do not fit.
    """
    if taken[0] is not None:
        raise ModelError("a free batch dimension", f"a fixed batch of {taken[0]}")
    if input_shape is not None and not fits(input_shape, taken[1:]):
        raise ModelError(f"a model for images of shape {tuple(input_shape)}", f"one for {taken[1:]}")
    if len(given) != 2 or given[1] is None:
        raise ModelError("an output of shape (batch, classes)", given)
    classes = max(2, given[1])
    if n_classes is not None and classes != n_classes:
        raise ModelError(f"{n_classes} outputs, one per class", given[1])
