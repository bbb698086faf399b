"""What can be counted without comparing images: classes, brightness, blank images, groups in two splits."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xaireport.data.audit.thresholds import BLANK_SD, LISTED
from xaireport.types.audit import AuditedSplit, BlankImage, BlankImages, Drift, GroupLeakage, Untold
from xaireport.types.data import SPLITS
from xaireport.types.evidence import Skipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xaireport.data.audit.pooled_images import Pool

_TRAIN, _VAL, _TEST = range(3)


def brightness_and_sd(pool: Pool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each image's mean pixel, and the standard deviation around its channels' means, (n,) each."""
    mean, sd = np.zeros(len(pool)), np.zeros(len(pool))
    for part, images in pool.blocks(np.arange(len(pool))):
        # Whole numbers, summed exactly: the same on every machine, and 0 for a constant image.
        values = images.reshape(len(images), -1, images.shape[-1]).astype(np.int64)
        n, sums = values.shape[1], values.sum(axis=1)
        mean[part] = sums.mean(axis=1) / n
        sd[part] = np.sqrt((n * np.square(values).sum(axis=1) - np.square(sums)).mean(axis=1)) / n
    return mean, sd


def split_counts(
    pool: Pool, classes: Sequence[str], brightness: NDArray[np.float64]
) -> dict[str, AuditedSplit]:
    """Count images, groups and classes of each split.

    Parameters
    ----------
    pool : Pool
    classes : sequence of str
    brightness : float64 array, (n,)
        Of each image.
    """
    counts: dict[str, AuditedSplit] = {}
    for code, name in enumerate(SPLITS):
        mine = pool.split == code
        per_class = np.bincount(pool.labels[mine], minlength=len(classes))
        counts[name] = AuditedSplit(
            n=int(mine.sum()),
            groups=None if pool.groups is None else len(np.unique(pool.groups[mine])),
            per_class=tuple(per_class.tolist()),
            share=tuple((per_class / mine.sum()).tolist()),
            brightness_mean=float(brightness[mine].mean()),
            brightness_sd=float(brightness[mine].std()),
        )
    return counts


def drift(counts: dict[str, AuditedSplit], classes: Sequence[str]) -> Drift:
    """Compare the class balance of the splits.

    References
    ----------
    Cramér (1946), "Mathematical Methods of Statistics", for V.
    """
    shares = np.array([counts[name].share for name in SPLITS])
    spread = shares.max(axis=0) - shares.min(axis=0)
    label = int(spread.argmax())
    low, high = int(shares[:, label].argmin()), int(shares[:, label].argmax())
    if low == high:  # all splits alike
        low, high = _TRAIN, _TEST
    p, v, expected = _association(np.array([counts[name].per_class for name in SPLITS]))
    return Drift(
        difference=float(spread[label]),
        label=classes[label],
        splits=(SPLITS[low], SPLITS[high]),
        chi2_p=p,
        cramers_v=v,
        smallest_expected=expected,
    )


def blank_images(pool: Pool, sd: NDArray[np.float64]) -> BlankImages:
    """Count the images with next to no contrast.

    Parameters
    ----------
    pool : Pool
    sd : float64 array, (n,)
        Of each image, in grey levels.
    """
    blank, constant = sd < BLANK_SD, sd == 0
    rows = np.flatnonzero(blank)
    rows = rows[np.argsort(sd[rows], kind="stable")][:LISTED]
    return BlankImages(
        below_sd=BLANK_SD,
        blank={name: int(blank[pool.split == code].sum()) for code, name in enumerate(SPLITS)},
        constant={name: int(constant[pool.split == code].sum()) for code, name in enumerate(SPLITS)},
        listed=tuple(
            BlankImage(
                sample_id=str(pool.sample_id[row]),
                split=pool.of_split(int(row)),
                label=int(pool.labels[row]),
                sd=float(sd[row]),
                constant=bool(constant[row]),
            )
            for row in rows
        ),
    )


def group_leakage(pool: Pool) -> GroupLeakage | Untold:
    """Count the test images that show a group of the training images."""
    if pool.groups is None:
        return Untold(
            Skipped(
                "group leakage",
                "the data name no groups: which images show one patient or one lesion is not known",
                "Name the column of the groups in the study file (groups).",
            )
        )
    train, val, test = (pool.groups[pool.split == code] for code in (_TRAIN, _VAL, _TEST))
    in_train, in_either = np.isin(test, train), np.isin(test, np.concatenate([train, val]))
    named = dict(zip(SPLITS, (train, val, test), strict=True))
    labels_of = np.unique(np.stack([np.unique(pool.groups, return_inverse=True)[1], pool.labels]), axis=1)[0]
    return GroupLeakage(
        test_images=int(in_train.sum()),
        test_images_or_val=int(in_either.sum()),
        of=len(test),
        clean_n=int((~in_train).sum()),
        clean_n_strict=int((~in_either).sum()),
        shared={f"{a}-{b}": len(np.intersect1d(named[a], named[b])) for a, b in combinations(SPLITS, 2)},
        conflicting=int((np.bincount(labels_of) > 1).sum()),
    )


def _association(table: NDArray[np.int64]) -> tuple[float, float, float] | tuple[None, None, None]:
    """Return p of the chi-squared test, Cramér's V and the smallest expected count of a table of counts."""
    from scipy.stats import chi2_contingency

    table = table[np.ix_(table.any(axis=1), table.any(axis=0))]
    if min(table.shape) < 2:
        return None, None, None
    test = chi2_contingency(table, correction=False)
    v = np.sqrt(test.statistic / (table.sum() * (min(table.shape) - 1)))
    return float(test.pvalue), float(v), float(test.expected_freq.min())
