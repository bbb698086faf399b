"""How far apart two float32 routes to one number may lie, from the arithmetic and not from one processor.

Which kernel runs, and in which order it adds, depends on the processor, the library and the size of the
batch. What stays the same is the error of a sum: N. J. Higham, "Accuracy and Stability of Numerical
Algorithms", 2nd edition, SIAM 2002, doi:10.1137/1.9780898718027, sections 3.1 and 4.2. In whichever order n
products are added, the error is at most gamma(n) times the sum of their magnitudes (forward); and the result
is the exact sum for data of which each is off by at most its gamma(n)-th part (backward). Roundings go up and
down, so that in practice the square root of n takes the place of n (section 2.8); with a certainty close to 1
the bound is gamma(c √n), c a small number: N. J. Higham & T. Mary, "A new approach to probabilistic rounding
error analysis", SIAM J. Sci. Comput. 41(5), 2019, doi:10.1137/18M1226312.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

EXTRA = 8
"""Roundings of one layer besides its longest sum: bias, normalisation, activation, scaling of the pixels."""
DRAWS = 2
CERTAIN = 4
"""The c of gamma(c √n): an error beyond it is one of four standard deviations."""


def gamma(terms: float, dtype: Any = np.float32) -> float:
    """Return Higham's gamma(n) = nu / (1 - nu), u the unit roundoff: half of what NumPy calls eps."""
    nu = terms * float(np.finfo(dtype).eps) / 2
    assert nu < 0.1, f"{terms} terms are too many for the bound"
    return nu / (1 - nu)


def allowed(terms: int, scale: Any = 1.0, dtype: Any = np.float32) -> Any:
    """Return how far two results may lie apart, each a sum of products.

    Parameters
    ----------
    terms : int
        The roundings on the way to one number: summands, and one for each further operation.
    scale : float or array
        The sum of the summands' magnitudes. Where they cancel, it is more than the result's own.
    dtype : dtype
        Of the narrower route.
    """
    return 2 * gamma(terms, dtype) * scale


def spread(evaluate: Callable[[], Any], *models: Any, terms: int = 0) -> Any:
    """Return how far two results of one Keras model may lie apart, per image: float (n,).

    By the backward bound every float32 run is an exact run of weights that are each off by at most their
    gamma(c √n)-th part. So the weights are moved by that much, up or down at random, and what becomes of the
    results is what rounding may do to them: the condition of the case is measured, however it comes about.

    Parameters
    ----------
    evaluate : callable
        What is compared, as an array with one row per image.
    models : Keras models
        All that ``evaluate`` runs; given several, they hold the same weights in the same order.
    terms : int
        The longest sum that has no weights in it, as a mean over a grid.
    """
    before = np.asarray(evaluate(), np.float64)
    largest = np.zeros(len(before))
    for draw in range(DRAWS):
        with _moved(models, draw, terms):
            after = np.asarray(evaluate(), np.float64)
        largest = np.maximum(largest, np.abs(after - before).reshape(len(before), -1).max(axis=1, initial=0))
    return 2 * largest + allowed(
        EXTRA + terms, np.abs(before).reshape(len(before), -1).max(axis=1, initial=0)
    )


def assert_same(found: Any, expected: Any, within: Any, least: float = 0.5) -> None:
    """Compare row by row, and hold that the bounds say something: most lie below a hundredth of their row.

    Parameters
    ----------
    found, expected : float arrays, (n, ...)
        One row per image.
    within : float array, (n,)
        As of :func:`spread`; a case that is badly conditioned for one image is so for that image alone.
    least : float
        The share of rows whose bound has to be sharp.
    """
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    assert found.shape == expected.shape
    rows = (len(expected), -1)
    peak = np.abs(expected).reshape(rows).max(axis=1)
    off = np.abs(found - expected).reshape(rows).max(axis=1)
    sharp = within <= 1e-2 * peak
    assert sharp.mean() >= least, f"the bounds are too wide to tell anything: {within / peak} of the largest"
    assert (off <= within).all(), f"off by {off}, allowed {within}"


@contextmanager
def _moved(models: tuple[Any, ...], seed: int, terms: int) -> Iterator[None]:
    kept = [model.get_weights() for model in models]
    try:
        for model, weights in zip(models, kept, strict=True):
            rng = np.random.default_rng(seed)
            by = gamma(
                CERTAIN * max(EXTRA + terms, *(EXTRA + longest(each.shape) for each in weights)) ** 0.5
            )
            model.set_weights([each * (1 + by * rng.choice([-1, 1], each.shape)) for each in weights])
        yield
    finally:
        for model, weights in zip(models, kept, strict=True):
            model.set_weights(weights)


def longest(shape: tuple[int, ...]) -> int:
    """Return the length of a kernel's sums, forwards or backwards, whichever is the longer."""
    return int(np.prod(shape)) // min(shape[-2:], default=1)
