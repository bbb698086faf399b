"""Which test images a card shows: by declared rules and a seed, so that nobody picked the pretty ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xaireport.types.data import Floats, Ints
from xaireport.types.streams import Stream

HITS, MISSES, RANDOM = 3, 2, 1
"""Per class: most confident hits, most confident misses, random cases."""

PER_CLASS, PER_CLASS_AT_MOST = 20, 160
"""Images of each class, and of all, on which every variant is asked the same questions; of volumes half."""
COMMON_AT_MOST, COMMON_FEW_CLASSES = 10, 6
GALLERY = 12


@dataclass(frozen=True)
class Choice:
    """A test image's position, and the rule that chose it."""

    index: int
    chosen: str


def examples(y_true: Ints, y_prob: Floats, seed: int) -> tuple[Choice, ...]:
    """Choose, per true class, confident hits, confident misses and random cases; all distinct.

    Confident is the probability of the predicted class; of equals the first comes first. Where a class has
    too few of a kind, fewer are shown. The random case is drawn from those not chosen already.

    Parameters
    ----------
    y_true : int64 array, (n,)
        True classes.
    y_prob : float32 array, (n, n_classes)
        Probabilities.
    seed : int
        Draws the random cases, per class: another class's count does not change them.
    """
    y_pred, confidence = y_prob.argmax(axis=1), y_prob.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    out: list[Choice] = []
    for k in range(y_prob.shape[1]):
        mine = order[y_true[order] == k]
        hit = y_pred[mine] == k
        out += [Choice(int(i), "most confident hit") for i in mine[hit][:HITS]]
        out += [Choice(int(i), "most confident miss") for i in mine[~hit][:MISSES]]
        rest = np.sort(np.concatenate([mine[hit][HITS:], mine[~hit][MISSES:]]))
        drawn = np.random.default_rng([seed, k]).permutation(rest)[:RANDOM]
        out += [Choice(int(i), "random") for i in drawn]
    return tuple(out)


def common(y_true: Ints, n_classes: int, seed: int) -> tuple[Choice, ...]:
    """Choose the images on which variants are compared: from labels and seed alone, so that all get the same.

    One random image per class, of at most ten classes; with three classes or fewer two, six in all.

    Parameters
    ----------
    y_true : int64 array, (n,)
        True classes.
    n_classes : int
        Classes, including those without a test image.
    seed : int
        Draws the images and, of more than ten classes, the ten.
    """
    each = max(1, min(2, COMMON_FEW_CLASSES // n_classes))
    classes = np.sort(np.random.default_rng([seed, n_classes]).permutation(n_classes)[:COMMON_AT_MOST])
    out: list[Choice] = []
    for k in classes:
        drawn = np.random.default_rng([seed, n_classes, int(k)]).permutation(np.flatnonzero(y_true == k))
        out += [Choice(int(i), "random, the same for every variant") for i in drawn[:each]]
    return tuple(out)


def gallery(n: int, seed: int, size: int = GALLERY) -> tuple[Choice, ...]:
    """Choose ``size`` of ``n`` images at random, in the order of the test set."""
    drawn = np.random.default_rng([seed, n]).permutation(n)[:size]
    return tuple(Choice(int(i), "random") for i in np.sort(drawn))


def per_class(y_true: Ints, n_classes: int, seed: int, *, volumes: bool = False) -> Ints:
    """Draw up to :data:`PER_CLASS` images of each class: from labels and seed alone, for every variant alike.

    Returns
    -------
    int64 array, (n,)
        Their positions, in the order of the test set.
    """
    share = 2 if volumes else 1
    each = max(1, min(PER_CLASS, PER_CLASS_AT_MOST // n_classes) // share)
    drawn = [
        np.random.default_rng([seed, Stream.CLASS_GALLERY, k]).permutation(np.flatnonzero(y_true == k))[:each]
        for k in range(n_classes)
    ]
    return np.sort(np.concatenate(drawn)).astype(np.int64)
