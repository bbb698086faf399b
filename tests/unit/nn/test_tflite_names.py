"""A model that was brought along has the same names for its layers in its TFLite file, whatever they are."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras_models as small
import numpy as np
import pytest
import quantise_case as case
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from xaireport.errors import ModelError
from xaireport.explain.layer_choice import decide
from xaireport.nn.backend import import_keras
from xaireport.nn.classifier import open_model
from xaireport.study_schema import ExplainSettings
from xaireport.types.data import Split

SHAPE = (12, 12, 3)
AWKWARD = ("a", "a_1", "A", "a_1_1", "a_2", "relu3", "relu3_1", "mul", "Softmax", "_a", "model", "quantised")
"""Such as Keras and TensorFlow number, and such as operations outside all layers have."""


def conv(name: str) -> Any:
    return import_keras().layers.Conv2D(3, 3, padding="same", activation="relu", name=name)


def ended(start: Any, x: Any, kind: Any = None) -> Any:
    keras = import_keras()
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    return (kind or keras.Model)(start, keras.layers.Dense(3, name="logits")(x))


def one_after_the_other(names: tuple[str, ...]) -> Any:
    x = start = import_keras().Input(SHAPE)
    for name in names:
        x = conv(name)(x)
    return ended(start, x)


def nested(names: tuple[str, ...]) -> Any:
    """The same names inside and outside of a model within a model."""
    keras = import_keras()
    inner = keras.Sequential([keras.Input(SHAPE), *map(conv, names)], name=names[-1])
    x = start = keras.Input(SHAPE)
    x = conv(names[0])(x)
    return ended(start, conv(names[1])(inner(x)))


def shared(names: tuple[str, ...]) -> Any:
    """A layer that is called twice, others between."""
    x = start = import_keras().Input(SHAPE)
    twice = conv(names[0])
    x = twice(x)
    for name in names[1:]:
        x = conv(name)(x)
    return ended(start, twice(x))


def both(model: Any, folder: Path, mode: str = "", **more: Any) -> tuple[Any, Any]:
    """Return a model and its file."""
    path = small.saved(small.randomise(model), folder)
    case.make(path, folder, case.child(mode, architecture=""), output="logits", **more)
    return open_model(path, output="logits", **more), open_model(folder / "model.tflite")


@pytest.mark.parametrize("build", [one_after_the_other, nested, shared])
@settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate])  # a model each
@given(names=st.permutations(AWKWARD).map(lambda every: tuple(every[:4])))
def test_the_layers_of_the_file_are_called_as_the_parents(build: Any, names: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        parent, file = both(build(names), Path(folder), pixel_scale="0-1")
        found, expected = ([each.name for each in one.spatial_layers()] for one in (file, parent))
        assert found == expected
        assert set(names) <= {name.removeprefix(f"{names[-1]}.") for name in found}
        images, targets = small.images(4, SHAPE), np.arange(4) % 3
        for name in found:  # and they are the same layers
            ours = file.activations_and_gradients(images, targets, name)[0]
            theirs = parent.activations_and_gradients(images, targets, name)[0]
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


@pytest.mark.parametrize("mode", ["", "int8"])
@pytest.mark.parametrize("order", [("a", "a_1", "relu3"), ("a_1", "relu3", "a")])
def test_the_parents_layer_is_matched_exactly(tmp_path: Path, order: tuple[str, ...], mode: str) -> None:
    _, file = both(one_after_the_other(order), tmp_path, mode)
    assert [each.name for each in file.spatial_layers()] == list(order)
    images = small.images(6, SHAPE)
    val = Split(images, np.zeros(6, np.int64), np.arange(6).astype(str))
    for name in order:
        found = decide(file, ExplainSettings(), val, 0, parent_layer=name)
        assert (found.layer, found.chosen_by) == (name, "parent")
        assert decide(file, ExplainSettings(layer=name), val, 0).layer == name
    for name in ("relu", "a_1_1", "relu3_1"):
        assert decide(file, ExplainSettings(), val, 0, parent_layer=name).chosen_by != "parent"


@pytest.mark.parametrize("mode", ["", "dynamic", "int8"])
def test_scopes_within_a_layer_are_not_taken_for_layers(tmp_path: Path, mode: str) -> None:
    """Normalisation, a kernel applied cell by cell and dilation open scopes of their own."""
    layers = import_keras().layers
    x = start = import_keras().Input(SHAPE)
    x = conv("first")(x)
    x = conv("between")(layers.BatchNormalization(name="norm_a")(x, training=True))  # predicting overrules it
    x = conv("behind")(layers.BatchNormalization(name="norm_b")(x))
    x = layers.Dense(4, activation="relu", name="cells")(x)
    x = layers.Conv2D(4, 3, padding="same", dilation_rate=2, name="dilated")(x)
    parent, file = both(ended(start, x), tmp_path, mode)
    assert [each.name for each in file.spatial_layers()] == [each.name for each in parent.spatial_layers()]
    assert file.learnt_layers() == parent.learnt_layers()


def test_what_the_converter_does_not_know_is_named_exactly(tmp_path: Path) -> None:
    keras = import_keras()
    layers = keras.layers
    x = start = keras.Input((8, 8, 8, 1))
    x = layers.Conv3D(2, 3, padding="same", name="pool")(x)
    x = layers.MaxPooling3D(2, name="pool_1")(x)
    x = layers.Conv3D(2, 3, padding="same", name="pool_1_1")(x)
    x = layers.Dense(3, name="logits")(layers.Flatten(name="flat")(x))
    path = small.saved(keras.Model(start, x), tmp_path)
    data = case.data()
    volumes = type(data.train)(small.images(8, (8, 8, 8, 1)), data.train.labels[:8], data.train.sample_id[:8])
    with pytest.raises(ModelError) as caught:
        case.make(
            path,
            tmp_path,
            case.child("dynamic", architecture=""),
            output="logits",
            data=type(data)(data.info, volumes, volumes, volumes),
        )
    assert caught.value.received == "MaxPool3D in layer pool_1"


def test_a_model_that_computes_something_else_than_its_layers_is_converted_as_it_is(tmp_path: Path) -> None:
    """Names are not worth another function: a functional model with a call() of its own."""
    keras = import_keras()

    @keras.saving.register_keras_serializable("tests")
    class Doubled(keras.Model):  # type: ignore[misc, name-defined]
        def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
            return 2 * super().call(inputs, training=training, mask=mask)

    start = keras.Input(SHAPE)
    parent, file = both(ended(start, conv("first")(start), Doubled), tmp_path, pixel_scale="0-1")
    images = small.images(6, SHAPE)
    y_prob = parent.predict(images)
    assert 0.1 < y_prob.max() < 0.9  # half the scores would give other probabilities
    np.testing.assert_allclose(file.predict(images), y_prob, atol=1e-5)
