"""Our Grad-CAM against tf-keras-vis on flat functional models, and every other form against the flat one."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_models as small
import numpy as np
import pytest
from tolerance import allowed, assert_same, spread

from xaireport.errors import ModelError
from xaireport.explain.methods.cam import gradcam
from xaireport.nn.backend import import_keras, import_tensorflow
from xaireport.nn.classifier import open_model

SHAPE_2D, SHAPE_3D = (16, 16, 3), (12, 12, 12, 1)


def oracle(model: Any, x: Any, targets: Any, layer: str) -> Any:
    """tf-keras-vis' Grad-CAM on a flat functional model that ends in Dense(activation="softmax")."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is the oracle's own business
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
        from tf_keras_vis.utils.scores import CategoricalScore

        explainer = Gradcam(model, model_modifier=ReplaceToLinear(), clone=True)
        maps = explainer(
            CategoricalScore([int(k) for k in targets]),
            x.astype(np.float32),
            penultimate_layer=layer,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
    return np.asarray(maps)


def divided(maps: Any) -> Any:
    """Each map by its own peak, as ours are."""
    peak = maps.max(axis=tuple(range(1, maps.ndim)), keepdims=True)
    return maps / np.where(peak > 0, peak, 1)


@pytest.mark.parametrize(
    ("build", "layer"),
    [
        (small.flat_model, "conv2"),
        (small.flat_model, "relu1"),
        (small.sequential_model, "conv2"),
        (small.nested_model, "relu1"),
        (small.nested_model, "conv2"),
    ],
)
@pytest.mark.parametrize("shape", [SHAPE_2D, SHAPE_3D])
def test_maps_are_those_of_tf_keras_vis(
    tmp_path: Path, build: Callable[..., Any], shape: tuple[int, ...], layer: str
) -> None:
    x, targets = small.images(9, shape), np.arange(9) % 3
    reference = small.flat_model(shape)
    model = build(shape)
    for a, b in zip(reference.weights, model.weights, strict=True):
        a.assign(b.value)
    classifier = open_model(small.saved(model, tmp_path))
    activations, gradients, probabilities = classifier.activations_and_gradients(x, targets, layer)
    assert activations.shape == gradients.shape
    assert activations.dtype == gradients.dtype == probabilities.dtype == np.float32
    assert_same(probabilities, classifier.predict(x), spread(lambda: reference(x).numpy(), reference))
    cells = int(np.prod(activations.shape[1:-1]))
    within = spread(lambda: divided(oracle(reference, x, targets, layer)), reference, terms=cells)
    theirs = divided(oracle(reference, x, targets, layer))
    positive = theirs.max(axis=tuple(range(1, theirs.ndim))) > 0
    assert positive.sum() >= 3, "the case says nothing without positive evidence"
    ours = gradcam(activations, gradients)[0]
    assert_same(ours[positive], theirs[positive], within[positive])
    assert not ours[~positive].any()


@pytest.mark.parametrize("end", ["layer", "activation", "activation, then linear", "logits"])
def test_every_kind_of_softmax_gives_the_same_maps(tmp_path: Path, end: str) -> None:
    x, targets = small.images(9), np.arange(9) % 3
    opened = []
    for kind in ("dense", end):
        path = small.saved(small.flat_model(end=kind), tmp_path, f"{len(opened)}.keras")
        opened.append(open_model(path, output="logits" if kind == "logits" else "probabilities"))
    ours, theirs = (model.activations_and_gradients(x, targets, "conv2") for model in opened)
    within = small.spreads(opened[0], x, targets, "conv2")
    for pair in zip(ours, theirs, within, strict=True):
        assert_same(*pair)


def test_gradients_are_slopes_of_the_logit(tmp_path: Path) -> None:
    """Against differences: move one activation a little, see how the logit moves."""
    keras = import_keras()
    model = small.flat_model()
    classifier = open_model(small.saved(model, tmp_path))
    x, target = small.images(1), 2
    activations, gradients, _ = classifier.activations_and_gradients(x, np.array([target]), "conv2")
    head = keras.Sequential([keras.Input(activations.shape[1:]), *small.head_layers("logits")])
    for ours, theirs in zip(head.weights, model.weights[-4:], strict=True):
        ours.assign(theirs.value)
    for cell in [(0, 0, 0, 0), (0, 3, 4, 5), (0, 7, 7, 7)]:
        step = np.zeros_like(activations)
        step[cell] = 1e-2
        up, down = (head(activations + sign * step).numpy()[0, target] for sign in (1, -1))
        assert gradients[cell] == pytest.approx((up - down) / 2e-2, rel=2e-2, abs=2e-3)


def test_gradients_do_not_vanish_where_the_model_is_sure(tmp_path: Path) -> None:
    model = small.flat_model()
    model.layers[-1].kernel.assign(model.layers[-1].kernel * 1e4)
    classifier = open_model(small.saved(model, tmp_path))
    x = small.images(4)
    probabilities = classifier.predict(x)
    assert (probabilities.max(axis=1) == 1).all()
    _, gradients, _ = classifier.activations_and_gradients(x, probabilities.argmax(axis=1), "conv2")
    assert (np.abs(gradients).max(axis=(1, 2, 3)) > 1).all()


def test_either_class_of_one_sigmoid_output_has_a_gradient(tmp_path: Path) -> None:
    keras = import_keras()
    stack = [*small.conv_layers(), keras.layers.GlobalAveragePooling2D()]
    model = keras.Sequential([keras.Input(SHAPE_2D), *stack, keras.layers.Dense(1, activation="sigmoid")])
    classifier = open_model(small.saved(small.randomise(model), tmp_path), n_classes=2)
    x = small.images(2)
    of_0, of_1 = (
        classifier.activations_and_gradients(x, np.full(2, target), "conv2")[1] for target in (0, 1)
    )
    assert np.abs(of_1).max() > 0
    np.testing.assert_array_equal(of_0, -of_1)


def test_images_do_not_see_each_other_and_batches_trace_once(tmp_path: Path) -> None:
    classifier = open_model(small.saved(small.sequential_model(), tmp_path))
    x, targets = small.images(7), np.arange(7) % 3
    whole = classifier.activations_and_gradients(x, targets, "conv2")
    within = small.spreads(classifier, x, targets, "conv2")
    for i in (0, 6):
        one = classifier.activations_and_gradients(x[i : i + 1], targets[i : i + 1], "conv2")
        for ours, theirs, each in zip(one, whole, within, strict=True):
            assert_same(ours, theirs[i : i + 1], each[i : i + 1])
    assert classifier._gradients._compiled["conv2"].experimental_get_tracing_count() == 1


def test_spatial_layers_in_order(tmp_path: Path) -> None:
    layers = open_model(small.saved(small.nested_model(), tmp_path)).spatial_layers()
    assert [(layer.name, layer.kind, layer.grid, layer.channels) for layer in layers] == [
        ("rescale", "Rescaling", (16, 16), 3),
        ("conv1", "Conv2D", (16, 16), 6),
        ("bn1", "BatchNormalization", (16, 16), 6),
        ("relu1", "ReLU", (16, 16), 6),
        ("pool1", "MaxPooling2D", (8, 8), 6),
        ("drop1", "Dropout", (8, 8), 6),
        ("conv2", "Conv2D", (8, 8), 8),
    ]


def test_wrong_questions_are_refused(tmp_path: Path) -> None:
    classifier = open_model(small.saved(small.flat_model(), tmp_path))
    x = small.images(2)
    with pytest.raises(ModelError, match=r"'dense'.*conv1, bn1"):
        classifier.activations_and_gradients(x, np.zeros(2, np.int64), "dense")
    with pytest.raises(ModelError, match="targets from 0 to 2"):
        classifier.activations_and_gradients(x, np.array([0, 3]), "conv2")
    with pytest.raises(ModelError, match="2 targets"):
        classifier.activations_and_gradients(x, np.zeros(1, np.int64), "conv2")


def test_a_layer_that_does_not_count_is_named(tmp_path: Path) -> None:
    keras = import_keras()
    start = keras.Input(SHAPE_2D)
    kept = keras.layers.Conv2D(2, 3, name="kept")(start)
    cut = keras.ops.stop_gradient(keras.layers.Conv2D(2, 3, name="cut")(start))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Concatenate()([kept, cut]))
    model = keras.Model(start, keras.layers.Dense(2, activation="softmax")(x))
    classifier = open_model(small.saved(model, tmp_path))
    with pytest.raises(ModelError, match=r"the output depends on. Received: 'cut'"):
        classifier.activations_and_gradients(small.images(1), np.zeros(1, np.int64), "cut")


