"""Gradients of a TFLite file's last layers, from its own weights, against Keras and against arithmetic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import keras_models as small
import numpy as np
import pytest
import quantise_case as case
from tolerance import allowed, assert_same, spread

from xaireport.errors import ModelError
from xaireport.explain.methods.cam import gradcam
from xaireport.explain.trust.similarity import rank_correlation
from xaireport.nn.backend import import_keras, import_tensorflow
from xaireport.nn.classifier import open_model
from xaireport.nn.tflite.classifier import TFLiteClassifier
from xaireport.nn.tflite.shuffle import shuffled


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A trained parent, and its file in every mode that needs no retraining."""
    folder = tmp_path_factory.mktemp("head")
    case.train_parent(folder)
    found = {"parent": folder / "model.keras"}
    for mode in ("", "float16", "dynamic", "int8"):
        out = folder / (mode or "float32")
        out.mkdir()
        case.make(folder / "model.keras", out, case.child(mode))
        found[mode or "float32"] = out / "model.tflite"
    return found


def opened(path: Path) -> TFLiteClassifier:
    model = open_model(path, n_classes=3, input_shape=(12, 12, 3))
    assert isinstance(model, TFLiteClassifier)
    return model


def assert_as_parent(found: Any, parent: Any, images: Any, targets: Any, layer: str) -> None:
    """Activations, gradients and probabilities are those of a Keras model, but for rounding."""
    expected = parent.activations_and_gradients(images, targets, layer)
    within = small.spreads(parent, images, targets, layer)
    for each in zip(found, expected, within, strict=True):
        assert_same(*each)


def asked() -> tuple[Any, Any]:
    images = case.data().test.images[:20]
    return images, np.arange(20) % 3


@pytest.mark.parametrize("layer", ["relu1", "relu2", "pool1"])
def test_a_float_file_has_the_gradients_of_its_parent(files: dict[str, Path], layer: str) -> None:
    images, targets = asked()
    found = opened(files["float32"]).activations_and_gradients(images, targets, layer)
    assert {each.dtype for each in found} == {np.dtype(np.float32)}
    assert_as_parent(found, open_model(files["parent"]), images, targets, layer)


@pytest.mark.parametrize(("mode", "least"), [("float16", 0.999), ("dynamic", 0.98), ("int8", 0.9)])
def test_a_smaller_file_has_much_the_same_maps(files: dict[str, Path], mode: str, least: float) -> None:
    images, targets = asked()
    parent = gradcam(*open_model(files["parent"]).activations_and_gradients(images, targets, "relu2")[:2])[0]
    child = gradcam(*opened(files[mode]).activations_and_gradients(images, targets, "relu2")[:2])[0]
    assert np.nanmean(rank_correlation(parent, child)) > least


@pytest.mark.parametrize("mode", ["dynamic", "int8"])
def test_slopes_are_those_of_the_files_own_dequantised_weights(files: dict[str, Path], mode: str) -> None:
    """The last layers by hand: pooling, two dense layers; weights by the file's scales and zero points."""
    images, targets = asked()
    model = opened(files[mode])
    activations, gradients, _ = model.activations_and_gradients(images, targets, "relu2")
    dense = {step.layer: step for step in model.graph.steps if step.operator == "FULLY_CONNECTED"}
    weights = []
    for name in ("dense1", "logits"):
        kernel, bias = dense[name].inputs[1:]
        for tensor in (kernel, bias):
            stored, how = model.graph.values(tensor), tensor.quantization
            if stored.dtype == np.float32:
                weights.append(stored)
                continue
            along = (-1, *(1,) * (stored.ndim - 1))
            scale, zero = (np.asarray(each).reshape(along) for each in (how.scale, how.zeroPoint))
            weights.append((stored - zero) * scale)
    first, first_bias, second, _ = weights
    keras = import_keras()
    pooled = keras.layers.MaxPooling2D(2)(activations).numpy()
    hidden = pooled.reshape(len(images), -1) @ first.T + first_bias
    to_pooled = ((hidden > 0) * second[targets]) @ first  # slopes of each target's logit
    tf = import_tensorflow()
    with tf.GradientTape() as tape:
        start = tf.constant(activations)
        tape.watch(start)
        flat = tf.reshape(tf.nn.max_pool2d(start, 2, 2, "VALID"), [len(images), -1])
        score = tf.reduce_sum(flat * tf.constant(to_pooled, tf.float32))
    expected = tape.gradient(score, start).numpy()
    # A weight's own rounding, its scale, and a sum over the hidden units of all that may count.
    scale = (np.abs(second[targets]) @ np.abs(first)).max()
    np.testing.assert_allclose(gradients, expected, atol=allowed(len(first) + 4, scale))


