"""From a trained parent to a TFLite file: float32, float16, dynamic range, full integer, quantisation-aware.

It makes files. Retraining is in ``qat``, running them in ``predictor``, measuring in ``cost``.
"""

from __future__ import annotations

import hashlib
import re
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xaireport.errors import ModelError
from xaireport.files import write_atomic
from xaireport.nn import zoo
from xaireport.nn.backend import import_tensorflow, import_tf_keras, silence
from xaireport.nn.keras.opening import open_keras
from xaireport.nn.keras.predictor import KerasPredictor
from xaireport.nn.tflite import qat
from xaireport.nn.tflite.flatbuffer import describe
from xaireport.nn.tflite.frozen import freeze, operators
from xaireport.study_schema import Conversion
from xaireport.types.artefacts import TFLITE_FILE
from xaireport.types.data import Dataset, Pixels
from xaireport.types.device import Calibration, Quantisation
from xaireport.types.models import OnEpoch, TrainingRecord
from xaireport.types.notes import Note

INTEGER = ("int8", "qat")
_PACKAGES = {"qat": ("tf-keras", "tensorflow-model-optimization")}
_BRIGHTEST = 254.5
"""Below it, full integer input does not reach the brightest pixel value."""
_TWIN_TOLERANCE = 1e-4
"""Two Keras libraries round differently; another function differs by far more."""


def quantise(
    parent: Path,
    conversion: Conversion,
    dataset: Dataset,
    *,
    seed: int,
    out: Path,
    checkpoints: Path,
    pixel_scale: str = "0-255",
    output: str = "probabilities",
    max_minutes: float | None = None,
    on_epoch: OnEpoch | None = None,
) -> tuple[Quantisation, TrainingRecord | None]:
    """Convert a model to ``out/model.tflite``, which takes raw pixels and gives probabilities.

    The same seed gives the same bytes on the same kind of processor: the ranges of ``int8`` are measured in
    float32; ``qat`` is only as reproducible as the library that retrains.

    Parameters
    ----------
    parent : Path
        A ``.keras`` file.
    conversion : Conversion
        How. ``architecture`` and ``options`` are the parent's, and empty where that was brought along.
    dataset : Dataset
        Calibrated and retrained on ``train``, watched on ``val``; ``test`` is not touched.
    seed : int
        Draws the calibration images, and seeds retraining.
    out : Path
        Folder for the file.
    checkpoints : Path
        Folder for the state of a retraining, which goes on from there.
    pixel_scale, output : str
        What the parent takes and gives.
    max_minutes : float, optional
        Stop retraining after the epoch in which this much time is used up.
    on_epoch : callable, optional
        Told after each epoch of retraining.

    Returns
    -------
    Quantisation
    TrainingRecord or None
        Of the retraining.

    Raises
    ------
    ModelError
        A layer that the converter or quantisation-aware training does not know; a parent that is no model.
    """
    start = time.perf_counter()
    mode = conversion.mode
    if parent.suffix == ".tflite":
        raise ModelError("a Keras model to convert", parent.name, "a TFLite file is quantised already")
    predictor = open_keras(
        KerasPredictor,
        parent,
        pixel_scale=pixel_scale,
        output=output,
        n_classes=len(dataset.info.classes),
        input_shape=dataset.input_shape,
    )
    images, calibration = None, None
    notes: list[Note] = []
    if mode in INTEGER:
        images = calibration_images(dataset.train.images, conversion.calibration_images, seed)
        digest = hashlib.sha256(np.ascontiguousarray(images).tobytes()).hexdigest()
        calibration = Calibration(conversion.calibration_images, len(images), digest)
        if calibration.n < calibration.asked:
            notes.append(Note("few_to_calibrate", {"n": calibration.n, "asked": calibration.asked}))
    training = None
    if conversion.architecture:
        model = _twin(predictor, conversion, dataset)
        if mode == "qat":
            assert images is not None
            assert conversion.fine_tuning is not None
            model, training = qat.retrain(
                model,
                conversion.fine_tuning,
                dataset,
                images,
                seed=seed,
                checkpoints=checkpoints,
                max_minutes=max_minutes,
                on_epoch=on_epoch,
            )
            notes.append(Note("retrained"))
        converter = import_tensorflow().lite.TFLiteConverter.from_keras_model(model)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that constants need no object to track their variables
            converter = import_tensorflow().lite.TFLiteConverter.from_concrete_functions([freeze(predictor)])
    try:
        content = _convert(converter, mode, images)
    except Exception as error:  # the converter's own types are private, and it raises others too
        raise ModelError(
            f"operators that a TFLite file can hold ({mode})",
            complaint(str(error), operators(predictor)),
            "leave this variant out, or take an architecture without them",
        ) from error
    file = describe(content, mode)
    if mode in INTEGER and (top := (127 - file.input.zero_point) * file.input.scale) < _BRIGHTEST:
        notes.append(Note("bright_pixels_cut", {"top": round(top)}))
    write_atomic(out / TFLITE_FILE, content)
    return (
        Quantisation(
            mode=mode,
            file=file,
            calibration=calibration,
            epochs_run=training.epochs_run if training else 0,
            packages=_PACKAGES.get(mode, ()),
            steps=_steps(mode, conversion, calibration, training),
            seconds=time.perf_counter() - start,
            converter=f"TensorFlow {import_tensorflow().__version__}",
            operator_set="TFLITE_BUILTINS_INT8" if mode == "int8" else "TFLITE_BUILTINS",
            notes=tuple(notes),
        ),
        training,
    )


