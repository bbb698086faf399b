"""Every kind of page is PDF/A-3a and PDF/UA-1 at once, says veraPDF."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pikepdf
import pytest
import verapdf_tool
from sample import COUNTS, Study, make_study
from test_html import HOSTILE

from xaireport.report.document.blocks import Page
from xaireport.report.pages.card import card
from xaireport.report.pages.comparison import comparison
from xaireport.report.pages.index import index
from xaireport.report.plugins import Source
from xaireport.report.writers.pdf import write

pytestmark = pytest.mark.skipif(bool(verapdf_tool.missing()), reason=verapdf_tool.missing() or "all is there")


@pytest.fixture(scope="module")
def printed(
    study: Study, phantom: Study, quantised: Study, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    folder = tmp_path_factory.mktemp("printed")
    hostile = make_study(folder / "h", classes=HOSTILE, counts=COUNTS)
    one = copy.deepcopy(phantom.results)
    one["variants"] = {}
    pages: dict[str, tuple[Page, Study | None]] = {
        "card": (card(phantom.results, "augmented"), phantom),
        "plain": (card(study.results, "mine"), study),
        "small": (card(quantised.results, "int8"), quantised),
        "hostile": (card(hostile.results, "augmented"), hostile),
        "comparison": (comparison(quantised.results), quantised),
        "empty": (comparison(one), phantom),
        "index": (index([study.results]), None),
    }
    results = folder / "results.json"
    results.write_text(json.dumps(study.results), "utf-8")
    for name, (page, where) in pages.items():
        source = Source(assets=where.folder if where else None, attachments=(results,))
        write(page, folder / f"{name}.pdf", source)
    return [folder / f"{name}.pdf" for name in pages]


def test_every_page_is_archival_and_accessible(printed: list[Path], tmp_path: Path) -> None:
    assert verapdf_tool.validate(printed, tmp_path) == []


def test_a_broken_file_would_be_found(printed: list[Path], tmp_path: Path) -> None:
    with pikepdf.open(printed[0]) as document:
        del document.Root.StructTreeRoot
        document.save(tmp_path / "broken.pdf")
    found = verapdf_tool.validate([tmp_path / "broken.pdf"], tmp_path)
    assert {line.split()[1] for line in found} == {"3a", "ua1"}
