"""A quantised variant and its parent, image by image: what they call alike, and what changed sides."""

from __future__ import annotations

from collections.abc import Sequence

from xaireport.report.document.blocks import Block, Cell, Column, Paragraph, Row, Strong, Table, Text, Tone
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import class_name, parent_title, title
from xaireport.report.sections.registry import Card

SHOWN = 20
"""Flips listed by name; results.json has them all."""
EFFECTS = {
    "lost": "right\u00a0→\u00a0wrong",
    "gained": "wrong\u00a0→\u00a0right",
    "neither": "wrong either way",
}


def blocks(card: Card) -> tuple[Block, ...]:
    """Agreement with the parent, changes per class, images that changed sides; of quantised ones only."""
    variant = card.variant
    if not variant.get("agreement"):
        return ()
    parent = parent_title(card.study, variant)
    found: list[Block] = [Paragraph(sentence(card.study, variant)), _per_class(card, parent)]
    if variant.get("flips"):
        found.append(_flips(card))
    return tuple(found)


def sentence(study: Cursor, variant: Cursor) -> Text:
    """Return in words how far a variant and its parent agree."""
    counts = variant.at("flip_counts")
    return (
        variant.number("agreement", "value", form="fine"),
        " of the ",
        variant.number("agreement", "n", form="count"),
        " test images are called as ",
        parent_title(study, variant),
        " calls them; of the others ",
        Strong((counts.number("lost", form="count"), " became wrong"), "bad" if counts.get("lost") else ""),
        ", ",
        counts.number("gained", form="count"),
        " became right, and ",
        counts.number("neither", form="count"),
        " are wrong either way.",
    )


def summary(variants: Sequence[Cursor]) -> Table:
    """Return agreement with the parent, and what changed sides, of several variants."""
    columns = (
        Column(("Variant",), False),
        Column(("agreement with its parent",)),
        Column(("n",)),
        Column(("became wrong",)),
        Column(("became right",)),
        Column(("wrong either way",)),
    )
    rows = tuple(
        Row(
            Cell((title(place),)),
            (
                Cell((place.number("agreement", "value", form="fine"),)),
                Cell((place.number("agreement", "n", form="count"),)),
                *(
                    Cell((place.number("flip_counts", effect, form="count"),))
                    for effect in ("lost", "gained", "neither")
                ),
            ),
        )
        for place in variants
    )
    return Table(("The same test images, called by the parent and by its quantised file",), columns, rows)


def _per_class(card: Card, parent: Text | object) -> Table:
    columns = (
        Column(("Class",), False),
        Column(("n",)),
        Column((parent, ", right")),  # type: ignore[arg-type]
        Column(("here, right",)),
        Column(("became wrong",)),
        Column(("became right",)),
    )
    rows = []
    for i, place in enumerate(card.variant.each("agreement_per_class")):
        lost, gained = place.get("lost"), place.get("gained")
        tone: Tone = "bad" if lost > gained else "good" if gained > lost else ""
        rows.append(
            Row(
                Cell((class_name(card.study, i),)),
                (
                    Cell((place.number("n", form="count"),)),
                    Cell((place.number("right_from", form="count"),)),
                    Cell((place.number("right_to", form="count"),), tone=tone),
                    Cell((place.number("lost", form="count"),)),
                    Cell((place.number("gained", form="count"),)),
                ),
            )
        )
    return Table(("Images called right, per true class",), columns, tuple(rows))


def _flips(card: Card) -> Table:
    flips = list(card.variant.each("flips"))
    rows = tuple(
        Row(
            Cell((flip.quote("sample_id", role="code"),)),
            (
                Cell((class_name(card.study, flip.get("y_true")),)),
                Cell(
                    (class_name(card.study, flip.get("from")), " ", flip.number("p_from", form="probability"))
                ),
                Cell((class_name(card.study, flip.get("to")), " ", flip.number("p_to", form="probability"))),
                Cell(
                    (EFFECTS[flip.get("effect")],),
                    tone={"lost": "bad", "gained": "good"}.get(flip.get("effect"), ""),  # type: ignore[arg-type]
                ),
            ),
        )
        for flip in flips[:SHOWN]
    )
    columns = (
        Column(("Image",), False),
        Column(("true",), False),
        Column(("parent",), False),
        Column(("here",), False),
        Column(("effect",), False),
    )
    rest: tuple[Text, ...] = (
        (("Those that became wrong first, the surest first; the others are in results.json.",),)
        if len(flips) > SHOWN
        else ()
    )
    return Table(("Images that changed sides",), columns, rows, rest)
