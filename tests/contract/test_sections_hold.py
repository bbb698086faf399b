"""Every registered section renders, alone, with keys for all its numbers."""

from __future__ import annotations

from dataclasses import replace

import page_numbers
import pytest
import sample

from xaireport.report.pages.card import card
from xaireport.report.sections.builtin import BUILTIN
from xaireport.report.writers.html import render

FILLED = set("ACDEFGKLP")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> sample.Study:
    return sample.make_study(tmp_path_factory.mktemp("study"))


def test_the_letters_are_a_to_p_each_once() -> None:
    assert sorted(maker.letter for maker in BUILTIN) == list("ABCDEFGHIJKLMNOP")
    assert len({maker.order for maker in BUILTIN}) == len(BUILTIN)


@pytest.mark.parametrize("letter", [maker.letter for maker in BUILTIN])
def test_a_section_renders(study: sample.Study, letter: str) -> None:
    for variant in study.results["variants"]:
        page = card(study.results, variant)
        (section,) = (each for each in page.sections if each.letter == letter)
        alone = replace(page, sections=(section,))
        html = render(alone, study.folder)
        found = page_numbers.read(html, {study.results["study"]: study.results})
        assert found.problems == []
        assert section.title in html
        assert (section.state == "missing") == (letter not in FILLED)
        assert section.blocks
