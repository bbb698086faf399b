"""Section O: which items of reporting guidelines the sections of this card answer, and which no card can."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from xaireport.report.document.blocks import (
    Block,
    Cell,
    Column,
    Link,
    Paragraph,
    Quote,
    Row,
    Table,
    Text,
    Tone,
)
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import joined
from xaireport.report.sections.registry import Card, Content, absent

_absent = absent("No crosswalk to reporting guidelines was made.")


def make(card: Card) -> Content:
    """A row per section with the items it answers and its state; then who answers the others."""
    if not card.study.get("crosswalk"):
        return _absent(card)
    frameworks = list(card.study.each("crosswalk"))
    blocks: list[Block] = [
        Paragraph(
            (
                "Items are numbered as each guideline numbers them. An item is answered as far as its "
                "section is: see the state.",
            )
        ),
        _answered(card, frameworks),
    ]
    rows = [row for framework in frameworks for row in _elsewhere(framework)]
    columns = (Column(("Guideline",), False), Column(("items",), False), Column(("answered by",), False))
    blocks.append(Table(("What a model card does not answer",), columns, tuple(rows), _sources(frameworks)))
    return "computed", tuple(blocks)


def _answered(card: Card, frameworks: list[Cursor]) -> Table:
    columns = [Column(("Section",), False), Column(("state",), False)]
    columns += [Column((framework.quote("name"),), False) for framework in frameworks]
    rows = []
    for letter in sorted(card.made, key=lambda letter: (len(letter), letter)):
        section = card.made[letter]
        found = [_items(framework, partial(_answers, letter)) for framework in frameworks]
        if any(found):
            head = Cell((f"{letter} · ", Link((section.title,), f"#{section.anchor}")))
            tone: Tone = "bad" if section.state == "missing" else ""
            rows.append(
                Row(head, (Cell((section.state,), tone=tone), *(Cell(items or ("–",)) for items in found)))
            )
    return Table(("Items that each section of this card answers",), tuple(columns), tuple(rows))


def _elsewhere(framework: Cursor) -> list[Row]:
    """Return a row per reason, in the order of the items."""
    reasons = list(dict.fromkeys(item.get("why") for item in framework.each("items") if item.get("why")))
    rows = []
    for reason in reasons:
        first = next(item for item in framework.each("items") if item.get("why") == reason)
        items = _items(framework, partial(_left_to, reason))
        rows.append(Row(Cell((framework.quote("name"),)), (Cell(items), Cell((first.quote("why"),)))))
    return rows


def _items(framework: Cursor, wanted: Callable[[Cursor], bool]) -> Text:
    """Return the numbers of the items wanted; what each asks is shown beside the pointer."""
    found = [item for item in framework.each("items") if wanted(item)]
    return joined(Quote(item.at("item").key, item.get("item"), whole=item.get("asks")) for item in found)


def _answers(letter: str, item: Cursor) -> bool:
    return letter in item.get("sections")


def _left_to(reason: str, item: Cursor) -> bool:
    return bool(item.get("why") == reason)


def _sources(frameworks: list[Cursor]) -> tuple[Text, ...]:
    told = [
        (place.quote("name"), ": ", place.quote("title"), " (", place.quote("source"), ")")
        for place in frameworks
    ]
    return ((*joined(told, "; "), "."),)
