"""A Keras model as a classifier: raw pixels in, probabilities, logits, activations and gradients out.

Finding a file and checking what is said of it is done in ``runtime``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from xaireport.errors import ModelError
from xaireport.nn import flat, gradients, outputs
from xaireport.nn.backend import import_keras, import_tensorflow
from xaireport.types import LayerInfo, ModelSummary

if TYPE_CHECKING:
    from xaireport.types import Floats, Ints, Pixels

PIXEL_SCALES = {"0-255": (1.0, 0.0), "0-1": (1 / 255, 0.0), "-1-1": (1 / 127.5, -1.0)}
"""Pixel scale -> factor and offset applied to raw 0–255 pixels."""

_PROBE_IMAGES = 6
_FLAT_TOLERANCE = 1e-4


class KerasClassifier:
    """A loaded Keras model behind the ``DifferentiableClassifier`` protocol. Made by :func:`open_model`.

    The model is only ever called, never changed: gradients are taken on a flat copy.
    """

    method_suffix = ""

    def __init__(
        self,
        model: Any,
        path: Path,
        pixel_scale: str,
        output: str,
        input_shape: tuple[int, ...] | None = None,
    ) -> None:
        self._model = model
        self._path = path
        self._factor, self._offset = PIXEL_SCALES[pixel_scale]
        self._output = cast("flat.OutputKind", output)
        taken, given = shapes(model, input_shape)
        self._image_shape = input_shape or cast("tuple[int, ...]", taken[1:])
        self._n_outputs = cast("int", given[-1])
        self._is_shuffled = False

    @cached_property
    def summary(self) -> ModelSummary:
        """Facts for the card; the layers are those of the flat copy."""
        return ModelSummary(
            input_shape=self._image_shape,
            n_classes=max(2, self._n_outputs),
            parameters=_count(self._model.weights),
            trainable_parameters=_count(self._model.trainable_weights),
            size_bytes=self._path.stat().st_size,
            layers=self._layers(),
        )

    def _layers(self) -> tuple[tuple[str, str, str, int], ...]:
        try:
            return _layer_table(self.graph)
        except ModelError:  # what a subclassed model has, if not in which order
            kinds = ((layer, type(layer).__name__) for layer in self._model.layers)
            return tuple((layer.name, kind, "?", _count(layer.weights)) for layer, kind in kinds)

    def predict(self, images: Pixels, batch_size: int = 256) -> Floats:
        """Return class probabilities, float32 (n, n_classes), of raw pixels 0–255.

        Parameters
        ----------
        images : uint8 array, (n, *input_shape)
            Raw pixels; an empty array gives an empty result.
        batch_size : int
            Images in memory at once; about 32 suits volumes.

        Raises
        ------
        ModelError
            The images do not fit the model, or an output is not finite.
        """
        if self._is_shuffled and self._flat is not None:
            return outputs.softmax(self.logits(images, batch_size))
        return outputs.to_probabilities(self._run(images, batch_size), self._output)

    def logits(self, images: Pixels, batch_size: int = 256) -> Floats:
        """Return the scores before the final softmax, float32 (n, n_classes); parameters as for ``predict``.

        Of a model that cannot be looked into: the logarithms of its probabilities.
        """
        if self._flat is None:
            return outputs.logarithms(self.predict(images, batch_size))
        return self._in_batches(self._forward_logits, self._flat.outputs[0].shape[-1], images, batch_size)

    def learnt_layers(self, up_to: str = "") -> tuple[str, ...]:
        """Return the layers with a kernel, in the order of the data flow.

        Parameters
        ----------
        up_to : str
            The last layer that counts, in the order of the data flow; all layers where empty.

        Raises
        ------
        ModelError
            There is no layer ``up_to``.
        """
        if up_to:
            self.graph.step(up_to)
        names = []
        for name, operation in self._operations:
            if _has_kernel(operation):
                names.append(name)
            if name == up_to:
                break
        return tuple(names)

    @contextmanager
    def shuffled(self, layers: Sequence[str], seed: int) -> Iterator[KerasClassifier]:
        """Shuffle the weights of some layers within a context; see the ``Classifier`` protocol.

        Parameters
        ----------
        layers : sequence of str
            Of :meth:`learnt_layers`.
        seed : int
            Draws the order of each weight tensor: the same for a layer, whichever others are shuffled.

        Raises
        ------
        ModelError
            There is no such layer, or the context is entered twice.
        """
        known = self.learnt_layers()
        for layer in layers:
            if layer not in known:
                raise ModelError("a layer with weights", repr(layer), f"such layers: {', '.join(known)}")
        if self._is_shuffled:
            raise ModelError("a model that is not shuffled already", "one that is")
        kept, current = [], ""
        try:
            self._is_shuffled = True
            for name, operation in self._operations:
                current = name if _has_kernel(operation) else current
                if current in layers:
                    rng = np.random.default_rng([seed, known.index(current)])
                    for weight in getattr(operation, "weights", []):
                        values = weight.numpy()
                        kept.append((weight, values))
                        weight.assign(rng.permutation(values.reshape(-1)).reshape(values.shape))
            yield self
        finally:
            for weight, values in kept:
                weight.assign(values)
            self._is_shuffled = False

    def spatial_layers(self) -> tuple[LayerInfo, ...]:
        """Return the layers with a spatial output, in the order of the data flow."""
        return gradients.spatial_layers(self.graph)

    def activations_and_gradients(
        self, images: Pixels, targets: Ints, layer: str
    ) -> tuple[Floats, Floats, Floats]:
        """Return activations, gradients of the target logits, and probabilities; the batch is the caller's.

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
            No such layer or class, or a model that cannot be copied flat.
        """
        self._check_images(images)
        return self._gradients(images, targets, layer)

    def check(self) -> None:
        """Run a few images: the output must be finite and what it is declared to be.

        Raises
        ------
        ModelError
            It is not.
        """
        raw = self._run(self._probe(), _PROBE_IMAGES)
        outputs.to_probabilities(raw, self._output)
        outputs.check_declared(raw, self._output)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image, channels last."""
        return self._image_shape

    def weights(self) -> list[Any]:
        """Return copies of the model's weights, in Keras' order."""
        return list(self._model.get_weights())

    def probabilities(self, images: Any) -> Any:
        """Return probabilities of raw pixels as a TensorFlow tensor, usable within a graph."""
        tf = import_tensorflow()
        raw = tf.cast(self._model(self.prepare(images), training=False), tf.float32)
        if raw.shape[-1] == 1:
            raw = tf.concat([-raw / 2, raw / 2] if self._output == "logits" else [1 - raw, raw], axis=-1)
        return tf.nn.softmax(raw) if self._output == "logits" else raw

    def prepare(self, images: Any) -> Any:
        """Scale raw pixels to what the model takes; a TensorFlow tensor, usable within a graph."""
        tf = import_tensorflow()
        inputs = getattr(self._model, "inputs", None)
        dtype = inputs[0].dtype if inputs else "float32"
        if (self._factor, self._offset) == (1.0, 0.0):
            return tf.cast(images, dtype)
        return tf.cast(tf.cast(images, tf.float32) * self._factor + self._offset, dtype)

    @cached_property
    def graph(self) -> flat.FlatGraph:
        """The flat copy of the model."""
        return flat.flatten(self._model, self._image_shape)

    @cached_property
    def logits_model(self) -> Any:
        """The flat copy, ending in its logits; proved on a few images to give the model's own output."""
        model = import_keras().Model(self.graph.input, flat.logits(self.graph, self._output))
        images = self._probe()
        ours = outputs.softmax(model(self.prepare(images), training=False).numpy())
        difference = float(np.abs(ours - self.predict(images)).max())
        if difference > _FLAT_TOLERANCE:
            raise ModelError(
                "a model whose flat copy gives the same probabilities",
                f"a difference of {difference:.2g}",
                "a layer that does not rebuild from its configuration, or a model class with its own call()",
            )
        return model

    @cached_property
    def _flat(self) -> Any:
        """The flat copy that ends in logits; None of a model that cannot be copied so."""
        try:
            return self.logits_model
        except ModelError:
            return None

    @cached_property
    def _operations(self) -> tuple[tuple[str, Any], ...]:
        """Name and layer of what gives the logits, in the order of the data flow, each layer once."""
        if self._flat is None:
            return tuple((layer.name, layer) for layer in self._model.layers)
        first: dict[int, tuple[str, Any]] = {}
        for step in self.graph.steps:
            first.setdefault(id(step.operation), (step.name, step.operation))
        used = {id(layer) for layer in self._flat.layers}
        # The layer that gave probabilities has a twin without softmax, which no step knows.
        last = [
            (layer.name.removesuffix(flat.LOGITS), layer)
            for layer in self._flat.layers
            if id(layer) not in first and _has_kernel(layer)
        ]
        return (*(each for key, each in first.items() if key in used), *last)

    @cached_property
    def _gradients(self) -> gradients.GradientEngine:
        return gradients.GradientEngine(self.graph, self.logits_model.outputs[0], self.prepare)

    @cached_property
    def _forward(self) -> Any:
        tf = import_tensorflow()

        def run(images: Any) -> Any:
            return tf.cast(self._model(self.prepare(images), training=False), tf.float32)

        # A free batch dimension: the last, shorter batch does not trace the model again.
        signature = [tf.TensorSpec((None, *self._image_shape), tf.uint8)]
        return tf.function(run, input_signature=signature, autograph=False)

    @cached_property
    def _forward_logits(self) -> Any:
        tf = import_tensorflow()

        def run(images: Any) -> Any:
            return tf.cast(self._flat(self.prepare(images), training=False), tf.float32)

        signature = [tf.TensorSpec((None, *self._image_shape), tf.uint8)]
        return tf.function(run, input_signature=signature, autograph=False)

    def _run(self, images: Pixels, batch_size: int) -> Floats:
        return self._in_batches(self._forward, self._n_outputs, images, batch_size)

    def _in_batches(self, forward: Any, width: int, images: Pixels, batch_size: int) -> Floats:
        self._check_images(images)
        if batch_size < 1:
            raise ModelError("a batch size of at least 1", batch_size)
        tf = import_tensorflow()
        out = np.empty((len(images), width), np.float32)
        for start in range(0, len(images), batch_size):
            batch = tf.constant(images[start : start + batch_size], tf.uint8)
            out[start : start + batch_size] = forward(batch).numpy()
        return out

    def _check_images(self, images: Pixels) -> None:
        if str(images.dtype) != "uint8" or not fits(images.shape[1:], self._image_shape):
            raise ModelError(
                f"uint8 images of shape (n, {', '.join(map(str, self._image_shape))})",
                f"{images.dtype} {images.shape}",
            )

    def _probe(self) -> Pixels:
        """Return black, white and noise: enough to tell a softmax from its absence."""
        shape = tuple(32 if size is None else size for size in self._image_shape)
        images = np.random.default_rng(0).integers(0, 256, (_PROBE_IMAGES, *shape), np.uint8)
        images[0], images[1] = 0, 255
        return images


