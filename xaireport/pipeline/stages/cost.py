"""What the variants of a study cost where they run, measured side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaireport import serialization
from xaireport.engine.node import Context
from xaireport.nn.tflite.cost import measure
from xaireport.pipeline.labels import of_variant


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``cost.json``: by variant, those whose files there are."""
    inputs = {name: context.inputs.get(of_variant(name)) for name in params["variants"]}
    files = {name: path for name, path in inputs.items() if path is not None}
    serialization.save(measure(files, params["parents"]), context.out / "cost.json")
