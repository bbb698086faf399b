"""The model of a variant, opened as its study says: what several stages begin with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from xaireport.engine.node import Context
from xaireport.types import Dataset

T = TypeVar("T")


def opened(open_file: Callable[..., T], context: Context, params: Mapping[str, Any], dataset: Dataset) -> T:
    """Return what ``open_file`` makes of the input ``model``, checked against the data.

    A stage says itself what it opens a model as: gradients are no part of what only predicts.
    """
    return open_file(
        context.inputs["model"],
        pixel_scale=params["pixel_scale"],
        output=params["output"],
        n_classes=len(dataset.info.classes),
        input_shape=dataset.input_shape,
    )
