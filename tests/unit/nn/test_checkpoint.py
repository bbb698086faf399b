from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

from xaireport.nn import checkpoint
from xaireport.nn.checkpoint import TrainingState

FILE = "epoch.npz"
NUMPY_LEAVES_OPEN = "ignore::pytest.PytestUnraisableExceptionWarning"
"""np.load does not close a file that proves to be no archive; the garbage collector does."""


def state(epochs: int = 3) -> TrainingState:
    rng = np.random.default_rng(epochs)
    return TrainingState(
        epochs_run=epochs,
        seconds=1.25,
        stopped_by="max_minutes",
        history={"loss": [0.1, 1 / 3, 1e-300], "learning_rate": [0.001] * 3},
        callbacks={"early_stopping": {"wait": 2, "best": 0.1 + 0.2, "best_epoch": None}},
        weights=[rng.normal(size=(2, i + 1)).astype(np.float32) for i in range(12)],
        optimizer=[np.array(7, np.int64), rng.normal(size=4)],
        best_weights=[rng.normal(size=3).astype(np.float32)],
    )


def assert_same(one: TrainingState, other: TrainingState | None) -> None:
    assert other is not None
    for field in ("epochs_run", "seconds", "stopped_by", "history", "callbacks"):
        assert getattr(one, field) == getattr(other, field)
    for field in ("weights", "optimizer", "best_weights"):
        ours, theirs = getattr(one, field), getattr(other, field)
        assert [a.dtype for a in ours] == [a.dtype for a in theirs]
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_what_is_saved_is_loaded_to_the_last_bit(tmp_path: Path) -> None:
    saved = state()
    before = copy.deepcopy(saved)
    checkpoint.save(saved, tmp_path)
    assert_same(before, checkpoint.load(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_later_epoch_takes_the_place_of_an_earlier(tmp_path: Path) -> None:
    checkpoint.save(state(1), tmp_path)
    checkpoint.save(state(2), tmp_path)
    assert_same(state(2), checkpoint.load(tmp_path))


def test_there_may_be_none(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path) is None


def test_a_kill_while_writing_leaves_the_epoch_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(state(1), tmp_path)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", killed)
        patch.setattr(Path, "unlink", killed)  # nothing is tidied up after a signal that cannot be caught
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save(state(2), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert_same(state(1), checkpoint.load(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.filterwarnings(NUMPY_LEAVES_OPEN)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_file_counts_as_none(tmp_path: Path, share: float) -> None:
    checkpoint.save(state(), tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[: int(share * len(whole))])
    assert checkpoint.load(tmp_path) is None


def test_a_flipped_byte_counts_as_none(tmp_path: Path) -> None:
    checkpoint.save(state(), tmp_path)
    whole = bytearray((tmp_path / FILE).read_bytes())
    at = whole.index(state().weights[3].tobytes())
    whole[at] ^= 1
    (tmp_path / FILE).write_bytes(whole)
    assert checkpoint.load(tmp_path) is None


def test_a_pickle_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / FILE).open("wb") as file:
        np.savez(file, facts=np.array([object()], dtype=object))
    assert checkpoint.load(tmp_path) is None
