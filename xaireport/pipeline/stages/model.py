"""The model of a variant, opened as its study says: what several stages begin with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from xaireport.engine.node import Context
from xaireport.pipeline.params import Reading
from xaireport.types.data import Dataset
from xaireport.types.labels import MODEL

T = TypeVar("T")


def opened(open_file: Callable[..., T], context: Context, reading: Reading, dataset: Dataset) -> T:
    """Return what ``open_file`` makes of the input ``model``, checked against the data.

    A stage says itself what it opens a model as: gradients are no part of what only predicts.
    """
    return open_file(
        context.inputs[MODEL],
        pixel_scale=reading.pixel_scale,
        output=reading.output,
        n_classes=len(dataset.info.classes),
        input_shape=dataset.input_shape,
    )
