"""Reports of earlier builds, which put all drawings into one folder, the variant's name in the file's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from xaireport.report.document.blocks import Block, Details, Figure, Page
from xaireport.report.document.drawings import FOLDER, mark


def placed(page: Page, folder: Path | None) -> Page:
    """Return the page with its drawings as they lie below the folder of results.json."""
    if folder is None or (folder / FOLDER / "variants").is_dir():
        return page
    return replace(
        page,
        sections=tuple(replace(each, blocks=_blocks(each.blocks, folder)) for each in page.sections),
    )


def _blocks(blocks: Iterable[Block], folder: Path) -> tuple[Block, ...]:
    return tuple(_block(each, folder) for each in blocks)


def _block(block: Block, folder: Path) -> Block:
    if isinstance(block, Details):
        return replace(block, blocks=_blocks(block.blocks, folder))
    if not isinstance(block, Figure):
        return block
    *_, variant, name = "comparison", *mark(block.file).split(".")
    before = f"{FOLDER}/{variant}-{name}.svg"
    return replace(block, file=before) if (folder / before).is_file() else block
