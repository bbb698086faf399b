"""A Keras model that predicts: raw pixels in, probabilities out; and its weights. No gradients, no layers.

Finding a file and checking what is said of it is done in ``opening``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from xaireport.errors import ModelError
from xaireport.nn import outputs
from xaireport.nn.backend import import_tensorflow

if TYPE_CHECKING:
    from xaireport.types.data import Floats, Pixels

PIXEL_SCALES = {"0-255": (1.0, 0.0), "0-1": (1 / 255, 0.0), "-1-1": (1 / 127.5, -1.0)}
"""Pixel scale -> factor and offset applied to raw 0–255 pixels."""

_PROBE_IMAGES = 6


class KerasPredictor:
    """A loaded Keras model. Made by :func:`xaireport.nn.keras.opening.open_keras`.

    The model is only ever called, never changed.
    """

    def __init__(
        self,
        model: Any,
        path: Path,
        pixel_scale: str,
        output: str,
        input_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.model = model
        self._path = path
        self._factor, self._offset = PIXEL_SCALES[pixel_scale]
        self._output = output
        taken, given = shapes(model, input_shape)
        self._image_shape = input_shape or cast("tuple[int, ...]", taken[1:])
        self._n_outputs = cast("int", given[-1])

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
        return outputs.to_probabilities(self._run(images, batch_size), self._output)

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

    @property
    def n_classes(self) -> int:
        """How many classes it tells apart; one output tells two."""
        return max(2, self._n_outputs)

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return self._path.stat().st_size

    def weights(self) -> list[Any]:
        """Return copies of the model's weights, in Keras' order."""
        return list(self.model.get_weights())

    def probabilities(self, images: Any, run: Callable[[Any], Any] | None = None) -> Any:
        """Return probabilities of raw pixels as a TensorFlow tensor, usable within a graph.

        Parameters
        ----------
        images : tensor, (n, *input_shape)
            Raw pixels.
        run : callable, optional
            Runs the model in another way than calling it.
        """
        tf = import_tensorflow()
        prepared = self.prepare(images)
        raw = tf.cast(run(prepared) if run else self.model(prepared, training=False), tf.float32)
        if raw.shape[-1] == 1:
            raw = tf.concat([-raw / 2, raw / 2] if self._output == "logits" else [1 - raw, raw], axis=-1)
        return tf.nn.softmax(raw) if self._output == "logits" else raw

    def prepare(self, images: Any) -> Any:
        """Scale raw pixels to what the model takes; a TensorFlow tensor, usable within a graph."""
        tf = import_tensorflow()
        inputs = getattr(self.model, "inputs", None)
        dtype = inputs[0].dtype if inputs else "float32"
        if (self._factor, self._offset) == (1.0, 0.0):
            return tf.cast(images, dtype)
        return tf.cast(tf.cast(images, tf.float32) * self._factor + self._offset, dtype)

    @cached_property
    def _forward(self) -> Any:
        tf = import_tensorflow()

        def run(images: Any) -> Any:
            return tf.cast(self.model(self.prepare(images), training=False), tf.float32)

        # A free batch dimension: the last, shorter batch does not trace the model again.
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
