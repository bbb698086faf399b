"""Section K: the most frequent confusions, and misses the model was sure of."""

from __future__ import annotations

from xaireport.report.document.blocks import Block, Cell, Column, Gallery, Paragraph, Row, Table
from xaireport.report.document.phrases import class_name, method_name
from xaireport.report.sections.heatmaps import picture
from xaireport.report.sections.registry import Card, Content

CONFIDENT = 6


def make(card: Card) -> Content:
    """Confusions by count, then the misses with the highest probability."""
    errors = list(card.variant.each("errors"))
    if not errors:
        return "computed", (Paragraph(("Every test image was classified correctly.",)),)
    rows = tuple(
        Row(
            Cell((class_name(card.study, error.get("y_true")),)),
            (
                Cell((class_name(card.study, error.get("y_pred")),)),
                Cell((error.number("n", form="count"),)),
                Cell((error.number("share", form="percent"),)),
            ),
        )
        for error in errors
    )
    columns = (
        Column(("True class",), False),
        Column(("called",), False),
        Column(("images",)),
        Column(("share of the class",)),
    )
    blocks: list[Block] = [Table(("Most frequent confusions",), columns, rows)]
    misses = [place for place in card.variant.each("examples") if place.get("outcome") == "miss"]
    misses.sort(key=lambda place: (-float(place.get("p")), str(place.get("sample_id"))))
    mapped = not card.variant.get("heatmaps", "skipped")
    method = method_name(card.variant.at("heatmaps")) if mapped else ""
    if misses:
        shown = tuple(
            picture(card.study, place, with_true=True, with_map=mapped, method=method, where="miss")
            for place in misses[:CONFIDENT]
        )
        blocks.append(Gallery(shown, ("Confident misses",), ("among the images shown",)))
    return "computed", tuple(blocks)
