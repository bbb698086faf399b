"""What the variants of a study cost where they run, measured side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaireport import serialization
from xaireport.engine.node import Context
from xaireport.nn.tflite.cost import measure
from xaireport.pipeline import params
from xaireport.pipeline.labels import of_variant
from xaireport.pipeline.stages.given import given
from xaireport.types.artefacts import (
    COST_FILE,
)


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write ``cost.json``: by variant, those whose files there are."""
    parameters = given(params.Cost, table)
    inputs = {name: context.inputs.get(of_variant(name)) for name in parameters.variants}
    files = {name: path for name, path in inputs.items() if path is not None}
    serialization.save(measure(files, parameters.parents), context.out / COST_FILE)