def test_a_model_whose_copy_computes_something_else_is_refused(tmp_path: Path) -> None:
    keras = import_keras()

    @keras.saving.register_keras_serializable("tests")
    class Doubling(keras.Model):  # type: ignore[misc]
        def call(self, x: Any, training: bool = False) -> Any:
            return super().call(x / 100, training=training)

    start = keras.Input((4, 4, 1))
    end = keras.layers.Dense(3, activation="softmax")(keras.layers.Flatten()(start))
    classifier = open_model(small.saved(Doubling(start, end), tmp_path))
    with pytest.raises(ModelError, match="flat copy gives the same probabilities"):
        classifier.activations_and_gradients(small.images(1, (4, 4, 1)), np.zeros(1, np.int64), "flatten")


def test_tied_maxima_of_3d_pooling_count_as_in_tensorflows_own_kernel(tmp_path: Path) -> None:
    """Eager TensorFlow never uses the oneDNN kernel, which gives the gradient to one of several maxima."""
    keras, tf = import_keras(), import_tensorflow()
    layers = keras.layers
    start = keras.Input((4, 4, 4, 1))
    x = layers.MaxPooling3D(2, name="pool")(layers.Conv3D(2, 1, activation="relu", name="conv")(start))
    model = keras.Model(start, layers.Dense(2, activation="softmax")(layers.Flatten()(x)))
    small.randomise(model)
    for bias, expect_ties in ((-1e4, True), (1e4, False)):
        model.get_layer("conv").bias.assign([bias, bias])
        classifier = open_model(small.saved(model, tmp_path))
        volumes = small.images(2, (4, 4, 4, 1))
        cells, gradients, _ = classifier.activations_and_gradients(volumes, np.array([0, 1]), "conv")
        assert (cells == 0).all() == expect_ties
        kernel, n_windows = model.layers[-1].kernel.numpy(), 8
        pooled = tf.constant(cells)
        with tf.GradientTape() as tape:
            tape.watch(pooled)
            flat = tf.reshape(tf.nn.max_pool3d(pooled, 2, 2, "VALID"), (2, -1))
            score = tf.linalg.diag_part(flat @ kernel)
        # Each slope is one weight, or 0: no sum at all.
        np.testing.assert_allclose(gradients, tape.gradient(score, pooled), rtol=allowed(1))
        shared = 8 if expect_ties else 1
        assert np.count_nonzero(gradients[0]) >= 2 * n_windows * shared


def test_the_backend_sets_what_the_user_has_not() -> None:
    code = (
        "import os\nfrom xaireport.nn.backend import import_tensorflow\nimport_tensorflow()\n"
        "print(os.environ['TF_ENABLE_ONEDNN_OPTS'], os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    )
    given = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    command = [sys.executable, "-c", code]
    for more, expected in (
        ({}, "1 3\n"),
        ({"TF_ENABLE_ONEDNN_OPTS": "0", "TF_CPP_MIN_LOG_LEVEL": "1"}, "0 1\n"),
    ):
        done = subprocess.run(command, env=given | more, capture_output=True, text=True, check=True)
        assert done.stdout == expected
        if not more:
            assert done.stderr == ""
