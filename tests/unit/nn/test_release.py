from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import keras_models as small
import numpy as np
import pytest

from xaireport.nn.backend import import_keras
from xaireport.nn.keras.release import save_model


def trained() -> Any:
    """A compiled model whose optimiser has something to remember."""
    model = small.flat_model()
    model.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(small.images(8).astype(np.float32), np.eye(3)[np.arange(8) % 3], verbose=0, shuffle=False)
    return model


def test_a_released_file_is_the_model_without_its_training(tmp_path: Path) -> None:
    keras = import_keras()
    model = trained()
    save_model(model, tmp_path / "model.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]
    again = keras.saving.load_model(tmp_path / "model.keras", compile=True, safe_mode=True)
    x = small.images(5).astype(np.float32)
    np.testing.assert_array_equal(again(x, training=False), model(x, training=False))
    assert getattr(again, "optimizer", None) is None

    full = small.saved(model, tmp_path, "with-optimiser.keras")
    assert _groups(full) >= {"layers", "optimizer"}  # what it would hold otherwise
    assert "optimizer" not in _groups(tmp_path / "model.keras")
    assert not json.loads(_member(tmp_path / "model.keras", "config.json"))["compile_config"]
    assert model.optimizer.iterations.numpy() == 1, "the model in hand is left as it is"


def test_the_same_weights_give_the_same_bytes_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained()
    save_model(model, tmp_path / "one.keras")
    keras = import_keras()
    original = keras.Model.save

    def save_later(self: Any, path: Path) -> None:
        """Save as Keras does, with another date in every place where it writes one."""
        original(self, path)
        with zipfile.ZipFile(path) as source:
            members = {name: source.read(name) for name in reversed(source.namelist())}
        stamped = json.loads(members["metadata.json"])
        assert "date_saved" in stamped
        members["metadata.json"] = json.dumps({**stamped, "date_saved": "2099-01-01@00:00:00"}).encode()
        with zipfile.ZipFile(path, "w") as target:
            for name, data in members.items():
                target.writestr(zipfile.ZipInfo(name, (2099, 1, 1, 0, 0, 0)), data)

    monkeypatch.setattr(keras.Model, "save", save_later)
    save_model(model, tmp_path / "two.keras")
    one, two = ((tmp_path / name).read_bytes() for name in ("one.keras", "two.keras"))
    assert one == two


def test_other_weights_give_other_bytes(tmp_path: Path) -> None:
    model = small.flat_model()
    save_model(model, tmp_path / "one.keras")
    weights = model.get_weights()
    weights[0].flat[0] = np.nextafter(weights[0].flat[0], np.float32(9))
    model.set_weights(weights)
    save_model(model, tmp_path / "two.keras")
    assert (tmp_path / "one.keras").read_bytes() != (tmp_path / "two.keras").read_bytes()


def test_what_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras = import_keras()

    def full_disk(self: Any, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_model(small.flat_model(), tmp_path / "model.keras")
    assert list(tmp_path.iterdir()) == []


def _member(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def _groups(path: Path) -> set[str]:
    import h5py

    with h5py.File(io.BytesIO(_member(path, "model.weights.h5"))) as file:
        return set(file)
