"""What a model's raw output means: declared, checked on a few images, turned into probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xaireport.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xaireport.types.data import Floats, Ints

ROW_SUM_TOLERANCE = 1e-3
"""Rounding of half-precision models stays below it; anything that is not a distribution does not."""


LEAST_PROBABILITY = 1e-12
"""Below it a probability's logarithm says nothing any more: float32 ends near 1e-38, rounding far earlier."""


def check_targets(targets: Ints, n_images: int, n_classes: int) -> None:
    """Check the classes that are to be explained, one per image.

    Raises
    ------
    ModelError
        Not as many as images, or one that is no class.
    """
    if len(targets) != n_images:
        raise ModelError(f"{n_images} targets, one per image", len(targets))
    if len(targets) and not (np.min(targets) >= 0 and np.max(targets) < n_classes):
        raise ModelError(f"targets from 0 to {n_classes - 1}", f"{np.min(targets)} to {np.max(targets)}")


def logarithms(probabilities: Floats) -> Floats:
    """Return what stands for logits where there are none: they differ by a constant per image."""
    return np.log(np.maximum(probabilities, LEAST_PROBABILITY))


def softmax(logits: NDArray[Any]) -> Floats:
    """Return the softmax over the last axis as float32, computed in float64 and safe from overflow.

    Examples
    --------
    >>> softmax(np.array([[0.0, 1000.0]])).tolist()
    [[0.0, 1.0]]
    """
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    odds = np.exp(shifted)
    return (odds / odds.sum(axis=-1, keepdims=True)).astype(np.float32)


def to_probabilities(raw: NDArray[Any], kind: str) -> Floats:
    """Return class probabilities, float32 (n, n_classes), of a model's raw output (n, n_outputs).

    A single output is the probability, or the logit, of class 1 of two.

    Raises
    ------
    ModelError
        The output holds NaN or infinity.
    """
    finite = np.isfinite(raw).all(axis=-1)
    if not finite.all():
        raise ModelError(
            "finite outputs",
            f"NaN or infinity for {np.count_nonzero(~finite)} of {len(raw)} images",
            "training diverged, or the pixel scale is wrong",
        )
    if raw.shape[-1] == 1:
        raw = np.concatenate([-raw / 2, raw / 2] if kind == "logits" else [1 - raw, raw], axis=-1)
    return softmax(raw) if kind == "logits" else raw.astype(np.float32)


def check_declared(raw: NDArray[Any], kind: str) -> None:
    """Compare a small run with what the output is declared to be.

    Parameters
    ----------
    raw : float array, (n, n_outputs)
        The model's output for a few images.
    kind : {"probabilities", "logits"}
        The declaration.

    Raises
    ------
    ModelError
        "probabilities" that are no distribution, or "logits" that all are one.
    """
    if raw.shape[-1] == 1:
        within = bool(np.all((raw >= 0) & (raw <= 1)))
        if kind == "probabilities" and not within:
            raise ModelError(
                "probabilities between 0 and 1",
                f"values from {raw.min():.4g} to {raw.max():.4g} in a small run",
                'declare output = "logits" if the model ends without sigmoid',
            )
        if kind == "logits" and within and np.ptp(raw) > 0:
            raise ModelError(
                "logits",
                "values between 0 and 1 in a small run, as a sigmoid gives",
                'declare output = "probabilities"',
            )
        return
    sums = raw.astype(np.float64).sum(axis=-1)
    off = np.abs(sums - 1) > ROW_SUM_TOLERANCE
    distributions = ~off & (raw >= -ROW_SUM_TOLERANCE).all(axis=-1)
    if kind == "probabilities" and not distributions.all():
        worst = sums[np.argmax(np.abs(sums - 1))]
        raise ModelError(
            "probabilities: rows of values from 0 to 1 that sum to 1",
            f"a row that sums to {worst:.4g}, least value {raw.min():.4g}, in a small run",
            'declare output = "logits" if the model ends without softmax',
        )
    if kind == "logits" and distributions.all():
        raise ModelError(
            "logits",
            "rows that all sum to 1 in a small run, as a softmax gives",
            'declare output = "probabilities"',
        )