def test_only_the_files_head_weights_changed_and_so_does_the_map(files: dict[str, Path]) -> None:
    images, targets = asked()
    model = opened(files["int8"])
    before = model.activations_and_gradients(images, targets, "relu2")
    maps = gradcam(*before[:2])[0]
    with model.shuffled(["logits"], seed=1) as changed:
        after = changed.activations_and_gradients(images, targets, "relu2")
    np.testing.assert_array_equal(after[0], before[0])  # what lies before the head is the same
    assert np.abs(after[1] - before[1]).max() > 0.1 * np.abs(before[1]).max()
    assert np.abs(gradcam(*after[:2])[0] - maps).mean() > 0.05
    again = model.activations_and_gradients(images, targets, "relu2")
    np.testing.assert_array_equal(again[1], before[1])


def test_only_earlier_layers_changed_and_the_head_is_the_same_function(files: dict[str, Path]) -> None:
    images, targets = asked()
    model = opened(files["int8"])
    before, slopes, _ = model.activations_and_gradients(images, targets, "relu2")
    head = model._heads["relu2"]
    with model.shuffled(["relu1"], seed=1) as changed:
        after = changed.activations_and_gradients(images, targets, "relu2")[0]
        assert np.abs(after - before).max() > 0.1 * before.max()
        same, _ = head.slopes(before, targets, head.weights(changed.graph))
    np.testing.assert_array_equal(same, slopes)
    with model.shuffled(model.learnt_layers(), seed=2) as changed:
        changed.activations_and_gradients(images, targets, "relu2")
    assert head._compiled.experimental_get_tracing_count() == 1  # for files of any weights


def test_a_head_gives_the_files_own_scores(files: dict[str, Path]) -> None:
    """In whole numbers within a step: what was read is what the file goes on with."""
    images, targets = asked()
    parent = open_model(files["parent"])
    within = spread(lambda: parent.logits(images), parent.logits_model).max()
    for mode, off in (("float32", within), ("float16", within), ("dynamic", 0.1), ("int8", None)):
        model = opened(files[mode])
        activations = model.activations_and_gradients(images, targets, "relu1")[0]
        head = model._heads["relu1"]
        _, scores = head.slopes(activations, targets, head.weights(model.graph))
        step = 1.5 * model.graph.endpoint(model._scores).scale
        np.testing.assert_allclose(scores, model.logits(images), atol=off or step)


@pytest.mark.parametrize("mode", ["float32", "float16", "dynamic", "int8"])
def test_scores_before_the_softmax(files: dict[str, Path], mode: str) -> None:
    images, _ = asked()
    model = opened(files[mode])
    logits = model.logits(images)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    # A score below the largest by d becomes d (1 + u), its exponential moves by u d exp(-d), less than u.
    step = allowed(3 + 5) if mode != "int8" else 1.5 / 256
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), model.predict(images), atol=step)
    assert model.logits(images[:0]).shape == (0, 3)


def test_an_integer_softmax_saturates_where_the_scores_do_not(files: dict[str, Path]) -> None:
    images, _ = asked()
    model = opened(files["int8"])
    probabilities, logits = model.predict(images), model.logits(images)
    sure = probabilities.max(axis=1) > 0.995
    assert sure.sum() > 2
    assert len(np.unique(logits[sure].max(axis=1))) > len(np.unique(probabilities[sure].max(axis=1)))


