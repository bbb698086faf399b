"""Charts, beside the pictures that the results name: everything a page places, in one folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import Any

from xaireport.engine.node import Context
from xaireport.report.figures.draw import draw


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``assets/``: the pictures that the results name, and ``assets/figures``."""
    results = context.inputs["results"]
    pictures = results / "assets"
    if pictures.is_dir():
        shutil.copytree(pictures, context.out / "assets")
    draw(json.loads((results / "results.json").read_text("utf-8")), context.out / "assets" / "figures")
