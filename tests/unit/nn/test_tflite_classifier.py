"""A TFLite file as a classifier: batches, scales, sums, and files that are none."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import keras_models as small
import numpy as np
import pytest
import quantise_case as case
from tolerance import allowed, assert_same, spread

from xaireport.errors import ModelError
from xaireport.nn.classifier import open_model
from xaireport.nn.tflite import predictor as module
from xaireport.nn.tflite.classifier import TFLiteClassifier
from xaireport.types.device import Endpoint
from xaireport.types.models import Classifier, DifferentiableClassifier


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model that ends in softmax and one that ends in logits, as float32 and int8 files."""
    base = tmp_path_factory.mktemp("files")
    found = {}
    for end in ("dense", "logits"):
        path = small.saved(small.flat_model((12, 12, 3), end=end), base, f"{end}.keras")
        for mode in ("", "int8"):
            out = base / f"{end}-{mode or 'float32'}"
            # Declared as probabilities the file ends where the model does.
            case.make(
                path,
                out,
                case.child(mode, architecture=""),
                output="probabilities" if end == "dense" else "logits",
            )
            found[f"{end}-{mode or 'float32'}"] = out / "model.tflite"
    return found


def test_the_protocol(files: dict[str, Path]) -> None:
    opened = open_model(files["dense-int8"], n_classes=3, input_shape=(12, 12, 3))
    assert isinstance(opened, Classifier)
    assert isinstance(opened, DifferentiableClassifier)
    assert opened.method_suffix == "-hybrid"  # its gradients are those of a head that was rebuilt
    summary = opened.summary
    assert (summary.input_shape, summary.n_classes, summary.trainable_parameters) == ((12, 12, 3), 3, 0)
    assert summary.size_bytes == files["dense-int8"].stat().st_size
    assert summary.parameters == sum(row[3] for row in summary.layers) > 500


@pytest.mark.parametrize("kind", ["dense-float32", "dense-int8"])
def test_batches_of_any_size_give_the_same(files: dict[str, Path], kind: str) -> None:
    opened = open_model(files[kind])
    images = case.data().test.images
    whole = opened.predict(images)
    assert whole.dtype == np.float32
    if kind == "dense-int8":
        within = np.full(len(images), allowed(4))  # sums of integers are exact; then each row is normalised
    else:
        model = small.flat_model((12, 12, 3))
        within = spread(lambda: model(images.astype(np.float32), training=False), model)
    for batch_size in (1, 7, 60, 999):
        assert_same(opened.predict(images, batch_size=batch_size), whole, within)
    assert_same(opened.predict(images[:3]), whole[:3], within[:3])
    assert opened.predict(images[:0]).shape == (0, 3)


def test_threads_do_not_change_the_answers(files: dict[str, Path]) -> None:
    images = case.data().test.images
    one, two = (
        TFLiteClassifier(files["dense-int8"], 1.0, 0.0, "probabilities", threads).predict(images)
        for threads in (1, 2)
    )
    assert (one == two).all()


def test_wrong_images_are_refused(files: dict[str, Path]) -> None:
    opened = open_model(files["dense-int8"])
    for images in (np.zeros((2, 12, 12, 3), np.float32), np.zeros((2, 9, 12, 3), np.uint8)):
        with pytest.raises(ModelError, match=r"uint8 images of shape \(n, 12, 12, 3\)"):
            opened.predict(images)
    with pytest.raises(ModelError, match="batch size"):
        opened.run(np.zeros((2, 12, 12, 3), np.uint8), 0)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_truncated_files_are_refused(files: dict[str, Path], tmp_path: Path, share: float) -> None:
    content = files["dense-int8"].read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError) as caught:
        open_model(path)
    assert caught.value.where == str(path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tflite").write_text("this is not a flatbuffer at all")
    for name, words in (("text.tflite", "begin otherwise"), ("absent.tflite", "No such file")):
        with pytest.raises(ModelError, match=words):
            open_model(tmp_path / name)


def test_shapes_are_held_against_the_data(files: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match="4 outputs"):
        open_model(files["dense-int8"], n_classes=4)
    with pytest.raises(ModelError, match=r"\(9, 9, 3\)"):
        open_model(files["dense-int8"], input_shape=(9, 9, 3))


def test_probabilities_declared_as_logits_are_refused(files: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match="probabilities"):
        open_model(files["dense-float32"], output="logits")


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (Endpoint("float32", 0.0, 0), np.arange(256) / 255),
        (Endpoint("uint8", 1 / 255, 0), np.arange(256)),
        (Endpoint("int8", 1 / 255, -128), np.arange(256) - 128),
        (Endpoint("int8", 1 / 510, -128), np.minimum(2 * np.arange(256), 255) - 128),
    ],
)
def test_pixels_become_what_the_input_stores(stored: Endpoint, expected: Any) -> None:
    table = module._input_table(stored, 1 / 255, 0.0)
    assert table.dtype == stored.type
    np.testing.assert_allclose(table, expected, rtol=allowed(4))


def test_a_file_for_one_image_at_a_time_is_run_so(files: dict[str, Path], tmp_path: Path) -> None:
    from xaireport.nn.backend import import_keras, import_tensorflow, silence

    keras, tf = import_keras(), import_tensorflow()
    model = small.randomise(small.flat_model((12, 12, 3)))
    function = tf.function(
        lambda x: model(x, training=False), input_signature=[tf.TensorSpec((1, 12, 12, 3))], autograph=False
    )
    with silence(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        frozen = convert_variables_to_constants_v2(function.get_concrete_function())
        content = tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert()
    path = tmp_path / "one.tflite"
    path.write_bytes(content)
    images = case.data().test.images[:5]
    expected = keras.ops.convert_to_numpy(model(images.astype(np.float32), training=False))
    within = spread(lambda: model(images.astype(np.float32), training=False), model)
    assert_same(open_model(path, n_classes=3).predict(images), expected, within)


def test_an_input_that_cuts_off_most_pixels_is_refused() -> None:
    with pytest.raises(ModelError, match="holds most pixel values"):
        module._input_table(Endpoint("uint8", 1 / 255, 0), 1.0, 0.0)


@pytest.mark.parametrize("stored", [Endpoint("int32", 0.5, 0), Endpoint("int64", 0.0, 0)])
def test_other_inputs_are_refused(stored: Endpoint) -> None:
    with pytest.raises(ModelError, match="an input of float32"):
        module._input_table(stored, 1.0, 0.0)


def test_steps_of_probability_sum_to_one_within_rounding() -> None:
    step = 1 / 256
    rows = np.array([[0.5, 0.25, 0.25], [255 / 256, 0, 0], [0.5, 0.25, 0.25 + 2 * step]], np.float32)
    np.testing.assert_allclose(module._normalised(rows, step).sum(axis=1), 1, rtol=allowed(4))
    with pytest.raises(ModelError, match=r"a row off by 0\.0117"):
        module._normalised(np.array([[0.5, 0.25, 0.25 + 3 * step]], np.float32), step)
