"""Section H: how well probabilities rank the images of each class, and whether they mean what they say."""

from __future__ import annotations

from xaireport.report.document.blocks import (
    Block,
    Cell,
    Column,
    Figure,
    Inline,
    Paragraph,
    Row,
    Strong,
    Table,
    Text,
    Tone,
)
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.drawings import drawing
from xaireport.report.document.phrases import class_name, interval, score_name, sentence_case
from xaireport.report.sections.cells import value_cell
from xaireport.report.sections.registry import Card, Content, absent

SCORES = ("ece", "ece_classwise", "brier", "brier_skill", "log_loss")
NEAR = 0.05
"""A temperature this close to 1 changes next to nothing."""
_absent = absent("Not computed, apart from AUROC and log loss above.")


def make(card: Card) -> Content:
    """Calibration in words, its diagram and scores; then AUROC and average precision per class."""
    variant = card.variant
    if not variant.get("calibration"):
        return _absent(card)
    blocks: list[Block] = [Paragraph(_sentence(variant)), _diagram(card), _scores(variant), _ranking(card)]
    return "computed", tuple(blocks)


def _sentence(variant: Cursor) -> Text:
    """Return which way the probabilities err, and what a temperature would do; it is not applied."""
    place = variant.at("calibration")
    ece = variant.at("scores", "ece")
    bounds = interval(ece)
    said: list[Inline] = [
        "The probability of the called class misses the share called right by ",
        Strong((ece.score(),)),
        *((" (", *bounds, ")") if bounds else ()),
        " on average (ECE); a model whose probabilities are right would show ",
        place.number("expected", "ece", "mean"),
        ", and seldom more than ",
        place.number("expected", "ece", "most"),
        ", with as many images.",
    ]
    if not place.get("temperature"):
        return (*said, " No temperature was fitted: ", place.quote("reason"), ".")
    fitted = place.number("temperature", "value", form="probability")
    on: Text = ("fitted on ", place.number("temperature", "n", form="count"), " validation images")
    if place.get("reason"):
        return (*said, " No temperature corrects it: ", place.quote("reason"), ".")
    value = place.get("temperature", "value")
    if abs(value - 1) < NEAR:
        return (*said, " A temperature would change next to nothing (", fitted, ", ", *on, ").")
    how = "too sure of itself" if value > 1 else "less sure of itself than it could be"
    tone: Tone = "bad" if value > 1 else ""  # the other way errs on the safe side
    after = place.at("scores", "ece")
    return (
        *said,
        " It is ",
        Strong((how,), tone),
        ": ECE would be ",
        after.score(),
        " after a temperature of ",
        fitted,
        ", ",
        *on,
        "; it is not applied to any number of this card.",
    )


def _diagram(card: Card) -> Figure:
    return Figure(
        drawing("reliability", card.name),
        (
            "Reliability diagram: share called right against the probability of the called class, with "
            "Wilson's intervals; below, the number of test images in each bin.",
        ),
    )


def _scores(variant: Cursor) -> Table:
    place = variant.at("calibration")
    softened = bool(place.get("scores"))
    columns = [Column(("Score",), False), Column(("value",)), Column(("interval",))]
    columns.append(Column(("if calibrated",)))
    if softened:
        columns += [Column(("after temperature",)), Column(("interval",))]
    rows = []
    for name in SCORES:
        cells = [value_cell(variant.at("scores", name)), Cell(interval(variant.at("scores", name)))]
        known = place.get("expected", name, "mean") is not None
        cells.append(Cell((place.number("expected", name, "mean"),) if known else ()))
        if softened:
            after = "nll" if name == "log_loss" else name
            if place.get("scores", after):
                cells += [value_cell(place.at("scores", after)), Cell(interval(place.at("scores", after)))]
            else:
                cells += [Cell(("–",)), Cell(())]
        rows.append(Row(Cell((sentence_case(score_name(name)),)), tuple(cells)))
    caption = ("Calibration on the test split", *(("; as it is, and as it would be",) if softened else ()))
    note: Text = ("Lower is better, but for the skill, where nought is no better than the classes' shares.",)
    return Table(caption, tuple(columns), tuple(rows), (note,))


def _ranking(card: Card) -> Table:
    columns = (
        Column(("Class",), False),
        Column(("n",)),
        Column(("AUROC",)),
        Column(("interval",)),
        Column(("average precision",)),
        Column(("interval",)),
    )
    rows = [
        Row(
            Cell((class_name(card.study, i),)),
            (
                Cell((place.number("n", form="count"),)),
                *(
                    cell
                    for score in ("auroc", "average_precision")
                    for cell in (value_cell(place.at(score)), Cell(interval(place.at(score))))
                ),
            ),
        )
        for i, place in enumerate(card.variant.each("per_class"))
    ]
    whole = card.variant.at("scores")
    rows.append(
        Row(
            Cell(("Overall",)),
            (
                Cell((whole.number("auroc", "n", form="count"),)),
                *(
                    cell
                    for score in ("auroc", "average_precision")
                    for cell in (value_cell(whole.at(score)), Cell(interval(whole.at(score))))
                ),
            ),
            "muted",
        )
    )
    note: Text = (
        "Each class against all others. Guessing has an AUROC of one half, and as average precision the "
        "share of the class.",
    )
    return Table(("Ranking per class",), columns, tuple(rows), (note,))
