"""Sections B and M: what only people know. What nobody has stated is printed as missing, line by line."""

from __future__ import annotations

from collections.abc import Mapping

from xaireport.report.document.blocks import Facts, Paragraph, Strong, Text
from xaireport.report.document.cursor import Cursor
from xaireport.report.sections.registry import Card, Content

USE = {
    "intended_use": "Intended use",
    "out_of_scope": "Out of scope",
    "users": "Users",
    "risks": "Risks",
}
LIMITS = {"limits": "Limits", "ethics": "Ethics"}


def make_use(card: Card) -> Content:
    """What the model is for, what it is not for, who uses it, and what a wrong answer does."""
    return _stated(card, USE, "Nobody has stated users, purpose or risks.")


def make_limits(card: Card) -> Content:
    """Known limits, and ethical considerations."""
    return _stated(card, LIMITS, "Nobody has stated limits or ethical considerations.")


def stated(study: Cursor, *keys: str) -> Text:
    """Return what people state as the results have it, or that it is missing."""
    return (study.quote(*keys),) if study.get(*keys) else (Strong(("missing",), "bad"),)


def _stated(card: Card, keys: Mapping[str, str], nothing: str) -> Content:
    if not any(card.study.get("card", key) for key in keys):
        return "missing", (Paragraph((nothing,), "muted"),)
    rows = tuple(((name,), stated(card.study, "card", key)) for key, name in keys.items())
    return "filled", (Facts(rows),)
