"""A TFLite file as a classifier that can be looked into: logits, activations, shuffled weights.

It has no gradients of its own; those of its last layers are in ``head_gradients``. Running it is in
``predictor``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from xaireport.errors import ModelError
from xaireport.nn import outputs
from xaireport.nn.tflite import flatbuffer
from xaireport.nn.tflite.head_gradients import PASSED_THROUGH, Head
from xaireport.nn.tflite.predictor import BATCH, PROBE_IMAGES, TFLitePredictor
from xaireport.nn.tflite.shuffle import shuffled
from xaireport.types.models import LayerInfo

if TYPE_CHECKING:
    from xaireport.types.data import Floats, Ints, Pixels

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


class TFLiteClassifier(TFLitePredictor):
    """A TFLite file behind the ``Classifier`` protocol. Made by `xaireport.nn.classifier.open_model`."""

    method_suffix = "-hybrid"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._heads: dict[str, Head] = {}  # a shuffled twin shares them

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
        rebuilt in floating point from its own weights; see :mod:`xaireport.nn.tflite.head_gradients`.

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
        twin.graph = flatbuffer.Graph(twin._content)
        twin._runners = {}
        twin.__dict__.pop("_scores", None)  # a tensor of the other graph
        yield twin

    def _read(self, images: Pixels, tensors: Sequence[Any], batch_size: int) -> list[Floats]:
        """Return tensors of the graph as real numbers, float32 (n, …).

        Raises
        ------
        ModelError
            Keeping all tensors changes what the file says: what could be read inside would not be what it
            computes on its own.
        """
        if True not in self._runners:
            images_, plain = self._probe(), self.run(self._probe(), PROBE_IMAGES)
            (kept,) = self._run(images_, PROBE_IMAGES, [self.graph.output], keep_all=True)
            difference = float(np.abs(kept - plain).max())
            if difference > max(_KEPT_TOLERANCE, 1.01 * self._output.scale):
                del self._runners[True]
                raise ModelError(
                    "a file that gives the same output while its tensors are read",
                    f"a difference of {difference:.2g}",
                )
        return self._run(images, min(batch_size, BATCH), tensors, keep_all=True)

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

    def _grids(self) -> list[flatbuffer.Step]:
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

    def _step(self, layer: str) -> flatbuffer.Step:
        for step in reversed(self._grids()):
            if step.layer == layer:
                return step
        names = ", ".join(info.name for info in self.spatial_layers())
        raise ModelError("a layer with a spatial output", repr(layer), f"such layers: {names}")


def _kind(step: flatbuffer.Step) -> str:
    """Return what an operator would be called as a Keras layer, as far as it matters for heatmaps."""
    return _KINDS.get(step.operator, "".join(part.capitalize() for part in step.operator.split("_")))