def test_layers_of_the_file(files: dict[str, Path]) -> None:
    model = opened(files["int8"])
    layers = {layer.name: layer for layer in model.spatial_layers()}
    assert (layers["relu1"].grid, layers["relu1"].channels, layers["relu1"].activated) == ((12, 12), 8, True)
    assert "Pooling" in layers["pool1"].kind
    assert not layers["pool1"].activated
    assert model.learnt_layers() == ("relu1", "relu2", "dense1", "logits")
    assert model.learnt_layers("pool1") == ("relu1",)
    for ask in (
        lambda: model.activations_and_gradients(*asked(), "relu9"),
        lambda: model.learnt_layers("relu9"),
    ):
        with pytest.raises(ModelError, match=r"'relu9'.*relu1, .*relu2"):
            ask()
    with pytest.raises(ModelError, match="targets from 0 to 2"):
        model.activations_and_gradients(asked()[0], np.full(20, 3), "relu1")
    with pytest.raises(ModelError, match=r"a layer with weights.*'pool1'"), model.shuffled(["pool1"], 0):
        pass


@pytest.mark.parametrize("mode", ["float32", "float16", "dynamic", "int8"])
def test_shuffling_moves_values_within_each_tensor_and_touches_nothing_else(
    files: dict[str, Path], mode: str
) -> None:
    content = files[mode].read_bytes()
    model = opened(files[mode])
    before = model.predict(asked()[0])
    changed = shuffled(content, model.graph, ["relu2", "dense1"], seed=5)
    assert changed == shuffled(content, model.graph, ["relu2", "dense1"], seed=5)
    assert changed != shuffled(content, model.graph, ["relu2", "dense1"], seed=6)
    assert len(changed) == len(content)
    graph = type(model.graph)(changed)
    moved = 0
    for ours, theirs in zip(graph.tensors, model.graph.tensors, strict=True):
        if (kept := model.graph.values(theirs)) is None:
            continue
        found = graph.values(ours)
        assert found is not None
        np.testing.assert_array_equal(np.sort(found, axis=None), np.sort(kept, axis=None))
        moved += bool((found != kept).any())
    assert moved == 4  # two kernels, two biases
    with model.shuffled(["relu2", "dense1"], 5) as twin:
        assert np.abs(twin.predict(asked()[0]) - before).max() > 0.05
    np.testing.assert_array_equal(model.predict(asked()[0]), before)


def converted(model: Any, folder: Path, n_classes: int = 3) -> TFLiteClassifier:
    """Return the file of a model that gives logits; it gives probabilities."""
    small.saved(model, folder)
    data = case.data()
    info = replace(data.info, classes=data.info.classes[:n_classes])
    case.make(
        folder / "model.keras",
        folder,
        case.child("", architecture=""),
        data=replace(data, info=info),
        output="logits",
    )
    found = open_model(folder / "model.tflite")
    assert isinstance(found, TFLiteClassifier)
    return found


def model_of(*layers: Any) -> Any:
    keras = import_keras()
    x = start = keras.Input((12, 12, 3))
    for layer in layers:
        x = layer(x)
    return small.randomise(keras.Model(start, x))


def test_heads_of_many_kinds(tmp_path: Path) -> None:
    """Residual sums, depthwise and strided convolutions, means: as Keras has them."""
    keras = import_keras()
    layers = keras.layers
    x = start = keras.Input((12, 12, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="first")(x)
    y = layers.Conv2D(6, 3, padding="same", name="inside")(x)
    x = layers.ReLU(name="meet")(layers.Add(name="add")([x, y]))
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="depthwise")(x)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="tanh", name="strided")(x)
    x = layers.AveragePooling2D(2, name="pool")(x)
    x = layers.Concatenate(name="both")([x, x])
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    x = layers.Dense(3, name="logits")(x)
    model = small.randomise(keras.Model(start, x))
    ours = converted(model, tmp_path)
    theirs = open_model(tmp_path / "model.keras", output="logits")
    images, targets = small.images(6, (12, 12, 3)), np.arange(6) % 3
    for layer in ("first", "meet"):
        found = ours.activations_and_gradients(images, targets, layer)
        assert_as_parent(found, theirs, images, targets, layer)