def _has_kernel(layer: Any) -> bool:
    return any(len(weight.shape) > 1 for weight in getattr(layer, "weights", []))


def _layer_table(graph: flat.FlatGraph) -> tuple[tuple[str, str, str, int], ...]:
    """Per step: name, kind, output shape, parameters (of a shared layer at its first call only)."""
    rows, seen = [], set()
    for step in graph.steps:
        weights = [] if id(step.operation) in seen else getattr(step.operation, "weights", [])
        seen.add(id(step.operation))
        shape = " × ".join("?" if size is None else str(size) for size in step.output.shape[1:])
        rows.append((step.name, step.kind, shape, _count(weights)))
    return tuple(rows)


def _count(weights: list[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def shapes(
    model: Any, input_shape: tuple[int, ...] | None = None
) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
    """Return the shapes of a Keras model's only input and only output.

    A subclassed model does not know them: it is asked with one image of ``input_shape``.
    """
    inputs, outs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if (not inputs or not outs) and input_shape is not None:
        given = model(np.zeros((1, *input_shape), np.float32), training=False)
        return (None, *input_shape), (None, *given.shape[1:])
    if not inputs or not outs:
        raise ModelError(
            "a model whose input shape is known", "one that is subclassed, or was saved before built"
        )
    if len(inputs) != 1 or len(outs) != 1:
        raise ModelError("a model with one input and one output", f"{len(inputs)} and {len(outs)}")
    return tuple(inputs[0].shape), tuple(outs[0].shape)


def fits(shape: tuple[int, ...], template: tuple[int | None, ...]) -> bool:
    """Whether a shape is one that a template with free (None) sizes allows."""
    return len(shape) == len(template) and all(
        b is None or a == b for a, b in zip(shape, template, strict=True)
    )
