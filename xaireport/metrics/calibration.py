"""Whether probabilities mean what they say, in numbers: Brier score, log loss, expected calibration errors.

Each of the scores is a function of sums over images, so that one definition serves the estimate and all of
its resamples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xaireport.metrics import intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCORES = ("brier", "brier_skill", "nll", "ece", "ece_classwise")
DISTANCES = ("ece", "ece_classwise")
"""Those that are nought only if probabilities are right to the last digit and images are without number."""
NULL_DRAWS = 1000
BINS = 15
"""Of equal width, from 0 to 1."""
CLIP = float(np.finfo(np.float64).eps)
"""No probability counts as less: a true class of probability 0 would cost infinity."""


def columns(truth: NDArray[np.int64], prob: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each image adds to the sums that ``scores`` takes: float (n, 3 + K + BINS · (K + 1)).

    Parameters
    ----------
    truth : int array, (n,)
    prob : float array, (n, K)
    """
    n, k = prob.shape
    rows = np.arange(n)
    shown = np.eye(k)[truth]
    normalised = prob / prob.sum(axis=1, keepdims=True)
    loss = -np.log(np.clip(normalised[rows, truth], CLIP, 1 - CLIP))
    halved = 0.5 if k == 2 else 1.0  # of two classes the one is the other's complement: Brier's original form
    brier = halved * ((normalised - shown) ** 2).sum(axis=1)
    top = normalised.argmax(axis=1)
    confidence = normalised[rows, top]
    gap = np.zeros((n, k + 1, BINS))
    gap[rows, 0, bin_of(confidence)] = (top == truth) - confidence
    gap[rows[:, None], 1 + np.arange(k), bin_of(normalised)] = shown - normalised
    return np.concatenate([np.stack([np.ones(n), loss, brier], axis=1), shown, gap.reshape(n, -1)], axis=1)


def scores(sums: NDArray[np.float64], k: int) -> dict[str, NDArray[np.float64]]:
    """Return the calibration scores of sums over images.

    Parameters
    ----------
    sums : float array, (B, m)
        Of ``columns``.
    k : int
        How many classes there are.

    Returns
    -------
    dict of str to float array, (B,)
        ``nll``: mean negative logarithm of the true class's probability. ``brier``: mean squared distance
        between probabilities and truth, from 0 to 2, halved for two classes (Brier 1950). ``brier_skill``:
        1 - brier / that of always giving the classes' shares; NaN where all images are of one class.
        ``ece``: mean over images of the gap between the most probable class's probability and accuracy, in
        ``BINS`` bins (Guo et al. 2017, arXiv:1706.04599). ``ece_classwise``: the same for the probability of
        each class, averaged over classes (Kull et al. 2019, arXiv:1910.12656).
    """
    n = sums[:, 0]
    shares = sums[:, 3 : 3 + k] / n[:, None]
    gaps = np.abs(sums[:, 3 + k :].reshape(len(sums), k + 1, BINS)).sum(axis=2) / n[:, None]
    brier = sums[:, 2] / n
    naive = (0.5 if k == 2 else 1.0) * (1 - (shares**2).sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        skill = np.where(naive > 1e-12, 1 - brier / naive, np.nan)
    return {
        "brier": brier,
        "brier_skill": skill,
        "nll": sums[:, 1] / n,
        "ece": gaps[:, 0],
        "ece_classwise": gaps[:, 1:].mean(axis=1),
    }


def values(truth: NDArray[np.int64], prob: NDArray[np.float64]) -> dict[str, float | None]:
    """Return the scores of one set of predictions; None where undefined."""
    found = scores(columns(truth, prob).sum(axis=0, keepdims=True), prob.shape[1])
    return {name: None if np.isnan(value[0]) else float(value[0]) for name, value in found.items()}


def if_calibrated(
    prob: NDArray[np.float64], units: NDArray[np.int64], seed: int
) -> dict[str, NDArray[np.float64]]:
    """Return the ``DISTANCES`` that a model would show whose probabilities were the truth: float (B,) each.

    Labels are drawn from the probabilities themselves (consistency resampling, Bröcker & Smith 2007,
    doi:10.1175/WAF993.1); images of one group share their luck, as if the group were one image.

    Parameters
    ----------
    prob : float array, (n, K)
    units : int array, (n,)
        Groups, from 0 on; without groups each image's own.
    seed : int
    """
    n, k = prob.shape
    rows, n_units = np.arange(n), int(units.max()) + 1
    normalised = prob / prob.sum(axis=1, keepdims=True)
    upper = np.cumsum(normalised, axis=1)
    bins = bin_of(normalised)
    top = normalised.argmax(axis=1)
    # What is expected of each bin: of the top class, then of each class.
    expected = [np.bincount(bins[rows, top], normalised[rows, top], BINS)]
    expected += [np.bincount(bins[:, j], normalised[:, j], BINS) for j in range(k)]
    gaps = np.empty((NULL_DRAWS, k + 1))
    for draw, luck in enumerate(intervals.fractions(n_units, seed, NULL_DRAWS)):
        drawn = np.minimum((luck[units][:, None] > upper).sum(axis=1), k - 1)
        right = drawn == top
        seen = [np.bincount(bins[rows, top][right], minlength=BINS)]
        cells = np.bincount(drawn * BINS + bins[rows, drawn], minlength=k * BINS).reshape(k, BINS)
        gaps[draw] = np.abs(np.concatenate([seen, cells]) - expected).sum(axis=1) / n
    return {"ece": gaps[:, 0], "ece_classwise": gaps[:, 1:].mean(axis=1)}


def bin_of(prob: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of each probability; closed below, and 1 belongs to the last."""
    return np.minimum((prob * BINS + 1e-9).astype(np.int64), BINS - 1)  # 0.2 is 0.2, however it came about
