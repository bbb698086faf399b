"""One page as HTML, from stored evidence alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xaireport.codec import write_atomic
from xaireport.engine.node import Context
from xaireport.errors import RenderError
from xaireport.report.html import render_card, render_comparison, render_index


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``page.html``."""
    if params["page"] == "index":
        html = _index(context)
    else:
        results = _read(context.inputs["results"])
        with TemporaryDirectory() as folder:
            if "assets" in context.inputs:  # a study whose variants all failed has no pictures
                # Names in the results begin with "assets/", whatever the folder that holds them is called.
                (Path(folder) / "assets").symlink_to(context.inputs["assets"].resolve())
            assets = Path(folder)
            if params["page"] == "card":
                html = render_card(results, params["variant"], assets)
            else:
                html = render_comparison(results, assets)
    write_atomic(context.out / "page.html", html.encode())


def _index(context: Context) -> str:
    results = {
        label.partition("/")[2]: _read(path)
        for label, path in context.inputs.items()
        if label.startswith("results/")
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
    return render_index([results[name] for name in sorted(results)], failures)


def _read(path: Path) -> dict[str, Any]:
    try:
        results: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except ValueError as error:  # somebody may have edited the file that index pages read from the reports
        where = f"{path.parent.name}/{path.name}"
        raise RenderError("results as a build writes them", error, "build again", where) from error
    return results
