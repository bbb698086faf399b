"""The architectures of the built-in studies: pure functions of a Keras namespace. No training, no weights.

Each architecture is two functions, ``features`` (pixels to feature maps) and ``head`` (feature maps to
probabilities), so that a frozen trunk can be computed once and its head trained alone. The namespace is a
parameter because one definition has to serve Keras 3 and ``tf_keras`` alike.

A model takes raw pixels 0–255: scaling, resizing and channel means are layers of the model. It ends in the
layers ``logits`` (linear) and ``probabilities`` (softmax). Every layer is named, so that two models built in
one process are equal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

from xaireport.errors import ConfigError

Tensor = Any
Keras = Any

VGG19_BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Filters and convolutions per block (Simonyan & Zisserman 2015, arXiv:1409.1556, configuration E)."""
MOMENTUM = 0.99
"""Of the moving averages of batch normalisation: Keras' own. Where an epoch has few steps they lag behind."""
IMAGENET_MEAN_RGB = (123.68, 116.779, 103.939)


@dataclass(frozen=True)
class Architecture:
    """A family of models.

    Parameters
    ----------
    name, title : str
        Its key in study files, and its name for readers.
    rank : {2, 3}
        Spatial dimensions of its input.
    features : callable
        ``(keras, x, *, …) -> x``; its keyword arguments are options of the architecture.
    head : callable
        ``(keras, x, n_classes, *, …) -> probabilities``; its keyword arguments are, too.
    frozen : bool
        The features come from pretrained weights and are not trained.
    """

    name: str
    title: str
    rank: int
    features: Callable[..., Tensor]
    head: Callable[..., Tensor]
    frozen: bool = False

    @property
    def options(self) -> frozenset[str]:
        """Names that a variant's ``options`` may hold; ``weights`` says what fills a frozen trunk."""
        return _keywords(self.features) | _keywords(self.head) | ({"weights"} if self.frozen else set())


def _keywords(function: Callable[..., Tensor]) -> frozenset[str]:
    return frozenset(p.name for p in signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY)


def _apply(function: Callable[..., Tensor], *arguments: Any, options: Mapping[str, Any]) -> Tensor:
    known = _keywords(function)
    return function(*arguments, **{name: value for name, value in options.items() if name in known})


def _classify(keras: Keras, x: Tensor, n_classes: int) -> Tensor:
    x = keras.layers.Dense(n_classes, name="logits")(x)
    return keras.layers.Softmax(name="probabilities")(x)


def _dense_stack(keras: Keras, x: Tensor, units: Sequence[int], rates: Sequence[float]) -> Tensor:
    for i, n in enumerate(units, start=1):
        x = keras.layers.Dense(n, activation="relu", name=f"dense{i}")(x)
        if i <= len(rates) and rates[i - 1] > 0:
            x = keras.layers.Dropout(rates[i - 1], name=f"dense_drop{i}")(x)
    return x


def _cnn3d_features(
    keras: Keras,
    x: Tensor,
    *,
    filters: Sequence[int] = (32, 64, 128),
    kernel: int = 3,
    momentum: float = MOMENTUM,
) -> Tensor:
    layers = keras.layers
    x = layers.Rescaling(1 / 255, name="rescale")(x)
    for i, n in enumerate(filters, start=1):
        x = layers.Conv3D(n, kernel, padding="same", activation="relu", name=f"conv{i}")(x)
        x = layers.BatchNormalization(momentum=momentum, name=f"bn{i}")(x)
        x = layers.MaxPooling3D(2, name=f"pool{i}")(x)
    return x


def _flat_head(
    keras: Keras,
    x: Tensor,
    n_classes: int,
    *,
    dense: Sequence[int] = (128, 64),
    dense_dropout: Sequence[float] = (0.5, 0.5),
) -> Tensor:
    x = keras.layers.Flatten(name="flatten")(x)
    return _classify(keras, _dense_stack(keras, x, dense, dense_dropout), n_classes)


def _cnn2d_features(
    keras: Keras,
    x: Tensor,
    *,
    filters: Sequence[int] = (32, 64, 128, 256),
    dropout: Sequence[float] = (0.2, 0.3, 0.4, 0.4),
    momentum: float = MOMENTUM,
) -> Tensor:
    layers = keras.layers
    x = layers.Rescaling(1 / 255, name="rescale")(x)
    for i, (n, rate) in enumerate(zip(filters, dropout, strict=True), start=1):
        x = layers.Conv2D(n, 3, padding="same", name=f"conv{i}")(x)
        x = layers.BatchNormalization(momentum=momentum, name=f"bn{i}")(x)
        x = layers.ReLU(name=f"relu{i}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{i}")(x)
        x = layers.Dropout(rate, name=f"drop{i}")(x)
    return x


def _cnn2d_head(
    keras: Keras,
    x: Tensor,
    n_classes: int,
    *,
    dense: Sequence[int] = (256, 128),
    dense_dropout: Sequence[float] = (0.4, 0.3),
) -> Tensor:
    return _flat_head(keras, x, n_classes, dense=dense, dense_dropout=dense_dropout)


def _vgg19_features(
    keras: Keras,
    x: Tensor,
    *,
    cut: str = "block4_conv1",
    resize: int = 32,
) -> Tensor:
    # The published weights expect BGR; backbone.py turns the first kernel around instead, so that the model
    # needs no layer to swap channels (Keras has none that is safe to deserialise).
    layers = keras.layers
    if x.shape[-1] == 1:
        x = layers.Concatenate(name="grey_to_rgb")([x, x, x])
    x = layers.Resizing(resize, resize, name="resize")(x)
    x = layers.Rescaling(1.0, offset=[-mean for mean in IMAGENET_MEAN_RGB], name="center")(x)
    for block, (n, convolutions) in enumerate(VGG19_BLOCKS, start=1):
        for i in range(1, convolutions + 1):
            name = f"block{block}_conv{i}"
            x = layers.Conv2D(n, 3, padding="same", activation="relu", name=name)(x)
            if name == cut:
                return x
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
        if cut == f"block{block}_pool":
            return x
    raise ConfigError("a layer of VGG-19 as options.cut, such as block4_conv1", cut)


