"""Drawings: real text, no foreign styles, the same bytes for the same results."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from rendering import render_comparison
from sample import sample

from xaireport.report.figures.draw import COLOURS, draw
from xaireport.report.figures.svg import INK, fit

SVG = "{http://www.w3.org/2000/svg}"


def test_one_file_per_drawing(study):
    folder = study.folder / "assets/figures"
    drawn = {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    assert drawn == {
        "lineage.svg",
        "scores.svg",
        *(
            f"variants/{name}/{what}.svg"
            for name in ("baseline", "augmented", "mine")
            for what in ("confusion", "per-class")
        ),
        "variants/baseline/learning-curves.svg",
        "variants/augmented/learning-curves.svg",
    }


def test_drawings_hold_text_a_title_and_no_styles(study):
    folder = study.folder / "assets/figures"
    every: set[str | None] = set()
    for path in folder.rglob("*.svg"):
        text = path.read_text("utf-8")
        root = ElementTree.fromstring(text)
        assert root[0].tag == f"{SVG}title"
        assert root[1].tag == f"{SVG}desc"
        assert root.get("role") == "img"
        assert "style=" not in text
        assert "<style" not in text
        assert INK not in text
        assert len(list(root.iter(f"{SVG}text"))) > 5
        ids = [element.get("id") for element in root.iter() if element.get("id")]
        assert len(ids) == len(set(ids))
        assert not every & set(ids)  # all drawings could stand on one page
        every |= set(ids)
        used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
        assert used <= set(ids)


def test_the_confusion_matrix_shows_counts(study):
    root = ElementTree.parse(study.folder / "assets/figures/variants/augmented/confusion.svg").getroot()
    shown = {"".join(element.itertext()) for element in root.iter(f"{SVG}text")}
    matrix = study.results["variants"]["augmented"]["confusion"]
    assert {str(count) for row in matrix for count in row} <= shown
    assert {"melanoma", "vascular lesion"} <= shown


def test_the_same_results_give_the_same_bytes_in_another_process(tmp_path):
    classes = ("a", "b <i>", "$x$ 🩺")
    draw(sample(classes=classes, counts=(5, 6, 7)), tmp_path / "one")
    code = (
        "import sys; from pathlib import Path; from sample import sample;"
        "from xaireport.report.figures.draw import draw;"
        f"draw(sample(classes={classes!r}, counts=(5, 6, 7)), Path(sys.argv[1]))"
    )
    here = os.path.dirname(__file__)  # noqa: PTH120
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": here}
    subprocess.run([sys.executable, "-c", code, tmp_path / "two"], check=True, env=environment)
    drawn = sorted((tmp_path / "one").rglob("*.svg"))
    assert drawn
    for path in drawn:
        other = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes(), path.name


def test_no_reference_is_drawn_beside_phantom_data(study, phantom):
    real = (study.folder / "assets/figures/scores.svg").read_text("utf-8")
    drawn = (phantom.folder / "assets/figures/scores.svg").read_text("utf-8")
    assert "hollow" in render_comparison(study.results, study.folder)
    assert "hollow marks: the reference" not in render_comparison(phantom.results, phantom.folder)
    marks = [len(re.findall(r'<use [^>]*fill-opacity="0" stroke="#d0742a"', text)) for text in (real, drawn)]
    assert marks == [3, 0]


def test_no_variant_no_drawing(tmp_path):
    draw(sample() | {"variants": {}}, tmp_path)
    assert list(tmp_path.iterdir()) == []


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2 contrast ratio."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("paper", ["#fbfbf9", "#14181b"])
def test_series_can_be_told_from_the_paper(paper):
    assert all(contrast(colour, paper) >= 3 for colour in COLOURS)


def test_the_cells_of_the_matrix_can_be_read():
    from xaireport import resources

    css = resources.files("templates")["matrix.css"].read_text("utf-8")
    cells = re.findall(r"background: (#\w+); color: (#\w+)", css)
    assert len(cells) == 21
    long = {"#fff": "#ffffff", "#000": "#000000"}
    assert all(contrast(paper, long[ink]) >= 4.5 for paper, ink in cells)


@pytest.mark.parametrize("scheme", [0, 1])
def test_the_pages_inks_can_be_read_on_its_papers(scheme):
    from xaireport import resources

    css = resources.files("templates")["base.css"].read_text("utf-8")
    both = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", css)
    colours = {name: pair[scheme] for name, *pair in both}
    for ink in ("ink", "quiet", "link", "good", "bad"):
        for paper in ("paper", "panel"):
            assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    assert contrast(colours["ink"], colours["bad-wash"]) >= 4.5


def test_style_attributes_become_presentation_attributes():
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg"><defs><style>*{}</style></defs>'
        f'<g id="a"><path id="p" d="M 0 0" style="fill: none; stroke: {INK}"/>'
        '<g clip-path="url(#a)"/></g></svg>'
    )
    out = fit(svg, "my drawing", "title <&>", "description")
    path = ElementTree.fromstring(out).find(f".//{SVG}path")
    assert path.attrib == {"d": "M 0 0", "fill": "none", "stroke": "currentColor"}
    assert 'clip-path="url(#my-drawing-a)"' in out
    assert "title &lt;&amp;&gt;" in out
