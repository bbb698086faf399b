"""Section J: scores of the levels of each column that the data carry, each against all other images."""

from __future__ import annotations

from xaireport.report.document.blocks import Block, Cell, Column, Paragraph, Row, Strong, Table, Text
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import difference, leading_scores, score_name, signed_interval
from xaireport.report.sections.cells import difference_cell, score_cell
from xaireport.report.sections.registry import Card, Content, absent

MEANS = {"balanced_accuracy", "auroc"}
"""Scores that are means over the classes that a part shows."""
_absent = absent("No subgroup was scored.")


def make(card: Card) -> Content:
    """One table per column, what stands out first; n/a where the data carry no column."""
    variant = card.variant
    if variant.get("subgroups") is None:
        return _absent(card)
    levels = list(variant.each("subgroups"))
    if not levels:
        none = "The data carry no column (age, sex, body site, …) by which images could be told apart."
        return "n/a", (Paragraph((none,), "muted"),)
    scores = _scores(card.study, levels)
    columns = list(dict.fromkeys(str(level.get("column")) for level in levels))
    blocks: list[Block] = [Paragraph(_lead(levels, scores[0]))]
    for name in columns:
        blocks.append(_table([level for level in levels if level.get("column") == name], scores))
    return "computed", tuple(blocks)


def _scores(study: Cursor, levels: list[Cursor]) -> list[str]:
    known = {score for level in levels for score in level.get("scores")}
    headline = study.get("headline", "score")
    return [score for score in leading_scores(headline) if score in known] or [headline]


def _lead(levels: list[Cursor], score: str) -> Text:
    """Name the levels that are worse than the rest by more than chance would do to one of them."""
    name = score_name(score)
    worse = [
        level
        for level in levels
        if level.get("differences", score, "hi") is not None and level.get("differences", score, "hi") < 0
    ]
    if not worse:
        return (f"By {name} no subgroup is shown to be worse than the other images.",)
    said: Text = (f"Worse than the other images by {name}: ",)
    for i, level in enumerate(worse):
        told: Text = (level.quote("column"), " ", level.quote("level"))
        shown = difference(level, "differences", score, "value", score=score)
        bounds = signed_interval(level.at("differences", score))
        said += (*(("; ",) if i else ()), Strong(told), ", ", shown, " (", *bounds, ")")
    return (
        *said,
        ". Many subgroups were looked at: one interval that leaves out zero is a hint, no finding.",
    )


def _table(levels: list[Cursor], scores: list[str]) -> Table:
    columns = [Column((levels[0].quote("column"),), False), Column(("n",))]
    for score in scores:
        columns += [Column((score_name(score),)), Column(("against the rest",))]
    rows = []
    for level in levels:
        cells = [Cell((level.number("n", form="count"),))]
        for i, score in enumerate(scores):
            if not level.get("scores", score):
                cells += [
                    Cell(("–",), (level.quote("reason"),) if not i and level.get("reason") else ()),
                    Cell(()),
                ]
                continue
            cell = score_cell(level.at("scores", score))
            below = cell.below or ((level.quote("reason"),) if not i and level.get("reason") else ())
            fewer = ("fewer classes",) if level.get("absent") and score in MEANS else ()
            cells += [Cell(cell.text, below, "", fewer), _against(level, score)]
        rows.append(Row(Cell((level.quote("level"),)), tuple(cells), "muted" if level.get("missing") else ""))
    notes: list[Text] = []
    if any(level.get("absent") for level in levels) and MEANS & set(scores):
        notes.append(
            (
                "Fewer classes: the mean is over those that are shown, the difference over those that both "
                "parts show.",
            )
        )
    return Table(("By ", levels[0].quote("column")), tuple(columns), tuple(rows), tuple(notes))


def _against(level: Cursor, score: str) -> Cell:
    known = level.get("differences", score) is not None
    return difference_cell(level.at("differences", score), "value", score) if known else Cell(("–",))
