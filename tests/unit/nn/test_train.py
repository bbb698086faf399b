from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import training_case as case
from sklearn.metrics import accuracy_score, log_loss
from tolerance import allowed, spread

from xaireport.errors import ConfigError, ModelError
from xaireport.nn import checkpoint, zoo
from xaireport.nn.backend import import_keras
from xaireport.study_schema import AugmentSettings, TrainSettings, VariantSpec
from xaireport.types.data import Split
from xaireport.types.models import TrainingRecord
from xaireport.types.notes import Note

VGG = VariantSpec(
    name="transfer",
    architecture="vgg19",
    options={"weights": "random", "cut": "block2_conv1", "resize": 16, "dense": [8]},
    train=TrainSettings(epochs=3, batch_size=16, early_stopping=3),
)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingRecord]:
    out = tmp_path_factory.mktemp("undisturbed")
    record = case.run(out)
    return out, record


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainingRecord]:
    out = tmp_path_factory.mktemp("plain")
    record = case.run(out, case.PLAIN)
    return out, record


def told(record: TrainingRecord) -> TrainingRecord:
    """What must be the same in two trainings: all but the time."""
    return replace(record, seconds=0.0)


def load(out: Path) -> Any:
    return import_keras().saving.load_model(out / "model.keras", compile=True, safe_mode=True)


def assert_loss(model: Any, split: Split, expected: float) -> None:
    """The cross-entropy of the released model is the one that the training wrote down, but for rounding."""
    x = split.images.astype(np.float32)

    def surprise() -> Any:
        y_prob = model(x, training=False).numpy()
        return -np.log(y_prob[np.arange(len(x)), split.labels])[:, None]

    within = spread(surprise, model).mean() + allowed(len(x), expected)
    assert within < 1e-2 * expected
    y_prob = model(x, training=False).numpy()
    assert log_loss(split.labels, y_prob, labels=[0, 1, 2]) == pytest.approx(expected, abs=within)


def test_the_undisturbed_training_uses_all_there_is_to_restore(
    undisturbed: tuple[Path, TrainingRecord],
) -> None:
    _, record = undisturbed
    rates = record.history["learning_rate"]
    assert rates[0] == pytest.approx(case.EVERYTHING.train.learning_rate)  # nothing is reduced before it ran
    assert record.stopped_by == "early_stopping"
    assert 4 <= record.epochs_run < case.EVERYTHING.train.epochs
    assert rates[-1] < 0.5 * case.EVERYTHING.train.learning_rate
    assert {len(values) for values in record.history.values()} == {record.epochs_run}
    assert set(record.history) == {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}


def test_a_killed_process_is_resumed_to_the_same_bytes(
    undisturbed: tuple[Path, TrainingRecord], tmp_path: Path
) -> None:
    command = [sys.executable, "-W", "ignore", case.__file__, str(tmp_path), "2"]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    state = checkpoint.load(tmp_path / "checkpoints")
    assert state is not None
    assert state.epochs_run == 2
    assert not (tmp_path / "model.keras").exists()
    record = case.run(tmp_path)
    assert told(record) == told(undisturbed[1])
    assert case.digest(tmp_path) == case.digest(undisturbed[0])


@pytest.mark.parametrize("stops", [(1,), (3, 4), (-1,)], ids=["first", "twice", "last"])
def test_stopped_in_any_epoch_and_resumed(
    undisturbed: tuple[Path, TrainingRecord], tmp_path: Path, stops: tuple[int, ...]
) -> None:
    reference, expected = undisturbed
    for stop in stops:
        with pytest.raises(case.Stopped):
            case.run(tmp_path, stop_in=(stop if stop > 0 else expected.epochs_run,))
    record = case.run(tmp_path)
    assert told(record) == told(expected)
    assert case.digest(tmp_path) == case.digest(reference)


def test_the_best_epoch_is_released_and_takes_raw_pixels(undisturbed: tuple[Path, TrainingRecord]) -> None:
    out, record = undisturbed
    losses = record.history["val_loss"]
    val = case.dataset().val
    y_prob = load(out)(val.images.astype(np.float32), training=False).numpy()
    assert record.best_epoch == int(np.argmin(losses)) + 1 < record.epochs_run
    assert_loss(load(out), val, min(losses))
    right = record.history["val_accuracy"][record.best_epoch - 1]
    assert accuracy_score(val.labels, y_prob.argmax(1)) == pytest.approx(right, abs=allowed(len(val.labels)))


def test_without_early_stopping_the_last_epoch_is_released(plain: tuple[Path, TrainingRecord]) -> None:
    out, record = plain
    assert (record.epochs_run, record.best_epoch, record.stopped_by) == (2, 2, "epochs")
    assert_loss(load(out), case.dataset().val, record.history["val_loss"][-1])


def test_the_seed_alone_decides(plain: tuple[Path, TrainingRecord], tmp_path: Path) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    case.run(again, case.PLAIN)
    case.run(other, case.PLAIN, seed=case.SEED + 1)
    assert case.digest(again) == case.digest(plain[0])
    assert case.digest(other) != case.digest(plain[0])


