"""A data set as arrays, names of classes, and words about it: the same data set always gives the same bytes.

Uncompressed, so that opening costs no more than reading. What is written here was validated before; opening
checks only that the files belong together.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaireport.data.sources.npz import Npz
from xaireport.errors import DataError, StoreError
from xaireport.files import replacing
from xaireport.types.artefacts import CLASSES_FILE, DATASET_FILE, INFO_FILE
from xaireport.types.data import SPLITS, Dataset, DatasetInfo, Split, SplitName
from xaireport.types.notes import Note

_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip entry can carry; any fixed one would do


def save(dataset: Dataset, folder: Path) -> None:
    """Write ``dataset.npz``, ``classes.json`` and ``dataset.json`` into ``folder``, each by rename.

    Parameters
    ----------
    dataset : Dataset
        Its arrays are stored as ``<split>_images``, ``_labels``, ``_sample_id``, ``_groups``, ``_masks``,
        ``_column_<name>``, and ``n_classes``: all that a training depends on. The names of the classes are
        in a file of their own, for steps that print them; licence, citation and the like in the last.
    folder : Path
        Made where it does not exist.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    columns = {name: list(dataset.split(name).columns) for name in SPLITS}
    document = {"info": asdict(dataset.info), "columns": columns}
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    try:
        with (
            replacing(folder / DATASET_FILE) as arrays,
            replacing(folder / CLASSES_FILE) as classes,
            replacing(folder / INFO_FILE) as info,
        ):
            _write_npz(dataset, arrays)
            classes.write_text(json.dumps(dataset.info.classes, ensure_ascii=False) + "\n", encoding="utf-8")
            info.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise StoreError("a folder that can be written", problem, where=str(folder)) from problem


def open_dataset(folder: Path) -> Dataset:
    """Return the data set that ``save`` wrote into ``folder``.

    Raises
    ------
    StoreError
        If either file is missing or damaged.
    """
    try:
        document = json.loads((folder / INFO_FILE).read_text(encoding="utf-8"))
        columns: dict[str, list[str]] = document["columns"]
        with Npz(folder / DATASET_FILE) as file:
            splits = {name: _read_split(file, name, columns[name]) for name in SPLITS}
        info = dict(document["info"])
        info["classes"], info["notes"] = tuple(info["classes"]), tuple(Note(**each) for each in info["notes"])
        return Dataset(DatasetInfo(**info), **splits)
    except (OSError, ValueError, KeyError, TypeError, DataError) as problem:
        raise StoreError(
            "a stored data set", problem, "Delete the folder; the next build makes it again.", str(folder)
        ) from problem


def open_classes(file: Path) -> tuple[str, ...]:
    """Return the names of the classes, in the order of the labels.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    try:
        return tuple(map(str, json.loads(file.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError) as problem:
        raise StoreError(
            "stored names of classes", problem, "Delete the file; the next build makes it again.", str(file)
        ) from problem


def digest(splits: dict[SplitName, Split]) -> str:
    """Return the SHA-256 over names, dtypes, shapes and contents of all arrays."""
    sha = hashlib.sha256()
    for name in SPLITS:
        for key, array in _arrays(name, splits[name]):
            plain = _plain(array)
            sha.update(f"{key} {plain.dtype.str} {plain.shape}\n".encode())
            sha.update(plain.data if plain.dtype.kind != "U" else plain.tobytes())
    return sha.hexdigest()


def _arrays(name: str, split: Split) -> Iterator[tuple[str, NDArray[Any]]]:
    yield f"{name}_images", split.images
    yield f"{name}_labels", split.labels
    yield f"{name}_sample_id", split.sample_id
    if split.groups is not None:
        yield f"{name}_groups", split.groups
    if split.masks is not None:
        yield f"{name}_masks", split.masks
    for column, array in split.columns.items():
        yield f"{name}_column_{column}", array


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """C order and little-endian, so that memory layout and machine leave no trace in the bytes."""
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


def _write_npz(dataset: Dataset, path: Path) -> None:
    """Write what ``np.savez`` would, without the time of day that it puts into every entry."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        arrays = [("n_classes", np.array([len(dataset.info.classes)], np.int64))]
        arrays += [each for name in SPLITS for each in _arrays(name, dataset.split(name))]
        for key, array in arrays:
            entry = zipfile.ZipInfo(f"{key}.npy", _LONG_AGO)
            entry.create_system = 3
            with archive.open(entry, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, _plain(array), allow_pickle=False)


def _read_split(file: Npz, name: SplitName, columns: list[str]) -> Split:
    def optional(what: str) -> NDArray[Any] | None:
        key = f"{name}_{what}"
        return file.read(key) if key in file.names else None

    return Split(
        images=file.read(f"{name}_images"),
        labels=file.read(f"{name}_labels"),
        sample_id=file.read(f"{name}_sample_id"),
        groups=optional("groups"),
        masks=optional("masks"),
        columns={column: file.read(f"{name}_column_{column}") for column in columns},
    )
