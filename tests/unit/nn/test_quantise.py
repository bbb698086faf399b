"""From a parent to a TFLite file: what is in it, what it answers, what repeats, what is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_models as small
import numpy as np
import pytest
import quantise_case as case
from tolerance import allowed, assert_same, spread
from training_case import split

from xaireport.errors import ModelError
from xaireport.nn import zoo
from xaireport.nn.backend import import_keras
from xaireport.nn.classifier import open_model
from xaireport.nn.keras.release import save_model
from xaireport.nn.tflite.flatbuffer import FLOATS
from xaireport.nn.tflite.quantise import calibration_images, complaint
from xaireport.study_schema import VariantSpec
from xaireport.types.data import Dataset, DatasetInfo
from xaireport.types.device import Quantisation
from xaireport.types.notes import Note

MODES = ("", "float16", "dynamic", "int8", "qat")


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return case.train_parent(tmp_path_factory.mktemp("parent"))


@pytest.fixture(scope="module")
def made(
    parent: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, Quantisation, Any]]:
    """Each mode's file, made once."""
    base = tmp_path_factory.mktemp("files")
    done: dict[str, tuple[Path, Quantisation, Any]] = {}

    def get(mode: str) -> tuple[Path, Quantisation, Any]:
        if mode not in done:
            out = base / (mode or "float32")
            record, training = case.make(
                parent, out, case.child(mode, epochs=2) if mode == "qat" else case.child(mode)
            )
            done[mode] = (out / "model.tflite", record, training)
        return done[mode]

    return get


def accuracy(path: Path) -> float:
    test = case.data().test
    return float((open_model(path).predict(test.images).argmax(axis=1) == test.labels).mean())


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_answers_nearly_as_its_parent(parent: Path, made: Any, mode: str) -> None:
    images = case.data().test.images
    original = open_model(parent)
    before = original.predict(images)
    after = open_model(made(mode)[0], n_classes=3, input_shape=(12, 12, 3)).predict(images)
    assert accuracy(parent) > 0.8
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=allowed(4))
    if mode == "":
        assert_same(after, before, spread(lambda: original.predict(images), original.model))
    else:
        assert (after.argmax(axis=1) == before.argmax(axis=1)).mean() >= 0.9
    assert accuracy(made(mode)[0]) >= accuracy(parent) - 0.1


@pytest.mark.parametrize("mode", ["int8", "qat"])
def test_full_integer_has_no_float_operator(made: Any, mode: str) -> None:
    record = made(mode)[1]
    assert record.file.float_layers == ()
    for one in record.file.operators:
        assert one.activations not in FLOATS
        assert one.weights not in FLOATS
    assert not {each.type for each in record.file.tensors} & set(FLOATS)
    assert record.file.input.type == record.file.output.type == "int8"
    brightest = 255 if mode == "qat" else int(case.data().train.images.max())
    assert brightest < 255 or mode == "qat"
    assert record.file.input.zero_point == -128
    assert record.file.input.scale == pytest.approx(brightest / 255, rel=0.02)
    cut = [note for note in record.notes if note.code == "bright_pixels_cut"]
    assert cut == [Note("bright_pixels_cut", {"top": brightest})] * (mode == "int8")
    assert (record.file.output.scale, record.file.output.zero_point) == (1 / 256, -128)


def test_dynamic_names_the_layers_that_stayed_float_and_why(made: Any) -> None:
    record = made("dynamic")[1]
    assert record.file.input.type == "float32"
    assert record.file.input.scale == 0
    small_ones = {layer.layer: layer.reason for layer in record.file.float_layers}
    assert {"relu1", "logits"} <= small_ones.keys()  # 3 · 3 · 3 · 8 and 72 · 3 weights
    assert "216 weights" in small_ones["relu1"]
    kinds = {(one.operator, one.weights) for one in record.file.operators}
    assert ("FULLY_CONNECTED", "int8") in kinds


