"""What the variants of a study cost where they run, measured side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaireport import codec
from xaireport.engine.node import Context
from xaireport.nn.tflite.cost import measure


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``cost.json``: by variant, those whose files there are."""
    codec.save(measure(dict(context.inputs), params["parents"]), context.out / "cost.json")