def calibration_images(images: Pixels, n: int, seed: int) -> Pixels:
    """Return ``n`` images drawn by the seed, or all there are, in the order of the data."""
    if n >= len(images):
        return images
    chosen = np.random.default_rng(seed).choice(len(images), n, replace=False)
    return images[np.sort(chosen)]


def _twin(predictor: KerasPredictor, conversion: Conversion, dataset: Dataset) -> Any:
    """Build the same model with Keras 2, whose graphs the converter and quantisation-aware training know."""
    n_classes = len(dataset.info.classes)
    name, options = conversion.architecture, conversion.options
    twin = zoo.build(name, import_tf_keras(), dataset.input_shape, n_classes, options)
    weights = predictor.weights()
    if [value.shape for value in weights] != [tuple(value.shape) for value in twin.weights]:
        raise ModelError(
            f"a {conversion.architecture} with the options of this variant",
            "a file with weights of other shapes",
            "train the parent again",
        )
    twin.set_weights(weights)
    images = dataset.train.images[:8]
    difference = np.abs(twin.predict_on_batch(images.astype(np.float32)) - predictor.predict(images)).max()
    if not difference <= _TWIN_TOLERANCE:
        raise ModelError("the same output from both Keras libraries", f"a difference of {difference:.2g}")
    return twin


def _convert(converter: Any, mode: str, images: Pixels | None) -> bytes:
    tf = import_tensorflow()
    if mode != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode in INTEGER:
        converter.inference_input_type = converter.inference_output_type = tf.int8
    if mode == "int8" and images is not None:
        # Nothing but integers. Of a retrained model, which has its ranges in it, this cannot be asked.
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        floats = images.astype(np.float32)
        converter.representative_dataset = lambda: ([floats[i : i + 1]] for i in range(len(floats)))
    with warnings.catch_warnings(), silence():
        warnings.simplefilter("ignore")
        return bytes(converter.convert())


def complaint(text: str, operators: Sequence[tuple[str, str]] = ()) -> str:
    """Shorten what the converter says to the operators it does not know and the layers they come from.

    Parameters
    ----------
    text : str
        As it says it: pages of it.
    operators : sequence of (str, str)
        Layer and kind of the model's operators.

    >>> complaint("… error: …\\nTF Select ops: MaxPool3D\\nDetails: …", [("pool1", "MaxPool3D")])
    'MaxPool3D in layer pool1'
    """
    named = re.search(r"(?:TF Select|Custom) ops: (.+)", text)
    if not named:
        return (text.strip().splitlines() or ["nothing was said"])[-1][:200]
    unknown = sorted({each.strip() for each in named[1].split(",")})
    layers = dict.fromkeys(layer for layer, operator in operators if operator in unknown)
    return ", ".join(unknown) + (f" in layer {', '.join(layers)}" if layers else "")


def _steps(
    mode: str, conversion: Conversion, calibration: Calibration | None, training: TrainingRecord | None
) -> tuple[str, ...]:
    steps = ["load the parent's weights"]
    if calibration is not None:
        steps.append(f"show it {calibration.n} training images to fix the ranges")
    if training is not None:
        steps.append(f"retrain for {training.epochs_run} epochs with rounding simulated")
    if not conversion.architecture:
        steps.append("freeze weights, scaling and softmax into one graph")
    steps.append(
        {
            "float32": "convert, 32-bit floats as they are",
            "float16": "convert, weights as 16-bit floats",
            "dynamic": "convert, weights as 8-bit integers",
            "int8": "convert, all in 8-bit integers",
            "qat": "convert, all in 8-bit integers",
        }[mode]
    )
    return tuple(steps)
