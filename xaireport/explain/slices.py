"""A volume as three flat panels: which slices, what they are called, how they stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaireport.types.data import Floats, Pixels

PLANES = ("axial", "coronal", "sagittal")
"""What a slice across the first, second and third axis is called."""


@dataclass(frozen=True)
class Cut:
    """One slice across each axis of a volume, counted from 0."""

    at: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What each panel shows: ``axial 14``."""
        return tuple(f"{plane} {i}" for plane, i in zip(PLANES, self.at, strict=True))

    def panels(self, volume: NDArray[Any]) -> list[NDArray[Any]]:
        """Return the slices of an array whose first three axes are the volume's."""
        return [volume.take(i, axis) for axis, i in enumerate(self.at)]


def through_peak(grid: Floats, shape: Sequence[int]) -> Cut:
    """Cut a volume of ``shape`` through the middle of a map's highest cell; of equals the first.

    Not through the peak of the enlarged map: interpolation lowers every peak but those at the border.
    """
    peak = np.unravel_index(np.argmax(grid), grid.shape)
    return Cut(
        tuple(int((i + 0.5) * size / cells) for i, size, cells in zip(peak, shape, grid.shape, strict=True))
    )


def most_informative(volume: Pixels) -> Cut:
    """Cut a volume, (depth, height, width, channels), where its pixels differ most: by standard deviation."""
    values = volume.astype(np.float32)
    spread = [
        values.std(axis=tuple(other for other in range(values.ndim) if other != axis)) for axis in range(3)
    ]
    return Cut(tuple(int(np.argmax(values)) for values in spread))


def through(volume: Pixels, count: int) -> tuple[int, ...]:
    """Return evenly spaced axial slices, from the first to the last that is not uniform, counted from 0."""
    axes = tuple(range(1, volume.ndim))
    uneven = np.flatnonzero(volume.max(axis=axes) > volume.min(axis=axes))
    first, last = (uneven[0], uneven[-1]) if len(uneven) else (0, len(volume) - 1)
    return tuple(int(i) for i in np.unique(np.rint(np.linspace(first, last, count)).astype(int)))


def rows(panels: list[Pixels], across: int, gap: int = 4) -> Pixels:
    """Set pictures of one size in rows of ``across``, with white gaps; what is left over is white."""
    height, width, _ = panels[0].shape
    down = -(-len(panels) // across)
    sheet = np.full((down * (height + gap) - gap, across * (width + gap) - gap, 3), 255, np.uint8)
    for i, panel in enumerate(panels):
        top, left = i // across * (height + gap), i % across * (width + gap)
        sheet[top : top + height, left : left + width] = panel
    return sheet


def strip(panels: list[Pixels], gap: int = 4) -> Pixels:
    """Set pictures, uint8 (height, width, 3), side by side, centred on black, with white gaps."""
    height = max(panel.shape[0] for panel in panels)
    parts: list[Pixels] = []
    for panel in panels:
        if parts:
            parts.append(np.full((height, gap, 3), 255, np.uint8))
        above = (height - panel.shape[0]) // 2
        below = height - panel.shape[0] - above
        parts.append(np.pad(panel, ((above, below), (0, 0), (0, 0))))
    return np.concatenate(parts, axis=1)