def kinds_of_head(kind: str) -> list[Any]:
    layers = import_keras().layers
    dense = [layers.GlobalAveragePooling2D(name="mean"), layers.Dense(3, name="logits")]
    return {
        # Behind a ReLU it cannot be merged into the kernel: products and sums of its own.
        "MUL": [layers.BatchNormalization(name="norm"), *dense],
        "MEAN": [layers.Conv2D(3, 1, name="scores"), layers.GlobalAveragePooling2D(name="mean")],
        "DEPTHWISE_CONV_2D": [
            layers.GlobalAveragePooling2D(keepdims=True, name="mean"),
            layers.DepthwiseConv2D(1, depth_multiplier=2, name="depthwise"),
            layers.Flatten(name="flat"),
            layers.Dense(3, name="logits"),
        ],
        "BATCH_TO_SPACE_ND": [
            layers.Conv2D(8, 3, padding="same", dilation_rate=2, use_bias=False, name="dilated"),
            *dense,
        ],
        "PAD": [
            layers.ZeroPadding2D(((0, 3), (2, 0)), name="pad"),
            layers.DepthwiseConv2D(3, name="depthwise"),
            *dense,
        ],
        "LEAKY_RELU": [layers.Conv2D(8, 3, name="second"), layers.LeakyReLU(0.2, name="leaky"), *dense],
        "HARD_SWISH": [layers.Conv2D(8, 3, activation="hard_silu", name="second"), *dense],
        "ELU": [layers.Conv2D(8, 3, activation="elu", name="second"), *dense],
        "FULLY_CONNECTED": [layers.Dense(5, activation="relu", name="each_cell"), *dense],
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "MUL",
        "MEAN",
        "DEPTHWISE_CONV_2D",
        "BATCH_TO_SPACE_ND",
        "PAD",
        "LEAKY_RELU",
        "HARD_SWISH",
        "ELU",
        "FULLY_CONNECTED",
    ],
)
def test_each_kind_of_head_has_the_gradients_of_its_parent(tmp_path: Path, kind: str) -> None:
    layers = import_keras().layers
    first = layers.Conv2D(6, 3, padding="same", activation="relu", name="first")
    ours = converted(model_of(first, *kinds_of_head(kind)), tmp_path)
    assert kind in {step.operator for step in ours.graph.steps}
    images, targets = small.images(6, (12, 12, 3)), np.arange(6) % 3
    theirs = open_model(tmp_path / "model.keras", output="logits")
    found = ours.activations_and_gradients(images, targets, "first")
    assert_as_parent(found, theirs, images, targets, "first")


def test_a_margin_of_any_value(tmp_path: Path) -> None:
    keras = import_keras()
    layers = keras.layers
    start = keras.Input((12, 12, 3))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="first")(start)
    x = keras.ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=-3.0)
    x = layers.Conv2D(4, 3, activation="relu", name="second")(x)
    x = layers.Dense(3, name="logits")(layers.GlobalAveragePooling2D(name="mean")(x))
    ours = converted(small.randomise(keras.Model(start, x)), tmp_path)
    assert "PADV2" in {step.operator for step in ours.graph.steps}
    images, targets = small.images(6, (12, 12, 3)), np.arange(6) % 3
    found = ours.activations_and_gradients(images, targets, "first")
    theirs = open_model(tmp_path / "model.keras", output="logits")
    assert_as_parent(found, theirs, images, targets, "first")


