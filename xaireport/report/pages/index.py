"""The page that lists all studies: the final summary table, one verdict each, and what failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from xaireport.report.document.blocks import (
    Block,
    Cell,
    Column,
    Inline,
    Link,
    Notice,
    Page,
    Paragraph,
    Quote,
    Row,
    Section,
    Table,
    Text,
)
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import (
    DEMONSTRATION,
    is_phantom,
    kind,
    score_name,
    sentence_case,
    title,
)
from xaireport.report.pages import verdict
from xaireport.report.sections.data import source
from xaireport.report.sections.headline import distinct, reference_notes, referenced_cell

SCORES = ("accuracy", "weighted_f1", "weighted_precision", "weighted_recall")


def index(results: Sequence[Mapping[str, Any]], failures: Sequence[Mapping[str, str]] = ()) -> Page:
    """Return the page of all studies.

    Parameters
    ----------
    results : sequence of mapping
        results.json of each study.
    failures : sequence of mapping
        Studies and variants that have no results: ``study``, ``variant`` (may be empty), ``stage``,
        ``message``, ``hint``.
    """
    studies = [Cursor(one, study=str(one["study"])) for one in results]
    phantom = [study for study in studies if is_phantom(study)]
    sections = [
        Section(
            "summary",
            "Summary",
            "computed",
            (_table(studies),) if studies else (Paragraph(("No study was built.",)),),
        ),
        Section("failed", "Failed", "computed", _failed(studies, failures)),
    ]
    lead: tuple[Block, ...] = ()
    if phantom:
        names: list[Inline] = []
        for study in phantom:
            names += [", " if names else "", title(study)]
        lead = (Notice((f"{DEMONSTRATION}: ", *names, ".")),)
    return Page(
        layout="index",
        title=("Model report",),
        plain_title="Model report",
        trail=("All studies",),
        verdict=tuple(
            (Link((title(study),), f"{study.study}/index.html"), ": ", *verdict.of_study(study))
            for study in studies
        ),
        lead=lead,
        sections=tuple(section for section in sections if section.blocks),
        demonstration=bool(phantom),
        created=max(
            (str(study.get("run", "created")) for study in studies), key=datetime.fromisoformat, default=""
        ),
        digests=tuple(study.quote("run", "evidence_digest", role="code", short=True) for study in studies),
    )


def _table(studies: Sequence[Cursor]) -> Table:
    columns = (
        Column(("Variant",), False),
        Column(("Task",), False),
        Column(("Model type",), False),
        *(Column((sentence_case(score_name(score)),)) for score in SCORES),
        Column(("Data set",), False),
        Column(("Real or phantom",), False),
    )
    rows = tuple(_row(study, place) for study in studies for place in study.each("variants"))
    notes = distinct(
        note
        for study in studies
        for place in study.each("variants")
        for note in reference_notes(study, place)
    )
    beneath: Text = ("Beneath each score: the reference, and the difference to it.",)
    return Table(("All variants, on their test splits",), columns, rows, (beneath, *notes))


def _row(study: Cursor, place: Cursor) -> Row:
    href = f"{study.study}/{place.path[-1]}/card.html"
    phantom = is_phantom(study)
    return Row(
        Cell((Link((title(place),), href),), (place.name(),)),
        (
            Cell((study.quote("task"),)),
            Cell(kind(place)),
            *(referenced_cell(place, score) for score in SCORES),
            Cell((study.quote("data", "title"),)),
            Cell((source(study),), tone="bad" if phantom else ""),
        ),
    )


def _failed(studies: Sequence[Cursor], failures: Sequence[Mapping[str, str]]) -> tuple[Block, ...]:
    stored = [
        Notice(
            (
                study.quote("study", role="code"),
                " ",
                place.quote("variant", role="code") if place.get("variant") else "",
                " failed at ",
                place.quote("stage"),
                ": ",
                place.quote("message"),
                *((" ", place.quote("hint")) if place.get("hint") else ()),
            )
        )
        for study in studies
        for place in study.each("failed")
    ]
    given = [
        Notice(
            (
                Quote("", " ".join(filter(None, (one.get("study"), one.get("variant")))), "code"),
                " failed at ",
                Quote("", one.get("stage", "")),
                ": ",
                Quote("", one.get("message", "")),
                *((" ", Quote("", one["hint"])) if one.get("hint") else ()),
            )
        )
        for one in failures
    ]
    return (*stored, *given)
