"""Class activation maps as arithmetic: how activations and gradients become a map, and how it grows.

NumPy only: running the model is the classifier's, which layer is :mod:`xaireport.explain.layers`', drawing is
:mod:`xaireport.explain.pictures`'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import ModelError
from xaireport.types.data import Floats

ZERO_GUARD = 1e-6
"""Positive evidence below this share of all evidence is rounding: float32 sums of some hundred channels."""

Reduction = Callable[[Floats, Floats], tuple[Floats, NDArray[np.bool_]]]
"""``(activations, gradients) -> (maps, zero)``, see :func:`gradcam`."""


def gradcam(activations: Floats, gradients: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return Grad-CAM maps, each divided by its own maximum.

    The weight of a channel is the mean of its gradient over the grid; the map is the weighted sum over
    channels, of which only positive evidence is kept.

    Parameters
    ----------
    activations, gradients : float32 array, (n, *grid, channels)
        A layer's output, and the gradient of the target logit with respect to it.

    Returns
    -------
    maps : float32 array, (n, *grid)
        From 0 to 1.
    zero : bool array, (n,)
        Maps without positive evidence beyond rounding (:data:`ZERO_GUARD`); all 0.

    Raises
    ------
    ModelError
        The shapes differ.

    References
    ----------
    R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
    Localization", ICCV 2017, doi:10.1109/ICCV.2017.74.
    """
    _check(activations, gradients)
    n, *grid, channels = activations.shape
    weights = gradients.reshape(n, -1, channels).mean(axis=1)
    cells = activations.reshape(n, -1, channels)
    if activations.min(initial=0) >= 0:  # as after a ReLU: evidence and all evidence in one product
        evidence, total = np.moveaxis(cells @ np.stack([weights, np.abs(weights)], axis=-1), -1, 0)
    else:
        evidence = (cells @ weights[:, :, None])[..., 0]
        total = (np.abs(cells) @ np.abs(weights)[:, :, None])[..., 0]
    return normalise(np.maximum(evidence, 0).reshape(n, *grid), total.max(axis=1, initial=0))


def hirescam(activations: Floats, gradients: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return HiResCAM maps: activation times gradient, cell by cell, summed over channels.

    Where the head behind the layer is linear, the sum over the cells is the target logit but for its bias.
    Parameters, results and errors are those of :func:`gradcam`.

    References
    ----------
    R. L. Draelos & L. Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional
    neural networks", 2020, arXiv:2011.08891.
    """
    _check(activations, gradients)
    return _summed(activations * gradients)


def layercam(activations: Floats, gradients: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return LayerCAM maps: as HiResCAM, but cells with a negative gradient do not count.

    Parameters, results and errors are those of :func:`gradcam`.

    References
    ----------
    P.-T. Jiang et al., "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE
    Transactions on Image Processing 30, 2021, doi:10.1109/TIP.2021.3089943.
    """
    _check(activations, gradients)
    return _summed(activations * np.maximum(gradients, 0))


def gradcam_plus_plus(activations: Floats, gradients: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return Grad-CAM++ maps: as Grad-CAM, but in the weight of a channel each cell counts by its own slope.

    The score explained is exp(S) of the target logit S, as in the paper. Its first three derivatives along a
    layer behind which everything is piecewise linear are exp(S) g, exp(S) g² and exp(S) g³, so that exp(S)
    drops out of ``alpha = g² / (2 g² + g³ Σ A)``, and scales the map as a whole, which is divided by its own
    maximum. It is therefore left out: a constant that is added to all scores changes nothing, where exp(S)
    would run over. ``alpha`` is not divided by its sum, as in the paper and unlike in tf-keras-vis. The paper
    takes A behind a ReLU; where activations may be negative, Σ A is that of the positive ones, so that alpha
    is between 0 and 1/2 whatever the layer.

    Parameters, results and errors are those of :func:`gradcam`.

    References
    ----------
    A. Chattopadhay et al., "Grad-CAM++: Generalized Gradient-Based Visual Explanations for Deep
    Convolutional Networks", WACV 2018, doi:10.1109/WACV.2018.00097.
    """
    _check(activations, gradients)
    n, *grid, channels = activations.shape
    evidence, total = np.zeros((2, n, int(np.prod(grid))))
    for i in range(n):  # in double precision: cubes of slopes are soon too small for single
        cells = activations[i].reshape(-1, channels).astype(np.float64)
        slopes = gradients[i].reshape(-1, channels).astype(np.float64)
        upwards = np.maximum(slopes, 0)
        weights = (upwards / (2 + upwards * np.maximum(cells, 0).sum(axis=0))).sum(axis=0)
        evidence[i], total[i] = cells @ weights, np.abs(cells) @ weights
    return normalise(np.maximum(evidence, 0).reshape(n, *grid), total.max(axis=1, initial=0))


REDUCTIONS: dict[str, Reduction] = {
    "gradcam": gradcam,
    "hirescam": hirescam,
    "layercam": layercam,
    "gradcam++": gradcam_plus_plus,
}
"""The methods that are reductions of one backward pass, as ``explain.method`` takes them."""


def _check(activations: Floats, gradients: Floats) -> None:
    if activations.shape != gradients.shape or activations.ndim < 3:
        raise ModelError(
            "activations and gradients of one shape (n, *grid, channels)",
            f"{activations.shape} and {gradients.shape}",
        )


def _summed(products: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    evidence, total = products.sum(axis=-1), np.abs(products).sum(axis=-1)
    return normalise(np.maximum(evidence, 0), total.max(axis=tuple(range(1, total.ndim)), initial=0))


def normalise(maps: Floats, scale: Floats | None = None) -> tuple[Floats, NDArray[np.bool_]]:
    """Divide each map by its own maximum.

    Parameters
    ----------
    maps : float array, (n, *grid)
        Not negative. A map that is not finite counts as one without evidence.
    scale : float array, (n,), optional
        What each maximum is to be compared with: the sum of evidence of either sign.

    Returns
    -------
    maps : float32 array, (n, *grid)
        From 0 to 1, or all 0.
    zero : bool array, (n,)
        Which maps are all 0.
    """
    axes = tuple(range(1, maps.ndim))
    peak = maps.max(axis=axes)
    floor = 0.0 if scale is None else ZERO_GUARD * scale
    zero = ~np.isfinite(maps).all(axis=axes) | ~(peak > floor)
    column = (-1,) + (1,) * len(axes)
    divided = maps / np.where(zero, 1.0, peak).reshape(column)
    return np.where(zero.reshape(column), 0.0, divided).astype(np.float32), zero


def upsample(maps: Floats, shape: Sequence[int]) -> Floats:
    """Interpolate a map, or a stack of maps, linearly, axis by axis, with half-pixel centres.

    A cell stands for a block of pixels, so its value belongs to the block's middle: aligning the corners
    instead would push every peak outwards. Beyond the outer middles the edge value holds.

    Parameters
    ----------
    maps : float array, (*grid) or (n, *grid)
        One map or many.
    shape : sequence of int
        Size of the result, one per axis of the grid.

    Returns
    -------
    float32 array, (*shape) or (n, *shape)

    Examples
    --------
    >>> upsample(np.array([0.0, 1.0], np.float32), [4]).tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    out = maps.astype(np.float32)
    for axis, size in enumerate(shape, start=maps.ndim - len(shape)):
        cells = out.shape[axis]
        centre = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
        below = np.floor(centre).astype(np.intp)
        above = np.minimum(below + 1, cells - 1)
        share = (centre - below).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(out.ndim)])
        out = out.take(below, axis) * (1 - share) + out.take(above, axis) * share
    return out
