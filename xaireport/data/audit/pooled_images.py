"""The images of all splits in one row, without copying them together. Compares nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from xaireport.types.data import SPLITS, Dataset, Ints, Pixels, SplitName, Strings

_BLOCK = 1 << 22  # numbers per working array: 16 MiB as float32


@dataclass(frozen=True)
class Pool:
    """A data set as one row of images: train, val, test, in this order.

    Parameters
    ----------
    parts : tuple of uint8 array, (n_split, *spatial, channels)
        The images of each split.
    split : int64 array, (n,)
        Positions in ``SPLITS``.
    sample_id : str array, (n,)
    labels : int64 array, (n,)
    groups : str array, (n,), optional
        None where any split has none.
    """

    parts: tuple[Pixels, ...]
    split: Ints
    sample_id: Strings
    labels: Ints
    groups: Strings | None

    def __len__(self) -> int:
        return len(self.split)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one image, channels last."""
        return tuple(self.parts[0].shape[1:])

    def pixels(self, rows: Ints) -> Pixels:
        """Return the images in these rows, uint8 (n, *spatial, channels), as a copy."""
        out = np.empty((len(rows), *self.shape), np.uint8)
        start = 0
        for code, part in enumerate(self.parts):
            mine = self.split[rows] == code
            out[mine] = part[rows[mine] - start]
            start += len(part)
        return out

    def blocks(self, rows: Ints) -> Iterator[tuple[slice, Pixels]]:
        """Return these rows a few at a time: which of ``rows``, and their images."""
        for part in blocks(len(rows), int(np.prod(self.shape))):
            yield part, self.pixels(rows[part])

    def of_split(self, row: int) -> SplitName:
        """Return the split that a row belongs to."""
        return SPLITS[int(self.split[row])]


def pool(dataset: Dataset) -> Pool:
    """Return all images of a data set in one row."""
    splits = [dataset.split(name) for name in SPLITS]
    groups = [split.groups for split in splits if split.groups is not None]
    return Pool(
        parts=tuple(split.images for split in splits),
        split=np.repeat(np.arange(len(splits)), [len(split) for split in splits]),
        sample_id=np.concatenate([split.sample_id for split in splits]),
        labels=np.concatenate([split.labels for split in splits]),
        groups=np.concatenate(groups) if len(groups) == len(splits) else None,
    )


def blocks(n: int, each: int) -> Iterator[slice]:
    """Cut ``n`` rows of ``each`` numbers into pieces that fit into memory."""
    step = max(1, _BLOCK // each)
    return (slice(start, start + step) for start in range(0, n, step))
