"""A Keras model as a classifier that can be looked into: logits, activations and gradients, shuffled weights.

What it predicts is in ``predictor``; training, quantising and predicting need no more than that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from xaireport.errors import ModelError
from xaireport.nn import outputs
from xaireport.nn.backend import import_keras, import_tensorflow
from xaireport.nn.keras import flatten, gradients
from xaireport.nn.keras.predictor import KerasPredictor
from xaireport.nn.keras.summary import summary
from xaireport.types.models import LayerInfo, ModelSummary

if TYPE_CHECKING:
    from xaireport.types.data import Floats, Ints, Pixels

_FLAT_TOLERANCE = 1e-4


class KerasClassifier(KerasPredictor):
    """A loaded Keras model behind the ``DifferentiableClassifier`` protocol. Made by :func:`open_model`.

    The model is only ever called, never changed: gradients are taken on a flat copy.
    """

    method_suffix = ""
    _is_shuffled = False

    @cached_property
    def summary(self) -> ModelSummary:
        """Facts for the card."""
        return summary(self)

    def predict(self, images: Pixels, batch_size: int = 256) -> Floats:
        """Return class probabilities, of the flat copy while weights are shuffled; parameters as there."""
        if self._is_shuffled and self._flat is not None:
            return outputs.softmax(self.logits(images, batch_size))
        return super().predict(images, batch_size)

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

    @cached_property
    def graph(self) -> flatten.FlatGraph:
        """The flat copy of the model."""
        return flatten.flatten(self.model, self._image_shape)

    @cached_property
    def logits_model(self) -> Any:
        """The flat copy, ending in its logits; proved on a few images to give the model's own output."""
        model = import_keras().Model(
            self.graph.input, flatten.logits(self.graph, cast("flatten.OutputKind", self._output))
        )
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
            return tuple((layer.name, layer) for layer in self.model.layers)
        first: dict[int, tuple[str, Any]] = {}
        for step in self.graph.steps:
            first.setdefault(id(step.operation), (step.name, step.operation))
        used = {id(layer) for layer in self._flat.layers}
        # The layer that gave probabilities has a twin without softmax, which no step knows.
        last = [
            (layer.name.removesuffix(flatten.LOGITS), layer)
            for layer in self._flat.layers
            if id(layer) not in first and _has_kernel(layer)
        ]
        return (*(each for key, each in first.items() if key in used), *last)

    @cached_property
    def _gradients(self) -> gradients.GradientEngine:
        return gradients.GradientEngine(self.graph, self.logits_model.outputs[0], self.prepare)

    @cached_property
    def _forward_logits(self) -> Any:
        tf = import_tensorflow()

        def run(images: Any) -> Any:
            return tf.cast(self._flat(self.prepare(images), training=False), tf.float32)

        signature = [tf.TensorSpec((None, *self._image_shape), tf.uint8)]
        return tf.function(run, input_signature=signature, autograph=False)


def _has_kernel(layer: Any) -> bool:
    return any(len(weight.shape) > 1 for weight in getattr(layer, "weights", []))
