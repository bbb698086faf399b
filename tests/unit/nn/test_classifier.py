from __future__ import annotations

from pathlib import Path
from typing import Any

import keras_models as small
import numpy as np
import pytest
from tolerance import allowed, assert_same, spread

from xaireport.errors import ModelError
from xaireport.nn.backend import import_keras
from xaireport.nn.classifier import open_model
from xaireport.nn.outputs import softmax, to_probabilities
from xaireport.nn.predictor import open_predictor, summary_of
from xaireport.types.models import DifferentiableClassifier


def linear_model(n_out: int = 3, activation: str | None = None, shape: tuple[int, ...] = (8, 8, 1)) -> Any:
    keras = import_keras()
    layers = [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(n_out, activation=activation)]
    return small.randomise(keras.Sequential(layers))


def test_predictions_are_the_models_own(tmp_path: Path) -> None:
    model = small.nested_model()
    path = small.saved(model, tmp_path)
    classifier = open_model(path, n_classes=3, input_shape=(16, 16, 3))
    x = small.images(23)
    y = classifier.predict(x, batch_size=5)
    assert isinstance(classifier, DifferentiableClassifier)
    assert y.dtype == np.float32
    expected = model(x.astype(np.float32), training=False).numpy()
    within = spread(lambda: model(x.astype(np.float32), training=False), model)
    assert_same(y, expected, within)
    assert_same(y, classifier.predict(x, batch_size=256), within)
    assert classifier.predict(x[:0]).shape == (0, 3)


def test_what_only_predicts_says_the_same(tmp_path: Path) -> None:
    path = small.saved(small.nested_model(), tmp_path)
    said = {"n_classes": 3, "input_shape": (16, 16, 3)}
    predictor, classifier = open_predictor(path, **said), open_model(path, **said)  # type: ignore[arg-type]
    assert not isinstance(predictor, DifferentiableClassifier)
    np.testing.assert_array_equal(predictor.predict(small.images(7)), classifier.predict(small.images(7)))
    assert summary_of(predictor) == classifier.summary


def test_batches_of_any_size_trace_the_model_once(tmp_path: Path) -> None:
    classifier = open_model(small.saved(linear_model(activation="softmax"), tmp_path))
    for n, batch_size in ((7, 3), (5, 5), (1, 256)):
        classifier.predict(small.images(n, (8, 8, 1)), batch_size=batch_size)
    assert classifier._forward.experimental_get_tracing_count() == 1


@pytest.mark.parametrize(("scale", "factor", "offset"), [("0-1", 1 / 255, 0.0), ("-1-1", 2 / 255, -1.0)])
def test_pixel_scale_and_logits(tmp_path: Path, scale: str, factor: float, offset: float) -> None:
    model = linear_model()
    classifier = open_model(small.saved(model, tmp_path), pixel_scale=scale, output="logits")
    x = small.images(9, (8, 8, 1))

    def expected() -> Any:
        scores = model(x.astype(np.float32) * factor + offset).numpy().astype(np.float64)
        return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)

    assert_same(classifier.predict(x), expected(), spread(expected, model))


def test_huge_logits_stay_finite(tmp_path: Path) -> None:
    classifier = open_model(small.saved(linear_model(), tmp_path), output="logits")  # raw pixels: hundreds
    y = classifier.predict(small.images(9, (8, 8, 1)))
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=allowed(3))
    assert softmax(np.array([[1e4, -1e4, 1e4]])).tolist() == [[0.5, 0.0, 0.5]]


@pytest.mark.parametrize("output", ["probabilities", "logits"])
def test_one_output_tells_two_classes_apart(tmp_path: Path, output: str) -> None:
    model = linear_model(1, "sigmoid" if output == "probabilities" else None)
    classifier = open_model(
        small.saved(model, tmp_path), output=output, n_classes=2, pixel_scale="0-1", input_shape=(8, 8, 1)
    )
    x = small.images(9, (8, 8, 1))

    def expected() -> Any:
        z = model(x.astype(np.float32) / 255).numpy()[:, 0]
        p = z if output == "probabilities" else 1 / (1 + np.exp(-z))
        return np.stack([1 - p, p], axis=1)

    assert_same(classifier.predict(x), expected(), spread(expected, model))
    assert classifier.summary.n_classes == 2


def test_summary_counts_and_lists_the_inner_layers(tmp_path: Path) -> None:
    model = small.nested_model()
    model.layers[0].trainable = False
    path = small.saved(model, tmp_path)
    summary = open_model(path).summary
    head = sum(layer.count_params() for layer in model.layers[1:])
    assert summary.parameters == model.count_params() == sum(row[3] for row in summary.layers)
    assert summary.trainable_parameters == head
    assert summary.size_bytes == path.stat().st_size
    assert summary.input_shape == (16, 16, 3)
    assert ("conv1", "Conv2D", "16 × 16 × 6", 3 * 3 * 3 * 6 + 6) in summary.layers


def test_using_a_classifier_leaves_its_model_alone(tmp_path: Path) -> None:
    classifier = open_model(small.saved(small.sequential_model(), tmp_path))
    model = classifier.model
    before = [weight.numpy().tobytes() for weight in model.weights]
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    config = str(model.get_config())
    x = small.images(4)
    classifier.activations_and_gradients(x, classifier.predict(x).argmax(axis=1), "conv2")
    assert [weight.numpy().tobytes() for weight in model.weights] == before
    assert [len(layer._inbound_nodes) for layer in model.layers] == nodes
    assert str(model.get_config()) == config


