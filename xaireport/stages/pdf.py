"""One page as PDF: the HTML as it is, printed, with the numbers attached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaireport.engine.node import Context
from xaireport.report.pdf import write_pdf


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``page.pdf``."""
    html = context.inputs["html"].read_text("utf-8")
    attached = [context.inputs[label] for label in ("predictions", "results") if label in context.inputs]
    write_pdf(html, context.out / "page.pdf", attached)