@pytest.mark.parametrize("mode", MODES)
def test_the_record_adds_up(made: Any, mode: str) -> None:
    path, record, training = made(mode)
    file = record.file
    assert file.size_bytes == path.stat().st_size
    assert file.sections.weights + file.sections.biases + file.sections.other == file.size_bytes
    assert 0 < file.sections.weights <= sum(each.stored_bytes for each in file.tensors) < file.size_bytes
    assert record.mode == (mode or "float32")
    assert record.seconds > 0
    assert record.converter.startswith("TensorFlow 2.")
    assert record.steps
    assert (record.calibration is None) == (mode not in ("int8", "qat"))
    assert (training is not None) == (mode == "qat")
    assert record.epochs_run == (2 if mode == "qat" else 0)
    assert bool(record.packages) == (mode == "qat")
    assert sum(one.n for one in file.operators) == len(open_model(path).summary.layers)


def test_sizes_are_in_the_order_of_their_bits(made: Any) -> None:
    sizes = {mode: made(mode)[1].file.sections.weights for mode in MODES}
    assert sizes[""] == 2 * sizes["float16"]
    biases = {mode: made(mode)[1].file.sections.biases for mode in ("", "float16")}
    assert biases[""] == 2 * biases["float16"] > 0
    counts = {open_model(made(mode)[0]).summary.parameters for mode in ("", "float16", "int8")}
    assert len(counts) == 1
    assert sizes["int8"] == sizes["qat"] < sizes["dynamic"] < sizes["float16"]
    assert sizes[""] == pytest.approx(4 * sizes["int8"], rel=0.01)


@pytest.mark.parametrize("mode", ["dynamic", "float16", "int8"])
def test_the_same_seed_gives_the_same_bytes(parent: Path, made: Any, tmp_path: Path, mode: str) -> None:
    case.make(parent, tmp_path, case.child(mode))
    assert (tmp_path / "model.tflite").read_bytes() == made(mode)[0].read_bytes()


def test_another_seed_calibrates_on_other_images(parent: Path, made: Any, tmp_path: Path) -> None:
    record, _ = case.make(parent, tmp_path, case.child("int8", calibration_images=5), seed=8)
    other, _ = case.make(parent, tmp_path / "b", case.child("int8", calibration_images=5), seed=9)
    assert record.calibration.sha256 != other.calibration.sha256  # type: ignore[union-attr]
    assert (tmp_path / "model.tflite").read_bytes() != (tmp_path / "b" / "model.tflite").read_bytes()


def test_retraining_changes_the_file(made: Any) -> None:
    path, record, training = made("qat")
    assert path.read_bytes() != made("int8")[0].read_bytes()
    assert record.notes[0] == Note("retrained")
    assert training.best_epoch == 1 + int(np.argmin(training.history["val_loss"]))


def test_a_retraining_repeats_and_one_that_was_killed_goes_on_to_the_same_bytes(
    parent: Path, made: Any, tmp_path: Path
) -> None:
    class Killed(Exception):
        pass

    def kill(epoch: Any) -> None:
        told.append(epoch.number)
        raise Killed

    variant, told = case.child("qat", epochs=2), list[int]()
    path, _, whole = made("qat")
    with pytest.raises(Killed):
        case.make(parent, tmp_path, variant, on_epoch=kill)
    _, resumed = case.make(parent, tmp_path, variant, on_epoch=lambda epoch: told.append(epoch.number))
    assert told == [1, 2]
    assert resumed.history == whole.history
    assert resumed.best_epoch == whole.best_epoch
    assert (tmp_path / "model.tflite").read_bytes() == path.read_bytes()


def test_retraining_heeds_the_time(parent: Path, made: Any, tmp_path: Path) -> None:
    _, training = case.make(parent, tmp_path, case.child("qat", epochs=9), max_minutes=1e-6)
    assert (training.epochs_run, training.stopped_by) == (1, "max_minutes")  # type: ignore[union-attr]
    _, longer = case.make(parent, tmp_path, case.child("qat", epochs=2))  # without the limit it goes on
    assert (longer.epochs_run, longer.stopped_by) == (2, "epochs")  # type: ignore[union-attr]
    assert (tmp_path / "model.tflite").read_bytes() == made("qat")[0].read_bytes()


def test_a_calibration_set_smaller_than_asked_is_said(parent: Path, tmp_path: Path) -> None:
    record, _ = case.make(parent, tmp_path, case.child("int8", calibration_images=200))
    assert record.calibration is not None
    assert (record.calibration.asked, record.calibration.n) == (200, 60)
    assert record.notes[0] == Note("few_to_calibrate", {"n": 60, "asked": 200})
    pixels = case.data().train.images
    assert record.calibration.sha256 == hashlib.sha256(pixels.tobytes()).hexdigest()


