"""The crosswalk to reporting guidelines, as results.json holds it; the items are in ``crosswalk.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any


def crosswalk() -> list[dict[str, Any]]:
    """Return each guideline: ``name``, ``title``, ``source``, and its ``items``.

    An item has its number (``item``), what it asks in our words (``asks``), the letters of the ``sections``
    that answer it, and, where none does, who answers it instead (``why``).
    """
    told = tomllib.loads(Path(__file__).with_name("crosswalk.toml").read_text("utf-8"))["framework"]
    return [
        {
            **{key: framework[key] for key in ("name", "title", "source")},
            "items": [{**item, "why": item.get("why", "")} for item in framework["item"]],
        }
        for framework in told
    ]
