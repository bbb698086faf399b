"""Check the arrays of one split and bring them into the one shape that all others rely on. Reads no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import DataError
from xaireport.types.data import Ints, Pixels, SplitName

CHANNELS = (1, 3)


@dataclass(frozen=True)
class Part:
    """One split as it came from the data file, checked, before its extras are added.

    Parameters
    ----------
    images : uint8 array, (n, *spatial, channels)
        Channels last.
    labels : int64 array, (n,)
        Class indices.
    origin : str
        The prefix of this split's arrays in the extras file.
    rows : int64 array, (n,)
        Where each image stands in the arrays of ``origin``.
    total : int
        How long the arrays of ``origin`` are.
    """

    images: Pixels
    labels: Ints
    origin: str
    rows: Ints
    total: int


def images_of(array: NDArray[Any], spatial: int | None, channels: int | None, where: str) -> Pixels:
    """Return images with channels last.

    Parameters
    ----------
    array : uint8 array
        (n, h, w), (n, h, w, channels), (n, d, h, w) or (n, d, h, w, channels). Four axes are read as
        a picture where the last has 1 or 3 entries, else as a volume.
    spatial : {2, 3}, optional
        How many spatial axes the data set is known to have.
    channels : int, optional
        How many channels it is known to have.
    where : str
        File and array, for the error.

    Raises
    ------
    DataError
        If the dtype or the shape is another, or there is no image.
    """
    if array.dtype != np.uint8:
        raise DataError(
            "uint8 images, 0–255", array.dtype, "Store raw pixels; the model rescales them itself.", where
        )
    if array.ndim not in (3, 4, 5):
        raise DataError("images of shape (n, h, w), (n, h, w, c) or (n, d, h, w)", array.shape, "", where)
    if 0 in array.shape:
        raise DataError("at least one image", f"shape {array.shape}", "", where)
    if array.ndim == 3 or (array.ndim == 4 and (spatial == 3 or array.shape[-1] not in CHANNELS)):
        array = array[..., np.newaxis]
    found = array.ndim - 2
    if spatial is not None and found != spatial:
        raise DataError(f"{spatial}D images", f"{found}D images of shape {array.shape[1:]}", "", where)
    expected = CHANNELS if channels is None else (channels,)
    if array.shape[-1] not in expected:
        wanted = " or ".join(map(str, expected))
        raise DataError(f"{wanted} channel(s) in the last axis", f"shape {array.shape}", "", where)
    return array


def labels_of(array: NDArray[Any], n_images: int, n_classes: int, where: str) -> Ints:
    """Return class indices as int64 (n,) from an integer array (n,) or (n, 1).

    Raises
    ------
    DataError
        If they are not integers, not one per image, or outside 0 … n_classes − 1.
    """
    if array.dtype.kind not in "iu":
        raise DataError("integer class indices", array.dtype, "", where)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            "one label per image, shape (n,) or (n, 1)",
            f"shape {array.shape}",
            "Several labels per image (multi-label) are not supported; one-hot labels need an argmax.",
            where,
        )
    if len(array) != n_images:
        raise DataError(f"{n_images} labels, one per image", f"{len(array)} labels", "", where)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= n_classes:
        raise DataError(
            f"labels from 0 to {n_classes - 1} ({n_classes} classes)",
            f"labels from {low} to {high}",
            "List every class, in the order of the labels.",
            where,
        )
    return array.astype(np.int64)


def same_shape(parts: dict[SplitName, Part], where: str) -> None:
    """Refuse splits whose images differ in shape."""
    shapes = {name: part.images.shape[1:] for name, part in parts.items()}
    if len(set(shapes.values())) > 1:
        raise DataError(
            "images of one shape in all splits", ", ".join(f"{k} {v}" for k, v in shapes.items()), "", where
        )
