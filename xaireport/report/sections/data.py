"""Section C: the data, where they come from, how they are split, and what an audit of them found."""

from __future__ import annotations

from xaireport.report.document.blocks import Cell, Column, Facts, Inline, Notice, Row, Table, Text
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import class_name, joined
from xaireport.report.sections import audit, clean
from xaireport.report.sections.registry import Card, Content
from xaireport.report.sections.statements import stated

SPLITS = {"train": "train", "val": "validation", "test": "test"}


def make(card: Card) -> Content:
    """Source and licence, images per split and class, the audit, and the scores on the clean part."""
    found = (*audit.blocks(card.study), *clean.clean_scores(card.variant, card.study))
    return "computed", (*notes(card.study), facts(card.study), splits(card.study), *found)


def notes(study: Cursor) -> tuple[Notice, ...]:
    """What the loader had to say about the data."""
    return tuple(
        Notice((study.quote("data", "notes", i),), "") for i in range(len(study.get("data", "notes") or ()))
    )


def official(study: Cursor) -> Text:
    """Whether the file is the publisher's own."""
    said = {True: "yes", False: "no", None: "no official checksum"}[study.get("data", "official")]
    return (said,)


def source(study: Cursor) -> str:
    """Real or phantom, for readers."""
    return "phantom (synthetic)" if study.get("data", "source") == "phantom" else "real"


def facts(study: Cursor) -> Facts:
    """Where the data come from, and which file they are."""
    data = study.at("data")
    shape = joined(
        (data.number("input_shape", i, form="count") for i in range(len(data.get("input_shape")))), " × "
    )
    rows: list[tuple[Text, Text]] = [
        (("Data set",), (data.quote("title"), ", ", data.quote("name", role="code"))),
        (("Source",), (source(study),)),
        (("Official release",), official(study)),
        (("Image shape",), shape),
    ]
    for label, field in (("Licence", "license"), ("Citation", "citation"), ("Address", "url")):
        absent = "n/a (synthetic)" if data.get("source") == "phantom" else "missing"
        words: Inline = data.quote(field) if data.get(field) else absent
        rows.append(((label,), (words,)))
    rows.append((("Reference standard",), stated(study, "card", "reference_standard")))
    rows.append((("SHA-256",), (data.quote("sha256", role="code"),)))
    return Facts(tuple(rows))


def splits(study: Cursor) -> Table:
    """Images per split and class, and groups where known."""
    place = study.at("data", "splits")
    names = [name for name in SPLITS if place.get(name)]
    columns = (Column(("Class",), False), *(Column((SPLITS[name],)) for name in names))
    rows = [
        Row(
            Cell((class_name(study, i),)),
            tuple(Cell((place.number(name, "per_class", i, form="count"),)) for name in names),
        )
        for i in range(len(study.get("classes")))
    ]
    rows.append(
        Row(
            Cell(("All images",)),
            tuple(Cell((place.number(name, "n", form="count"),)) for name in names),
            "muted",
        )
    )
    if any(place.get(name, "groups") is not None for name in names):
        groups = (
            Cell(
                (place.number(name, "groups", form="count"),)
                if place.get(name, "groups") is not None
                else ("–",)
            )
            for name in names
        )
        rows.append(Row(Cell(("Groups (patients, lesions)",)), tuple(groups), "muted"))
    return Table(("Images per split and class",), columns, tuple(rows))
