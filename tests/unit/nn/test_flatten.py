from __future__ import annotations

import json
from typing import Any

import keras_models as small
import numpy as np
import pytest
from tolerance import assert_same, spread

from xaireport.errors import ModelError
from xaireport.nn.backend import import_keras
from xaireport.nn.keras.flatten import flatten, logits


def layers_below(model: Any) -> list[Any]:
    out = []
    for layer in model.layers:
        out += [layer, *(layers_below(layer) if hasattr(layer, "layers") else [])]
    return out


def flat_copy(model: Any) -> Any:
    graph = flatten(model)
    return import_keras().Model(graph.input, graph.output)


def state(model: Any) -> tuple[Any, ...]:
    return (
        json.dumps(model.get_config(), default=str),
        [weight.numpy().tobytes() for weight in model.weights],
        [
            (layer.name, len(layer._inbound_nodes), len(layer._outbound_nodes))
            for layer in layers_below(model)
        ],
    )


def shared_model() -> Any:
    """One convolution used twice, a skip connection, raw operations."""
    keras = import_keras()
    start = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 1, name="lift")(start * (1 / 255))
    conv = keras.layers.Conv2D(4, 3, padding="same", name="shared")
    y = keras.ops.relu(conv(x) + 0.5)
    y = keras.layers.Add(name="skip")([conv(y), x])
    y = keras.layers.GlobalAveragePooling2D()(y[:, 1:])
    return small.randomise(keras.Model(start, keras.layers.Dense(3, activation="softmax")(y)))


def adapted_model() -> Any:
    keras = import_keras()
    layer = keras.layers.Normalization(name="adapted")
    layer.adapt(small.images(20).astype(np.float32))
    return keras.Sequential([keras.Input((16, 16, 3)), layer, keras.layers.Flatten(), keras.layers.Dense(3)])


MODELS = {
    "flat": small.flat_model,
    "sequential": small.sequential_model,
    "nested": small.nested_model,
    "shared": shared_model,
    "adapted": adapted_model,
}


@pytest.mark.parametrize("name", MODELS)
def test_copy_computes_the_same_and_leaves_the_model_alone(name: str) -> None:
    keras = import_keras()
    model = MODELS[name]()
    x = small.images(5).astype(np.float32)
    expected = model(x, training=False).numpy()
    before = state(model)

    copy = flat_copy(model)

    within = spread(lambda: copy(x, training=False), copy)
    assert_same(copy(x, training=False), expected, within)
    assert state(model) == before
    assert not any(isinstance(layer, keras.Model) for layer in copy.layers)
    theirs = {id(layer) for layer in layers_below(model)}
    assert not any(id(layer) in theirs for layer in copy.layers)


def test_training_the_copy_does_not_change_the_model() -> None:
    model = small.sequential_model()
    before = state(model)
    for weight in flat_copy(model).weights:
        weight.assign_add(weight * 0 + 1)
    assert state(model) == before


def test_shared_layers_stay_shared_and_each_call_has_a_name() -> None:
    graph = flatten(shared_model())
    calls = [step for step in graph.steps if step.name.startswith("shared")]
    assert [step.name for step in calls] == ["shared", "shared.2"]
    assert calls[0].operation is calls[1].operation
    assert graph.step("shared.2").output is calls[1].output


def test_steps_follow_the_data() -> None:
    expected = ["rescale", "conv1", "bn1", "relu1", "pool1", "drop1", "conv2", "flatten", "dense", "out"]
    assert [step.name for step in flatten(small.nested_model()).steps] == expected


def test_a_name_that_occurs_twice_gets_its_models_name() -> None:
    keras = import_keras()
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv")], name="inner")
    model = keras.Sequential([keras.Input((10, 10, 3)), keras.layers.Conv2D(3, 3, name="conv"), inner])
    assert [step.name for step in flatten(model).steps] == ["conv", "inner.conv"]


@pytest.mark.parametrize("end", ["dense", "layer", "activation", "activation, then linear", "logits"])
def test_logits_are_found_behind_every_kind_of_softmax(end: str) -> None:
    keras = import_keras()
    reference = small.flat_model(end="logits")
    model = small.flat_model(end=end)
    x = small.images(5).astype(np.float32)
    graph = flatten(model)
    scores = keras.Model(graph.input, logits(graph, "logits" if end == "logits" else "probabilities"))
    assert_same(scores(x), reference(x), spread(lambda: reference(x), reference))


def test_logits_behind_a_softmax_operation() -> None:
    keras = import_keras()
    inner = small.flat_model(end="logits")
    model = keras.Model(inner.input, keras.ops.softmax(inner.output))
    graph = flatten(model)
    x = small.images(3).astype(np.float32)
    ours = keras.Model(graph.input, logits(graph, "probabilities"))(x)
    assert_same(ours, inner(x), spread(lambda: inner(x), inner))


def test_one_sigmoid_output_becomes_two_logits_with_its_probability() -> None:
    keras = import_keras()
    model = small.randomise(
        keras.Sequential(
            [keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")]
        )
    )
    graph = flatten(model)
    x = small.images(6, (4, 4, 1)).astype(np.float32) / 255
    pair = keras.Model(graph.input, logits(graph, "probabilities"))(x).numpy()
    odds = np.exp(pair)
    assert_same((odds / odds.sum(axis=1, keepdims=True))[:, 1:], model(x), spread(lambda: model(x), model))


def test_probabilities_without_softmax_are_refused() -> None:
    graph = flatten(small.flat_model(end="logits"))
    with pytest.raises(ModelError, match=r"softmax or sigmoid.*Dense"):
        logits(graph, "probabilities")


def test_subclassed_models_are_refused() -> None:
    keras = import_keras()

    class Mine(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(ModelError, match="Mine, a subclassed model"):
        flat_copy(Mine())
    nested = keras.Sequential([keras.Input((4,)), Mine()])
    with pytest.raises(ModelError, match="Mine, a subclassed model"):
        flat_copy(nested)


def test_models_of_unknown_shape_and_of_several_inputs_are_refused() -> None:
    keras = import_keras()
    with pytest.raises(ModelError, match="not built"):
        flat_copy(keras.Sequential([keras.layers.Dense(2)]))
    a, b = keras.Input((2,)), keras.Input((2,))
    with pytest.raises(ModelError, match="2 and 1"):
        flat_copy(keras.Model([a, b], keras.layers.Add()([a, b])))


def test_layers_that_cannot_be_made_anew_are_named() -> None:
    keras = import_keras()

    class Odd(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, table: Any) -> None:
            super().__init__(name="odd")
            self.table = table

        def call(self, x: Any) -> Any:
            return x

    model = keras.Sequential([keras.Input((4,)), Odd(object())])
    with pytest.raises(ModelError, match=r"odd \(Odd\)"):
        flat_copy(model)


def test_unknown_step_lists_the_known_ones() -> None:
    with pytest.raises(ModelError, match=r"conv1.*conv2"):
        flatten(small.flat_model()).step("conv9")
