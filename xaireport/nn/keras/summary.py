"""Facts about a Keras model that a card prints. The layers are those of its flat copy."""

from __future__ import annotations

import math
from typing import Any

from xaireport.errors import ModelError
from xaireport.nn.keras import flatten
from xaireport.nn.keras.predictor import KerasPredictor
from xaireport.types.models import ModelSummary


def summary(predictor: KerasPredictor) -> ModelSummary:
    """Return the facts."""
    return ModelSummary(
        input_shape=predictor.input_shape,
        n_classes=predictor.n_classes,
        parameters=_count(predictor.model.weights),
        trainable_parameters=_count(predictor.model.trainable_weights),
        size_bytes=predictor.size_bytes,
        layers=_layers(predictor),
    )


def _layers(predictor: KerasPredictor) -> tuple[tuple[str, str, str, int], ...]:
    try:
        return _layer_table(flatten.flatten(predictor.model, predictor.input_shape))
    except ModelError:  # what a subclassed model has, if not in which order
        kinds = ((layer, type(layer).__name__) for layer in predictor.model.layers)
        return tuple((layer.name, kind, "?", _count(layer.weights)) for layer, kind in kinds)


def _layer_table(graph: flatten.FlatGraph) -> tuple[tuple[str, str, str, int], ...]:
    """Per step: name, kind, output shape, parameters (of a shared layer at its first call only)."""
    rows, seen = [], set()
    for step in graph.steps:
        weights = [] if id(step.operation) in seen else getattr(step.operation, "weights", [])
        seen.add(id(step.operation))
        shape = " × ".join("?" if size is None else str(size) for size in step.output.shape[1:])
        rows.append((step.name, step.kind, shape, _count(weights)))
    return tuple(rows)


def _count(weights: list[Any]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)
