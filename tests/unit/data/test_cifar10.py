from __future__ import annotations

import io
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from xaireport.data.sources.cifar10 import read_cifar10, stratified
from xaireport.errors import DataError

PER_CLASS, N_TEST = 20, 30


def make() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    n = 10 * PER_CLASS
    return {
        "x_train": rng.integers(0, 256, (n, 32, 32, 3), np.uint8),
        "y_train": rng.permutation(np.repeat(np.arange(10), PER_CLASS)).reshape(n, 1).astype(np.uint8),
        "x_test": rng.integers(0, 256, (N_TEST, 32, 32, 3), np.uint8),
        "y_test": np.tile(np.arange(10, dtype=np.uint8), 3).reshape(-1, 1),
    }


def write_archive(path: Path, data: dict[str, np.ndarray], prefix: str = "cifar-10-batches-bin/") -> Path:
    """As its publisher describes it: label byte, then 1,024 red, 1,024 green, 1,024 blue, row by row."""

    def records(images: np.ndarray, labels: np.ndarray) -> bytes:
        out = b""
        for image, label in zip(images, labels.ravel(), strict=True):
            out += bytes([label]) + b"".join(image[:, :, c].tobytes() for c in range(3))
        return out

    parts = {"test_batch.bin": (data["x_test"], data["y_test"])}
    for i, rows in enumerate(np.array_split(np.arange(len(data["x_train"])), 5), start=1):
        parts[f"data_batch_{i}.bin"] = (data["x_train"][rows], data["y_train"][rows])
    with tarfile.open(path, "w:gz") as archive:
        for name, (images, labels) in parts.items():
            raw = records(images, labels)
            member = tarfile.TarInfo(prefix + name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return path


def write_npz(path: Path, data: dict[str, np.ndarray]) -> Path:
    np.savez(path, **data)
    return path


def test_both_layouts_give_the_same_splits(tmp_path: Path) -> None:
    data = make()
    one = read_cifar10(write_npz(tmp_path / "cifar10.npz", data), 3)
    other = read_cifar10(write_archive(tmp_path / "cifar-10-binary.tar.gz", data), 3)
    for name in ("train", "val", "test"):
        for what in ("images", "labels", "rows"):
            np.testing.assert_array_equal(getattr(one[name], what), getattr(other[name], what))
    np.testing.assert_array_equal(other["test"].images, data["x_test"])


def test_validation_is_a_tenth_of_each_class_and_the_rest_is_training(tmp_path: Path) -> None:
    data = make()
    parts = read_cifar10(write_npz(tmp_path / "cifar10.npz", data), 0)
    assert np.bincount(parts["val"].labels).tolist() == [PER_CLASS // 10] * 10
    rows = np.concatenate([parts["train"].rows, parts["val"].rows])
    assert sorted(rows) == list(range(10 * PER_CLASS))
    np.testing.assert_array_equal(parts["val"].images, data["x_train"][parts["val"].rows])
    np.testing.assert_array_equal(parts["val"].labels, data["y_train"][parts["val"].rows, 0])


def test_the_seed_draws_the_validation_images() -> None:
    labels = np.repeat(np.arange(10), 50)
    np.testing.assert_array_equal(stratified(labels, 0.1, 1), stratified(labels, 0.1, 1))
    assert not np.array_equal(stratified(labels, 0.1, 1), stratified(labels, 0.1, 2))


def test_a_class_is_never_used_up() -> None:
    labels = np.array([0, 0, 0, 1, 2, 2])
    assert np.bincount(labels[stratified(labels, 0.1, 0)], minlength=3).tolist() == [1, 0, 1]


def test_the_pickled_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cifar-10-python.tar.gz"
    raw = pickle.dumps({b"data": [1]})
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
        member.size = len(raw)
        archive.addfile(member, io.BytesIO(raw))
    with pytest.raises(DataError, match=r"cifar-10-binary\.tar\.gz; the Python version is a pickle"):
        read_cifar10(path, 0)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "cifar-10-binary.tar.gz", make())
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(DataError, match="complete archive"):
        read_cifar10(path, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": None}, "missing: x_train"),
        ({"x_test": np.zeros((3, 28, 28, 3), np.uint8)}, "32×32×3"),
        ({"x_test": np.zeros((3, 32, 32, 3), np.float32)}, "uint8"),
        ({"y_test": np.full((N_TEST, 1), 10)}, "labels from 0 to 9"),
        ({"y_test": np.zeros((N_TEST - 1, 1), int)}, "one per image"),
    ],
)
def test_other_arrays_are_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    data = {k: v for k, v in (make() | change).items() if v is not None}
    with pytest.raises(DataError, match=message):
        read_cifar10(write_npz(tmp_path / "cifar10.npz", data), 0)
