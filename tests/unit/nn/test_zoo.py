"""The architectures, layer by layer as they are described; counts worked out by hand, VGG-19 as Keras'."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import keras_models as small
import numpy as np
import pytest
from tolerance import allowed, assert_same, spread

from xaireport import resources
from xaireport.errors import ConfigError
from xaireport.nn import zoo
from xaireport.nn.backend import import_keras
from xaireport.study.load import load_study

SHAPES = {
    "fracture3d.cnn3d": ((28, 28, 28, 1), 3),
    "derma.baseline": ((28, 28, 3), 7),
    "derma.augmented": ((28, 28, 3), 7),
    "derma.transfer": ((28, 28, 3), 7),
    "cifar10.resnet": ((32, 32, 3), 10),
}


def built(label: str) -> Any:
    """The system that the shipped study describes."""
    study, _, variant = label.partition(".")
    spec = load_study(resources.shipped("models") / f"{study}.toml").variants[variant]
    shape, n_classes = SHAPES[label]
    return zoo.build(spec.architecture, import_keras(), shape, n_classes, spec.options)


def described(layer: Any) -> str:
    """One word per layer, with what tells it from its like."""
    kind, config = type(layer).__name__, layer.get_config()
    facts = {
        "Dense": ("units", "activation"),
        "Dropout": ("rate",),
        "Conv2D": ("filters", "kernel_size", "strides", "padding", "activation"),
        "Conv3D": ("filters", "kernel_size", "strides", "padding", "activation"),
        "MaxPooling2D": ("pool_size", "strides"),
        "MaxPooling3D": ("pool_size", "strides"),
        "Resizing": ("height", "width"),
    }.get(kind, ())
    return " ".join([kind, *(str(_short(config[fact])) for fact in facts)])


def _short(value: Any) -> Any:
    values = list(value) if isinstance(value, tuple | list) else [value]
    return values[0] if len(set(values)) == 1 else value


def sequence(model: Any) -> list[str]:
    return [described(layer) for layer in model.layers]


def test_3d_cnn() -> None:
    body = [
        line
        for n in (32, 64, 128)
        for line in (f"Conv3D {n} 3 1 same relu", "BatchNormalization", "MaxPooling3D 2 2")
    ]
    model = built("fracture3d.cnn3d")
    assert sequence(model) == [
        "InputLayer", "Rescaling", *body, "Flatten", "Dense 128 relu", "Dropout 0.5", "Dense 64 relu",
        "Dropout 0.5", "Dense 3 linear", "Softmax",
    ]  # fmt: skip
    cells = 3 * 3 * 3  # 28 -> 14 -> 7 -> 3
    convolutions = 27 * (1 * 32 + 32 * 64 + 64 * 128) + 32 + 64 + 128
    norms = 4 * (32 + 64 + 128)
    dense = (cells * 128 + 1) * 128 + 129 * 64 + 65 * 3
    assert model.count_params() == convolutions + norms + dense


@pytest.mark.parametrize("label", ["derma.baseline", "derma.augmented"])
def test_2d_cnn(label: str) -> None:
    body = [
        line
        for n, rate in ((32, 0.2), (64, 0.3), (128, 0.4), (256, 0.4))
        for line in (
            f"Conv2D {n} 3 1 same linear", "BatchNormalization", "ReLU", "MaxPooling2D 2 2", f"Dropout {rate}"
        )
    ]  # fmt: skip
    model = built(label)
    assert sequence(model) == [
        "InputLayer", "Rescaling", *body, "Flatten", "Dense 256 relu", "Dropout 0.4", "Dense 128 relu",
        "Dropout 0.3", "Dense 7 linear", "Softmax",
    ]  # fmt: skip
    convolutions = 9 * (3 * 32 + 32 * 64 + 64 * 128 + 128 * 256) + 32 + 64 + 128 + 256
    norms = 4 * (32 + 64 + 128 + 256)
    dense = (1 * 1 * 256 + 1) * 256 + 257 * 128 + 129 * 7  # 28 -> 14 -> 7 -> 3 -> 1
    assert model.count_params() == convolutions + norms + dense


def test_vgg19_is_that_of_keras_up_to_the_cut() -> None:
    keras = import_keras()
    model = built("derma.transfer")
    published = keras.applications.VGG19(weights=None, include_top=False, input_shape=(32, 32, 3))
    names = [layer.name for layer in published.layers]
    trunk = published.layers[1 : names.index("block4_conv1") + 1]
    assert [described(layer) for layer in trunk] == sequence(model)[3 : 3 + len(trunk)]
    assert [layer.name for layer in trunk] == [layer.name for layer in model.layers[3 : 3 + len(trunk)]]
    assert sequence(model)[:3] == ["InputLayer", "Resizing 32 32", "Rescaling"]
    assert sequence(model)[3 + len(trunk) :] == [
        "GlobalAveragePooling2D", "Dense 128 relu", "Dense 7 linear", "Softmax",
    ]  # fmt: skip
    head = 513 * 128 + 129 * 7
    assert model.count_params() == sum(layer.count_params() for layer in trunk) + head
    assert model.get_layer("block4_conv1").output.shape[1:] == (4, 4, 512)
    assert not any(isinstance(layer, keras.Model) for layer in model.layers), "nested, not flat"


@pytest.mark.parametrize("cut", ["block1_conv1", "block2_pool", "block5_pool"])
def test_vgg19_ends_where_it_is_cut(cut: str) -> None:
    keras = import_keras()
    trunk = zoo.build_trunk("vgg19", keras, (32, 32, 3), {"cut": cut})
    published = keras.applications.VGG19(weights=None, include_top=False, input_shape=(32, 32, 3))
    assert trunk.layers[-1].name == cut
    assert trunk.output_shape == published.get_layer(cut).output.shape


def test_resnet() -> None:
    keras = import_keras()
    model = built("cifar10.resnet")
    names = [layer.name for layer in model.layers]
    stem = ["Rescaling", "Rescaling", "Conv2D 32 3 1 same linear", "BatchNormalization", "ReLU"]
    assert sequence(model)[1:6] == stem
    assert sequence(model)[-3:] == ["GlobalAveragePooling2D", "Dense 10 linear", "Softmax"]
    assert sum(isinstance(layer, keras.layers.Add) for layer in model.layers) == 9
    projections = {}
    for stage, n in ((1, 32), (2, 64), (3, 128)):
        for block in (1, 2, 3):
            own = {
                name.removeprefix(f"stage{stage}_block{block}_"): model.get_layer(name)
                for name in names
                if name.startswith(f"stage{stage}_block{block}_")
            }
            stride = 2 if stage > 1 and block == 1 else 1
            assert described(own["conv1"]) == f"Conv2D {n} 3 {stride} same linear"
            assert described(own["conv2"]) == f"Conv2D {n} 3 1 same linear"
            flow = ["conv1", "bn1", "relu1", "conv2", "bn2", "add", "relu2"]
            for before, after in pairwise(flow):
                inputs = own[after].input if isinstance(own[after].input, list) else [own[after].input]
                assert any(tensor is own[before].output for tensor in inputs), (stage, block, after)
            if "project" in own:
                projections[stage, block] = described(own["project"])
    assert projections == {(2, 1): "Conv2D 64 1 2 valid linear", (3, 1): "Conv2D 128 1 2 valid linear"}
    weights = 9 * (3 * 32 + 6 * 32 * 32 + 32 * 64 + 5 * 64 * 64 + 64 * 128 + 5 * 128 * 128)
    projection = (32 + 1) * 64 + (64 + 1) * 128
    norms = 4 * (32 + 6 * 32 + 6 * 64 + 6 * 128)
    assert model.count_params() == weights + projection + norms + 129 * 10


@pytest.mark.parametrize("label", SHAPES)
def test_every_model_is_flat_and_ends_in_logits_and_probabilities(label: str) -> None:
    keras = import_keras()
    model = small.randomise(built(label))
    both = keras.Model(model.input, [model.get_layer("logits").output, model.output])
    shape, n_classes = SHAPES[label]
    x = small.images(2, shape).astype(np.float32)
    scores, y = (each.numpy().astype(np.float64) for each in both(x, training=False))  # in one run
    exp = np.exp(scores - scores.max(axis=1, keepdims=True))
    # A score below the largest by d becomes d (1 + u), its exponential moves by u d exp(-d), less than u.
    off = allowed(n_classes + 5)
    np.testing.assert_allclose(y, exp / exp.sum(axis=1, keepdims=True), atol=off)
    assert (model.layers[-2].name, model.layers[-1].name) == ("logits", "probabilities")
    assert model.output_shape == (None, n_classes)
    assert type(model).__name__ == "Functional"
    assert "Lambda" not in json.dumps(model.get_config())


@pytest.mark.parametrize("label", ["fracture3d.cnn3d", "derma.baseline", "derma.transfer", "cifar10.resnet"])
def test_a_saved_model_loads_in_safe_mode(label: str, tmp_path: Path) -> None:
    keras = import_keras()
    model = built(label)
    again = keras.saving.load_model(small.saved(model, tmp_path), safe_mode=True)
    x = small.images(2, SHAPES[label][0]).astype(np.float32)
    np.testing.assert_array_equal(model(x, training=False), again(x, training=False))


def test_two_models_of_one_process_are_named_alike() -> None:
    assert built("cifar10.resnet").get_config() == built("cifar10.resnet").get_config()


@pytest.mark.parametrize("name", zoo.ARCHITECTURES)
def test_trunk_and_head_make_the_whole(name: str) -> None:
    keras = import_keras()
    shape = (32,) * zoo.architecture(name).rank + (3,)
    whole = small.randomise(zoo.build(name, keras, shape, 4, {}))
    trunk = zoo.build_trunk(name, keras, shape, {})
    head = zoo.build_head(name, keras, trunk.output_shape[1:], 4, {})
    for part in (trunk, head):
        for layer in part.layers:
            if layer.get_weights():
                layer.set_weights(whole.get_layer(layer.name).get_weights())
    assert trunk.count_params() + head.count_params() == whole.count_params()
    x = small.images(2, shape).astype(np.float32)
    assert_same(head(trunk(x)), whole(x), spread(lambda: whole(x), whole))


def test_options_reach_the_layers() -> None:
    options = {"filters": [4, 6], "kernel": 5, "dense": [9], "dense_dropout": [0.25]}
    model = zoo.build("cnn3d", import_keras(), (16, 16, 16, 1), 2, options)
    assert sequence(model) == [
        "InputLayer", "Rescaling", "Conv3D 4 5 1 same relu", "BatchNormalization", "MaxPooling3D 2 2",
        "Conv3D 6 5 1 same relu", "BatchNormalization", "MaxPooling3D 2 2", "Flatten", "Dense 9 relu",
        "Dropout 0.25", "Dense 2 linear", "Softmax",
    ]  # fmt: skip
    assert zoo.architecture("vgg19").options == {"cut", "resize", "dense", "weights"}
    assert zoo.architecture("resnet").options == {"filters", "blocks", "momentum"}


@pytest.mark.parametrize(
    ("name", "shape"), [("cnn3d", (8, 8, 8, 1)), ("cnn2d", (16, 16, 3)), ("resnet", (8, 8, 3))]
)
def test_the_momentum_of_batch_normalisation_is_keras_own_or_the_option(
    name: str, shape: tuple[int, ...]
) -> None:
    for options, expected in (({}, 0.99), ({"momentum": 0.9}, 0.9)):
        model = zoo.build(name, import_keras(), shape, 2, options)
        found = {layer.momentum for layer in model.layers if type(layer).__name__ == "BatchNormalization"}
        assert found == {expected}


def test_grey_images_fit_vgg19() -> None:
    grey = zoo.build("vgg19", import_keras(), (28, 28, 1), 2, {"cut": "block1_conv2"})
    rgb = zoo.build("vgg19", import_keras(), (28, 28, 3), 2, {"cut": "block1_conv2"})
    rgb.set_weights(grey.get_weights())
    images = small.images(2, (28, 28, 1)).astype(np.float32)
    assert_same(grey(images), rgb(np.repeat(images, 3, axis=-1)), spread(lambda: grey(images), grey))


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        ("cnn4d", (28, 28, 3), {}, r"an architecture: cnn3d, cnn2d, vgg19, resnet.*'cnn4d'"),
        ("cnn3d", (28, 28, 3), {}, r"3 spatial axes.*\(28, 28, 3\)"),
        ("cnn2d", (28, 28, 28, 1), {}, r"2 spatial axes.*\(28, 28, 28, 1\)"),
        ("vgg19", (28, 28, 3), {"cut": "block9_conv1"}, r"options\.cut.*block9_conv1"),
        ("cnn2d", (28, 28, 3), {"filters": [4, 4]}, r"options that make a cnn2d.*zip"),
        ("cnn2d", (28, 28, 3), {"filters": "abcd"}, r"options that make a cnn2d.*abcd"),
        ("cnn2d", (8, 8, 3), {}, r"options that make a cnn2d for images of shape \(8, 8, 3\)"),
    ],
)
def test_what_does_not_fit_is_an_error(
    name: str, shape: tuple[int, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        zoo.build(name, import_keras(), shape, 3, options)