def _vgg19_head(
    keras: Keras,
    x: Tensor,
    n_classes: int,
    *,
    dense: Sequence[int] = (128,),
) -> Tensor:
    x = keras.layers.GlobalAveragePooling2D(name="gap")(x)
    return _classify(keras, _dense_stack(keras, x, dense, ()), n_classes)


def _residual(keras: Keras, x: Tensor, n: int, stride: int, momentum: float, name: str) -> Tensor:
    layers = keras.layers
    y = layers.Conv2D(n, 3, stride, padding="same", use_bias=False, name=f"{name}_conv1")(x)
    y = layers.BatchNormalization(momentum=momentum, name=f"{name}_bn1")(y)
    y = layers.ReLU(name=f"{name}_relu1")(y)
    y = layers.Conv2D(n, 3, padding="same", use_bias=False, name=f"{name}_conv2")(y)
    y = layers.BatchNormalization(momentum=momentum, name=f"{name}_bn2")(y)
    if stride > 1 or x.shape[-1] != n:
        x = layers.Conv2D(n, 1, stride, name=f"{name}_project")(x)
    return layers.ReLU(name=f"{name}_relu2")(layers.Add(name=f"{name}_add")([x, y]))


def _resnet_features(
    keras: Keras,
    x: Tensor,
    *,
    filters: Sequence[int] = (32, 64, 128),
    blocks: int = 3,
    momentum: float = MOMENTUM,
) -> Tensor:
    layers = keras.layers
    # Two layers, each of which an integer file can hold: between factor and offset it rounds as well.
    x = layers.Rescaling(1 / 127.5, name="rescale")(x)
    x = layers.Rescaling(1.0, offset=-1.0, name="center")(x)
    x = layers.Conv2D(filters[0], 3, padding="same", use_bias=False, name="stem_conv")(x)
    x = layers.BatchNormalization(momentum=momentum, name="stem_bn")(x)
    x = layers.ReLU(name="stem_relu")(x)
    for stage, n in enumerate(filters, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x = _residual(keras, x, n, stride, momentum, f"stage{stage}_block{block}")
    return x


def _pooled_head(keras: Keras, x: Tensor, n_classes: int) -> Tensor:
    return _classify(keras, keras.layers.GlobalAveragePooling2D(name="gap")(x), n_classes)


ARCHITECTURES: Mapping[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        Architecture("cnn3d", "3D CNN", 3, _cnn3d_features, _flat_head),
        Architecture("cnn2d", "CNN", 2, _cnn2d_features, _cnn2d_head),
        Architecture("vgg19", "VGG-19, frozen, new head", 2, _vgg19_features, _vgg19_head, frozen=True),
        Architecture("resnet", "ResNet", 2, _resnet_features, _pooled_head),
    )
}


def architecture(name: str) -> Architecture:
    """Return the architecture called ``name``.

    Raises
    ------
    ConfigError
        No such architecture.
    """
    try:
        return ARCHITECTURES[name]
    except KeyError:
        raise ConfigError("an architecture: " + ", ".join(ARCHITECTURES), repr(name)) from None


def build(
    name: str, keras: Keras, input_shape: Sequence[int], n_classes: int, options: Mapping[str, Any]
) -> Any:
    """Build a model with fresh weights.

    Parameters
    ----------
    name : str
        Key of ``ARCHITECTURES``.
    keras : module
        Keras 3 or ``tf_keras``.
    input_shape : sequence of int
        One image, channels last.
    n_classes : int
    options : mapping
        The variant's ``options``.

    Returns
    -------
    keras.Model
        Flat and functional: float32 pixels 0–255 to probabilities.

    Raises
    ------
    ConfigError
        No such architecture, it takes images of another rank, or the options make no model.
    """
    arch = architecture(name)
    if len(input_shape) != arch.rank + 1:
        raise ConfigError(
            f"images with {arch.rank} spatial axes and channels for {name}",
            f"images of shape {tuple(input_shape)}",
            "choose an architecture for this kind of image",
        )
    image = keras.Input(tuple(input_shape), name="image")
    try:
        x = _apply(arch.features, keras, image, options=options)
        probabilities = _apply(arch.head, keras, x, n_classes, options=options)
    except (ValueError, TypeError) as error:  # Keras' own, over several lines and in colour
        reason = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines() or [type(error).__name__]
        raise ConfigError(
            f"options that make a {name} for images of shape {tuple(input_shape)}",
            f"{dict(options)}: {' '.join(reason)[:300]}",
            "compare with the studies that come with xaireport, or take larger images",
        ) from error
    return keras.Model(image, probabilities, name=name)


def build_trunk(name: str, keras: Keras, input_shape: Sequence[int], options: Mapping[str, Any]) -> Any:
    """Build the feature part alone."""
    image = keras.Input(tuple(input_shape), name="image")
    features = _apply(architecture(name).features, keras, image, options=options)
    return keras.Model(image, features, name=f"{name}_trunk")


def build_head(
    name: str, keras: Keras, feature_shape: Sequence[int], n_classes: int, options: Mapping[str, Any]
) -> Any:
    """Build the head alone; its layers have the names they have in the whole model."""
    features = keras.Input(tuple(feature_shape), name="features")
    probabilities = _apply(architecture(name).head, keras, features, n_classes, options=options)
    return keras.Model(features, probabilities, name=f"{name}_head")