def test_what_lies_inside_a_dilated_convolution_is_no_grid_over_the_image(tmp_path: Path) -> None:
    layers = import_keras().layers
    first = layers.Conv2D(6, 3, padding="same", activation="relu", name="first")
    ours = converted(model_of(first, *kinds_of_head("BATCH_TO_SPACE_ND")), tmp_path)
    conv = next(step for step in ours.graph.steps if step.layer == "dilated" and step.operator == "CONV_2D")
    assert [int(size) for size in conv.output.shape[1:3]] == [6, 6]  # four times as many images of a quarter
    assert [(info.name, info.grid) for info in ours.spatial_layers()] == [
        ("first", (12, 12)),
        ("dilated", (12, 12)),
    ]
    images, targets = small.images(6, (12, 12, 3)), np.arange(6) % 3
    theirs = open_model(tmp_path / "model.keras", output="logits")
    found = ours.activations_and_gradients(images, targets, "dilated")
    assert_as_parent(found, theirs, images, targets, "dilated")


def test_a_layer_that_is_gone_around_is_refused(tmp_path: Path) -> None:
    keras = import_keras()
    layers = keras.layers
    x = start = keras.Input((12, 12, 3))
    x = layers.Conv2D(3, 3, padding="same", activation="relu", name="first")(x)
    y = layers.Conv2D(3, 3, padding="same", activation="relu", name="inside")(x)
    x = layers.Flatten(name="flat")(layers.Add(name="add")([x, y]))
    model = small.randomise(keras.Model(start, layers.Dense(3, name="logits")(x)))
    ours = converted(model, tmp_path)
    with pytest.raises(ModelError, match=r"through this layer alone.*which reads another"):
        ours.activations_and_gradients(small.images(2, (12, 12, 3)), np.array([0, 1]), "inside")


def test_an_operator_without_a_known_slope_is_named(tmp_path: Path) -> None:
    layers = import_keras().layers
    model = model_of(
        layers.Conv2D(4, 3, activation="relu", name="conv"),
        layers.UpSampling2D(2, interpolation="bilinear", name="up"),
        layers.Flatten(name="flat"),
        layers.Dense(3, name="logits"),
    )
    ours = converted(model, tmp_path)
    with pytest.raises(ModelError, match=r"slope is known.*RESIZE_BILINEAR.*occlusion"):
        ours.activations_and_gradients(small.images(2, (12, 12, 3)), np.array([0, 1]), "conv")


def test_either_class_of_one_output_has_slopes(tmp_path: Path) -> None:
    layers = import_keras().layers
    model = model_of(
        layers.Conv2D(4, 3, activation="relu", name="conv"),
        layers.Flatten(name="flat"),
        layers.Dense(1, name="logits"),
    )
    ours = converted(model, tmp_path, 2)
    images = small.images(2, (12, 12, 3))
    both = [ours.activations_and_gradients(images, np.full(2, k), "conv")[1] for k in (0, 1)]
    np.testing.assert_allclose(both[0], -both[1])
    assert ours.logits(images).shape == (2, 2)


def test_volumes_have_the_gradients_of_their_parent(tmp_path: Path) -> None:
    """Convolutions in three dimensions; the converter has no form of 3D pooling."""
    keras = import_keras()
    layers = keras.layers
    x = start = keras.Input((12, 12, 12, 1))
    x = layers.Conv3D(4, 3, padding="same", activation="relu", name="first")(x)
    x = layers.Conv3D(6, 3, strides=2, padding="same", activation="relu", name="second")(x)
    x = layers.GlobalAveragePooling3D(name="mean")(x)
    model = small.randomise(keras.Model(start, layers.Dense(3, activation="softmax", name="out")(x)))
    small.saved(model, tmp_path)
    theirs = open_model(tmp_path / "model.keras")
    converter = import_tensorflow().lite.TFLiteConverter.from_keras_model(model)
    (tmp_path / "model.tflite").write_bytes(converter.convert())
    ours = open_model(tmp_path / "model.tflite")
    assert isinstance(ours, TFLiteClassifier)
    images, targets = small.images(5, (12, 12, 12, 1)), np.arange(5) % 3
    names = {info.name.removesuffix("_1"): info.name for info in ours.spatial_layers()}
    for layer in ("first", "second"):
        found = ours.activations_and_gradients(images, targets, names[layer])
        assert_as_parent(found, theirs, images, targets, layer)
