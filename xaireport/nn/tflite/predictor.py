"""A TFLite file that predicts: raw pixels in, probabilities out, as it would run on a device.

No gradients, no look inside; making and measuring files is done elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xaireport.errors import ModelError
from xaireport.nn import outputs
from xaireport.nn.tflite import flatbuffer
from xaireport.nn.tflite.interpreter import Read, Runner, open_interpreter
from xaireport.types.device import Endpoint
from xaireport.types.models import ModelSummary

if TYPE_CHECKING:
    from xaireport.types.data import Floats, Pixels

BATCH = 64
"""Images in one run of the interpreter, at most: larger batches leave the processor's cache."""
PROBE_IMAGES = 6
_MOST = 0.6
"""Share of the 256 pixel values that may be cut off: an image set may be dark, but not that dark."""
_RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


class TFLitePredictor:
    """A TFLite file. Made by :func:`xaireport.nn.tflite.opening.open_tflite`.

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
        content = flatbuffer.read(path)
        self._content, self._path, self._output_kind = content, path, output
        self.graph = flatbuffer.Graph(content)
        self.threads = threads or os.cpu_count() or 1
        self._input, self._output = (
            self.graph.endpoint(tensor) for tensor in (self.graph.input, self.graph.output)
        )
        self._table = _input_table(self._input, factor, offset)
        # An interpreter of the file as it is finds out at once whether the runtime takes it.
        details = open_interpreter(content, 1).get_input_details()[0]
        self.input_shape = tuple(int(size) for size in details["shape"][1:])
        self._runners: dict[bool, Runner] = {}

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
            parameters=flatbuffer.parameters(self.graph),
            trainable_parameters=0,
            size_bytes=len(self._content),
            layers=flatbuffer.layer_table(self.graph),
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
        images = self._probe()
        raw = self._whole(self.run(images, PROBE_IMAGES))
        outputs.to_probabilities(raw, self._output_kind)
        outputs.check_declared(raw, self._output_kind)

    def run(self, images: Pixels, batch_size: int = BATCH) -> Floats:
        """Return the output as real numbers, float32 (n, n_outputs), before anything is made of it."""
        return self._run(images, batch_size, [self.graph.output], keep_all=False)[0]

    def _run(
        self, images: Pixels, batch_size: int, tensors: Sequence[Any], *, keep_all: bool
    ) -> list[Floats]:
        if str(images.dtype) != "uint8" or images.shape[1:] != self.input_shape:
            raise ModelError(
                f"uint8 images of shape (n, {', '.join(map(str, self.input_shape))})",
                f"{images.dtype} {images.shape}",
            )
        if batch_size < 1:
            raise ModelError("a batch size of at least 1", batch_size)
        if keep_all not in self._runners:
            self._runners[keep_all] = Runner(self._content, self.threads, keep_all=keep_all)
        read = [
            Read(
                self.graph.index(tensor),
                self.graph.endpoint(tensor),
                tuple(int(size) for size in tensor.shape[1:]),
            )
            for tensor in tensors
        ]
        return self._runners[keep_all].run(images, self._table, read, batch_size)

    def _probe(self) -> Pixels:
        images = np.random.default_rng(0).integers(0, 256, (PROBE_IMAGES, *self.input_shape), np.uint8)
        images[0], images[1] = 0, 255
        return images

    def _whole(self, raw: Floats) -> Floats:
        """Make distributions of probabilities that come in steps; leave everything else as it is."""
        in_steps = self._output_kind == "probabilities" and self._output.scale and raw.shape[-1] > 1
        return _normalised(raw, self._output.scale) if in_steps else raw


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
