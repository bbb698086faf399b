"""Which layers a heatmap may be read at. Which of them it is read at is decided on validation images."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from xaireport.errors import ModelError
from xaireport.types.models import LayerInfo
from xaireport.types.notes import Note

MIN_CELLS = 5
"""Cells per axis below which a map points no better than chance (3 × 3 on the 28 × 28 skin images)."""

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


def candidates(layers: Sequence[LayerInfo], name: str = "") -> tuple[LayerInfo, ...] | Note:
    """Return the layers to choose from, in the order of the data flow.

    Of each grid with at least :data:`MIN_CELLS` cells per axis the last layer that comes out of a
    nonlinearity (in a model without any: that computes something; pooling, dropout, padding and the like do
    not). So a convolution followed by batch normalisation and ReLU is read at the ReLU, a residual block
    after its sum's.

    Parameters
    ----------
    layers : sequence of LayerInfo
        Layers with a spatial output, in the order of the data flow.
    name : str
        The one layer to take instead, whatever its grid.

    Returns
    -------
    tuple of LayerInfo, or Note
        A note where no layer has such a grid.

    Raises
    ------
    ModelError
        There is no layer called ``name``, or it has one cell.
    """
    if name:
        known = ", ".join(f"{layer.name} ({grid_text(layer.grid)})" for layer in layers) or "none"
        # The last of a name: in a TFLite file the steps of one layer share it.
        named = next((layer for layer in reversed(layers) if layer.name == name), None)
        if named is None:
            raise ModelError(
                "explain.layer, the name of a layer with a grid", repr(name), f"such layers: {known}"
            )
        if prod(named.grid) == 1:
            raise ModelError(
                "explain.layer with more than one cell",
                f"{name}, whose grid is {grid_text(named.grid)}",
                f"such layers: {known}",
            )
        return (named,)
    fine = [layer for layer in layers if min(layer.grid) >= MIN_CELLS and _computes(layer.kind)]
    read = [layer for layer in fine if layer.activated] or fine
    if read:
        last = {layer.grid: layer for layer in read}
        return tuple(layer for layer in read if last[layer.grid] is layer)
    return Note("coarse_layers", {"cells": MIN_CELLS}) if layers else Note("no_grid")


def last_computing(layers: Sequence[LayerInfo]) -> LayerInfo | None:
    """Return the last layer that computes something, whatever its grid, if there is one."""
    return next((layer for layer in reversed(layers) if _computes(layer.kind)), None)


def grid_text(grid: Sequence[int]) -> str:
    """Return a grid for readers: ``7 × 7``."""
    return " × ".join(str(cells) for cells in grid)


def _computes(kind: str) -> bool:
    # Keras' Normalization prepares the input; BatchNormalization and its like belong to the network.
    return kind != "Normalization" and not any(part in kind for part in _NOT_EVIDENCE)