def test_calibration_images_are_drawn_once_each() -> None:
    images = np.arange(50, dtype=np.uint8).reshape(50, 1)
    drawn = calibration_images(images, 20, seed=1)[:, 0]
    assert len(set(drawn.tolist())) == 20
    assert np.all(np.diff(drawn.astype(int)) > 0)
    assert (drawn == calibration_images(images, 20, seed=1)[:, 0]).all()
    assert (drawn != calibration_images(images, 20, seed=2)[:, 0]).any()


def any_dataset(shape: tuple[int, ...], n: int = 24) -> Dataset:
    def part(name: str) -> Any:
        plain = split(name, n)
        rng = np.random.default_rng(0)
        return type(plain)(rng.integers(0, 256, (n, *shape), np.uint8), plain.labels, plain.sample_id)

    info = DatasetInfo("noise", "Noise", "phantom", "0" * 64, None, ("a", "b", "c"))
    return Dataset(info, part("train"), part("val"), part("test"))


SMALL: dict[str, tuple[tuple[int, ...], dict[str, Any]]] = {
    "resnet": ((16, 16, 3), {"filters": [4, 8], "blocks": 1}),
    "vgg19": ((28, 28, 1), {"cut": "block1_pool", "weights": "random"}),
    "cnn3d": ((12, 12, 12, 1), {"filters": [4, 4], "dense": [8], "dense_dropout": [0.0]}),
}


def fresh(name: str, folder: Path) -> tuple[Path, VariantSpec, Dataset]:
    """A model of an architecture, its weights drawn at random."""
    shape, options = SMALL[name]
    keras = import_keras()
    keras.utils.set_random_seed(1)
    built = {key: value for key, value in options.items() if key != "weights"}
    folder.mkdir(parents=True, exist_ok=True)
    save_model(zoo.build(name, keras, shape, 3, built), folder / "model.keras")
    variant = VariantSpec(name="x", architecture=name, options=options)
    return folder / "model.keras", variant, any_dataset(shape)


@pytest.mark.parametrize("name", ["resnet", "vgg19"])
@pytest.mark.parametrize("mode", ["dynamic", "int8", "qat"])
def test_other_architectures_are_quantised(tmp_path: Path, name: str, mode: str) -> None:
    path, variant, data = fresh(name, tmp_path)
    settings = case.child(mode, epochs=1).quantise
    record, _ = case.make(path, tmp_path, variant.model_copy(update={"quantise": settings}), data=data)
    assert open_model(tmp_path / "model.tflite", n_classes=3).predict(data.test.images).shape == (24, 3)
    if mode != "dynamic":
        assert record.file.float_layers == ()


@pytest.mark.parametrize(
    ("mode", "expected", "received"),
    [
        ("dynamic", "operators that a TFLite file can hold", "MaxPool3D in layer pool1, pool2"),
        ("qat", "layers that quantisation-aware training knows", "Conv3D in layer conv1"),
    ],
)
def test_volumes_are_refused_by_name(tmp_path: Path, mode: str, expected: str, received: str) -> None:
    path, variant, data = fresh("cnn3d", tmp_path)
    quantised = variant.model_copy(update={"quantise": case.child(mode).quantise})
    with pytest.raises(ModelError) as caught:
        case.make(path, tmp_path / "out", quantised, data=data)
    assert expected in caught.value.expected
    assert caught.value.received == received
    assert len(caught.value.message) < 300
    assert not (tmp_path / "out" / "model.tflite").exists()


@pytest.mark.parametrize("mode", ["", "dynamic", "int8"])
def test_a_brought_model_is_converted_with_its_scaling_and_softmax(tmp_path: Path, mode: str) -> None:
    path = small.saved(small.flat_model((12, 12, 3), end="logits"), tmp_path)
    case.make(path, tmp_path, case.child(mode, architecture=""), pixel_scale="0-1", output="logits")
    images = case.data().test.images
    original = open_model(path, pixel_scale="0-1", output="logits")
    before = original.predict(images)
    after = open_model(tmp_path / "model.tflite").predict(images)
    if mode == "":
        assert_same(after, before, spread(lambda: original.predict(images), original.model))
    else:
        np.testing.assert_allclose(after, before, atol=0.1)


