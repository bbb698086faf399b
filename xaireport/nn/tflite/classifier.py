"""A TFLite file as a classifier: raw pixels in, probabilities out, as it would run on a device.

It has no gradients of its own; those of its last layers are in ``head``. Making and measuring files is done
elsewhere.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xaireport.errors import ModelError
from xaireport.nn import outputs
from xaireport.nn.tflite import file
from xaireport.nn.tflite.head import PASSED_THROUGH, Head
from xaireport.nn.tflite.interpreter import Read, Runner, open_interpreter
from xaireport.nn.tflite.shuffle import shuffled
from xaireport.types import Endpoint, LayerInfo, ModelSummary

if TYPE_CHECKING:
    from xaireport.types import Floats, Ints, Pixels

BATCH = 64
"""Images in one run of the interpreter, at most: larger batches leave the processor's cache."""
_PROBE_IMAGES = 6
_KEPT_TOLERANCE = 1e-4
"""Of probabilities; integers may differ by a step."""
_KINDS = {
    "MAX_POOL_2D": "MaxPooling2D",
    "AVERAGE_POOL_2D": "AveragePooling2D",
    "PAD": "ZeroPadding2D",
    "PADV2": "ZeroPadding2D",
    "MUL": "Rescaling",
}
"""Operators whose output says the same as their input, by the names that the choice of a layer knows."""
_MOST = 0.6
"""Share of the 256 pixel values that may be cut off: an image set may be dark, but not that dark."""
_RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


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

    method_suffix = "-hybrid"

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
        self._runners: dict[bool, Runner] = {}
        self._heads: dict[str, Head] = {}

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

    def logits(self, images: Pixels, batch_size: int = BATCH) -> Floats:
        """Return the scores before the final softmax, float32 (n, n_classes); parameters as for ``predict``.

        An integer softmax saturates: scores that differ give the same 256ths. Of a file whose probabilities
        come from something else: their logarithms.
        """
        tensor = self._scores
        if tensor is None:
            return outputs.logarithms(self.predict(images, batch_size))
        (raw,) = self._read(images, [tensor], batch_size)
        return np.concatenate([-raw / 2, raw / 2], axis=-1) if raw.shape[-1] == 1 else raw

    def spatial_layers(self) -> tuple[LayerInfo, ...]:
        """Return the steps whose output is a grid over the image, in the order of the data flow."""
        found: dict[str, LayerInfo] = {}
        for step in self._grids():
            _, *grid, channels = (int(size) for size in step.output.shape)
            found.pop(step.layer, None)  # of steps of one name the last: it gives what the layer gives
            found[step.layer] = LayerInfo(
                step.layer, _kind(step), tuple(grid), channels, bool(step.activation)
            )
        return tuple(found.values())

    def activations_and_gradients(
        self, images: Pixels, targets: Ints, layer: str
    ) -> tuple[Floats, Floats, Floats]:
        """Return activations, gradients of the target logits, and probabilities.

        The activations are the file's own, read while it runs. The gradients are those of its last layers,
        rebuilt in floating point from its own weights; see :mod:`xaireport.nn.tflite.head`.

        Parameters
        ----------
        images : uint8 array, (n, *input_shape)
            Raw pixels.
        targets : int array, (n,)
            The class whose logit is differentiated, per image.
        layer : str
            One of :meth:`spatial_layers`.

        Raises
        ------
        ModelError
            No such layer or class, or a head whose gradients are not known.
        """
        outputs.check_targets(targets, len(images), max(2, self.n_outputs))
        tensor = self._step(layer).output
        if layer not in self._heads:
            if self._scores is None:
                raise ModelError(
                    "a file whose probabilities come from a softmax or sigmoid",
                    "another last operator",
                    "maps by occlusion need no gradients",
                )
            self._heads[layer] = Head(self.graph, tensor, self._scores)
        head = self._heads[layer]
        activations, raw = self._read(images, [tensor, self.graph.output], BATCH)
        gradients, _ = head.slopes(activations, targets, head.weights(self.graph))
        return activations, gradients, outputs.to_probabilities(self._whole(raw), self._output_kind)

    def learnt_layers(self, up_to: str = "") -> tuple[str, ...]:
        """Return the layers with a kernel, in the order of the data flow.

        Parameters
        ----------
        up_to : str
            The last layer that counts; all layers where empty.

        Raises
        ------
        ModelError
            There is no layer ``up_to``.
        """
        steps = list(self.graph.steps)
        if up_to:
            steps = steps[: steps.index(self._step(up_to)) + 1]
        return tuple(dict.fromkeys(step.layer for step in steps if self.graph.has_kernel(step)))

    @contextmanager
    def shuffled(self, layers: Sequence[str], seed: int) -> Iterator[TFLiteClassifier]:
        """Yield the file with the weights of some layers in random order; see the ``Classifier`` protocol.

        Parameters
        ----------
        layers : sequence of str
            Of :meth:`learnt_layers`.
        seed : int
            Draws the order.

        Raises
        ------
        ModelError
            There is no such layer.
        """
        known = self.learnt_layers()
        for layer in layers:
            if layer not in known:
                raise ModelError("a layer with weights", repr(layer), f"such layers: {', '.join(known)}")
        twin = copy.copy(self)
        twin._content = shuffled(self._content, self.graph, layers, seed)
        twin.graph = file.Graph(twin._content)
        twin._runners = {}
        twin.__dict__.pop("_scores", None)  # a tensor of the other graph
        yield twin

    def check(self) -> None:
        """Run a few images: the output must be finite and what it is declared to be.

        Raises
        ------
        ModelError
            It is not.
        """
        images = self._probe()
        raw = self._whole(self.run(images, _PROBE_IMAGES))
        outputs.to_probabilities(raw, self._output_kind)
        outputs.check_declared(raw, self._output_kind)

    def run(self, images: Pixels, batch_size: int = BATCH) -> Floats:
        """Return the output as real numbers, float32 (n, n_outputs), before anything is made of it."""
        return self._run(images, batch_size, [self.graph.output], keep_all=False)[0]

    def _read(self, images: Pixels, tensors: Sequence[Any], batch_size: int) -> list[Floats]:
        """Return tensors of the graph as real numbers, float32 (n, …).

        Raises
        ------
        ModelError
            Keeping all tensors changes what the file says: what could be read inside would not be what it
            computes on its own.
        """
        if True not in self._runners:
            images_, plain = self._probe(), self.run(self._probe(), _PROBE_IMAGES)
            (kept,) = self._run(images_, _PROBE_IMAGES, [self.graph.output], keep_all=True)
            difference = float(np.abs(kept - plain).max())
            if difference > max(_KEPT_TOLERANCE, 1.01 * self._output.scale):
                del self._runners[True]
                raise ModelError(
                    "a file that gives the same output while its tensors are read",
                    f"a difference of {difference:.2g}",
                )
        return self._run(images, min(batch_size, BATCH), tensors, keep_all=True)

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

    @cached_property
    def _scores(self) -> Any:
        """The tensor that the final softmax or sigmoid reads; None where there is neither."""
        if self._output_kind == "logits":
            return self.graph.output
        produced = {id(step.output): step for step in self.graph.steps}
        tensor = self.graph.output
        while (step := produced.get(id(tensor))) is not None:
            if step.operator in ("SOFTMAX", "LOGISTIC"):
                return step.inputs[0]
            if step.operator not in PASSED_THROUGH:
                return None
            tensor = step.inputs[0]
        return None

    def _grids(self) -> list[file.Step]:
        """Return the steps that give a grid over the image."""
        found, taken_apart = [], set[int]()
        for step in self.graph.steps:
            # Within a dilated convolution an image is several small ones, which only the batch tells.
            inside = any(id(tensor) in taken_apart for tensor in step.inputs)
            if step.operator == "SPACE_TO_BATCH_ND" or (inside and step.operator != "BATCH_TO_SPACE_ND"):
                taken_apart.add(id(step.output))
            elif len(step.output.shape) == len(self.input_shape) + 1 and step.operator not in PASSED_THROUGH:
                found.append(step)
        return found

    def _step(self, layer: str) -> file.Step:
        for step in reversed(self._grids()):
            if step.layer == layer:
                return step
        names = ", ".join(info.name for info in self.spatial_layers())
        raise ModelError("a layer with a spatial output", repr(layer), f"such layers: {names}")

    def _probe(self) -> Pixels:
        images = np.random.default_rng(0).integers(0, 256, (_PROBE_IMAGES, *self.input_shape), np.uint8)
        images[0], images[1] = 0, 255
        return images

    def _whole(self, raw: Floats) -> Floats:
        """Make distributions of probabilities that come in steps; leave everything else as it is."""
        in_steps = self._output_kind == "probabilities" and self._output.scale and raw.shape[-1] > 1
        return _normalised(raw, self._output.scale) if in_steps else raw


def _kind(step: file.Step) -> str:
    """Return what an operator would be called as a Keras layer, as far as it matters for heatmaps."""
    return _KINDS.get(step.operator, "".join(part.capitalize() for part in step.operator.split("_")))


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
