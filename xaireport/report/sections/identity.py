"""Section A: what this card is about, and who answers for it."""

from __future__ import annotations

from xaireport.report.document.blocks import Facts, Text
from xaireport.report.sections.registry import Card, Content
from xaireport.report.sections.statements import stated


def make(card: Card) -> Content:
    """Name, run, digest, date, tool, and who is responsible."""
    run = card.study.at("run")
    rows: list[tuple[Text, Text]] = [
        (("Study",), (card.study.quote("study", role="code"),)),
        (("Variant",), (card.variant.name(),)),
        (("Task",), stated(card.study, "task")),
        (("Run",), (run.quote("created", role="time"), ", seed ", run.number("seed", form="count"))),
        (("Evidence digest",), (run.quote("evidence_digest", role="code"),)),
        (("Tool",), ("xaireport ", run.quote("versions", "xaireport", role="code"))),
        (("Responsible",), stated(card.study, "card", "responsible")),
    ]
    if card.variant.get("summary"):
        rows.insert(2, (("Summary",), (card.variant.quote("summary"),)))
    return "computed", (Facts(tuple(rows)),)
