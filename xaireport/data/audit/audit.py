"""The audit of a data set: what is in its splits, what stands in two of them, what is left to test on.

Knows no model, and nothing of where the data came from: what was planted in phantom data it has to find.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xaireport.data.audit.counts import blank_images, brightness_and_sd, drift, group_leakage, split_counts
from xaireport.data.audit.duplicates import exact_duplicates, near_duplicates, pixel_keys
from xaireport.data.audit.near_duplicates import find_alike
from xaireport.data.audit.pictures import gallery
from xaireport.data.audit.pooled_images import pool as pooled
from xaireport.data.audit.thresholds import BLANK_SD
from xaireport.types.audit import CleanTest, DataAudit
from xaireport.types.data import SPLITS

if TYPE_CHECKING:
    from xaireport.data.audit.near_duplicates import Likenesses
    from xaireport.data.audit.pooled_images import Pool
    from xaireport.types.data import Dataset, Ints

    Mask = NDArray[np.bool_]

_TEST = SPLITS.index("test")


@dataclass(frozen=True)
class Audited:
    """What the audit found, and which test images are clean.

    Parameters
    ----------
    audit : DataAudit
    clean, clean_strict : bool array, (n_test,)
        By the rules that ``audit.clean_test`` states.
    """

    audit: DataAudit
    clean: Mask
    clean_strict: Mask


def audit(dataset: Dataset, seed: int, out: Path) -> Audited:
    """Audit a data set, and write pictures of what was found into ``out/audit``.

    Parameters
    ----------
    dataset : Dataset
    seed : int
        Chooses among the pictures of groups in two splits; nothing else is random.
    out : Path
        An existing folder.
    """
    pool = pooled(dataset)
    brightness, sd = brightness_and_sd(pool)
    counts = split_counts(pool, dataset.info.classes, brightness)
    keys = pixel_keys(pool)
    shown = np.flatnonzero(sd >= BLANK_SD)
    alike = find_alike(pool, shown, keys)
    exact, near = exact_duplicates(pool, keys), near_duplicates(pool, alike, len(shown))
    blank = blank_images(pool, sd)
    clean_test, clean, strict = _clean_test(pool, keys, alike)
    found = DataAudit(
        images=len(pool),
        groups=None if pool.groups is None else len(np.unique(pool.groups)),
        splits=counts,
        drift=drift(counts, dataset.info.classes),
        exact_duplicates=exact,
        near_duplicates=near,
        group_leakage=group_leakage(pool),
        clean_test=clean_test,
        blank=blank,
        gallery=gallery(pool, exact, near, blank, seed, out),
    )
    return Audited(found, clean, strict)


def _clean_test(pool: Pool, keys: Ints, alike: Likenesses) -> tuple[CleanTest, Mask, Mask]:
    """Return the clean part of the test set: what is told of it, and its masks.

    Where groups are known they decide, with identical pixels; look-alikes stand in where they are not.
    """
    (group, identical, near), wider = (_seen(pool, keys, alike, up_to) for up_to in (1, 2))
    by_group = pool.groups is not None
    kind = "image of the same group" if by_group else "image that looks alike (a confirmed near duplicate)"
    rule = f"no {kind} and no identical image is in {{}}"
    unclean = identical | (group if by_group else near)
    unclean_strict = wider[1] | (wider[0] if by_group else wider[2])
    told = CleanTest(
        rule=rule.format("train"),
        rule_strict=rule.format("train or val"),
        of=len(unclean),
        clean_n=int((~unclean).sum()),
        clean_n_strict=int((~unclean_strict).sum()),
        left_out=int(unclean.sum()),
        same_group=int(group.sum()) if by_group else None,
        identical=int(identical.sum()),
        near=None if by_group else int(near.sum()),
    )
    return told, ~unclean, ~unclean_strict


def _seen(pool: Pool, keys: Ints, alike: Likenesses, up_to: int) -> tuple[Mask, Mask, Mask]:
    """Mark the test images with a counterpart in the first splits: of the same group, identical, alike."""
    test, before = pool.split == _TEST, pool.split < up_to
    group, marked = np.zeros(int(test.sum()), bool), np.zeros(len(pool), bool)
    if pool.groups is not None:
        group = np.isin(pool.groups[test], pool.groups[before])
    marked[alike.second[before[alike.first]]] = True  # of two rows the second is the one in the later split
    return group, np.isin(keys[test], keys[before]), marked[test]
