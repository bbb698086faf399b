"""What results.json must look like: results_schema.json, and the check against it."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from xaireport.errors import RenderError

SCHEMA_VERSION = "1.0"
"""The first number changes when a key is taken away or means something else."""


@functools.cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of results.json."""
    text = Path(__file__).with_name("results_schema.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def check_results(results: Any, where: str = "") -> None:
    """Check ``results`` against the schema.

    Parameters
    ----------
    results : object
        As read by :mod:`json`.
    where : str
        The file, for the message.

    Raises
    ------
    RenderError
        Naming the first key that is wrong.
    """
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema()).iter_errors(results))
    if error is not None:
        key = ".".join(str(step) for step in error.absolute_path) or "the whole file"
        raise RenderError(
            "results as in results_schema.json",
            f"{error.message:.200}",
            "written by another version? Build again",
            f"{where}: {key}" if where else key,
        )
