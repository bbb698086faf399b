"""Cards as Markdown: every number, tables that hold, hostile names as words, metadata for the Hub."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from page_numbers import read
from rendering import render_card
from sample import COUNTS, Study, make_study
from test_html import HOSTILE

from xaireport.report.pages.card import card
from xaireport.report.plugins import Source
from xaireport.report.writers.markdown import markdown, write


def shown(text: str) -> str:
    """What a reader sees: GitHub's Markdown as HTML, without the tags."""
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    return re.sub(r"<[^>]+>", " ", page).replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")


@pytest.mark.parametrize("variant", ["baseline", "augmented", "mine"])
def test_every_number_of_the_page_is_in_it(study: Study, variant: str) -> None:
    text = shown(markdown(card(study.results, variant)))
    page = read(render_card(study.results, variant, study.folder), {"derma": study.results})
    assert len(page.numbers) > 100
    for _, number in page.numbers:
        assert number in text


def test_tables_hold_and_hostile_names_are_words(tmp_path: Path) -> None:
    names = (*HOSTILE[:5], "a | b\n| c", "[x](javascript:alert(1)) `*_")
    study = make_study(tmp_path, ("augmented",), classes=names, counts=COUNTS)
    write(card(study.results, "augmented"), tmp_path / "card.md", Source(study.results, "augmented"))
    text = (tmp_path / "card.md").read_text("utf-8").partition("\n---\n")[2]
    assert not re.search(r"(?<!\\)<(script|img)", text)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(cells) == 1, table[:400]
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    assert {token.content for token in inline if token.type == "html_inline"} <= {"<br>", "<code>", "</code>"}
    assert not [token for token in tokens if token.type == "html_block"]
    targets = [str(token.attrs["href"]) for token in inline if token.type == "link_open"]
    assert not [target for target in targets if not target.endswith(".html")]


def test_the_metadata_hold_what_the_results_hold(phantom: Study, tmp_path: Path) -> None:
    write(card(phantom.results, "augmented"), tmp_path / "card.md", Source(phantom.results, "augmented"))
    front = (tmp_path / "card.md").read_text("utf-8").split("---\n")[1]
    told = {line.partition(": ")[0]: json.loads(line.partition(": ")[2]) for line in front.splitlines()}
    (model,) = told["model-index"]
    (found,) = model["results"]
    scores = phantom.results["variants"]["augmented"]["scores"]
    assert {one["name"]: one["value"] for one in found["metrics"]}["accuracy"] == scores["accuracy"]["value"]
    assert "synthetic" in found["dataset"]["name"]
    assert "synthetic-data" in told["tags"]
