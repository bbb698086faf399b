"""One page in one format, from stored evidence alone."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xaireport.engine.node import Context
from xaireport.errors import RenderError
from xaireport.pipeline import params
from xaireport.pipeline.stages.given import given
from xaireport.report.document.blocks import Page
from xaireport.report.pages.card import card
from xaireport.report.pages.comparison import comparison
from xaireport.report.pages.index import index
from xaireport.report.plugins import Source
from xaireport.types.artefacts import PAGE_STEM
from xaireport.types.labels import (
    ASSETS,
    PREDICTIONS,
    RESULTS,
)


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write ``page<suffix>``."""
    parameters = given(params.Page, table)
    module, _, function = parameters.write.partition(":")
    write = getattr(importlib.import_module(module), function)
    path = context.out / f"{PAGE_STEM}{parameters.suffix}"
    if parameters.page == "index":
        write(_index(context), path, Source())
        return
    results = _read(context.inputs[RESULTS])
    page = card(results, parameters.variant) if parameters.page == "card" else comparison(results)
    with TemporaryDirectory() as folder:
        for label, pictures in context.inputs.items():  # a study whose variants all failed has no pictures
            # Names in the results begin with "assets/", whatever the folder that holds them is called.
            if label.partition("/")[0] == ASSETS:
                (Path(folder) / label).parent.mkdir(exist_ok=True)
                (Path(folder) / label).symlink_to(pictures.resolve())
        attached = [context.inputs[label] for label in (PREDICTIONS, RESULTS) if label in context.inputs]
        write(page, path, Source(results, parameters.variant, Path(folder), tuple(attached)))


def _index(context: Context) -> Page:
    results = {
        label.partition("/")[2]: _read(path)
        for label, path in context.inputs.items()
        if label.startswith(f"{RESULTS}/")
    }
    failures = [
        {
            "study": label.partition("/")[2],
            "variant": "",
            "stage": failure.stage,
            "message": failure.message,
            "hint": failure.hint,
        }
        for label, failure in context.failures.items()
    ]
    return index([results[name] for name in sorted(results)], failures)


def _read(path: Path) -> dict[str, Any]:
    try:
        results: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as error:  # somebody may have edited the file that index pages read from the reports
        where = f"{path.parent.name}/{path.name}"
        raise RenderError("results as a build writes them", error, "build again", where) from error
    return results
