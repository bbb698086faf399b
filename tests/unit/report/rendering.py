"""Pages as HTML, from results.json alone, and single blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xaireport import resources
from xaireport.report.document.blocks import Block
from xaireport.report.pages.card import card
from xaireport.report.pages.comparison import comparison
from xaireport.report.pages.index import index
from xaireport.report.writers import html


def render_card(results: Mapping[str, Any], variant: str, assets: Path, templates: Path | None = None) -> str:
    return html.render(card(results, variant), assets, templates)


def render_comparison(results: Mapping[str, Any], assets: Path, templates: Path | None = None) -> str:
    return html.render(comparison(results), assets, templates)


def render_index(results: Sequence[Mapping[str, Any]], failures: Sequence[Mapping[str, str]] = ()) -> str:
    return html.render(index(results, failures), None)


def render_block(block: Block, assets: Path) -> str:
    here = html.Here("screen", "", 1, assets)
    return html._fill(
        f"blocks/{block.kind}.html", {"block": block, "here": here}, resources.folders("templates")
    )