def test_a_parent_with_one_output_gets_two_classes(tmp_path: Path) -> None:
    keras = import_keras()
    layers = [keras.Input((12, 12, 3)), keras.layers.Flatten(), keras.layers.Dense(1, activation="sigmoid")]
    path = small.saved(small.randomise(keras.Sequential(layers)), tmp_path)
    data = case.data()
    info = DatasetInfo("two", "Two", "phantom", "0" * 64, None, ("no", "yes"))
    two = Dataset(info, data.train, data.val, data.test)
    case.make(path, tmp_path, case.child("", architecture=""), pixel_scale="0-1", data=two)
    original = open_model(path, pixel_scale="0-1")
    before = original.predict(data.test.images)
    within = spread(lambda: original.predict(data.test.images), original.model)
    assert_same(open_model(tmp_path / "model.tflite").predict(data.test.images), before, within)


def test_weights_of_another_model_are_refused(tmp_path: Path, parent: Path) -> None:
    options = {**case.PARENT.options, "dense": [9]}
    with pytest.raises(ModelError, match="weights of other shapes"):
        case.make(parent, tmp_path, case.child("dynamic").model_copy(update={"options": options}))


def test_a_tflite_file_is_no_parent(tmp_path: Path, made: Any) -> None:
    with pytest.raises(ModelError, match="quantised already"):
        case.make(made("dynamic")[0], tmp_path, case.child("int8"))


def test_what_the_converter_says_is_shortened() -> None:
    assert complaint("") == "nothing was said"
    assert complaint("a\nlast line") == "last line"
    text = "error: no\nTF Select ops: Tan, Erfinv\nDetails: …"
    assert complaint(text) == "Erfinv, Tan"
    assert complaint(text, [("a", "Tan"), ("b", "Relu"), ("c", "Erfinv")]) == "Erfinv, Tan in layer a, c"


def test_one_dense_layer_against_numpy(tmp_path: Path) -> None:
    """Work out the answers of one Dense layer from the file's own integers (Jacob et al. 2018, eq. 4)."""
    from xaireport.nn.tflite.interpreter import open_interpreter

    keras = import_keras()
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    model = small.randomise(keras.Sequential(layers))
    path = small.saved(model, tmp_path)
    data = any_dataset((6, 6, 1), n=60)
    case.make(path, tmp_path, case.child("int8", architecture=""), pixel_scale="0-1", data=data)
    content = (tmp_path / "model.tflite").read_bytes()
    interpreter = open_interpreter(content, 1)
    details = {each["index"]: each for each in interpreter.get_tensor_details()}
    (dense,) = (op for op in interpreter._get_ops_details() if op["op_name"] == "FULLY_CONNECTED")
    given, kernel, bias = (details[i] for i in dense["inputs"][:3])
    (result,) = (details[i] for i in dense["outputs"])

    def scale(each: Any) -> Any:
        return each["quantization_parameters"]["scales"].astype(np.float64)

    def zero(each: Any) -> int:
        return int(each["quantization_parameters"]["zero_points"][0])

    pixels = data.test.images.reshape(60, -1).astype(np.float64)
    first = interpreter.get_input_details()[0]
    stored = np.clip(np.rint(pixels / scale(first)) + zero(first), -128, 127)
    # Between input and Dense the file rescales (pixel scale 0-1); the same integers with another scale.
    real = (stored - zero(first)) * scale(first) / 255
    x = np.clip(np.rint(real / scale(given)) + zero(given), -128, 127)
    weights = interpreter.get_tensor(kernel["index"]).astype(np.float64)
    total = (x - zero(given)) @ weights.T + interpreter.get_tensor(bias["index"])
    logits = np.rint(total * scale(given) * scale(kernel) / scale(result)) + zero(result)
    logits = (np.clip(logits, -128, 127) - zero(result)) * scale(result)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = odds / odds.sum(axis=1, keepdims=True)
    found = open_model(tmp_path / "model.tflite").run(data.test.images)
    assert np.ptp(expected, axis=0).max() > 0.2  # the images do tell apart
    np.testing.assert_allclose(found, expected, atol=1.5 / 256)
