"""Section E: all scores, beside naive baselines, the parent, and somebody else's figures."""

from __future__ import annotations

from collections.abc import Iterable

from xaireport.report.document.blocks import Cell, Column, Inline, Paragraph, Row, Table, Text
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import (
    BASELINES,
    difference,
    interval,
    is_phantom,
    joined,
    parent_title,
    rank,
    score_name,
    sentence_case,
)
from xaireport.report.sections.cells import score_cell, value_cell
from xaireport.report.sections.registry import Card, Content

ELSEWHERE = ("nll", "brier", "brier_skill", "ece", "ece_classwise", "no_information_rate")
"""Scores that other parts of the card print."""
REFERENCE_OF = {"accuracy": "accuracy", "log_loss": "loss"}
"""Score -> key of the reference; F1, precision and recall depend on the averaging."""


def make(card: Card) -> Content:
    """Every score with its count; what could not be computed says why."""
    study, variant = card.study, card.variant
    name = study.get("headline", "score")
    why = study.get("headline", "reason")
    lead = Paragraph(
        (
            f"Headline score: {score_name(name)}. ",
            *(("Reason: ", study.quote("headline", "reason"), ".") if why else ()),
        )
    )
    spread = (_spread(variant),) if variant.get("seed_spread") else ()
    return "computed", (lead, _table(study, variant, name), *spread)


def reference_key(variant: Cursor, score: str) -> str:
    """Return which of the reference's figures belongs beside a score; empty for none.

    Where the averaging is not stated, the figure stands beside the weighted mean, and a note says so.
    """
    if not variant.get("reference"):
        return ""
    averaging = variant.get("reference", "averaging", default="weighted")
    prefix = "macro_" if averaging == "macro" else "weighted_"
    key = REFERENCE_OF.get(score, score.removeprefix(prefix) if score.startswith(prefix) else "")
    return key if key and variant.get("reference", key) is not None else ""


def reference_text(variant: Cursor, key: str) -> Text:
    """Return the reference's figure, marked where it is approximate."""
    about = "≈\u00a0" if variant.get("reference", "approximate") else ""
    number = variant.number("reference", key, form="plain")  # as it was given
    return (about, number) if about else (number,)


def reference_notes(study: Cursor, variant: Cursor) -> tuple[Text, ...]:
    """Return what must be known about the reference: whose it is, and what it cannot be compared with."""
    if not variant.get("reference"):
        return ()
    notes: list[Text] = [("Reference: ", variant.quote("reference", "source"), ".")]
    if variant.get("reference", "averaging") == "not stated":
        notes.append(("The reference does not say how F1, precision and recall were averaged.",))
    if variant.get("reference", "approximate"):
        notes.append(("≈ marks a figure that the reference gives only approximately.",))
    if is_phantom(study):
        notes.append(
            ("The reference was measured on other data; no difference is formed on synthetic data.",)
        )
    return tuple(notes)


def distinct(notes: Iterable[Text]) -> tuple[Text, ...]:
    """Return the notes that read differently, in order."""
    seen: dict[str, Text] = {}
    for note in notes:
        words = "".join(part if isinstance(part, str) else str(part.text) for part in note)
        seen.setdefault(words, note)
    return tuple(seen.values())


