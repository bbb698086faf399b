"""CIFAR-10 from ``cifar10.npz`` or the official binary archive. Finds and downloads nothing.

The official archive comes in three versions. The one for Python is a pickle, which could run code, so the
binary version, ``cifar-10-binary.tar.gz``, is the one read: the same pixels, in records of
one label byte and 3,072 pixel bytes.

References
----------
Krizhevsky, A. (2009). Learning Multiple Layers of Features from Tiny Images.
https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path

import numpy as np

from xaireport.data.layout import Part, images_of, labels_of
from xaireport.data.sources.npz import Npz
from xaireport.errors import DataError
from xaireport.types.data import Ints, Pixels, SplitName

Pair = tuple[Pixels, Ints]

N_CLASSES = 10
VALIDATION_SHARE = 0.1
_SIDE = 32
_RECORD = 1 + 3 * _SIDE * _SIDE
_TRAIN_FILES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
_TEST_FILES = ("test_batch.bin",)


def read_cifar10(path: Path, seed: int) -> dict[SplitName, Part]:
    """Return the three splits; 10 % of the training images, stratified by class, become the validation split.

    Parameters
    ----------
    path : Path
        ``.npz`` with ``x_train, y_train, x_test, y_test``, or the official binary ``.tar.gz``.
    seed : int
        Draws the validation images.

    Raises
    ------
    DataError
        If the file is damaged, or its arrays are not CIFAR-10's.
    """
    arrays = _from_npz(path) if path.suffix == ".npz" else _from_archive(path)
    (images, labels), (test_images, test_labels) = arrays
    rows = stratified(labels, VALIDATION_SHARE, seed)
    rest = np.setdiff1d(np.arange(len(labels)), rows, assume_unique=True)
    return {
        "train": Part(images[rest], labels[rest], "train", rest, len(labels)),
        "val": Part(images[rows], labels[rows], "train", rows, len(labels)),
        "test": Part(test_images, test_labels, "test", np.arange(len(test_labels)), len(test_labels)),
    }


def stratified(labels: Ints, share: float, seed: int) -> Ints:
    """Return sorted rows: of each class the given share, rounded, and at least one, drawn with ``seed``.

    A class with a single image gives none.
    """
    rng = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        n = min(max(1, round(share * len(rows))), len(rows) - 1)
        chosen.append(rng.permutation(rows)[:n])
    return np.sort(np.concatenate(chosen))


def _from_npz(path: Path) -> tuple[Pair, Pair]:
    with Npz(path) as file:
        missing = [n for n in ("x_train", "y_train", "x_test", "y_test") if n not in file.names]
        if missing:
            raise DataError(
                "arrays x_train, y_train, x_test, y_test",
                f"{', '.join(file.names) or 'no arrays'}; missing: {', '.join(missing)}",
                where=str(path),
            )
        return _pair(file, "train"), _pair(file, "test")


def _pair(file: Npz, split: str) -> Pair:
    images = images_of(file.read(f"x_{split}"), 2, 3, f"{file.path}: x_{split}")
    if images.shape[1:] != (_SIDE, _SIDE, 3):
        raise DataError("images of 32×32×3", images.shape[1:], "", f"{file.path}: x_{split}")
    return images, labels_of(file.read(f"y_{split}"), len(images), N_CLASSES, f"{file.path}: y_{split}")


def _from_archive(path: Path) -> tuple[Pair, Pair]:
    try:
        with tarfile.open(path, "r:gz") as archive:
            members = {Path(m.name).name: m for m in archive.getmembers() if m.isfile()}
            missing = [n for n in (*_TRAIN_FILES, *_TEST_FILES) if n not in members]
            if missing:
                raise DataError(
                    "the binary version of CIFAR-10 (data_batch_1.bin …)",
                    f"an archive without {missing[0]}",
                    "Take cifar-10-binary.tar.gz; the Python version is a pickle and is not read.",
                    str(path),
                )
            read = {n: _member(archive, members[n]) for n in (*_TRAIN_FILES, *_TEST_FILES)}
    except (tarfile.TarError, EOFError, OSError, zlib.error) as problem:
        raise DataError(
            "a complete archive of CIFAR-10",
            f"{type(problem).__name__}: {problem}",
            "Fetch it again.",
            str(path),
        ) from problem
    return (
        _decode(b"".join(read[n] for n in _TRAIN_FILES), path),
        _decode(b"".join(read[n] for n in _TEST_FILES), path),
    )


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream is not None else b""


def _decode(raw: bytes, path: Path) -> Pair:
    if not raw or len(raw) % _RECORD:
        raise DataError(f"records of {_RECORD} bytes", f"{len(raw)} bytes", "Fetch it again.", str(path))
    records = np.frombuffer(raw, np.uint8).reshape(-1, _RECORD)
    planes = records[:, 1:].reshape(-1, 3, _SIDE, _SIDE)
    images = np.ascontiguousarray(planes.transpose(0, 2, 3, 1))
    return images, labels_of(records[:, 0], len(images), N_CLASSES, str(path))
