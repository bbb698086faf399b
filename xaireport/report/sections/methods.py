"""Section N: how every number was made."""

from __future__ import annotations

from xaireport.report.document.blocks import Facts, Text
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import joined
from xaireport.report.sections.registry import Card, Content, absent

_absent = absent("Formulas and conventions are not written out here.")


def make(card: Card) -> Content:
    """Each step with its source, then the versions of what computed."""
    steps = list(card.study.each("methods")) if card.study.get("methods") else []
    if not steps:
        return _absent(card)
    rows: list[tuple[Text, Text]] = [((step.quote("name"),), _told(step)) for step in steps]
    versions = card.study.each("run", "versions")
    told = joined((version.name("text"), " ", version.quote(role="code")) for version in versions)
    rows.append((("Software",), told))
    return "computed", (Facts(tuple(rows)),)


def _told(step: Cursor) -> Text:
    source: Text = (" (", step.quote("source"), ")") if step.get("source") else ()
    return (step.quote("text"), *source)
