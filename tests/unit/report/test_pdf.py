"""Pages as PDF: the same numbers, the same bytes, archival and accessible."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pikepdf
import pytest
from page_numbers import missing_from_pdf, read
from pypdf import PdfReader

from xaireport.errors import RenderError
from xaireport.report.document.phrases import DEMONSTRATION
from xaireport.report.pages.card import card
from xaireport.report.pages.comparison import comparison
from xaireport.report.pages.index import index
from xaireport.report.writers import pdf
from xaireport.report.writers.html import render

NAMES = ("card", "comparison", "index")


@pytest.fixture(scope="module")
def html(phantom) -> dict[str, str]:
    return {
        "card": render(card(phantom.results, "augmented"), phantom.folder, medium="paper"),
        "comparison": render(comparison(phantom.results), phantom.folder, medium="paper"),
        "index": render(index([phantom.results]), None, medium="paper"),
    }


@pytest.fixture(scope="module")
def printed(phantom, html, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pdf")
    results = folder / "results.json"
    results.write_text(json.dumps(phantom.results), "utf-8")
    for name in NAMES:
        pdf.write_pdf(html[name], folder / f"{name}.pdf", [results])
    return {name: folder / f"{name}.pdf" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_the_page_is_in_the_pdfs_text(phantom, html, printed, name):
    text = "\n".join(page.extract_text() for page in PdfReader(printed[name]).pages)
    found = read(html[name], {"derma": phantom.results})
    assert len(found.numbers) > 10
    assert not missing_from_pdf(found, text)


def test_a_number_that_is_not_printed_would_be_found(phantom, html):
    found = read(html["index"], {"derma": phantom.results})
    assert missing_from_pdf(found, "0.123")


@pytest.mark.parametrize("name", NAMES)
def test_every_page_says_that_the_data_are_synthetic(printed, name):
    pages = PdfReader(printed[name]).pages
    assert all(DEMONSTRATION in page.extract_text() for page in pages)
    assert all(f"{i} / {len(pages)}" in page.extract_text() for i, page in enumerate(pages, 1))


def test_archival_and_accessible(phantom, printed):
    with pikepdf.open(printed["card"]) as document:
        xmp = document.Root.Metadata.read_bytes().decode()
        rdf = re.findall(r"<rdf:RDF.*?</rdf:RDF>", xmp, re.S)
        assert len(rdf) == 1
        assert 'pdfaid:part="3"' in rdf[0]
        assert 'pdfaid:conformance="A"' in rdf[0]
        assert 'pdfuaid:part="1"' in rdf[0]
        assert document.Root.MarkInfo.Marked
        assert "/StructTreeRoot" in document.Root
        assert str(document.Root.Lang) == "en"
        attached = document.attachments["results.json"]
        assert json.loads(attached.get_file().read_bytes()) == phantom.results
        assert str(attached.obj.AFRelationship) == "/Data"


@pytest.mark.parametrize("name", NAMES)
def test_all_that_is_drawn_has_a_tag_and_every_link_is_one(printed, name):
    """ISO 14289-1, 7.1 and 7.18.5; without a validator at hand."""
    with pikepdf.open(printed[name]) as document:
        numbers = list(document.Root.StructTreeRoot.ParentTree.Nums)  # pikepdf 10.0 knows no slices
        parents = dict(zip(map(int, numbers[::2]), numbers[1::2], strict=True))
        links = 0
        for page in document.pages:
            tags = 0
            for _, operator in pikepdf.parse_content_stream(page):
                tags += {"BDC": 1, "BMC": 1, "EMC": -1}.get(str(operator), 0)
                assert tags or str(operator) not in {"Tj", "TJ", "Do", "f", "f*", "S", "B", "sh"}
            for annotation in page.get("/Annots", []):
                assert str(parents[int(annotation.StructParent)].S) == "/Link"
                links += 1
        assert links


def test_bookmarks_and_dates_come_from_the_page(printed):
    reader = PdfReader(printed["card"])
    assert reader.outline[0].title == "CNN, augmented"
    titles = [entry.title for entry in reader.outline[1]]
    assert any(title.startswith("Where the model looks") for title in titles)
    assert reader.metadata.creation_date.isoformat() == "2026-11-23T17:00:00+00:00"


def test_the_same_page_gives_the_same_bytes_in_another_process(html, printed, tmp_path):
    (tmp_path / "card.html").write_text(html["card"], "utf-8")
    (tmp_path / "results.json").write_bytes((printed["card"].parent / "results.json").read_bytes())
    code = (
        "import sys; from pathlib import Path; from xaireport.report.writers.pdf import write_pdf;"
        "folder = Path(sys.argv[1]);"
        "write_pdf((folder / 'card.html').read_text('utf-8'), folder / 'card.pdf', [folder / 'results.json'])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, cwd=tmp_path, env=environment)
    assert (tmp_path / "card.pdf").read_bytes() == printed["card"].read_bytes()


@pytest.mark.parametrize("address", ["https://example.org/x.png", "file:///etc/hostname"])
def test_nothing_is_fetched(tmp_path, address):
    with pytest.raises(RenderError, match="refused to fetch"):
        pdf.write_pdf(f'<html lang="en"><title>t</title><img src="{address}" alt="x">', tmp_path / "x.pdf")
    assert list(tmp_path.iterdir()) == []


def test_pango_missing_is_named(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "weasyprint"]:
        monkeypatch.delitem(sys.modules, name)

    class Broken:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "weasyprint":
                raise OSError("cannot load library 'libpango-1.0-0'")

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(RenderError, match=r"libpango-1.0-0 libpangoft2-1.0-0"):
        pdf.write_pdf("<p>x</p>", tmp_path / "x.pdf")
    assert list(tmp_path.iterdir()) == []


def test_a_page_whose_date_is_none_is_refused(tmp_path):
    with pytest.raises(RenderError, match="an ISO date"):
        pdf.write_pdf('<meta name="dcterms.created" content="yesterday"><p>x</p>', tmp_path / "x.pdf")


def test_the_environment_is_left_as_it_was(monkeypatch, tmp_path):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    pdf.write_pdf('<html lang="en"><title>t</title><p>x</p>', tmp_path / "x.pdf")
    assert "SOURCE_DATE_EPOCH" not in os.environ


def test_a_card_of_volumes_with_all_their_slices_can_be_printed(phantom, tmp_path):
    """More sheets of slices than a page of paper holds: the grids must break between classes."""
    results = copy.deepcopy(phantom.results)
    variant = results["variants"]["augmented"]
    shown = [place for place in variant["examples"] if place["overlay"]]
    sheets = {"montage": shown[0]["overlay"], "montage_slices": [f"axial {i}" for i in range(8)]}
    strips = {"slices": ["axial 3", "coronal 5", "sagittal 9"]}
    variant["examples"] = [
        {**shown[0], **sheets, **strips, "y_true": k, "sample_id": f"{k}-{i}"}
        for k in range(len(results["classes"]))
        for i in range(6)
    ]
    page = render(card(results, "augmented"), phantom.folder, medium="paper")
    assert page.count("Slices through the volume under the map") == 6 * len(results["classes"])
    pdf.write_pdf(page, tmp_path / "card.pdf", [])
    text = " ".join(each.extract_text() for each in PdfReader(tmp_path / "card.pdf").pages)
    assert "Through the volumes, slice by slice" in " ".join(text.split())
