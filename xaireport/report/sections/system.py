"""Section D: architecture, lineage, training, learning curves, layers."""

from __future__ import annotations

from xaireport.report.document.blocks import (
    Block,
    Cell,
    Column,
    Details,
    Facts,
    Figure,
    Notice,
    Paragraph,
    Row,
    Table,
    Text,
)
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.drawings import drawing
from xaireport.report.document.phrases import STOPPED_BY, parent_title, setting
from xaireport.report.sections import deployment
from xaireport.report.sections.registry import Card, Content


def make(card: Card) -> Content:
    """What was built, how it was trained, and each layer of it."""
    blocks: list[Block] = [*notes(card.variant), Facts(_facts(card))]
    if card.variant.get("training"):
        blocks.append(
            Figure(
                drawing("learning-curves", card.name),
                ("Learning curves; the mark is the epoch whose weights were kept.",),
            )
        )
    blocks += deployment.of_card(card.study, card.variant)
    changed = _changes(card)
    blocks.extend(changed)
    settings = _settings(card.variant)
    if settings.rows:
        blocks.append(Details(("Training settings",), (settings,)))
    if card.variant.get("layers"):
        blocks.append(Details(("Layers",), (_layers(card.variant),)))
    return "computed", tuple(blocks)


def notes(variant: Cursor) -> tuple[Notice, ...]:
    """What the training had to say: a backbone left at random weights, for one."""
    count = len(variant.get("training", "notes", default=()) or ())
    return tuple(Notice((variant.quote("training", "notes", i),)) for i in range(count))


def _facts(card: Card) -> tuple[tuple[Text, Text], ...]:
    variant = card.variant
    rows: list[tuple[Text, Text]] = []
    if variant.get("architecture"):
        rows.append((("Architecture",), (variant.quote("architecture", role="code"),)))
    if variant.get("parent"):
        parent = parent_title(card.study, variant)
        rows.append((("Parent",), (parent, " (", variant.quote("parent", role="code"), ")")))
    trained: Text = (", of which trained ", variant.number("trainable_parameters", form="count"))
    rows.append(
        (
            ("Parameters",),
            (variant.number("parameters", form="count"), *(() if variant.get("quantisation") else trained)),
        )
    )
    rows.append((("File size",), (variant.number("size_bytes", form="size"),)))
    training = variant.at("training")
    if not training.value:
        quantised = variant.get("quantisation")
        said = (
            "none of its own: the weights are the parent's"
            if quantised
            else "none here: the file was brought"
        )
        rows.append((("Training",), (said,)))
        return tuple(rows)
    rows += [
        (
            ("Epochs",),
            (
                training.number("epochs_run", form="count"),
                " run, weights of epoch ",
                training.number("best_epoch", form="count"),
                " kept",
            ),
        ),
        (("Ended by",), (STOPPED_BY.get(training.get("stopped_by"), training.quote("stopped_by")),)),
        (("Training time",), (training.number("seconds", form="duration"),)),
    ]
    return tuple(rows)


def _changes(card: Card) -> tuple[Block, ...]:
    if not card.variant.get("parent"):
        return ()
    rows = tuple(
        Row(Cell((place.name(),)), (Cell((setting(place, "from"),)), Cell((setting(place, "to"),))))
        for place in card.variant.each("changed_from_parent")
    )
    if not rows:
        return (Paragraph(("No setting differs from the parent.",)),)
    columns = (Column(("Setting",), False), Column(("parent",), False), Column(("this variant",), False))
    return (Table(("All settings that differ from the parent",), columns, rows),)


def _settings(variant: Cursor) -> Table:
    rows: list[Row] = []
    for group in variant.each("settings"):
        if not isinstance(group.value, dict):
            continue
        for key in group.value:
            place = group.at(key)
            rows.append(Row(Cell((f"{group.path[-1]}: ", place.name())), (Cell((setting(group, key),)),)))
    return Table(
        ("Training settings, augmentation and options",),
        (Column(("Setting",), False), Column(("value",), False)),
        tuple(rows),
    )


def _layers(variant: Cursor) -> Table:
    rows = tuple(
        Row(
            Cell((layer.quote("name", role="code"),)),
            (
                Cell((layer.quote("kind", role="code"),)),
                Cell((layer.quote("shape", role="code"),)),
                Cell((layer.number("parameters", form="count"),)),
            ),
        )
        for layer in variant.each("layers")
    )
    columns = (
        Column(("Layer",), False),
        Column(("kind",), False),
        Column(("output shape",), False),
        Column(("parameters",)),
    )
    return Table(("Layers, in the order of the data flow",), columns, rows)
