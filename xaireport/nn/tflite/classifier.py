"""A TFLite file as a classifier: raw pixels in, probabilities out, as it would run on a device.

It has no gradients. Making and measuring files is done elsewhere.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xaireport.errors import ModelError
from xaireport.nn import outputs
from xaireport.nn.backend import import_litert, silence
from xaireport.nn.tflite import file
from xaireport.types import Endpoint, ModelSummary

if TYPE_CHECKING:
    from xaireport.types import Floats, Pixels

BATCH = 64
"""Images in one run of the interpreter, at most: larger batches leave the processor's cache."""
_PROBE_IMAGES = 6
_MOST = 0.6
"""Share of the 256 pixel values that may be cut off: an image set may be dark, but not that dark."""
_RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


def open_interpreter(content: bytes, threads: int, batch: int | None = None) -> Any:
    """Return an interpreter that is ready to run.

    Parameters
    ----------
    content : bytes
        The whole file.
    threads : int
        Of the interpreter's own.
    batch : int, optional
        Images in one run; None for as many as the file says.

    Raises
    ------
    ModelError
        The runtime refuses the file, or a batch of this size.
    """
    try:
        with silence():  # it tells which delegate it made
            interpreter = import_litert().Interpreter(model_content=content, num_threads=threads)
            if batch is not None:
                details = interpreter.get_input_details()[0]
                interpreter.resize_tensor_input(details["index"], (batch, *details["shape"][1:]))
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            "a TFLite file that the runtime takes",
            str(error).strip().splitlines()[0][:200],
            "convert it again",
        ) from error
    return interpreter


class TFLiteClassifier:
    """A TFLite file behind the ``Classifier`` protocol. Made by :func:`xaireport.nn.runtime.open_model`.

    Parameters
    ----------
    path : Path
        The file.
    factor, offset : float
        What turns raw pixels into the input that the model was trained on.
    output : {"probabilities", "logits"}
        What it gives.
    threads : int, optional
        Of the interpreter; by default one per processor.
    """

    def __init__(
        self, path: Path, factor: float, offset: float, output: str, threads: int | None = None
    ) -> None:
        content = file.read(path)
        self._content, self._path, self._output_kind = content, path, output
        self.graph = file.Graph(content)
        self.threads = threads or os.cpu_count() or 1
        self._input, self._output = (
            self.graph.endpoint(tensor) for tensor in (self.graph.input, self.graph.output)
        )
        self._table = _input_table(self._input, factor, offset)
        # An interpreter of the file as it is finds out at once whether the runtime takes it.
        details = open_interpreter(content, 1).get_input_details()[0]
        self.input_shape = tuple(int(size) for size in details["shape"][1:])
        self._interpreter: Any = None
        self._batch = self._asked = 0

    @property
    def n_outputs(self) -> int:
        """Width of the output."""
        return int(self.graph.output.shape[-1])

    @cached_property
    def summary(self) -> ModelSummary:
        """Facts for the card; the layers are the operators of the file, none of which can be trained on."""
        return ModelSummary(
            input_shape=self.input_shape,
            n_classes=max(2, self.n_outputs),
            parameters=file.parameters(self.graph),
            trainable_parameters=0,
            size_bytes=len(self._content),
            layers=file.layer_table(self.graph),
        )

    def predict(self, images: Pixels, batch_size: int = BATCH) -> Floats:
        """Return class probabilities, float32 (n, n_classes), of raw pixels 0–255.

        Stored integers become real numbers by the file's own scale. Probabilities that come in steps are
        checked to sum to 1 within what rounding can do, and then divided by their sum.

        Parameters
        ----------
        images : uint8 array, (n, *input_shape)
            Raw pixels; an empty array gives an empty result.
        batch_size : int
            Images in memory at once; the interpreter is given at most ``BATCH`` of them.

        Raises
        ------
        ModelError
            The images do not fit the model, an output is not finite, or probabilities do not sum to 1.
        """
        raw = self._whole(self.run(images, min(batch_size, BATCH)))
        return outputs.to_probabilities(raw, self._output_kind)

    def check(self) -> None:
        """Run a few images: the output must be finite and what it is declared to be.

        Raises
        ------
        ModelError
            It is not.
        """
        images = np.random.default_rng(0).integers(0, 256, (_PROBE_IMAGES, *self.input_shape), np.uint8)
        images[0], images[1] = 0, 255
        raw = self._whole(self.run(images, _PROBE_IMAGES))
        outputs.to_probabilities(raw, self._output_kind)
        outputs.check_declared(raw, self._output_kind)

    def run(self, images: Pixels, batch_size: int = BATCH) -> Floats:
        """Return the output as real numbers, float32 (n, n_outputs), before anything is made of it."""
        if str(images.dtype) != "uint8" or images.shape[1:] != self.input_shape:
            raise ModelError(
                f"uint8 images of shape (n, {', '.join(map(str, self.input_shape))})",
                f"{images.dtype} {images.shape}",
            )
        if batch_size < 1:
            raise ModelError("a batch size of at least 1", batch_size)
        raw = np.empty((len(images), self.n_outputs), np.float32)
        if not len(images):
            return raw
        self._prepare(min(batch_size, len(images)))
        interpreter, batch = self._interpreter, self._batch
        at, to = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
        for start in range(0, len(images), batch):
            part = self._table[images[start : start + batch]]
            n = len(part)
            if n < batch:  # padded: another batch size would have the interpreter plan its memory again
                part = np.concatenate([part, np.repeat(part[-1:], batch - n, axis=0)])
            interpreter.set_tensor(at, part)
            try:
                interpreter.invoke()
            except RuntimeError as error:
                raise ModelError(
                    "a TFLite file that runs", str(error).strip().splitlines()[0][:200]
                ) from error
            raw[start : start + n] = _real(interpreter.get_tensor(to), self._output)[:n]
        return raw

    def _whole(self, raw: Floats) -> Floats:
        """Make distributions of probabilities that come in steps; leave everything else as it is."""
        in_steps = self._output_kind == "probabilities" and self._output.scale and raw.shape[-1] > 1
        return _normalised(raw, self._output.scale) if in_steps else raw

    def _prepare(self, batch: int) -> None:
        if batch == self._asked:
            return
        try:
            self._interpreter, self._batch = open_interpreter(self._content, self.threads, batch), batch
        except ModelError:  # a file for a fixed number of images: as many at a time
            self._interpreter = open_interpreter(self._content, self.threads)
            self._batch = int(self._interpreter.get_input_details()[0]["shape"][0])
        self._asked = batch


