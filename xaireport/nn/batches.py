"""Training batches whose order and augmentation are functions of (seed, epoch) alone.

Nothing here keeps a counter: a training that resumes at epoch k sees exactly what an uninterrupted one saw.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import ConfigError
from xaireport.nn.backend import import_keras, import_tensorflow
from xaireport.study_schema import AugmentSettings

_STEP_STRIDE = 1 << 20
"""More steps than an epoch ever has: (epoch, step) become one number without collisions."""


def epochs(
    images: NDArray[Any],
    targets: NDArray[np.float32],
    weights: NDArray[np.float32] | None,
    *,
    batch_size: int,
    seed: int,
    first_epoch: int = 0,
    augment: AugmentSettings | None = None,
) -> Any:
    """Return an endless ``tf.data.Dataset`` of shuffled batches, from ``first_epoch`` on.

    Parameters
    ----------
    images : array, (n, ...)
        uint8 pixels, or float32 features.
    targets : float32 array, (n, n_classes)
        One-hot labels.
    weights : float32 array, (n,), optional
        Sample weights.
    batch_size : int
        The last batch of an epoch may be smaller.
    seed : int
        With the epoch's number it fixes order and augmentation.
    first_epoch : int
        Epochs before it are left out.
    augment : AugmentSettings, optional
        Off where None or where nothing is switched on.

    Returns
    -------
    tf.data.Dataset
        Of ``(x, y)`` or ``(x, y, weight)``, x as float32.

    Raises
    ------
    ConfigError
        Augmentation of volumes, which Keras' layers cannot do.
    """
    tf = import_tensorflow()
    arrays = [tf.constant(images), tf.constant(targets)]
    if augment is not None and changes(augment) and images.ndim != 4:
        raise ConfigError(
            "2D images to augment", f"images of shape {images.shape[1:]}", "leave `augment` out for volumes"
        )
    if weights is not None:
        arrays.append(tf.constant(weights))
    change = augmenter(augment, seed) if augment is not None and changes(augment) else None

    def one_epoch(epoch: Any) -> Any:
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(images)), seed=tf.stack([tf.constant(seed, tf.int64), epoch])
        )
        batches = tf.data.Dataset.from_tensor_slices(order).batch(batch_size).enumerate()
        return batches.map(lambda step, index: (epoch * _STEP_STRIDE + step, index))

    def gather(step: Any, index: Any) -> Any:
        batch = [tf.gather(array, index) for array in arrays]
        batch[0] = tf.cast(batch[0], tf.float32)
        if change is not None:
            batch[0] = change(batch[0], step)
        return tuple(batch)

    dataset = tf.data.Dataset.range(first_epoch, sys.maxsize).flat_map(one_epoch)
    return dataset.map(gather, num_parallel_calls=2, deterministic=True).prefetch(2)


def changes(augment: AugmentSettings) -> bool:
    """Whether any change is switched on: each is off at zero."""
    return any(value for _, value in augment)


def augmenter(settings: AugmentSettings, seed: int) -> Any:
    """Return ``f(images, step) -> images`` made of Keras' preprocessing layers.

    Edges are filled by reflection; the value range stays 0–255.
    """
    keras, tf = import_keras(), import_tensorflow()

    class StepSeed(keras.random.SeedGenerator):  # type: ignore[name-defined]
        """Draws that depend on the seed and the step alone; Keras' own generator counts in a variable."""

        def __init__(self, step: Any) -> None:
            self.step, self.draws = step, 0

        def next(self, ordered: bool = True) -> Any:
            self.draws += 1
            return tf.stack([tf.constant(seed * 1009 + self.draws, tf.int64), self.step])

    layers: list[Any] = []
    if settings.rotation_degrees:
        layers.append(keras.layers.RandomRotation(settings.rotation_degrees / 360, fill_mode="reflect"))
    if settings.zoom:
        layers.append(keras.layers.RandomZoom((-settings.zoom, settings.zoom), fill_mode="reflect"))
    if settings.shift:
        layers.append(keras.layers.RandomTranslation(settings.shift, settings.shift, fill_mode="reflect"))
    if settings.horizontal_flip:
        layers.append(keras.layers.RandomFlip("horizontal"))
    if settings.vertical_flip:
        layers.append(keras.layers.RandomFlip("vertical"))

    def change(images: Any, step: Any) -> Any:
        draws = StepSeed(step)
        for layer in layers:
            transformation = layer.get_random_transformation(images, training=True, seed=draws)
            images = layer.transform_images(images, transformation, training=True)
        return tf.clip_by_value(images, 0.0, 255.0)

    return change


def in_order(images: NDArray[Any], targets: NDArray[np.float32], batch_size: int) -> Any:
    """Return a ``tf.data.Dataset`` of ``(x, y)`` batches as they lie, for validation."""
    tf = import_tensorflow()
    dataset = tf.data.Dataset.from_tensor_slices((images, targets)).batch(batch_size)
    return dataset.map(lambda x, y: (tf.cast(x, tf.float32), y)).prefetch(2)


def class_weights(labels: NDArray[np.int64], n_classes: int) -> NDArray[np.float32]:
    """Return one weight per image, n / (K · n of its class), as scikit-learn's ``balanced``."""
    counts = np.bincount(labels, minlength=n_classes)
    per_class = len(labels) / (n_classes * np.maximum(counts, 1))
    return per_class[labels].astype(np.float32)
