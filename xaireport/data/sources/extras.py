"""What is known of each image besides its label: read from ``<name>_extras.npz`` and checked. Finds no file.

The arrays are called ``<split>_<name>``; which of them are the groups, the masks and the columns stands in
the study.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaireport.data.layout import Part
from xaireport.data.sources.npz import Npz
from xaireport.errors import DataError
from xaireport.study_schema import DataSpec
from xaireport.types.data import Pixels, Split, SplitName, Strings

IMAGE_ID = "image_id"
UNKNOWN, KNOWN = "image:", "group:"


def plain_split(name: SplitName, part: Part) -> Split:
    """Return the split of a data set that has no extras; images are called ``<split>-<row in the file>``."""
    return Split(part.images, part.labels, _numbered(name, part))


def split_with_extras(name: SplitName, part: Part, extras: Npz, study: DataSpec) -> Split:
    """Return the split with the groups, masks and columns that the study names.

    Parameters
    ----------
    name : {"train", "val", "test"}
        Which one.
    part : Part
        Its images and labels.
    extras : Npz
        The open extras file. Its ``<split>_image_id``, where there is one, names the images.
    study : DataSpec
        Says which array is what.

    Raises
    ------
    DataError
        If an array that the study names is absent, or does not fit the images.
    """

    def read(what: str) -> NDArray[Any]:
        key = f"{part.origin}_{what}"
        if key not in extras.names:
            known = ", ".join(sorted(_known(extras.names))) or "nothing"
            raise DataError(
                f"an array {key!r} in the extras",
                f"a file with {known}",
                "Mend groups, masks or columns in the study file.",
                str(extras.path),
            )
        array = extras.read(key)
        n = len(array) if array.ndim else 0
        if n != part.total:
            raise DataError(f"{part.total} entries in {key!r}, one per image", n, "", str(extras.path))
        return array[part.rows]

    def where(what: str) -> str:
        return f"{extras.path}: {part.origin}_{what}"

    has_id = f"{part.origin}_{IMAGE_ID}" in extras.names
    sample_id = _text(read(IMAGE_ID), where(IMAGE_ID)) if has_id else _numbered(name, part)
    return Split(
        images=part.images,
        labels=part.labels,
        sample_id=sample_id,
        groups=_groups(read(study.groups), sample_id, where(study.groups)) if study.groups else None,
        masks=_masks(read(study.masks), part.images, where(study.masks)) if study.masks else None,
        columns={column: _column(read(column), where(column)) for column in study.columns},
    )


def _numbered(name: SplitName, part: Part) -> Strings:
    return np.char.add(f"{name}-", part.rows.astype(str))


def _known(names: Iterable[str]) -> set[str]:
    return {name.partition("_")[2] or name for name in names}


def _column(array: NDArray[Any], where: str) -> NDArray[Any]:
    if array.ndim != 1 or array.dtype.kind not in "biufSU":
        raise DataError("one number or text per image", f"{array.dtype} of shape {array.shape}", "", where)
    return np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array


def _text(array: NDArray[Any], where: str) -> Strings:
    array = _column(array, where)
    if array.dtype.kind == "f":
        known = array[~np.isnan(array)]
        if np.any(known != np.round(known)):
            raise DataError("identifiers: whole numbers or text", array.dtype, "", where)
        whole = np.where(np.isnan(array), 0, array).astype(np.int64).astype(str)
        return np.where(np.isnan(array), "", whole)
    return array.astype(str)


def _groups(array: NDArray[Any], sample_id: Strings, where: str) -> Strings:
    """An image whose group is not known is a group of its own: it must not be tied to other unknown ones."""
    groups = _text(array, where)
    unknown = np.isin(groups, ("", "nan", "None", "unknown"))
    # Nor to a group that is called as the image is: a known group never begins as these do.
    shadowing = np.char.startswith(groups, UNKNOWN) | np.char.startswith(groups, KNOWN)
    known = np.where(shadowing, np.char.add(KNOWN, groups), groups)
    return np.where(unknown, np.char.add(UNKNOWN, sample_id), known)


def _masks(array: NDArray[Any], images: Pixels, where: str) -> Pixels:
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype != np.uint8:
        raise DataError("masks of dtype uint8 (0–255) or bool", array.dtype, "", where)
    if array.shape != images.shape[:-1]:
        raise DataError(f"masks of shape {images.shape[:-1]}", array.shape, "", where)
    if array.max() == 1:
        raise DataError(
            "masks from 0 to 255", "a maximum of 1", "Multiply by 255, or store them as bool.", where
        )
    return array
