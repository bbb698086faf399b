"""The reliability diagram, and what a temperature would do. Fitted on validation, never applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from xaireport.metrics import calibration, intervals
from xaireport.metrics.bounds import Bounds
from xaireport.metrics.calibration import BINS, CLIP, bin_of
from xaireport.types.evidence import Bin, Expected, Reliability, Score, Temperature

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

TEMPERATURES = (0.05, 20.0)
"""Outside of these a temperature is no longer a correction."""


def reliability(
    val_true: ArrayLike,
    val_prob: ArrayLike,
    y_true: ArrayLike,
    y_prob: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    seed: int = 0,
) -> Reliability:
    """Hold probabilities against outcomes on the test split, and fit a temperature on validation.

    Parameters
    ----------
    val_true, y_true : int array, (n,)
        Of the validation and the test split.
    val_prob, y_prob : float array, (n, K)
        Probabilities as the model gives them.
    groups : array, (n,), optional
        Of the test split, as in :func:`xaireport.metrics.scores.evaluate`.
    seed : int
        Of resampling.
    """
    truth, prob = np.asarray(y_true, np.int64), np.asarray(y_prob, np.float64)
    bins = diagram(truth, prob)
    units = None if groups is None else intervals.units_of(groups, len(truth))
    expected = {
        name: Expected(float(values.mean()), float(np.quantile(values, intervals.LEVEL)))
        for name, values in Bounds(truth, prob, units, seed).if_calibrated.items()
    }
    val = np.asarray(val_true, np.int64)
    if len(np.unique(val)) < 2:
        why = "the validation images are all of one class" if len(val) else "there is no validation image"
        return Reliability(bins, expected, None, {}, why)
    fitted = fit_temperature(val, np.asarray(val_prob, np.float64))
    if fitted.at_bound:
        return Reliability(bins, expected, fitted, {}, "the best temperature lies outside of what was tried")
    soft = softened(prob, fitted.value)
    bounds = Bounds(truth, soft, units, seed)
    scores = {
        name: bounds.of(name, Score(value, len(truth)))
        for name, value in calibration.values(truth, soft).items()
        if value is not None
    }
    return Reliability(bins, expected, fitted, scores)


def diagram(truth: NDArray[np.int64], prob: NDArray[np.float64]) -> tuple[Bin, ...]:
    """Return the bins of a reliability diagram: how often the top class is right, by its probability."""
    normalised = prob / prob.sum(axis=1, keepdims=True)
    confidence, right = normalised.max(axis=1), normalised.argmax(axis=1) == truth
    of_bin = bin_of(confidence)
    bins = []
    for index in range(BINS):
        inside = of_bin == index
        n, hits = int(inside.sum()), int(right[inside].sum())
        lo, hi = intervals.wilson(hits, n) if n else (None, None)
        bins.append(
            Bin(
                index / BINS,
                (index + 1) / BINS,
                n,
                float(confidence[inside].mean()) if n else None,
                hits / n if n else None,
                lo,
                hi,
            )
        )
    return tuple(bins)


def softened(prob: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return the probabilities after dividing their logarithms by a temperature: float (n, K)."""
    logits = np.log(np.clip(prob, CLIP, None)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def fit_temperature(truth: NDArray[np.int64], prob: NDArray[np.float64]) -> Temperature:
    """Return the temperature with the least log loss (Guo et al. 2017, arXiv:1706.04599).

    Parameters
    ----------
    truth : int array, (n,)
        Of the validation split: the test split is only scored.
    prob : float array, (n, K)
        Probabilities as the model gives them.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        soft = softened(prob, float(np.exp(log_temperature)))
        return float(-np.log(np.clip(soft[np.arange(len(truth)), truth], CLIP, None)).mean())

    low, high = np.log(TEMPERATURES)
    found = float(minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-4}).x)
    # Where all validation images are called right, colder is always better, and the loss is flat.
    outside = min(found - low, high - found) < 1e-2 or min(loss(low), loss(high)) <= loss(found)
    return Temperature(
        value=float(np.exp(found)),
        n=len(truth),
        nll_before=loss(0.0),
        nll_after=loss(found) + 0.0,  # no -0
        at_bound=bool(outside),
    )
