"""VGG-19's weights, without a network: Keras' own model is the oracle of what they mean."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import keras_models as small
import numpy as np
import pytest
from tolerance import assert_same, spread

from xaireport.errors import ModelError
from xaireport.nn import backbone, zoo
from xaireport.nn.backend import import_keras

OPTIONS = {"cut": "block2_conv2", "resize": 32, "dense": [8]}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """Keras' VGG-19 with weights like pretrained ones in form, and their file."""
    keras = import_keras()
    keras.utils.set_random_seed(1)
    model = keras.applications.VGG19(weights=None, include_top=False, input_shape=(32, 32, 3))
    for name in ("block1_conv1", "block1_conv2"):
        kernel, bias = model.get_layer(name).get_weights()
        bias = np.linspace(-5, 5, len(bias), dtype=np.float32)
        model.get_layer(name).set_weights([kernel, bias])
    path = tmp_path_factory.mktemp("weights") / "vgg19.weights.h5"
    model.save_weights(path)
    return model, path


def ours() -> Any:
    return zoo.build("vgg19", import_keras(), (28, 28, 3), 3, OPTIONS)


def unreachable(*args: Any, **kwargs: Any) -> None:
    raise Exception("URL fetch failure on https://example.invalid/vgg19.h5: None -- timed out\nmore")


def test_weights_from_a_file_mean_what_they_mean_to_keras(published: tuple[Any, Path]) -> None:
    """On raw RGB pixels, as Keras' model does on pixels that its own preprocessing turned to BGR."""
    keras = import_keras()
    reference, path = published
    model = ours()
    assert backbone.load_vgg19(model, str(path), allow_random=False) == ()
    x = small.images(4, (28, 28, 3)).astype(np.float32)
    resized = keras.ops.convert_to_numpy(keras.layers.Resizing(32, 32)(x))
    prepared = keras.applications.vgg19.preprocess_input(resized.copy())
    for name in ("block1_conv1", "block2_conv2"):
        oracle = keras.Model(reference.input, reference.get_layer(name).output)
        found = keras.Model(model.input, model.get_layer(name).output)(x)
        # Resizing and centring leave pixels of about a hundred, each off by a few roundings more.
        within = spread(lambda oracle=oracle: oracle(prepared), oracle)
        assert_same(found, oracle(prepared), within)
    turned = keras.Model(model.input, model.get_layer("block1_conv1").output)(x[..., ::-1]).numpy()
    expected = keras.Model(reference.input, reference.get_layer("block1_conv1").output)(prepared).numpy()
    assert np.abs(turned - expected).max() > 0.1 * np.abs(expected).max()  # the order of colours counts


def test_the_trunk_is_frozen_and_the_head_is_not(published: tuple[Any, Path]) -> None:
    model = ours()
    backbone.load_vgg19(model, str(published[1]), allow_random=False)
    trainable = {weight.path.split("/")[0] for weight in model.trainable_weights}
    assert trainable == {"dense1", "logits"}


def test_unreachable_weights_are_an_error_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_keras().applications, "VGG19", unreachable)
    with pytest.raises(ModelError) as caught:
        backbone.load_vgg19(ours(), "imagenet", allow_random=False)
    assert "URL fetch failure" in caught.value.received
    assert "\n" not in caught.value.message
    assert "--allow-random-backbone" in caught.value.hint
    assert "~/.keras/models" in caught.value.hint


def test_unreachable_weights_may_stay_random_and_the_card_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_keras().applications, "VGG19", unreachable)
    model = ours()
    before = model.get_weights()
    assert backbone.load_vgg19(model, "imagenet", allow_random=True) == (backbone.RANDOM_TRUNK,)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert {weight.path.split("/")[0] for weight in model.trainable_weights} == {"dense1", "logits"}


def test_random_weights_ask_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_keras().applications, "VGG19", lambda **_: pytest.fail("asked for weights"))
    assert backbone.load_vgg19(ours(), "random", allow_random=False) == (backbone.RANDOM_TRUNK,)


@pytest.mark.parametrize("allow_random", [False, True])
def test_a_file_that_is_not_there_is_never_passed_over(tmp_path: Path, allow_random: bool) -> None:
    with pytest.raises(ModelError, match="no such file"):
        backbone.load_vgg19(ours(), str(tmp_path / "none.weights.h5"), allow_random=allow_random)


def test_a_file_of_something_else_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "text.weights.h5").write_text("no weights")
    with pytest.raises(ModelError, match="VGG-19 weights"):
        backbone.load_vgg19(ours(), str(tmp_path / "text.weights.h5"), allow_random=False)


def test_the_download_is_bounded_in_time_and_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen = []

    def asked(**_: Any) -> None:
        print("Downloading data from somewhere")
        seen.append(socket.getdefaulttimeout())
        unreachable()

    monkeypatch.setattr(import_keras().applications, "VGG19", asked)
    before = socket.getdefaulttimeout()
    backbone.load_vgg19(ours(), "imagenet", allow_random=True)
    assert seen
    assert 0 < seen[0] <= 10
    assert socket.getdefaulttimeout() == before
    assert capsys.readouterr().out == ""


def test_the_file_behind_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert backbone.weights_file("random", tmp_path) is None
    assert backbone.weights_file("imagenet", tmp_path) is None
    cached = tmp_path / ".keras/models/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    cached.parent.mkdir(parents=True)
    cached.touch()
    assert backbone.weights_file("imagenet", tmp_path) == cached
    assert backbone.weights_file("my.h5", Path("studies")) == Path("studies/my.h5")
