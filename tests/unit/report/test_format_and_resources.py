"""Numbers as text, and where templates and studies come from."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_numbers import agrees

from xaireport import resources
from xaireport.errors import ConfigError, RenderError
from xaireport.report.document import format as forms
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import letter
from xaireport.report.sections.builtin import BUILTIN
from xaireport.report.sections.registry import Card, SectionMaker, absent, sections


@pytest.mark.parametrize("form", sorted(set(forms.FORMS) - {"count", "plain"}))
@settings(deadline=None)
@given(value=st.floats(-1e9, 1e9))
def test_printed_numbers_can_be_read_back(form, value):
    assert agrees(forms.text(value, form), value)


@settings(deadline=None)
@given(value=st.integers(-(10**15), 10**15))
def test_counts_are_exact(value):
    assert agrees(forms.text(value, "count"), value)


@settings(deadline=None)
@given(value=st.integers(-(10**11), 10**11))
def test_plain_integers_are_exact(value):
    assert agrees(forms.text(value, "plain"), value)


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (0.0004, "signed", "±0.000"),
        (-0.0004, "signed", "±0.000"),
        (0.5, "signed", "+0.500"),
        (0.0003, "plain", "0.0003"),
        (0.00022, "plain", "0.00022"),
        (999, "size", "999\u00a0B"),
        (2_774_312, "size", "2.77\u00a0MB"),
        (59.96, "duration", "60.0\u00a0s"),
        (7200, "duration", "2.0\u00a0h"),
        (None, "percent", "–"),
    ],
)
def test_forms(value, form, text):
    assert forms.text(value, form) == text


def test_class_letters_never_repeat():
    marks = [letter(i) for i in range(800)]
    assert marks[:2] == ["a", "b"]
    assert len(set(marks)) == 800


def test_evidence_keeps_number_and_key_together():
    place = Cursor({"a": [{"x.y": 2}]}).at("a", 0)
    number = place.number("x.y", form="count")
    assert (number.key, number.value, number.text) == ("a.0.x.y", 2, "2")
    with pytest.raises(RenderError, match=r"a\.0\.z"):
        place.number("z")
    with pytest.raises(RenderError, match="a number at a"):
        Cursor({"a": True}).number("a")


def test_sections_from_outside_come_in_by_the_same_door(study):
    results = Cursor(study.results)
    card = Card(results, results.at("variants", "mine"))
    mine = SectionMaker("X", "My section", lambda card: ("filled", ()), 5)
    made = sections(card, (*BUILTIN, mine))
    assert made[0].title == "My section"
    assert {section.letter for section in made} == {*"ABCDEFGHIJKLMNOP", "X"}
    with pytest.raises(ConfigError, match="two for E"):
        sections(card, (*BUILTIN, SectionMaker("E", "Another", absent("."), 1)))


def test_the_users_files_come_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shipped = resources.files("templates")
    assert {"page.html", "screen.css", "blocks/table.html", "fonts/LICENSE.txt"} <= shipped.keys()
    (tmp_path / "templates/blocks").mkdir(parents=True)
    (tmp_path / "templates/blocks/table.html").write_text("mine")
    (tmp_path / "templates/.hidden").write_text("x")
    found = resources.files("templates")
    assert found.keys() == shipped.keys()
    assert found["blocks/table.html"].read_text() == "mine"
    assert found["page.html"] == shipped["page.html"]


def test_a_wheel_brings_its_own(tmp_path, monkeypatch):
    import xaireport

    package = tmp_path / "site-packages/xaireport"
    (package / "_bundled/models").mkdir(parents=True)
    monkeypatch.setattr(xaireport, "__file__", str(package / "__init__.py"))
    assert resources.shipped("models") == package / "_bundled/models"
    with pytest.raises(ConfigError, match="templates inside the package"):
        resources.shipped("templates")


def test_a_named_folder_must_exist(tmp_path):
    with pytest.raises(ConfigError, match="a folder with models"):
        resources.folders("models", tmp_path / "none")
