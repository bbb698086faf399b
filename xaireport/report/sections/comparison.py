"""Section I: a variant beside the others on the same test images, differences with intervals first."""

from __future__ import annotations

from collections.abc import Sequence

from xaireport.report.document.blocks import Block, Cell, Column, Inline, Paragraph, Row, Strong, Table, Text
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import difference, leading_scores, score_name, signed_interval, title
from xaireport.report.sections import agreement
from xaireport.report.sections.cells import difference_cell, leaning
from xaireport.report.sections.registry import Card, Content, absent

_absent = absent("Differences are given without a paired test or interval.")


def make(card: Card) -> Content:
    """The comparison with the parent in words, all pairs of this variant, then parent and child by image."""
    study = card.study
    if not study.get("comparison"):  # a record of before there were comparisons
        known = agreement.blocks(card)
        return ("computed", known) if known else _absent(card)
    if study.get("comparison", "skipped"):
        return "n/a", (Paragraph((study.quote("comparison", "skipped", "reason"), "."), "muted"),)
    ours = [place for place in study.each("comparisons") if card.name in (place.get("a"), place.get("b"))]
    if not ours:
        left_out = study.get("comparison", "left_out", card.name)
        why: Text = (
            (study.quote("comparison", "left_out", card.name), ".") if left_out else ("Not compared.",)
        )
        return "n/a", (Paragraph(why, "muted"),)
    of_parent = rows_of(study, card.name, str(card.variant.get("parent") or ""))
    lead = [Paragraph((row.quote("sentence"),)) for row in list(of_parent.values())[:1]]
    blocks: list[Block] = [*lead, table(study, ours), *agreement.blocks(card)]
    return "computed", tuple(blocks)


def rows_of(study: Cursor, a: str, b: str) -> dict[str, Cursor]:
    """Return the rows of a pair by score; empty where it was not compared."""
    rows = study.each("comparisons") if study.get("comparisons") else ()
    return {row.get("score"): row for row in rows if (row.get("a"), row.get("b")) == (a, b)}


def table(study: Cursor, rows: Sequence[Cursor]) -> Table:
    """Return pairs, a row each: differences with intervals, then the test, then the margin.

    Parameters
    ----------
    study : Cursor
        Of the whole of results.json.
    rows : sequence of Cursor
        Of ``comparisons``: all scores of each pair.
    """
    headline = study.get("headline", "score")
    known = {row.get("score") for row in rows}
    scores = [score for score in dict.fromkeys((*leading_scores(headline), "macro_f1")) if score in known]
    pairs: dict[tuple[str, str], dict[str, Cursor]] = {}
    # Parents and children first: that is what most readers want to know.
    for row in sorted(rows, key=lambda row: not _is_child(study, row)):
        pairs.setdefault((row.get("a"), row.get("b")), {})[row.get("score")] = row
    margin = study.get("comparison", "margin") is not None
    columns = [Column(("Pair",), False), *(Column((score_name(score),)) for score in scores)]
    columns += [
        Column(("only the first right",)),
        Column(("only the second right",)),
        Column(("p, after Holm",)),
    ]
    if margin:
        columns.append(Column(("no worse, by the margin",), False))
    discordant = {(place.get("a"), place.get("b")): place for place in study.each("comparison", "discordant")}
    made = []
    for (a, b), by_score in pairs.items():
        cells = [difference_cell(by_score[score], "difference", score) for score in scores]
        only = discordant[a, b]
        cells += [Cell((only.number("only_a", form="count"),)), Cell((only.number("only_b", form="count"),))]
        cells.append(Cell(_p(study, by_score["accuracy"])))
        if margin:
            cells.append(_no_worse(by_score[headline]))
        head: Text = (title(study.at("variants", a)), " against ", title(study.at("variants", b)))
        made.append(Row(Cell(head), tuple(cells)))
    caption: Text = (
        "Differences on the same test images, first less second, ",
        study.number("comparison", "level", form="percent"),
        " intervals beneath",
    )
    return Table(caption, tuple(columns), tuple(made), _notes(study, margin))


def _is_child(study: Cursor, row: Cursor) -> bool:
    return bool(study.get("variants", row.get("a"), "parent") == row.get("b"))


def _p(study: Cursor, row: Cursor) -> Text:
    p = row.get("p_holm")
    if p is None:
        return ("–",)
    if p < study.get("comparison", "p_floor"):
        return ("<\u00a0", study.number("comparison", "p_floor", form="score"))
    return (row.number("p_holm", form="score"),)


def _no_worse(row: Cursor) -> Cell:
    verdict = row.get("non_inferior")
    if verdict is None:
        return Cell(("–",))
    return Cell(("yes",), tone="good") if verdict else Cell(("not shown",), tone="bad")


def _notes(study: Cursor, margin: bool) -> tuple[Text, ...]:
    place = study.at("comparison")
    tested: list[Inline] = [
        "p: McNemar's exact test of accuracy, adjusted after Holm over ",
        place.number("family_size", form="count"),
        " comparisons (",
        place.quote("family"),
        ")",
        "; images are taken as independent, groups are not respected." if _is_grouped(study) else ".",
    ]
    notes: list[Text] = [tuple(tested)]
    if margin:
        notes.append(
            (
                "No worse: the lower bound of the difference in ",
                score_name(study.get("headline", "score")),
                " lies above ",
                "minus the margin of ",
                place.number("margin", form="plain"),
                " that the study declares.",
            )
        )
    for left_out in place.each("left_out"):
        notes.append((left_out.name(), " is not compared: ", left_out.quote(), "."))
    return tuple(notes)


def _is_grouped(study: Cursor) -> bool:
    return study.get("data", "splits", "test", "groups") is not None


def told(row: Cursor, score: str) -> Text:
    """Return a difference with its interval, for a sentence."""
    shown = difference(row, "difference", score=score)
    bounds = signed_interval(row)
    said: Text = (shown,) if leaning(row, "difference", score) else (Strong(shown.text),)
    return (*said, " (", *bounds, ")") if bounds else said
