"""A volume as three flat panels: which slices, what they are called, how they stand side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaireport.types import Floats, Pixels

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


def through_peak(heat: Floats) -> Cut:
    """Cut through the largest value of a map, (depth, height, width); of equals the first."""
    return Cut(tuple(int(i) for i in np.unravel_index(np.argmax(heat), heat.shape)))


def most_informative(volume: Pixels) -> Cut:
    """Cut a volume, (depth, height, width, channels), where its pixels differ most: by standard deviation."""
    values = volume.astype(np.float32)
    spread = [
        values.std(axis=tuple(other for other in range(values.ndim) if other != axis)) for axis in range(3)
    ]
    return Cut(tuple(int(np.argmax(values)) for values in spread))


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