def _table(study: Cursor, variant: Cursor, headline: str) -> Table:
    parent = variant.get("parent_difference")  # none where the parent was not built
    reference = variant.get("reference")
    compared = bool(variant.get("reference_difference"))
    level = _level(variant)
    columns = [Column(("Score",), False), Column(("value",))]
    if level:
        columns.append(Column((*level, " interval")))
    columns += [Column(("n",)), Column(("naive",))]
    if parent:
        columns.append(Column(("against ", parent_title(study, variant))))
    if reference:
        columns.append(Column(("reference (", variant.quote("reference", "source"), ")")))
    if compared:
        columns.append(Column(("difference",)))
    # Calibration has a section of its own, and a study's rate of no information stands in the naive column.
    shown = [score for score in variant.get("scores") if score not in ELSEWHERE]
    names = sorted(shown, key=lambda score: (score != headline, rank(score)))
    rows = []
    for name in names:
        score = variant.at("scores", name)
        cells = [value_cell(score), *([Cell(interval(score))] if level else [])]
        cells += [Cell((score.number("n", form="count"),)), Cell(_naive(study, name))]
        if parent:
            known = variant.get("parent_difference", name) is not None
            cells.append(Cell((difference(variant, "parent_difference", name, score=name),) if known else ()))
        key = reference_key(variant, name)
        if reference:
            cells.append(Cell(reference_text(variant, key) if key else ()))
        if compared:
            known = bool(key) and variant.get("reference_difference", key) is not None
            cells.append(
                Cell((difference(variant, "reference_difference", key, score=name),) if known else ())
            )
        rows.append(
            Row(Cell((sentence_case(score_name(name)),)), tuple(cells), "good" if name == headline else "")
        )
    return Table(("All scores on the test split",), tuple(columns), tuple(rows), _notes(study, variant))


def _spread(variant: Cursor) -> Table:
    """Return what several training runs came to: how much a score owes to the seed."""
    columns = (
        Column(("Score",), False),
        Column(("runs",)),
        Column(("mean",)),
        Column(("standard deviation",)),
        Column(("least",)),
        Column(("most",)),
    )
    spread = variant.at("seed_spread")
    names = sorted((name for name in spread.value if name not in ELSEWHERE), key=rank)
    rows = tuple(
        Row(
            Cell((sentence_case(score_name(name)),)),
            (
                Cell((spread.number(name, "runs", form="count"),)),
                *(Cell((spread.number(name, part),)) for part in ("mean", "sd", "min", "max")),
            ),
        )
        for name in names
    )
    return Table(("The same training with several seeds; the card shows the first",), columns, rows)


def referenced_cell(place: Cursor, score: str) -> Cell:
    """Return a variant's score with the reference, and the difference to it, beneath."""
    if not place.get("scores", score):
        return Cell(("–",))
    cell, bounds = score_cell(place.at("scores", score)), interval(place.at("scores", score))
    key = reference_key(place, score)
    if not key:
        return cell
    told: list[Inline] = ["ref ", *reference_text(place, key)]
    if place.get("reference_difference", key) is not None:
        told += [" ", difference(place, "reference_difference", key, score=score)]
    return Cell(cell.text, bounds, "", tuple(told)) if bounds else Cell(cell.text, tuple(told))


def _level(variant: Cursor) -> Text:
    """Return the level of the intervals; nothing where none is stored."""
    known = (score for score in variant.each("scores") if score.get("level") is not None)
    return next(((score.number("level", form="percent"),) for score in known), ())


def _how(variant: Cursor) -> tuple[Text, ...]:
    """Say how the intervals were made, and what they take for independent."""
    methods: dict[str, Cursor] = {}
    for score in variant.each("scores"):
        if score.get("method") and score.path[-1] not in ELSEWHERE:
            methods.setdefault(str(score.get("method")), score)
    if not methods:
        return ()
    told = joined((score.quote("method") for score in methods.values()), "; ")
    grouped = any("cluster" in method for method in methods)
    drawn = (
        "Images of one group (patient, lesion) are resampled together."
        if grouped
        else "Images are treated as independent."
    )
    return (("Intervals: ", *told, ". ", drawn),)


def _naive(study: Cursor, score: str) -> Text:
    return (study.number("baselines", BASELINES[score][0]),) if score in BASELINES else ()


def _notes(study: Cursor, variant: Cursor) -> tuple[Text, ...]:
    naive: Text = (
        "Naive: balanced accuracy of guessing, ",
        "and accuracy of always naming the largest class of the test split.",
    )
    once: Text = ("One training run: the numbers do not show how much they would vary from run to run.",)
    return (
        naive,
        *_how(variant),
        *reference_notes(study, variant),
        *((once,) if len(variant.get("runs") or {}) <= 1 else ()),
    )
