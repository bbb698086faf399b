"""The test images that nothing in training shows: how many there are, and the scores on them alone."""

from __future__ import annotations

from xaireport.report.document.blocks import Block, Cell, Column, Notice, Paragraph, Row, Strong, Table, Text
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import leading_scores, score_name, title
from xaireport.report.sections.cells import difference_cell, score_cell


def leak(study: Cursor) -> Text:
    """Return the worst news about the test set in one sentence; nothing where there is none."""
    audit = study.at("data_audit") if study.get("data_audit") else None
    if audit is None:
        return ()
    clean = audit.at("clean_test")
    if not clean.get("left_out"):
        return ()
    leakage = audit.at("group_leakage")
    if leakage.get("test_images"):
        return (
            Strong(
                (
                    leakage.number("test_images", form="count"),
                    " of the ",
                    leakage.number("of", form="count"),
                    " test images show a group (patient, lesion) that is also in the training split",
                ),
                "bad",
            ),
            " (",
            leakage.number("test_images_or_val", form="count"),
            " counting validation)",
        )
    return (
        Strong(
            (
                clean.number("left_out", form="count"),
                " of the ",
                clean.number("of", form="count"),
                " test images have a copy or look-alike in the training split",
            ),
            "bad",
        ),
    )


def notices(study: Cursor) -> tuple[Notice, ...]:
    """Return the leak as a notice for the head of a page; none where the test set is clean."""
    told = leak(study)
    said: Text = (*told, ". What the scores are without these images stands under Data.")
    return (Notice(said, "bad"),) if told else ()


def clean_scores(variant: Cursor, study: Cursor) -> tuple[Block, ...]:
    """Return a variant's scores on the clean parts of the test split beside those of all of it."""
    if not variant.get("clean"):
        return ()
    clean = study.at("data_audit", "clean_test")
    if clean.get("clean_n_strict") == clean.get("of"):
        return (Paragraph(("No test image has to be left out.",), "muted"),)
    scores = _clean_scores(study, variant)
    if not scores:
        return (Paragraph(("Too few clean test images are left to be scored.",), "muted"),)
    rows = [Row(Cell(("all test images",)), (_count(clean, "of"), *_whole(variant, scores)))]
    for name, rule in (("train", "rule"), ("train_or_val", "rule_strict")):
        place = variant.at("clean", name)
        rows.append(Row(Cell((clean.quote(rule),)), (_count(place, "n"), *_part(place, scores))))
    caption: Text = ("Scores without the test images that training or model selection may have seen",)
    return (Table(caption, _clean_columns("Test images", scores), tuple(rows), _mix(variant)),)


def clean_summary(study: Cursor) -> tuple[Block, ...]:
    """Return the scores of every variant on the clean part of the test split; nothing where all is clean."""
    if not leak(study):
        return ()
    variants = [place for place in study.each("variants") if place.get("clean", "train", "scores")]
    if not variants:
        return ()
    scores = _clean_scores(study, variants[0])
    rows = []
    for variant in variants:
        place = variant.at("clean", "train")
        cells = (_count(place, "n"), *_part(place, scores))
        rows.append(Row(Cell((title(variant),)), cells))
    rule = study.at("data_audit", "clean_test").quote("rule")
    caption: Text = ("Scores on the clean test images: ", rule)
    return (Table(caption, _clean_columns("Variant", scores), tuple(rows), _mix(variants[0])),)


def _clean_scores(study: Cursor, variant: Cursor) -> list[str]:
    known = variant.get("clean", "train", "scores") or ()
    return [score for score in leading_scores(study.get("headline", "score")) if score in known]


def _clean_columns(head: str, scores: list[str]) -> tuple[Column, ...]:
    pairs = (
        column for score in scores for column in (Column((score_name(score),)), Column(("against all",)))
    )
    return (Column((head,), False), Column(("n",)), *pairs)


def _count(place: Cursor, key: str) -> Cell:
    return Cell((place.number(key, form="count"),))


def _whole(variant: Cursor, scores: list[str]) -> list[Cell]:
    return [cell for score in scores for cell in (score_cell(variant.at("scores", score)), Cell(()))]


def _part(place: Cursor, scores: list[str]) -> list[Cell]:
    cells: list[Cell] = []
    for score in scores:
        if place.get("scores", score) is None:
            cells += [Cell(("–",), (place.quote("reason"),) if place.get("reason") else ()), Cell(())]
            continue
        known = place.get("differences", score) is not None
        against = difference_cell(place.at("differences", score), "value", score) if known else Cell(("–",))
        cells += [score_cell(place.at("scores", score)), against]
    return cells


def _mix(variant: Cursor) -> tuple[Text, ...]:
    """Say how the clean part's mix of classes differs: what it scores is not the effect of the leak alone."""
    part, whole = variant.at("clean", "train", "scores"), variant.at("scores")
    name = "no_information_rate"
    if part.get(name) is None or whole.get(name) is None:
        return ()
    return (
        (
            "The largest class has ",
            part.number(name, "value", form="percent"),
            " of the clean images and ",
            whole.number(name, "value", form="percent"),
            " of all: the two sets differ in more than the leak, and a difference between them, of accuracy "
            "above all, is not the effect of the leak alone.",
        ),
    )
