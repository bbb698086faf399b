"""Class activation maps as arithmetic: which layer, how activations and gradients become a map, how it grows.

NumPy only: running the model is the classifier's, drawing is :mod:`xaireport.explain.pictures`'.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import ModelError
from xaireport.types import Floats, LayerInfo, Skipped

MIN_CELLS = 5
"""Cells per axis below which a map points no better than chance (3 × 3 on the 28 × 28 skin images)."""

ZERO_GUARD = 1e-6
"""Positive evidence below this share of all evidence is rounding: float32 sums of some hundred channels."""

_NOT_EVIDENCE = (
    "Dropout",
    "Pooling",
    "Padding",
    "Cropping",
    "UpSampling",
    "Reshape",
    "Permute",
    "Identity",
    "Noise",
    "Random",
    "Rescaling",
    "Resizing",
    "InputLayer",
    "GetItem",
    "Transpose",
)
"""Parts of the names of kinds that only move, thin out or prepare values: their input says the same."""


def choose_layer(layers: Sequence[LayerInfo], name: str = "") -> LayerInfo | Skipped:
    """Return the layer whose activations make the map.

    By default the last one in the order of the data flow that computes something (pooling, dropout, padding
    and the like do not) and whose grid has at least :data:`MIN_CELLS` cells per axis. So a convolution
    followed by batch normalisation and ReLU is read at the ReLU, a residual block after its sum's ReLU.

    Parameters
    ----------
    layers : sequence of LayerInfo
        Layers with a spatial output, in the order of the data flow.
    name : str
        A layer to take instead, whatever its grid.

    Returns
    -------
    LayerInfo or Skipped
        Skipped where no layer has such a grid.

    Raises
    ------
    ModelError
        There is no layer called ``name``.
    """
    if name:
        for layer in layers:
            if layer.name == name:
                return layer
        known = ", ".join(f"{layer.name} ({grid_text(layer.grid)})" for layer in layers) or "none"
        raise ModelError(
            "explain.layer, the name of a layer with a grid", repr(name), f"such layers: {known}"
        )
    fine = [layer for layer in layers if _computes(layer.kind) and min(layer.grid) >= MIN_CELLS]
    if fine:
        return fine[-1]
    return Skipped(
        "heatmaps",
        f"no layer has a grid of at least {MIN_CELLS} cells per axis"
        if layers
        else "no layer's output is a grid over the image",
        "name one as explain.layer" if layers else "a heatmap from gradients needs a convolutional model",
    )


def last_computing(layers: Sequence[LayerInfo]) -> LayerInfo | None:
    """Return the last layer that computes something, whatever its grid, if there is one."""
    return next((layer for layer in reversed(layers) if _computes(layer.kind)), None)


def grid_text(grid: Sequence[int]) -> str:
    """Return a grid for readers: ``7 × 7``."""
    return " × ".join(str(cells) for cells in grid)


def _computes(kind: str) -> bool:
    # Keras' Normalization prepares the input; BatchNormalization and its like belong to the network.
    return kind != "Normalization" and not any(part in kind for part in _NOT_EVIDENCE)


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
    Localization", ICCV 2017. arXiv:1610.02391.
    """
    if activations.shape != gradients.shape or activations.ndim < 3:
        raise ModelError(
            "activations and gradients of one shape (n, *grid, channels)",
            f"{activations.shape} and {gradients.shape}",
        )
    weights = gradients.mean(axis=tuple(range(1, gradients.ndim - 1)))
    evidence = np.einsum("n...c,nc->n...", activations, weights)
    total = np.einsum("n...c,nc->n...", np.abs(activations), np.abs(weights))
    return normalise(np.maximum(evidence, 0), total.max(axis=tuple(range(1, total.ndim))))


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


def upsample(grid: Floats, shape: Sequence[int]) -> Floats:
    """Interpolate a map linearly, axis by axis, with half-pixel centres.

    A cell stands for a block of pixels, so its value belongs to the block's middle: aligning the corners
    instead would push every peak outwards. Beyond the outer middles the edge value holds.

    Parameters
    ----------
    grid : float array, (*grid)
        The map.
    shape : sequence of int
        Size of the result, one per axis.

    Returns
    -------
    float32 array, ``shape``

    Examples
    --------
    >>> upsample(np.array([0.0, 1.0], np.float32), [4]).tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    out = grid.astype(np.float32)
    for axis, size in enumerate(shape):
        cells = out.shape[axis]
        centre = np.clip((np.arange(size) + 0.5) * cells / size - 0.5, 0, cells - 1)
        below = np.floor(centre).astype(np.intp)
        above = np.minimum(below + 1, cells - 1)
        share = (centre - below).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(out.ndim)])
        out = out.take(below, axis) * (1 - share) + out.take(above, axis) * share
    return out