def _input_table(stored: Endpoint, factor: float, offset: float) -> Any:
    """Return what each of the 256 pixel values becomes in the input tensor."""
    real = np.arange(256, dtype=np.float32) * np.float32(factor) + np.float32(offset)
    if not stored.scale:
        if stored.type != "float32":
            raise ModelError("an input of float32, or integers with a scale", stored.type)
        return real
    if stored.type not in _RANGES:
        raise ModelError(f"an input of float32, {', '.join(_RANGES)}", stored.type)
    low, high = _RANGES[stored.type]
    whole = np.rint(real / stored.scale) + stored.zero_point
    if np.mean((whole < low) | (whole > high)) > _MOST:
        raise ModelError(
            "an input whose range holds most pixel values",
            f"{stored.type}, scale {stored.scale:.4g}, zero point {stored.zero_point}",
            "is pixel_scale the one that the file was made for?",
        )
    return np.clip(whole, low, high).astype(stored.type)


def _real(values: Any, stored: Endpoint) -> Floats:
    """Turn stored values into real ones."""
    if not stored.scale:
        return np.asarray(values, np.float32)
    return (values.astype(np.float32) - stored.zero_point) * np.float32(stored.scale)


def _normalised(raw: Floats, step: float) -> Floats:
    """Divide probabilities that come in steps by their sum, which rounding keeps within half a step each.

    Raises
    ------
    ModelError
        A row sums to something else.
    """
    sums = raw.sum(axis=1, keepdims=True)
    allowed = step * (raw.shape[-1] / 2 + 1)  # one step more: 1 itself may not be among the stored values
    worst = float(np.abs(sums - 1).max(initial=0))
    if worst > allowed:
        raise ModelError(
            f"probabilities that sum to 1 within {allowed:.3g}, as steps of {step:.3g} allow",
            f"a row off by {worst:.3g}",
            'declare output = "logits" if the model ends without softmax',
        )
    return raw / sums