def test_a_time_budget_stops_cleanly_and_a_larger_one_goes_on(
    plain: tuple[Path, TrainingRecord], tmp_path: Path
) -> None:
    first = case.run(tmp_path, case.PLAIN, max_minutes=1e-9)
    assert (first.epochs_run, first.stopped_by) == (1, "max_minutes")
    assert (tmp_path / "model.keras").is_file()
    unfinished = case.digest(tmp_path)
    spent = case.run(tmp_path, case.PLAIN, max_minutes=1e-9)
    assert (spent.epochs_run, spent.stopped_by) == (1, "max_minutes")
    assert case.digest(tmp_path) == unfinished
    whole = case.run(tmp_path, case.PLAIN, max_minutes=60)
    assert whole.seconds > first.seconds > 0
    assert told(whole) == told(plain[1])
    assert case.digest(tmp_path) == case.digest(plain[0]) != unfinished


# np.load does not close a file that proves to be no archive; the garbage collector does.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_damaged_checkpoint_means_a_fresh_start(plain: tuple[Path, TrainingRecord], tmp_path: Path) -> None:
    with pytest.raises(case.Stopped):
        case.run(tmp_path, case.PLAIN, stop_in=(1,))
    file = tmp_path / "checkpoints" / "epoch.npz"
    file.write_bytes(file.read_bytes()[:-50])
    case.run(tmp_path, case.PLAIN)
    assert case.digest(tmp_path) == case.digest(plain[0])


def test_the_released_file_holds_no_optimiser(plain: tuple[Path, TrainingRecord]) -> None:
    model = load(plain[0])
    assert getattr(model, "optimizer", None) is None
    assert not any("adam" in weight.path for weight in model.weights)


def test_a_loss_that_is_no_number_is_an_error_and_leaves_no_model(tmp_path: Path) -> None:
    wild = TrainSettings(epochs=2, batch_size=16, optimizer="sgd", learning_rate=1e30)
    with pytest.raises(ModelError, match=r"a finite (val_)?loss.*(nan|inf).*learning_rate"):
        case.run(tmp_path, case.PLAIN.model_copy(update={"train": wild}))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoints"]


def test_class_weights_change_what_is_learnt(plain: tuple[Path, TrainingRecord], tmp_path: Path) -> None:
    weighted = case.PLAIN.train.model_copy(update={"class_weight": True})
    case.run(tmp_path, case.PLAIN.model_copy(update={"train": weighted}))
    assert case.digest(tmp_path) != case.digest(plain[0])


def test_warm_up_and_cosine_follow_the_steps_and_resume(tmp_path: Path) -> None:
    settings = TrainSettings(
        epochs=3, batch_size=16, learning_rate=0.01, schedule="cosine", warmup_epochs=1, optimizer="sgd"
    )
    variant = case.PLAIN.model_copy(update={"train": settings})
    whole = case.run(tmp_path / "whole", variant)
    rates = whole.history["learning_rate"]
    assert rates == pytest.approx([0.0, 0.01, 0.005], abs=1e-6)  # at the start of each epoch
    with pytest.raises(case.Stopped):
        case.run(tmp_path / "killed", variant, stop_in=(1,))
    assert told(case.run(tmp_path / "killed", variant)) == told(whole)
    assert case.digest(tmp_path / "killed") == case.digest(tmp_path / "whole")


def initial(variant: VariantSpec) -> Any:
    keras = import_keras()
    keras.utils.set_random_seed(case.SEED)
    return zoo.build("vgg19", keras, (12, 12, 3), 3, variant.options)


@pytest.mark.parametrize("augment", [AugmentSettings(), AugmentSettings(horizontal_flip=True)])
def test_a_frozen_trunk_stays_and_its_head_fits_the_images(tmp_path: Path, augment: AugmentSettings) -> None:
    """With augmentation the whole model is trained, without it the head alone, on stored features."""
    record = case.run(tmp_path, VGG.model_copy(update={"augment": augment}))
    assert record.notes == (Note("random_trunk"),)
    model, before = load(tmp_path), initial(VGG)
    for layer in before.layers:
        now = model.get_layer(layer.name).get_weights()
        same = [np.array_equal(a, b) for a, b in zip(layer.get_weights(), now, strict=True)]
        assert all(same) if layer.name.startswith("block") else not same or not all(same), layer.name
    assert all(not layer.trainable for layer in model.layers if layer.name.startswith("block"))
    assert_loss(model, case.dataset().val, record.history["val_loss"][record.best_epoch - 1])


def test_a_frozen_training_is_resumed(tmp_path: Path) -> None:
    whole = case.run(tmp_path / "whole", VGG)
    with pytest.raises(case.Stopped):
        case.run(tmp_path / "killed", VGG, stop_in=(2,))
    assert told(case.run(tmp_path / "killed", VGG)) == told(whole)
    assert case.digest(tmp_path / "killed") == case.digest(tmp_path / "whole")


def test_volumes_need_a_model_for_volumes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="3 spatial axes"):
        case.run(tmp_path, case.PLAIN.model_copy(update={"architecture": "cnn3d", "options": {}}))
    assert not (tmp_path / "model.keras").exists()


def test_the_test_split_is_not_touched(plain: tuple[Path, TrainingRecord], tmp_path: Path) -> None:
    data = case.dataset()
    broken = replace(data, test=case.split("else", 3, wrong=1.0))
    case.run(tmp_path, case.PLAIN, data=broken)
    assert case.digest(tmp_path) == case.digest(plain[0])
