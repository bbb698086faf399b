"""Charts, beside the pictures that the results name: everything a page places, in one folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import Any

from xaireport.engine.node import Context
from xaireport.report.figures.draw import draw
from xaireport.types.artefacts import (
    ASSETS_FOLDER,
    RESULTS_FILE,
)
from xaireport.types.labels import (
    RESULTS,
)


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``assets/``: the pictures that the results name, and ``assets/figures``."""
    results = context.inputs[RESULTS]
    pictures = results / ASSETS_FOLDER
    if pictures.is_dir():
        shutil.copytree(pictures, context.out / ASSETS_FOLDER)
    draw(json.loads((results / RESULTS_FILE).read_text("utf-8")), context.out / ASSETS_FOLDER / "figures")
