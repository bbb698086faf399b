"""Which of a TFLite file's numbers are shuffled with a layer, and which stay: files of brought models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras_models as small
import numpy as np
import pytest
import quantise_case as case

from xaireport.errors import ModelError
from xaireport.nn.backend import import_keras
from xaireport.nn.classifier import open_model
from xaireport.nn.tflite.classifier import TFLiteClassifier
from xaireport.nn.tflite.shuffle import shuffled


def converted(folder: Path, mode: str, *layers: Any) -> TFLiteClassifier:
    keras = import_keras()
    x = start = keras.Input((12, 12, 3))
    for layer in layers:
        x = layer(x)
    path = small.saved(small.randomise(keras.Model(start, x)), folder)
    case.make(path, folder, case.child(mode, architecture=""), output="logits")
    found = open_model(folder / "model.tflite")
    assert isinstance(found, TFLiteClassifier)
    return found


def changed(model: TFLiteClassifier, content: bytes) -> dict[str, set[str]]:
    """Return the operators whose stored numbers differ, by layer; each still has the same values."""
    graph, found = type(model.graph)(content), dict[str, set[str]]()
    for before, after in zip(model.graph.steps, graph.steps, strict=True):
        for old, new in zip(model.graph.numbers(before), graph.numbers(after), strict=True):
            a, b = model.graph.values(old), graph.values(new)
            assert a is not None
            assert b is not None
            np.testing.assert_array_equal(np.sort(a, axis=None), np.sort(b, axis=None))
            if (a != b).any():
                found.setdefault(before.layer, set()).add(before.operator)
    return found


@pytest.mark.parametrize("mode", ["", "float16", "int8"])
def test_a_normalisation_goes_with_the_layer_it_follows(tmp_path: Path, mode: str) -> None:
    layers = import_keras().layers
    model = converted(
        tmp_path,
        mode,
        layers.Normalization(mean=[90.0, 100.0, 110.0], variance=[9e2, 8e2, 7e2], name="prepare"),
        layers.Conv2D(6, 3, activation="relu", name="first"),
        layers.BatchNormalization(name="norm"),  # behind a ReLU it cannot be merged into the kernel
        layers.Conv2D(8, 3, activation="relu", name="second"),
        layers.GlobalAveragePooling2D(name="mean"),
        layers.Dense(3, name="logits"),
    )
    content = (tmp_path / "model.tflite").read_bytes()
    # The constants that prepare pixels were not learnt.
    assert model.learnt_layers() == ("first", "second", "logits")
    moved = changed(model, shuffled(content, model.graph, ["first"], seed=1))
    assert moved.pop("first") == {"CONV_2D"}
    assert set.union(*moved.values()) == {"MUL", "ADD"}
    assert changed(model, shuffled(content, model.graph, ["second"], seed=1)).keys() == {"second"}
    everything = changed(model, shuffled(content, model.graph, model.learnt_layers(), seed=1))
    assert "prepare" not in everything


def test_the_biases_of_a_kernel_applied_cell_by_cell_go_with_it(tmp_path: Path) -> None:
    layers = import_keras().layers
    model = converted(
        tmp_path,
        "",
        layers.Conv2D(4, 3, activation="relu", name="first"),
        layers.Dense(6, activation="relu", name="cells"),
        layers.GlobalAveragePooling2D(name="mean"),
        layers.Dense(3, name="logits"),
    )
    content = (tmp_path / "model.tflite").read_bytes()
    _, cells, _ = model.learnt_layers()
    moved = changed(model, shuffled(content, model.graph, [cells], seed=1))
    assert set.union(*moved.values()) == {"FULLY_CONNECTED", "ADD"}


def test_a_layer_is_shuffled_alike_whichever_others_are(tmp_path: Path) -> None:
    layers = import_keras().layers
    model = converted(
        tmp_path,
        "int8",
        layers.Conv2D(4, 3, activation="relu", name="first"),
        layers.GlobalAveragePooling2D(name="mean"),
        layers.Dense(3, name="logits"),
    )
    content = (tmp_path / "model.tflite").read_bytes()
    both = shuffled(content, model.graph, ["first", "logits"], seed=4)
    # One after the other, in either order.
    for names in (["first", "logits"], ["logits", "first"]):
        out = content
        for name in names:
            out = shuffled(out, model.graph, [name], seed=4)
        assert out == both


def test_weights_that_share_a_byte_are_refused(tmp_path: Path) -> None:
    layers = import_keras().layers
    model = converted(
        tmp_path,
        "int8",
        layers.Conv2D(4, 3, activation="relu", name="first"),
        layers.GlobalAveragePooling2D(name="mean"),
        layers.Dense(3, name="logits"),
    )
    kernel = next(step.inputs[1] for step in model.graph.steps if step.layer == "first")
    kernel.shape = [*kernel.shape[:3], 2 * kernel.shape[3]]  # as of 4-bit weights
    content = (tmp_path / "model.tflite").read_bytes()
    with pytest.raises(ModelError, match="whole bytes"):
        shuffled(content, model.graph, ["first"], seed=0)
