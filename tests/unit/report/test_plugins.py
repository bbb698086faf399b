"""A section, a drawing and a format from another package, by its entry point: the built-in ones' own door."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rendering import render_card
from sample import Study, make_study

from xaireport import resources
from xaireport.engine.node import Input, Publication
from xaireport.errors import ConfigError
from xaireport.pipeline.builder import Builder
from xaireport.pipeline.pages import add_pages
from xaireport.report import plugins
from xaireport.report.figures.draw import draw
from xaireport.report.writers.formats import formats

ACME = """
from xaireport.report.document.blocks import Figure, Paragraph
from xaireport.report.document.drawings import drawing
from xaireport.report.plugins import Drawing
from xaireport.report.plugins import Format
from xaireport.report.plugins import Plugin
from xaireport.report.figures.plotting import figure
from xaireport.report.sections.registry import SectionMaker


def make(card):
    seen = Figure(drawing("acme", card.name), ("What Acme sees.",))
    return "computed", (Paragraph(("Of ", card.study.quote("study"), ", says Acme.")), seen)


def dot(results, variant):
    made, (axis,) = figure(2, 1)
    axis.plot([0], [0], "o")
    return made


def write(page, path, source):
    path.write_text(page.plain_title)


plugin = Plugin(
    sections=(SectionMaker("acme", "Acme's own", make, 41),),
    figures=(Drawing("acme", dot, "Acme's dot", "One dot."),),
    formats=(Format("txt", ".txt", "acme_xai:write", layouts=("card",)),),
)
"""


def forget() -> None:
    resources.plugins.cache_clear()
    plugins.loaded.cache_clear()


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package `acme-xai`."""
    site = tmp_path / "site"
    (site / "acme_xai-2.1.dist-info").mkdir(parents=True)
    entry = "[console_scripts]\nacme = acme_xai:main\n\n[xaireport.plugins]\nacme = acme_xai:plugin\n"
    (site / "acme_xai-2.1.dist-info" / "entry_points.txt").write_text(entry)
    (site / "acme_xai.py").write_text(ACME)
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    forget()
    yield site
    sys.modules.pop("acme_xai", None)
    forget()


def test_a_package_adds_a_section_a_drawing_and_a_format(acme: Path, tmp_path: Path) -> None:
    study: Study = make_study(tmp_path / "s", ("augmented",))
    draw(study.results, study.folder / "assets" / "figures")
    page = render_card(study.results, "augmented", study.folder)
    assert 'id="section-acme"' in page
    assert "Acme&#39;s own" in page
    assert 'id="figure-variants.augmented.acme"' in page
    assert page.index('id="section-l"') < page.index('id="section-acme"') < page.index('id="section-k"')
    assert [each.name for each in formats()] == ["html", "pdf", "md", "fragment", "txt"]


def test_its_pages_are_steps_of_the_build_and_depend_on_its_code(acme: Path) -> None:
    builder = Builder(Path("reports"))
    evidence = {label: Input(path=acme) for label in ("results", "predictions", "assets")}
    add_pages(builder, "derma", {"augmented": {}}, evidence)
    nodes = {node.name: node for node in builder.nodes}
    own = nodes["txt derma.augmented"]
    (report,) = (step for step in builder.nodes if isinstance(step, Publication))
    assert report.files["augmented/card.txt"] == Input(own.name, "page.txt", None, True)
    assert "txt derma" not in nodes
    for node in (own, nodes["html derma"]):
        assert "acme_xai" in node.code
        assert "acme_xai" in node.packages
    assert json.dumps(dict(own.params))


@pytest.mark.parametrize(
    ("text", "said"),
    [("import nothing_of_the_kind", "can be imported"), ("plugin = 7", "xaireport.report.plugins.Plugin")],
)
def test_a_broken_one_is_named(acme: Path, text: str, said: str) -> None:
    (acme / "acme_xai.py").write_text(text)
    with pytest.raises(ConfigError, match=said) as error:
        plugins.loaded()
    assert "acme" in str(error.value)


def test_without_any_there_are_the_built_in_formats_alone() -> None:
    assert [each.name for each in formats()] == ["html", "pdf", "md", "fragment"]
    assert [each.name for each in formats(("pdf",))] == ["pdf"]
    with pytest.raises(ConfigError, match="formats among html, pdf, md, fragment"):
        formats(("docx",))
