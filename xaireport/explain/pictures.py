"""Draw test images and their heatmaps as JPEG layers: the image, the coloured map, both blended.

What is drawn is given; choosing images and making maps is not here. The same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from xaireport.explain import slices
from xaireport.explain.methods.cam import upsample
from xaireport.explain.palette import colour
from xaireport.files import replacing
from xaireport.types.data import Floats, Pixels

SIDE = 160
"""Pixels of a picture's longer side (of each panel's, in 3D)."""

QUALITY = 88
MONTAGE, ACROSS = 8, 4
"""Slices through a volume, and how many stand side by side."""
ALPHA = 0.5
"""Share of the map in the overlay."""


@dataclass(frozen=True)
class Layers:
    """The files of one picture, relative to the folder of ``results.json``; empty where there is none."""

    image: str
    map: str = ""
    overlay: str = ""
    peak: str = ""
    slices: tuple[str, ...] = ()
    montage: str = ""
    montage_slices: tuple[str, ...] = ()


class Painter:
    """Writes pictures into ``out/prefix`` and names them as ``assets/prefix/…``.

    Parameters
    ----------
    out : Path
        An existing folder.
    prefix : str
        The variant's folder within it; made when needed.
    """

    def __init__(self, out: Path, prefix: str) -> None:
        self._folder = out / prefix
        self._address = f"assets/{prefix}"

    def plain(self, sample_id: str, pixels: Pixels) -> Layers:
        """Write an image without a map; a volume by its most informative slices.

        Parameters
        ----------
        sample_id : str
            Names the file.
        pixels : uint8 array, (*spatial, channels)
            Raw pixels, 2D or 3D.
        """
        if pixels.ndim == 3:
            return Layers(self._write(sample_id, "plain", picture(pixels)))
        cut = slices.most_informative(pixels)
        image = slices.strip([picture(panel) for panel in cut.panels(pixels)])
        return Layers(self._write(sample_id, "plain", image), slices=cut.names)

    def explained(self, sample_id: str, pixels: Pixels, grid: Floats) -> Layers:
        """Write image, map and overlay; a volume by the slices through the map's peak, and a montage.

        Parameters
        ----------
        sample_id : str
            Names the files.
        pixels : uint8 array, (*spatial, channels)
            Raw pixels, 2D or 3D.
        grid : float array, (*grid)
            The map, from 0 to 1.
        """
        montage, montage_slices = "", tuple[str, ...]()
        if pixels.ndim == 3:
            image = picture(pixels)
            heat = colour(upsample(grid, image.shape[:2]))
            cut, where = None, place(grid)
        else:
            montage, montage_slices = self._montage(sample_id, pixels, grid)
            cut = slices.through_peak(grid, pixels.shape[:3])
            images = [picture(panel) for panel in cut.panels(pixels)]
            heats = [
                colour(upsample(_plane(grid, axis, cut.at[axis], pixels.shape[axis]), panel.shape[:2]))
                for axis, panel in enumerate(images)
            ]
            image, heat, where = slices.strip(images), slices.strip(heats), ", ".join(cut.names)
        return Layers(
            self._write(sample_id, "image", image),
            self._write(sample_id, "map", heat),
            self._write(sample_id, "overlay", blend(image, heat)),
            where,
            cut.names if cut else (),
            montage,
            montage_slices,
        )

    def _montage(self, sample_id: str, pixels: Pixels, grid: Floats) -> tuple[str, tuple[str, ...]]:
        """Write slices through a whole volume under the map; return the file, and what each slice is."""
        chosen = slices.through(pixels, MONTAGE)
        panels = []
        for at in chosen:
            image = picture(pixels[at])
            heat = colour(upsample(_plane(grid, 0, at, len(pixels)), image.shape[:2]))
            panels.append(blend(image, heat))
        sheet = slices.rows(panels, ACROSS)
        return self._write(sample_id, "montage", sheet), tuple(f"{slices.PLANES[0]} {at}" for at in chosen)

    def _write(self, sample_id: str, layer: str, picture: Pixels) -> str:
        name = f"{safe_name(sample_id)}-{layer}.jpg"
        with replacing(self._folder / name) as part:
            # Full colour resolution: at this size subsampled chroma would smear the map's edges.
            Image.fromarray(picture).save(part, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
        return f"{self._address}/{name}"


def _plane(grid: Floats, axis: int, at: int, size: int) -> Floats:
    """Return a map's own cells in the plane of a voxel: growing the map twice would blunt its peak twice."""
    shape = [size if i == axis else cells for i, cells in enumerate(grid.shape)]
    plane: Floats = np.take(upsample(grid, shape), [at], axis).squeeze(axis)
    return plane


def safe_name(sample_id: str) -> str:
    """Return a file name for any sample: what is readable of it, and a hash that keeps different ones apart.

    Examples
    --------
    >>> safe_name("../Lesion 7")
    'lesion-7-3daa5dd2'
    """
    slug = re.sub(r"[^a-z0-9]+", "-", sample_id.lower()).strip("-")[:40].strip("-")
    digest = hashlib.sha256(sample_id.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug}-{digest}" if slug else digest


def picture(pixels: Pixels) -> Pixels:
    """Return an image as a picture of :data:`SIDE` pixels, uint8 (height, width, 3), interpolated smoothly.

    Parameters
    ----------
    pixels : uint8 array, (height, width, channels)
        Three channels are colours; one is grey; of other counts the mean is shown.
    """
    height, width, channels = pixels.shape
    if channels not in (1, 3):
        pixels = np.rint(pixels.mean(axis=-1, keepdims=True)).astype(np.uint8)
    colours = np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(np.ascontiguousarray(colours)).resize(size, Image.Resampling.BICUBIC))


def blend(image: Pixels, heat: Pixels, alpha: float = ALPHA) -> Pixels:
    """Return ``alpha`` of the coloured map over the image, both uint8 (height, width, 3)."""
    mixed = (1 - alpha) * image.astype(np.float32) + alpha * heat.astype(np.float32)
    return np.rint(mixed).astype(np.uint8)


def place(grid: Floats) -> str:
    """Return where a 2D map peaks, in words: the ninth of the image that holds the peak cell's middle.

    Examples
    --------
    >>> place(np.array([[0.0, 0.0, 1.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.0]]))
    'upper right'
    """
    row, column = np.unravel_index(np.argmax(grid), grid.shape)
    vertical = ("upper", "", "lower")[int(3 * (row + 0.5) / grid.shape[0])]
    horizontal = ("left", "", "right")[int(3 * (column + 0.5) / grid.shape[1])]
    return f"{vertical} {horizontal}".strip() if vertical and horizontal else _edge(vertical, horizontal)


def _edge(vertical: str, horizontal: str) -> str:
    if vertical:
        return f"{vertical} centre"
    return f"centre {horizontal}" if horizontal else "centre"
