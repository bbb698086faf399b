"""Two fragments on one page of a Material for MkDocs site and of a Sphinx site with Furo, in a browser."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browsing
import pytest
from sample import Study

from xaireport.report.pages.card import card
from xaireport.report.plugins import Source
from xaireport.report.writers.html import write_fragment

LACKING = [name for name in ("material", "furo", "sphinx") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(browsing.missing() or LACKING),
    reason=browsing.missing() or f"documentation sites need {', '.join(LACKING)}: make install",
)
VARIANTS = ("augmented", "mine")
SITES = ("mkdocs", "sphinx")
FRAGMENTS = "".join(f'\n--8<-- "cards/{name}.html"\n\nAfter it.\n' for name in VARIANTS)
MKDOCS = """
site_name: Site
theme:
  name: material
  font: false
  palette:
    - {media: "(prefers-color-scheme: light)", scheme: default}
    - {media: "(prefers-color-scheme: dark)", scheme: slate}
markdown_extensions:
  - pymdownx.snippets: {base_path: [docs], check_paths: true}
"""
TABLE = "| a | b |\n|---|---|\n| 1 | 2 |\n"
DIRECTIVES = "".join(f"\n.. raw:: html\n   :file: cards/{name}.html\n\nAfter it.\n" for name in VARIANTS)
RST_TABLE = "=====  =====\na      b\n=====  =====\n1      2\n=====  =====\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@pytest.fixture(scope="module")
def sites(phantom: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each site with a page of two fragments, and a page without any beside it."""
    folder = tmp_path_factory.mktemp("sites")
    write(folder / "mk/mkdocs.yml", MKDOCS)
    write(folder / "mk/docs/index.md", f"# Models\n\nA [link](other.md).\n\n{TABLE}{FRAGMENTS}")
    write(folder / "mk/docs/other.md", f"# Models\n\nA [link](index.md).\n\n{TABLE}")
    write(folder / "sp/conf.py", 'project = "Site"\nhtml_theme = "furo"\nexclude_patterns = ["cards"]\n')
    heading = "Models\n======\n\nA `link <index.html>`_.\n\n"
    write(folder / "sp/index.rst", f"{heading}{RST_TABLE}{DIRECTIVES}\n.. toctree::\n\n   other\n")
    write(folder / "sp/other.rst", f"{heading}{RST_TABLE}")
    for variant in VARIANTS:
        for place in ("mk/docs/cards", "sp/cards"):
            (folder / place).mkdir(exist_ok=True)
            source = Source(phantom.results, variant, phantom.folder)
            write_fragment(card(phantom.results, variant), folder / place / f"{variant}.html", source)
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    made = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "-d", str(folder / "mkdocs")]
    subprocess.run(made, check=True, cwd=folder / "mk", env=quiet)
    made = [sys.executable, "-m", "sphinx", "-q", "-b", "html", str(folder / "sp"), str(folder / "sphinx")]
    subprocess.run(made, check=True)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing.chromium() as opened:
        yield opened


def visit(browser: Any, sites: Path, site: str, name: str = "index", scheme: str = "light") -> Any:
    page = browser.new_context(color_scheme=scheme, viewport={"width": 1360, "height": 900}).new_page()
    file = {"mkdocs": f"{name}/index.html" if name != "index" else "index.html", "sphinx": f"{name}.html"}[
        site
    ]
    page.goto(f"file://{sites / site / file}")
    return page


STYLE = """selector => {
  const one = document.querySelector(selector), all = getComputedStyle(one);
  return Object.fromEntries([...all].filter(name => !name.startsWith('--')).map(name => [name, all[name]]));
}"""
HOST = {"mkdocs": ("article > p", "article > .md-typeset__scrollwrap table td, article > table td"),
        "sphinx": ("article section > p", "article table.docutils td")}  # fmt: skip


@pytest.mark.parametrize("site", SITES)
def test_both_fragments_are_there_whole_with_ids_of_their_own(browser: Any, sites: Path, site: str) -> None:
    page = visit(browser, sites, site)
    assert page.locator(".xaireport").count() == 2
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(one => one.id)")
    assert len(ids) == len(set(ids))
    inside = page.evaluate("[...document.querySelectorAll('.xaireport [id]')].map(one => one.id)")
    assert inside
    assert all(one.startswith(("xr-derma.augmented.", "xr-derma.mine.")) for one in inside)
    for link in page.locator(".xaireport a").evaluate_all("all => all.map(one => one.getAttribute('href'))"):
        assert link.startswith("#xr-derma.")
        assert link[1:] in ids
    assert page.locator(".xaireport script, .xaireport input, .xaireport link").count() == 0
    assert page.locator(".xaireport h1").count() == 0
    assert page.locator(".xaireport section").count() == 32
    assert page.get_by_text("After it.").count() == 2


@pytest.mark.parametrize("site", SITES)
def test_no_style_leaks_out(browser: Any, sites: Path, site: str) -> None:
    for selector in HOST[site]:
        alone = visit(browser, sites, site, "other").evaluate(STYLE, selector)
        beside = visit(browser, sites, site).evaluate(STYLE, selector)
        sizes = {"height", "width", "block-size", "inline-size", "perspective-origin", "transform-origin"}
        differing = {name for name in alone if alone[name] != beside[name]}
        assert differing <= sizes, selector


def test_no_style_leaks_in(browser: Any, sites: Path) -> None:
    """The same fragment has the same type, lines and paddings in both sites."""
    names = (
        "padding",
        "margin",
        "borderBottomWidth",
        "fontSize",
        "fontWeight",
        "textAlign",
        "display",
        "listStyleType",
    )
    chosen = (
        ".facts dt",
        "td",
        "th",
        "caption",
        ".h2",
        ".h3",
        "figure.picture",
        "figcaption",
        "summary",
        "code",
        "p",
    )
    look = """([names, chosen]) => chosen.map(selector => {
      const all = getComputedStyle(document.querySelector(`[id="xr-derma.augmented.fragment"] ${selector}`));
      return names.map(name => all[name]).join(' | ');
    })"""
    found = [visit(browser, sites, site).evaluate(look, [names, chosen]) for site in SITES]
    assert found[0] == found[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("site", SITES)
def test_colours_follow_the_site_and_can_be_read(browser: Any, sites: Path, site: str, scheme: str) -> None:
    page = visit(browser, sites, site, scheme=scheme)
    page.wait_for_timeout(300)  # Material sets its palette by script
    ink = page.locator(".xaireport .facts dd").first.evaluate("one => getComputedStyle(one).color")
    levels = [float(part) for part in ink[ink.index("(") + 1 : -1].replace("/", ",").split(",")[:3]]
    assert (sum(levels) / 3 > 128) == (scheme == "dark")
    page.evaluate("for (const each of document.querySelectorAll('.xaireport details')) each.open = true")
    found = browsing.violations(page, ".xaireport")
    assert found == []
