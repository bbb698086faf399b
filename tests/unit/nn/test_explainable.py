"""What explaining asks of a Keras model besides predictions: logits, random weights, fast gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras_models as small
import numpy as np
import pytest
from tolerance import allowed, assert_same, spread

from xaireport.errors import ModelError
from xaireport.explain.layer_choice import decide
from xaireport.explain.methods.cam import REDUCTIONS
from xaireport.nn.backend import import_keras, import_tensorflow
from xaireport.nn.classifier import open_model
from xaireport.nn.keras.classifier import KerasClassifier
from xaireport.nn.keras.gradients import GradientEngine
from xaireport.study_schema import ExplainSettings
from xaireport.types.data import Split
from xaireport.types.notes import Note


def opened(path: Path, **more: Any) -> KerasClassifier:
    model = open_model(path, **more)
    assert isinstance(model, KerasClassifier)
    return model


def softmax(logits: Any) -> Any:
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("build", [small.flat_model, small.sequential_model, small.nested_model])
def test_logits_are_those_before_the_softmax(tmp_path: Path, build: Any) -> None:
    model = opened(small.saved(build(), tmp_path))
    images = small.images(7)
    scores = spread(lambda: model.logits(images), model.logits_model)
    within = spread(lambda: softmax(model.logits(images)), model.logits_model)
    assert_same(softmax(model.logits(images)), model.predict(images), within)
    assert_same(model.logits(images, batch_size=2), model.logits(images), scores)
    assert model.logits(images[:0]).shape == (0, 3)


@pytest.mark.parametrize("build", [small.flat_model, small.sequential_model, small.nested_model])
def test_shuffled_weights_come_back(tmp_path: Path, build: Any) -> None:
    path = small.saved(build(), tmp_path)
    content = path.read_bytes()
    model = opened(path)
    images, targets = small.images(7), np.arange(7) % 3
    assert model.learnt_layers() == ("conv1", "conv2", "dense", "out")
    assert model.learnt_layers("relu1") == ("conv1",)

    def asked() -> tuple[Any, ...]:
        return (
            model.predict(images),
            model.logits(images),
            *model.activations_and_gradients(images, targets, "conv2"),
        )

    before = asked()
    with model.shuffled(["out"], 1) as changed:
        within = spread(lambda: softmax(changed.logits(images)), changed.logits_model)
        assert_same(softmax(changed.logits(images)), changed.predict(images), within)
        head_only = asked()
        with pytest.raises(ModelError, match="not shuffled already"), model.shuffled(["out"], 2):
            pass
    np.testing.assert_array_equal(head_only[2], before[2])  # activations lie before the head
    for i in (0, 1, 3):
        assert np.abs(head_only[i] - before[i]).max() > 1e-2
    with model.shuffled(["conv1", "out"], 1):
        both = asked()
    assert np.abs(both[2] - before[2]).max() > 1e-2
    for ours, theirs in zip(asked(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert path.read_bytes() == content
    with pytest.raises(ModelError, match=r"'relu1'.*conv1, conv2, dense, out"), model.shuffled(["relu1"], 0):
        pass


def test_shuffling_keeps_the_values_of_each_tensor_and_takes_normalisation_along(tmp_path: Path) -> None:
    model = opened(small.saved(small.flat_model(), tmp_path))
    layers = {layer.name: layer for layer in model.logits_model.layers}
    before = {name: [w.numpy() for w in layer.weights] for name, layer in layers.items()}
    with model.shuffled(["conv1"], 3):
        for name, layer in layers.items():
            for weight, kept in zip(layer.weights, before[name], strict=True):
                found = weight.numpy()
                np.testing.assert_array_equal(np.sort(found, axis=None), np.sort(kept, axis=None))
                assert (found != kept).any() == (name in ("conv1", "bn1")), weight.path
    with pytest.raises(RuntimeError), model.shuffled(["conv1"], 3):
        raise RuntimeError  # whatever happens inside, the weights come back
    for name, layer in layers.items():
        for weight, kept in zip(layer.weights, before[name], strict=True):
            np.testing.assert_array_equal(weight.numpy(), kept)


def engine(model: KerasClassifier, *, plain: bool) -> GradientEngine:
    return GradientEngine(model.graph, model.logits_model.outputs[0], model.prepare, plain=plain)


def many_convolutions(padding: str) -> Any:
    """Even and odd kernels, strides, dilation, groups, and a kernel that is not square."""
    keras = import_keras()
    layers = keras.layers
    x = start = keras.Input((20, 22, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(x)
    x = layers.Conv2D(6, (2, 5), padding=padding, activation="relu")(x)
    x = layers.Conv2D(6, 3, padding=padding, dilation_rate=2)(x)
    x = layers.Conv2D(8, 4, strides=2, padding=padding, activation="relu")(x)
    x = layers.Conv2D(8, 3, padding="same", groups=2)(x)
    x = layers.SeparableConv2D(8, 3, padding=padding)(x)
    x = layers.Flatten()(x)
    return small.randomise(keras.Model(start, layers.Dense(3, activation="softmax")(x)))


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_fast_gradients_are_the_plain_ones(tmp_path: Path, padding: str) -> None:
    model = opened(small.saved(many_convolutions(padding), tmp_path))
    images, targets = small.images(6, (20, 22, 3)), np.arange(6) % 3
    fast = engine(model, plain=False)(images, targets, "first")
    plain = engine(model, plain=True)(images, targets, "first")
    for pair in zip(fast, plain, small.spreads(model, images, targets, "first"), strict=True):
        assert_same(*pair)
    asked = engine(model, plain=True)
    for reduction in REDUCTIONS.values():
        ours, theirs = reduction(*fast[:2])[0], reduction(*plain[:2])[0]
        within = spread(
            lambda reduction=reduction: reduction(*asked(images, targets, "first")[:2])[0],
            model.logits_model,
            terms=fast[0][0, ..., 0].size,
        )
        assert_same(ours, theirs, within)


def test_fast_maps_are_the_plain_ones(tmp_path: Path) -> None:
    model = opened(small.saved(small.flat_model(), tmp_path))
    images, targets = small.images(30), np.arange(30) % 3
    fast, plain = (engine(model, plain=plain) for plain in (False, True))

    def evidence(asked: GradientEngine) -> Any:
        activations, gradients, _ = asked(images, targets, "relu1")
        weights = gradients.astype(np.float64).mean(axis=(1, 2))
        return np.maximum(np.einsum("nhwc,nc->nhw", activations.astype(np.float64), weights), 0)

    maps = evidence(plain)
    positive = maps.max(axis=(1, 2)) > 0
    assert positive.sum() > 10
    within = spread(lambda: evidence(plain), model.logits_model)
    assert_same(evidence(fast)[positive], maps[positive], within[positive])


def test_the_convolution_gradient_is_a_forward_convolution(tmp_path: Path) -> None:
    """Otherwise the override has come apart, and nothing but the speed would show it."""
    tf = import_tensorflow()
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("with a GPU TensorFlow's own gradient is taken")
    model = opened(small.saved(small.flat_model(), tmp_path))
    kinds = {}
    for plain in (False, True):
        made = engine(model, plain=plain)
        graph = made._compile("relu1").get_concrete_function().graph
        kinds[plain] = [op.type for op in graph.get_operations()]
    assert "Conv2DBackpropInput" not in kinds[False]
    assert "Conv2DBackpropInput" in kinds[True]


def test_one_trace_whatever_the_batch(tmp_path: Path) -> None:
    model = opened(small.saved(small.flat_model(), tmp_path))
    for n in (4, 1, 7):
        model.activations_and_gradients(small.images(n), np.zeros(n, np.int64), "conv2")
    function = model._gradients._compiled["conv2"]
    assert function.experimental_get_tracing_count() == 1


def test_mixed_precision(tmp_path: Path) -> None:
    keras = import_keras()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        layers = keras.layers
        x = start = keras.Input((16, 16, 3))
        for layer in small.conv_layers():
            x = layer(x)
        x = layers.GlobalAveragePooling2D()(x)
        model = keras.Model(start, layers.Dense(3, activation="softmax", dtype="float32")(x))
        path = small.saved(model, tmp_path)
    finally:
        keras.config.set_dtype_policy(before)
    opened_model = opened(path)
    images = small.images(5)
    activations, gradients, _ = opened_model.activations_and_gradients(images, np.zeros(5, np.int64), "conv2")
    assert activations.dtype == gradients.dtype == np.float32
    assert np.isfinite(gradients).all()
    assert np.abs(gradients).max() > 0


def test_layers_behind_a_nonlinearity_are_told_apart(tmp_path: Path) -> None:
    model = opened(small.saved(small.flat_model(), tmp_path))
    behind = {layer.name for layer in model.spatial_layers() if layer.activated}
    assert behind == {"relu1", "conv2"}  # a layer of its own, and a convolution that ends in one


def subclassed() -> Any:
    keras = import_keras()

    @keras.saving.register_keras_serializable("xaireport_tests")
    class Own(keras.Model):
        def __init__(self, **more: Any) -> None:
            super().__init__(**more)
            self.conv = keras.layers.Conv2D(4, 3, activation="relu", name="conv")
            self.pool = keras.layers.GlobalAveragePooling2D(name="pool")
            self.out = keras.layers.Dense(3, activation="softmax", name="out")

        def call(self, x: Any) -> Any:
            return self.out(self.pool(self.conv(x / 255.0)))

    model = Own()
    model(np.zeros((1, 16, 16, 3), np.float32))
    return small.randomise(model)


def test_a_subclassed_model_is_explained_by_occlusion(tmp_path: Path) -> None:
    model = opened(small.saved(subclassed(), tmp_path), input_shape=(16, 16, 3), n_classes=3)
    images = small.images(6)
    y_prob = model.predict(images)
    np.testing.assert_allclose(model.logits(images), np.log(y_prob), rtol=allowed(2))
    assert model.learnt_layers() == ("conv", "out")
    with model.shuffled(["conv"], 0) as changed:
        assert np.abs(changed.predict(images) - y_prob).max() > 1e-3
    np.testing.assert_array_equal(model.predict(images), y_prob)
    val = Split(images, np.zeros(6, np.int64), np.arange(6).astype(str))
    decision = decide(model, ExplainSettings(), val, 0)
    assert decision.method == "occlusion"
    assert decision.notes == (Note("no_layers"),)
    assert model.summary.layers == (
        ("conv", "Conv2D", "?", 112),
        ("pool", "GlobalAveragePooling2D", "?", 0),
        ("out", "Dense", "?", 15),
    )


def test_a_model_without_spatial_layers_is_explained_by_occlusion(tmp_path: Path) -> None:
    keras = import_keras()
    start = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(start)
    model = small.randomise(keras.Model(start, keras.layers.Dense(3, activation="softmax")(x)))
    val = Split(small.images(6), np.zeros(6, np.int64), np.arange(6).astype(str))
    decision = decide(opened(small.saved(model, tmp_path)), ExplainSettings(), val, 0)
    assert (decision.method, decision.layer) == ("occlusion", "")
    assert decision.notes == (Note("no_grid"),)


def test_one_pixel_of_one_channel_decides(tmp_path: Path) -> None:
    """The true explanation is known: HiResCAM marks the one cell, Grad-CAM the one channel."""
    keras = import_keras()
    layers = keras.layers
    start = keras.Input((8, 8, 3))
    x = layers.Conv2D(3, 1, activation="relu", name="as_it_is")(start)
    model = keras.Model(start, layers.Dense(2, activation="softmax", name="out")(layers.Flatten()(x)))
    conv, out = model.get_layer("as_it_is"), model.get_layer("out")
    conv.kernel.assign(np.eye(3, dtype=np.float32).reshape(1, 1, 3, 3))
    weights = np.zeros((8, 8, 3, 2), np.float32)
    weights[5, 2, 1, 1] = 1  # green at row 5, column 2 speaks for the second class
    out.kernel.assign(weights.reshape(-1, 2))
    classifier = opened(small.saved(model, tmp_path))
    images = small.images(4, (8, 8, 3))
    images[:, 5, 2, 1] = 200
    activations, gradients, _ = classifier.activations_and_gradients(images, np.ones(4, np.int64), "as_it_is")
    cell = np.zeros((8, 8), np.float32)
    cell[5, 2] = 1
    for made in REDUCTIONS["hirescam"](activations, gradients)[0]:
        np.testing.assert_array_equal(made, cell)
    maps, zero = REDUCTIONS["gradcam"](activations, gradients)
    green = images[..., 1].astype(np.float32)
    # Sums of three channels of which two count nothing, and of 64 slopes of which one is not 0.
    np.testing.assert_allclose(maps, green / green.max(axis=(1, 2), keepdims=True), atol=allowed(8))
    assert not zero.any()
    _, against, _ = classifier.activations_and_gradients(images, np.zeros(4, np.int64), "as_it_is")
    assert REDUCTIONS["gradcam"](activations, against)[1].all()  # nothing speaks for the first class


@pytest.mark.parametrize("method", REDUCTIONS)
def test_a_constant_added_to_all_scores_changes_no_map(tmp_path: Path, method: str) -> None:
    """A softmax does not see it; a method that takes exp(score) would run over."""
    images, targets = small.images(4, (16, 16, 3)), np.arange(4) % 3
    maps = []
    for constant in (0.0, 300.0):
        model = small.flat_model((16, 16, 3), end="logits")
        model.layers[-1].bias.assign(model.layers[-1].bias + constant)
        made = open_model(small.saved(model, tmp_path), output="logits")
        activations, gradients, _ = made.activations_and_gradients(images, targets, "conv2")
        maps.append(REDUCTIONS[method](activations, gradients)[0])
    assert maps[0].max() == 1
    np.testing.assert_array_equal(maps[0], maps[1])
