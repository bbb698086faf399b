"""Small Keras models for the tests of this folder, and the same weights in other forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tolerance import spread

from xaireport.nn.backend import import_keras


def images(n: int, shape: tuple[int, ...] = (16, 16, 3), seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), np.uint8)


def randomise(model: Any, seed: int = 0) -> Any:
    """Give every weight a value that no initialiser gives: biases and moving statistics count, too."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        values = rng.normal(0, 0.3, tuple(weight.shape)).astype(np.float32)
        weight.assign(np.abs(values) + 0.5 if "variance" in weight.path else values)
    return model


def conv_layers(rank: int = 2) -> list[Any]:
    layers = import_keras().layers
    conv, pool = (layers.Conv2D, layers.MaxPooling2D) if rank == 2 else (layers.Conv3D, layers.MaxPooling3D)
    return [
        layers.Rescaling(1 / 255, name="rescale"),
        conv(6, 3, padding="same", name="conv1"),
        layers.BatchNormalization(name="bn1"),
        layers.ReLU(name="relu1"),
        pool(2, name="pool1"),
        layers.Dropout(0.3, name="drop1"),
        conv(8, 3, padding="same", activation="relu", name="conv2"),
    ]


def head_layers(end: str = "dense", n_classes: int = 3) -> list[Any]:
    layers = import_keras().layers
    body = [layers.Flatten(name="flatten"), layers.Dense(10, activation="relu", name="dense")]
    if end == "dense":
        return [*body, layers.Dense(n_classes, activation="softmax", name="out")]
    last = {
        "layer": [layers.Softmax(name="softmax")],
        "activation": [layers.Activation("softmax", name="softmax")],
        "activation, then linear": [
            layers.Activation("softmax", name="softmax"),
            layers.Activation("linear", name="cast"),
        ],
        "logits": [],
    }[end]
    return [*body, layers.Dense(n_classes, name="out"), *last]


def flat_model(shape: tuple[int, ...] = (16, 16, 3), end: str = "dense") -> Any:
    keras = import_keras()
    x = start = keras.Input(shape)
    for layer in conv_layers(len(shape) - 1) + head_layers(end):
        x = layer(x)
    return randomise(keras.Model(start, x))


def sequential_model(shape: tuple[int, ...] = (16, 16, 3)) -> Any:
    keras = import_keras()
    return randomise(keras.Sequential([keras.Input(shape), *conv_layers(len(shape) - 1), *head_layers()]))


def nested_model(shape: tuple[int, ...] = (16, 16, 3)) -> Any:
    """A Sequential backbone within a functional trunk within a Sequential model."""
    keras = import_keras()
    layers = conv_layers(len(shape) - 1)
    inner = keras.Sequential([keras.Input(shape), *layers[:4]], name="inner")
    x = start = keras.Input(shape)
    x = inner(x, training=False)
    for layer in layers[4:]:
        x = layer(x)
    trunk = keras.Model(start, x, name="trunk")
    return randomise(keras.Sequential([keras.Input(shape), trunk, *head_layers()]))


def saved(model: Any, folder: Path, name: str = "model.keras") -> Path:
    path = folder / name
    model.save(path)
    return path


def spreads(classifier: Any, x: Any, targets: Any, layer: str, terms: int = 0) -> list[Any]:
    """How far activations, gradients and probabilities may lie apart, each per image."""
    asked = (
        lambda which=which: classifier.activations_and_gradients(x, targets, layer)[which]
        for which in range(3)
    )
    return [spread(each, classifier.logits_model, terms=terms) for each in asked]
