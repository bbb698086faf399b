"""Data sets: their splits, what is said of them, where they will come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xaireport.errors import DataError
from xaireport.types.notes import Note

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Pixels = NDArray[np.uint8]
    Ints = NDArray[np.int64]
    Strings = NDArray[np.str_]
else:
    Floats = Pixels = Ints = Strings = Any

SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
Source = Literal["real", "phantom"]
DataMode = Literal["auto", "real", "phantom"]


@dataclass(frozen=True)
class Split:
    """One split of a data set.

    Parameters
    ----------
    images : uint8 array, (n, height, width, channels) or (n, depth, height, width, channels)
        Raw pixels, 0–255.
    labels : int64 array, (n,)
        Class indices.
    sample_id : str array, (n,)
        Unique within the data set.
    groups : str array, (n,), optional
        What several images may show in common: the patient, the lesion.
    masks : uint8 array, (n, *spatial), optional
        Where the thing to be seen lies: 0 outside, 255 inside, in between where averaged.
    columns : mapping of str to array (n,)
        Further facts per image (age, sex, body site).
    """

    images: Pixels
    labels: Ints
    sample_id: Strings
    groups: Strings | None = None
    masks: Pixels | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.images)
        for what, array in (
            ("labels", self.labels),
            ("sample_id", self.sample_id),
            ("groups", self.groups),
            ("masks", self.masks),
            *self.columns.items(),
        ):
            if array is not None and len(array) != n:
                raise DataError(f"{n} {what}, one per image", f"{len(array)} {what}")
        if self.masks is not None and self.masks.shape != self.images.shape[:-1]:
            raise DataError(f"masks of shape {self.images.shape[:-1]}", self.masks.shape)

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class DatasetInfo:
    """What the report says about a data set.

    Parameters
    ----------
    name : str
        Its key, such as ``dermamnist``.
    title : str
        Its name for readers.
    source : {"real", "phantom"}
        Phantom data are drawn from a seed; every page says so.
    sha256 : str
        Of the file the pixels came from; for phantom data, of the canonical arrays.
    official : bool or None
        The checksum is the publisher's; None where the publisher gives none.
    classes : tuple of str
        Class names, in the order of the labels.
    task : str
        One line: what is to be told apart, on what.
    license, citation, url, notes
        As printed on the card; empty where unknown.
    """

    name: str
    title: str
    source: Source
    sha256: str
    official: bool | None
    classes: tuple[str, ...]
    task: str = ""
    license: str = ""
    citation: str = ""
    url: str = ""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A data set with its three splits, validated where it is made."""

    info: DatasetInfo
    train: Split
    val: Split
    test: Split

    def split(self, name: SplitName) -> Split:
        """Return the split called ``name``."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image, channels last."""
        return tuple(int(size) for size in self.train.images.shape[1:])


@dataclass(frozen=True)
class Located:
    """Where the data of a study will come from, decided before anything is read.

    Parameters
    ----------
    source : {"real", "phantom"}
        What will be used.
    files : tuple of Path
        The files to read (data first, extras after); empty for phantom data.
    loader : str
        Which loader reads them: "medmnist", "cifar10", "npz", "phantom".
    notice : str
        What the reader is told, where the choice is not the one they might expect.
    """

    source: Source
    files: tuple[Path, ...]
    loader: str
    notice: str = ""
