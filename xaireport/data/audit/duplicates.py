"""Count pairs of images that are identical or look alike: where they stand, which label they carry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xaireport.data.audit.thresholds import LISTED, MAX_DISTANCE, MIN_CORRELATION
from xaireport.types.audit import Duplicates, NearDuplicates, Pair, PairCount
from xaireport.types.data import SPLITS

if TYPE_CHECKING:
    from xaireport.data.audit.near_duplicates import Likenesses
    from xaireport.data.audit.pooled_images import Pool
    from xaireport.types.data import Ints

ACROSS = tuple(f"{SPLITS[a]}-{SPLITS[b]}" for a, b in combinations(range(len(SPLITS)), 2))
"""Pairs of splits as named in the audit."""

_RANK = np.array([[3, 2, 0], [2, 5, 1], [0, 1, 4]])  # of a pair by its splits: train-test tells most
_LOOKED_AT = 200_000  # identical pairs among which the most telling are sought; there can be millions


def pixel_keys(pool: Pool) -> Ints:
    """Return a number per image, int64 (n,): equal where SHA-256 of the pixels is."""
    numbers: dict[bytes, int] = {}
    keys = [
        numbers.setdefault(hashlib.sha256(image.tobytes()).digest(), len(numbers))
        for _, images in pool.blocks(np.arange(len(pool)))
        for image in images
    ]
    return np.array(keys, np.int64)


def exact_duplicates(pool: Pool, keys: Ints) -> Duplicates:
    """Count the pairs of images with equal keys.

    They are counted from the sizes of the sets, not one by one: 10,000 black images are 50 million pairs.

    Parameters
    ----------
    pool : Pool
    keys : int64 array, (n,)
        As ``pixel_keys`` gives them.
    """
    repeated = np.flatnonzero(np.bincount(keys)[keys] > 1)
    sets, split = keys[repeated], pool.split[repeated]
    within: dict[str, PairCount] = {}
    across: dict[str, PairCount] = {}
    for code, name in enumerate(SPLITS):
        mine = sets[split == code]
        within[name] = PairCount(_pairs(mine), int((np.bincount(mine)[mine] > 1).sum()) if len(mine) else 0)
    for (a, b), both in zip(combinations(range(len(SPLITS)), 2), ACROSS, strict=True):
        one, two = sets[split == a], sets[split == b]
        pairs = _pairs(np.concatenate([one, two])) - _pairs(one) - _pairs(two)
        across[both] = PairCount(pairs, int(np.isin(one, two).sum() + np.isin(two, one).sum()))
    first, second = _some_pairs(sets, repeated)
    total = _pairs(sets)
    same_group = None if pool.groups is None else _pairs(sets, pool.groups[repeated])
    return Duplicates(
        pairs=total,
        images=len(repeated),
        within=within,
        across=across,
        conflicting=total - _pairs(sets, pool.labels[repeated]),
        same_group=same_group,
        same_group_share=same_group / total if same_group is not None and total else None,
        listed=_listed(pool, first, second),
    )


def near_duplicates(pool: Pool, found: Likenesses, compared: int) -> NearDuplicates:
    """Count the pairs of images that look alike.

    Parameters
    ----------
    pool : Pool
    found : Likenesses
    compared : int
        Images that were searched.
    """
    first, second = found.first, found.second
    within: dict[str, PairCount] = {}
    across: dict[str, PairCount] = {}
    for code, name in enumerate(SPLITS):
        within[name] = _count(first, second, (pool.split[first] == code) & (pool.split[second] == code))
    for (a, b), both in zip(combinations(range(len(SPLITS)), 2), ACROSS, strict=True):
        across[both] = _count(first, second, (pool.split[first] == a) & (pool.split[second] == b))
    same_group = None if pool.groups is None else int((pool.groups[first] == pool.groups[second]).sum())
    total = _count(first, second, np.ones(len(first), bool))
    return NearDuplicates(
        pairs=total.pairs,
        images=total.images,
        within=within,
        across=across,
        conflicting=int((pool.labels[first] != pool.labels[second]).sum()),
        same_group=same_group,
        same_group_share=same_group / total.pairs if same_group is not None and total.pairs else None,
        listed=_listed(pool, first, second, found),
        rule=(
            f"In one of {len(found.views)} views (flips and rotations) the 64-bit hashes differ in at most "
            f"{MAX_DISTANCE} bits and the pixels correlate with at least {MIN_CORRELATION:g}. Identical and "
            "blank images are not counted here; copies that were shifted or cut are mostly missed"
        ),
        compared=compared,
        candidates=found.candidates,
        views=len(found.views),
        max_distance=MAX_DISTANCE,
        min_correlation=MIN_CORRELATION,
    )


def pair(pool: Pool, first: int, second: int, correlation: float | None = None, view: str = "") -> Pair:
    """Describe two images of the pool, by their rows."""
    rows = (first, second)
    return Pair(
        sample_ids=tuple(str(pool.sample_id[row]) for row in rows),
        splits=tuple(pool.of_split(row) for row in rows),
        labels=tuple(int(pool.labels[row]) for row in rows),
        same_group=None if pool.groups is None else bool(pool.groups[first] == pool.groups[second]),
        correlation=correlation,
        view=view,
    )


def _pairs(*columns: NDArray[Any]) -> int:
    """Count the pairs of rows that agree in all columns."""
    if not len(columns[0]):
        return 0
    codes = np.stack([np.unique(column, return_inverse=True)[1] for column in columns])
    sizes = np.unique(codes, axis=1, return_counts=True)[1].astype(np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


def _count(first: Ints, second: Ints, chosen: NDArray[np.bool_]) -> PairCount:
    images = np.unique(np.concatenate([first[chosen], second[chosen]]))
    return PairCount(int(chosen.sum()), len(images))


def _some_pairs(sets: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Return pairs of rows of one set, set by set, up to a number that can be sorted at once."""
    order = np.argsort(sets, kind="stable")
    members = np.split(rows[order], np.flatnonzero(np.diff(sets[order])) + 1)
    every: Iterator[tuple[int, int]] = (two for one in members for two in combinations(one.tolist(), 2))
    pairs = np.array(list(islice(every, _LOOKED_AT)), np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _listed(pool: Pool, first: Ints, second: Ints, found: Likenesses | None = None) -> tuple[Pair, ...]:
    """Describe the most telling pairs: two labels, then by their splits, then by how alike they are."""
    rank = _RANK[pool.split[first], pool.split[second]]
    unlike = -found.correlation if found else np.zeros(len(first))
    order = np.lexsort((second, first, unlike, rank, pool.labels[first] == pool.labels[second]))[:LISTED]
    rows = [(int(first[i]), int(second[i])) for i in order]
    if not found:
        return tuple(pair(pool, *both, view="as it is") for both in rows)
    return tuple(
        # Four decimals: the last bits depend on the machine's order of summing.
        pair(pool, *both, round(float(found.correlation[i]), 4), found.views[found.view[i]].name)
        for i, both in zip(order, rows, strict=True)
    )
