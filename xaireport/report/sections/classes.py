"""Sections F and G: scores per class, and which class is taken for which."""

from __future__ import annotations

from xaireport.report.document.blocks import Cell, Column, Count, Details, Figure, Matrix, Row, Table, Text
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.drawings import drawing
from xaireport.report.document.phrases import class_name, letter
from xaireport.report.sections.cells import score_cell
from xaireport.report.sections.registry import Card, Content

MATRIX_LIMIT = 20
"""More classes than this do not fit a page: the drawing takes the place of the matrix."""
SHADES = 20


def make_scores(card: Card) -> Content:
    """Precision, recall and F1 of every class; the lowest recall stands out."""
    recalls = [row["recall"]["value"] for row in card.variant.get("per_class")]
    known = [value for value in recalls if value is not None]
    lowest = recalls.index(min(known)) if known else -1
    rows = tuple(_row(card, i, i == lowest) for i in range(card.n_classes))
    columns = (
        Column(("Class",), False),
        Column(("n",)),
        Column(("precision",)),
        Column(("recall",)),
        Column(("F1",)),
    )
    undefined: Text = (
        "– marks a score that is undefined: the class was never predicted, or no test image shows it.",
    )
    notes = (undefined,) if _any_undefined(card.variant) else ()
    table = Table(
        ("Scores per class on the test split, intervals beneath; lowest recall marked",), columns, rows, notes
    )
    figure = Figure(drawing("per-class", card.name), ("Precision, recall and F1 per class.",))
    return "computed", (table, figure, *_further(card))


def make_confusion(card: Card) -> Content:
    """Counts and shares of each true class; with many classes, a drawing instead of a table."""
    if card.n_classes > MATRIX_LIMIT:
        figure = Figure(
            drawing("confusion", card.name),
            ("Confusion matrix, normalised by row. The counts are in results.json.",),
        )
        return "computed", (figure,)
    labels = tuple((letter(i), class_name(card.study, i)) for i in range(card.n_classes))
    rows = tuple(
        tuple(_count(card.variant, i, j) for j in range(card.n_classes)) for i in range(card.n_classes)
    )
    caption = (
        "Rows: true class. Columns: predicted class. Counts, and shares of the row; dark: none, light: all.",
    )
    return "computed", (Matrix(caption, labels, rows),)


def _row(card: Card, index: int, lowest: bool) -> Row:
    place = card.variant.at("per_class", index)
    cells = (
        Cell((place.number("n", form="count"),)),
        score_cell(place.at("precision")),
        score_cell(place.at("recall"), "bad" if lowest else ""),
        score_cell(place.at("f1")),
    )
    return Row(Cell((class_name(card.study, index),)), cells)


def _further(card: Card) -> tuple[Details, ...]:
    """Specificity, negative predictive value and likelihood ratio: who needs them knows where to look."""
    places = list(card.variant.each("per_class"))
    if not all(place.get("specificity") for place in places):
        return ()
    names = {"specificity": "specificity", "npv": "NPV", "lr_plus": "LR+"}
    columns = (Column(("Class",), False), *(Column((name,)) for name in names.values()))
    rows = tuple(
        Row(Cell((class_name(card.study, i),)), tuple(score_cell(place.at(score)) for score in names))
        for i, place in enumerate(places)
    )
    told: Text = (
        "NPV: share of the images not called this class that are not of it. LR+: how many times likelier the "
        "call is where the class is shown.",
    )
    table = Table(("Each class against all others, intervals beneath",), columns, rows, (told,))
    return (Details(("Specificity, NPV and LR+ per class",), (table,)),)


def _any_undefined(variant: Cursor) -> bool:
    return any(
        row[score]["value"] is None
        for row in variant.get("per_class")
        for score in ("precision", "recall", "f1")
    )


def _count(variant: Cursor, true: int, predicted: int) -> Count:
    share = variant.number("confusion_normalised", true, predicted, form="percent")
    shade = 0 if share.value is None else round(SHADES * share.value)
    number = variant.number("confusion", true, predicted, form="count")
    return Count(number, share, shade, true == predicted)
