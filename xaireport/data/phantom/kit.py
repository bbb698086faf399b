"""What all phantoms share: who is in which split, planted copies, random fields, views. Knows no study."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaireport.types.data import SPLITS, Ints, Pixels, Split, SplitName

Rng = np.random.Generator
Field = NDArray[Any]
"""Always float32; one type for all keeps the drawing code readable."""

_GROUP_SIZES, _GROUP_ODDS = (1, 2, 3), (0.7, 0.2, 0.1)
_DUPLICATES: dict[SplitName, int] = {"train": 0, "val": 2, "test": 4}


@dataclass(frozen=True)
class Drawing:
    """Subjects as drawn, before they are photographed.

    Parameters
    ----------
    images : float32 array, (n, *spatial, channels)
        0 to 1, larger than the final images, so that a view can be cut from them.
    masks : float32 array, (n, *spatial)
        0 to 1.
    columns : dict of str to array (n,)
        Facts per subject.
    """

    images: Field
    masks: Field
    columns: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Recipe:
    """How the phantom of one data set is made.

    Parameters
    ----------
    name : str
        Of the data set.
    counts : dict of split to tuple of int
        Images per class.
    subjects : callable (labels, rng) -> Drawing
        Draws one subject per label.
    views : callable (Drawing, rows, rng) -> (images uint8, masks uint8)
        Photographs the subjects ``rows``, each time a little differently.
    """

    name: str
    counts: dict[SplitName, tuple[int, ...]]
    subjects: Callable[[Ints, Rng], Drawing]
    views: Callable[[Drawing, Ints, Rng], tuple[Pixels, Pixels]]


@dataclass(frozen=True)
class Plan:
    """Who is in which split.

    Parameters
    ----------
    labels : int64 array, (subjects,)
        The class of each subject.
    subjects : dict of split to int64 array (n,)
        The subject of each image.
    copies : dict of split to list of (row, training row)
        The planted duplicates.
    duplicates : tuple of pairs of str
        The same, by ``sample_id``.
    """

    labels: Ints
    subjects: dict[SplitName, Ints]
    copies: dict[SplitName, list[tuple[int, int]]]
    duplicates: tuple[tuple[str, str], ...]


def plan(recipe: Recipe, seed: int) -> Plan:
    """Return who is in which split; no group stands in two, but for the planted duplicates."""
    rng = _rng(recipe, seed, 0)
    all_labels: list[int] = []
    subjects: dict[SplitName, Ints] = {}
    for split in SPLITS:
        rows: list[int] = []
        for label, count in enumerate(recipe.counts[split]):
            sizes = rng.choice(_GROUP_SIZES, size=count, p=_GROUP_ODDS)
            sizes = sizes[: int(np.searchsorted(np.cumsum(sizes), count)) + 1]
            first = len(all_labels)
            rows += np.repeat(np.arange(first, first + len(sizes)), sizes)[:count].tolist()
            all_labels += [label] * len(sizes)
        subjects[split] = rng.permutation(np.array(rows, np.int64))
    labels = np.array(all_labels, np.int64)
    copies = {split: _choose_copies(labels, subjects, split, rng) for split in SPLITS}
    pairs = tuple((f"train-{origin}", f"{split}-{row}") for split in SPLITS for row, origin in copies[split])
    return Plan(labels, subjects, copies, pairs)


def draw(recipe: Recipe, seed: int) -> dict[SplitName, Split]:
    """Return the three splits."""
    who, rng = plan(recipe, seed), _rng(recipe, seed, 1)
    drawing = recipe.subjects(who.labels, rng)
    pixels = {split: recipe.views(drawing, who.subjects[split], rng) for split in SPLITS}
    splits: dict[SplitName, Split] = {}
    for split in SPLITS:
        rows = who.subjects[split].copy()
        images, masks = pixels[split]
        for row, origin in who.copies[split]:
            images[row], masks[row] = pixels["train"][0][origin], pixels["train"][1][origin]
            rows[row] = who.subjects["train"][origin]
        splits[split] = Split(
            images=images,
            labels=who.labels[rows],
            sample_id=np.array([f"{split}-{i}" for i in range(len(rows))]),
            groups=np.array([f"subject-{row}" for row in rows]),
            masks=masks,
            columns={name: column[rows] for name, column in drawing.columns.items()},
        )
    return splits


def smooth_noise(rng: Rng, n: int, size: int, cells: int, axes: int = 2) -> Field:
    """Return random fields, float32 (n, size, …), mean 0 and standard deviation 1 over all.

    Parameters
    ----------
    cells : int
        Independent values per axis: few make large blotches, many make fine grain.
    """
    field = rng.standard_normal((n, *[cells] * axes)).astype(np.float32)
    weights = _interpolation(size, cells)
    for axis in range(1, axes + 1):
        field = np.moveaxis(np.moveaxis(field, axis, -1) @ weights.T, -1, axis)
    return np.ascontiguousarray(field / field.std(), dtype=np.float32)


def grid(size: int, axes: int = 2) -> list[Field]:
    """Return coordinates from −1 to 1, each float32 (1, size, …)."""
    line = (np.arange(size, dtype=np.float32) + 0.5) * (2 / size) - 1
    return [c[np.newaxis] for c in np.meshgrid(*[line] * axes, indexing="ij")]


def inside(distance: Field, softness: Field | float) -> Field:
    """Return 1 where the signed distance is negative, 0 where positive, and a ramp between ± ``softness``."""
    return np.clip(0.5 - 0.5 * distance / softness, 0, 1).astype(np.float32, copy=False)


def per_subject(values: NDArray[Any], axes: int) -> Field:
    """Return values (n,) or (n, channels) shaped to be multiplied with images of so many spatial axes."""
    shape = (len(values), *[1] * axes, *values.shape[1:])
    return values.reshape(shape).astype(np.float32)


def views(
    images: Field, masks: Field, rows: Ints, size: int, rng: Rng, flips: tuple[int, ...]
) -> tuple[Field, Field]:
    """Cut one view per row out of the drawings, shifted and, along ``flips``, mirrored at random."""
    axes = masks.ndim - 1
    spatial = tuple(range(1, axes + 1))
    room = masks.shape[1] - size + 1
    where = (rows, *rng.integers(0, room, (axes, len(rows))))
    window = np.lib.stride_tricks.sliding_window_view
    cut = window(images, (size,) * axes, spatial)[where]
    cut = np.moveaxis(cut, 1, -1)
    cut_masks = window(masks, (size,) * axes, spatial)[where]
    for axis in flips:
        mirrored = rng.random(len(rows)) < 0.5
        cut[mirrored] = np.flip(cut[mirrored], axis)
        cut_masks[mirrored] = np.flip(cut_masks[mirrored], axis)
    return cut, cut_masks


def to_pixels(values: Field) -> Pixels:
    """Return 0–1 as uint8 0–255, clipped, in C order."""
    return np.ascontiguousarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))


def _rng(recipe: Recipe, seed: int, stream: int) -> Rng:
    return np.random.default_rng([seed, zlib.crc32(recipe.name.encode()), stream])


def _choose_copies(
    labels: Ints, subjects: dict[SplitName, Ints], split: SplitName, rng: Rng
) -> list[tuple[int, int]]:
    """Give a few images of the split the pixels of a training image of the same class."""
    rows = rng.choice(len(subjects[split]), _DUPLICATES[split], replace=False)
    copies = []
    for row in sorted(map(int, rows)):
        alike = np.flatnonzero(labels[subjects["train"]] == labels[subjects[split][row]])
        copies.append((row, int(rng.choice(alike))))
    return copies


def _interpolation(size: int, cells: int) -> Field:
    """Cosine interpolation from ``cells`` knots to ``size`` pixels, as a matrix (size, cells)."""
    position = np.linspace(0, cells - 1, size)
    left = np.minimum(position.astype(int), cells - 2)
    share = (1 - np.cos(np.pi * (position - left))) / 2
    weights = np.zeros((size, cells), np.float32)
    weights[np.arange(size), left] = 1 - share
    weights[np.arange(size), left + 1] += share
    return weights
