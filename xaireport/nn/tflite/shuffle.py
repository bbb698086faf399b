"""A TFLite file whose layers have lost what they learnt: the same numbers in other places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from xaireport.errors import ModelError
from xaireport.nn.tflite.flatbuffer import Graph


def shuffled(content: bytes, graph: Graph, layers: Sequence[str], seed: int) -> bytes:
    """Return a file whose layers' weights and biases lie in random order, each tensor by itself.

    What a layer's sums are then scaled by or added to, in operators of their own, goes with it: biases of a
    kernel applied cell by cell, and normalisation that could not be merged into a kernel.

    Parameters
    ----------
    content : bytes
        The file.
    graph : Graph
        What it holds.
    layers : sequence of str
        Which layers.
    seed : int
        Draws the order of each tensor: the same for a layer, whichever others are shuffled.

    Raises
    ------
    ModelError
        The weights lie outside the file's buffers, or several in one byte.
    """
    from ai_edge_litert import schema_py_generated as schema

    out = bytearray(content)
    model = schema.Model.GetRootAs(out, 0)
    for tensor in _stored(graph, layers):
        buffer = model.Buffers(tensor.buffer)
        field = buffer._tab.Offset(4)  # the vector of bytes, in the schema's first field
        if not field:
            raise ModelError("weights within the file's buffers", "weights stored behind them")
        start, size = buffer._tab.Vector(field), buffer.DataLength()
        width, packed = divmod(size, math.prod(int(each) for each in tensor.shape))
        if packed or not width:
            raise ModelError("weights of whole bytes each", f"{size:,} bytes of shape {tuple(tensor.shape)}")
        cells = np.frombuffer(bytes(out[start : start + size]), np.uint8).reshape(-1, width)
        order = np.random.default_rng([seed, tensor.buffer]).permutation(len(cells))
        out[start : start + size] = cells[order].tobytes()
    return bytes(out)


def _stored(graph: Graph, layers: Sequence[str]) -> list[Any]:
    """Return the tensors that these layers store, one per buffer."""
    found: dict[int, Any] = {}
    current = ""
    for step in graph.steps:
        current = step.layer if graph.has_kernel(step) else current
        if current in layers:
            found.update((tensor.buffer, tensor) for tensor in graph.numbers(step))
    return list(found.values())
