"""Show finds of the data audit: two images side by side in one JPEG. The same finds give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from xaireport.data.audit.duplicates import pair
from xaireport.files import replacing
from xaireport.types.artefacts import ASSETS_FOLDER, AUDIT_FOLDER
from xaireport.types.audit import EXHIBIT_KINDS, BlankImages, Duplicates, Exhibit, ExhibitKind, Pair
from xaireport.types.data import SPLITS

if TYPE_CHECKING:
    from xaireport.data.audit.pooled_images import Pool
    from xaireport.types.data import Pixels

SIDE = 144
"""Pixels of the longer side of one image."""

QUALITY = 88
SHOWN: dict[ExhibitKind, int] = {"conflicting": 3, "exact": 3, "near": 3, "group": 2, "blank": 1}
"""Pictures of each kind, at most."""

_GAP = 4


def gallery(
    pool: Pool, exact: Duplicates, near: Duplicates, blank: BlankImages, seed: int, out: Path
) -> tuple[Exhibit, ...]:
    """Write a few finds as pictures into ``out/audit`` and name them as ``assets/audit/…``.

    Parameters
    ----------
    pool : Pool
    exact, near : Duplicates
        Their lists are shown in their order: conflicting labels first, then pairs across splits.
    blank : BlankImages
    seed : int
        Draws the test images that share a group with a training image.
    out : Path
        An existing folder.
    """
    rows = {str(name): row for row, name in enumerate(pool.sample_id)}
    shown: list[Exhibit] = []
    for kind, found in _finds(pool, exact, near, blank, seed):
        repeated = found.sample_ids in {each.sample_ids for each in shown}
        if repeated or sum(each.kind == kind for each in shown) == SHOWN[kind]:
            continue
        images = pool.pixels(np.array([rows[name] for name in found.sample_ids]))
        name = f"{len(shown) + 1:02}-{kind}.jpg"
        _write(out / AUDIT_FOLDER / name, _beside([_column(image) for image in images]))
        shown.append(
            Exhibit(
                **asdict(found),
                file=f"{ASSETS_FOLDER}/{AUDIT_FOLDER}/{name}",
                kind=kind,
                slices=_slices(pool.shape),
            )
        )
    return tuple(shown)


def _finds(
    pool: Pool, exact: Duplicates, near: Duplicates, blank: BlankImages, seed: int
) -> Iterator[tuple[ExhibitKind, Pair]]:
    """Return all that could be shown, most telling first."""
    conflicting, same, alike, group, flat = EXHIBIT_KINDS
    for found in (*exact.listed, *near.listed):
        if found.labels[0] != found.labels[1]:
            yield conflicting, found
    for kind, duplicates in ((same, exact), (alike, near)):
        for found in duplicates.listed:
            if found.splits[0] != found.splits[1]:
                yield kind, found
    known = {found.sample_ids for found in (*exact.listed, *near.listed)}
    for found in _leaks(pool, seed):
        if found.sample_ids not in known:  # what only the groups tell
            yield group, found
    for image in blank.listed:
        yield flat, Pair((image.sample_id,), (image.split,), (image.label,), None, None, "")


def _leaks(pool: Pool, seed: int) -> Iterator[Pair]:
    """Return test images in random order, each beside the first training image of its group."""
    if pool.groups is None:
        return
    train, test = (np.flatnonzero(pool.split == SPLITS.index(name)) for name in ("train", "test"))
    names, first = np.unique(pool.groups[train], return_index=True)
    leaked = test[np.isin(pool.groups[test], names)]
    for row in np.random.default_rng(seed).permutation(leaked):
        yield pair(pool, int(train[first[np.searchsorted(names, pool.groups[row])]]), int(row))


def _slices(shape: tuple[int, ...]) -> tuple[str, ...]:
    if len(shape) == 3:
        return ()
    return tuple(f"axis {axis}, slice {size // 2}" for axis, size in enumerate(shape[:-1]))


def _column(image: Pixels) -> Pixels:
    """Return an image as a square picture; a volume as its middle slices, one below the other."""
    if image.ndim == 3:
        return _square(image)
    panels = [np.take(image, size // 2, axis) for axis, size in enumerate(image.shape[:-1])]
    return _beside([_square(panel).swapaxes(0, 1) for panel in panels]).swapaxes(0, 1)


def _square(pixels: Pixels) -> Pixels:
    """Enlarge an image (height, width, channels) onto a white square, uint8 (SIDE, SIDE, 3)."""
    height, width, channels = pixels.shape
    colours = pixels if channels == 3 else np.repeat(pixels.mean(axis=-1, keepdims=True), 3, axis=-1)
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    picture = Image.fromarray(np.rint(colours).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    square = Image.new("RGB", (SIDE, SIDE), "white")
    square.paste(picture, ((SIDE - size[0]) // 2, (SIDE - size[1]) // 2))
    return np.asarray(square)


def _beside(pictures: list[Pixels]) -> Pixels:
    """Set pictures of one height side by side, with a white gap between them."""
    gap = np.full((pictures[0].shape[0], _GAP, 3), 255, np.uint8)
    joined = [each for picture in pictures for each in (gap, picture)][1:]
    return np.concatenate(joined, axis=1)


def _write(path: Path, picture: Pixels) -> None:
    with replacing(path) as part:
        # Full colour resolution: enlarged pixels would otherwise bleed into each other.
        Image.fromarray(np.ascontiguousarray(picture)).save(
            part, "JPEG", quality=QUALITY, subsampling=0, optimize=True
        )