def refused(path: Path, match: str, **settings: Any) -> None:
    with pytest.raises(ModelError, match=match) as caught:
        open_model(path, **settings)
    assert caught.value.where == str(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_truncated_files_are_refused(tmp_path: Path, share: float) -> None:
    path = small.saved(linear_model(activation="softmax"), tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    refused(path, "a complete Keras 3 model file")


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "absent.keras", "none there")
    (tmp_path / "folder.keras").mkdir()
    refused(tmp_path / "folder.keras", "a folder")
    (tmp_path / "text.keras").write_text("not a zip")
    refused(tmp_path / "text.keras", "a complete Keras 3 model file")
    (tmp_path / "old.h5").write_bytes(b"\x89HDF")
    refused(tmp_path / "old.h5", "a .keras or .tflite file")


def test_code_inside_a_file_is_not_run(tmp_path: Path) -> None:
    keras = import_keras()
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Lambda(lambda x: x), keras.layers.Flatten()]
    )
    refused(small.saved(model, tmp_path), "a model without code inside")


def test_shapes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = small.saved(linear_model(activation="softmax"), tmp_path)
    refused(path, r"images of shape \(28, 28, 3\)", input_shape=(28, 28, 3))
    refused(path, r"images of shape \(8, 8, 8, 1\)", input_shape=(8, 8, 8, 1))
    refused(path, "7 outputs, one per class. Received: 3", n_classes=7)
    refused(small.saved(linear_model(1, "sigmoid"), tmp_path), "3 outputs", n_classes=3)
    keras = import_keras()
    start = keras.Input((8, 8, 1))
    refused(small.saved(keras.Model(start, keras.layers.Conv2D(2, 3)(start)), tmp_path), "batch, classes")
    flat = keras.layers.Flatten()(start)
    refused(small.saved(keras.Model(start, [flat, flat + 1]), tmp_path), "1 and 2")
    fixed = keras.Input(batch_shape=(4, 3))
    refused(small.saved(keras.Model(fixed, keras.layers.Dense(2)(fixed)), tmp_path), "a fixed batch of 4")


def test_models_for_any_image_size_take_the_datas(tmp_path: Path) -> None:
    keras = import_keras()
    x = start = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(x))
    path = small.saved(keras.Model(start, keras.layers.Dense(2, activation="softmax")(x)), tmp_path)
    classifier = open_model(path, input_shape=(12, 14, 3))
    assert classifier.predict(small.images(2, (12, 14, 3))).shape == (2, 2)
    assert [layer.grid for layer in classifier.spatial_layers()] == [(10, 12)]


def test_subclassed_models_are_refused(tmp_path: Path) -> None:
    keras = import_keras()

    @keras.saving.register_keras_serializable("tests")
    class Mine(keras.Model):  # type: ignore[misc]
        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self.last = keras.layers.Dense(2, activation="softmax")

        def call(self, x: Any) -> Any:
            return self.last(keras.ops.reshape(x, (-1, 64)))

    model = Mine()
    model(np.zeros((1, 8, 8, 1), np.float32))
    refused(small.saved(model, tmp_path), "subclassed")


def test_outputs_that_contradict_the_declaration_are_refused(tmp_path: Path) -> None:
    refused(small.saved(linear_model(), tmp_path), "probabilities: rows")
    refused(small.saved(linear_model(3, "sigmoid"), tmp_path), "probabilities: rows")
    refused(small.saved(linear_model(3, "softmax"), tmp_path), "Expected logits", output="logits")
    refused(small.saved(linear_model(1), tmp_path), "probabilities between 0 and 1")
    path = small.saved(linear_model(1, "sigmoid"), tmp_path)
    refused(path, "Expected logits", output="logits", pixel_scale="0-1")


def test_declarations_are_one_of_the_known(tmp_path: Path) -> None:
    path = small.saved(linear_model(activation="softmax"), tmp_path)
    refused(path, "pixel_scale, one of", pixel_scale="0-2")
    refused(path, "output, probabilities or logits", output="scores")


def test_nan_is_refused_and_counted(tmp_path: Path) -> None:
    model = linear_model(activation="softmax")
    model.weights[0].assign(np.full((64, 3), np.nan, np.float32))
    refused(small.saved(model, tmp_path), "NaN or infinity for 6 of 6 images")
    with pytest.raises(ModelError, match="1 of 2"):
        to_probabilities(np.array([[0.0, 1.0], [np.inf, 0.0]]), "logits")


def test_images_of_another_kind_are_refused(tmp_path: Path) -> None:
    classifier = open_model(small.saved(linear_model(activation="softmax"), tmp_path))
    with pytest.raises(ModelError, match="float32"):
        classifier.predict(np.zeros((2, 8, 8, 1), np.float32))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"\(2, 9, 8, 1\)"):
        classifier.predict(small.images(2, (9, 8, 1)))
    with pytest.raises(ModelError, match="batch size"):
        classifier.predict(small.images(2, (8, 8, 1)), batch_size=0)
