"""The page that compares the variants of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from xaireport.report.document.blocks import (
    Block,
    Cell,
    Column,
    Details,
    Facts,
    Figure,
    Image,
    Inline,
    Link,
    Notice,
    Page,
    Paragraph,
    Picture,
    Row,
    Section,
    Side,
    SideBySide,
    Strong,
    Table,
    Text,
)
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.drawings import drawing
from xaireport.report.document.phrases import (
    BASELINES,
    changes,
    class_name,
    difference,
    is_phantom,
    joined,
    kind,
    leading_scores,
    method_name,
    parent_title,
    score_name,
    title,
)
from xaireport.report.pages import verdict
from xaireport.report.pages.card import demonstration
from xaireport.report.sections import agreement, audit, clean, data, deployment, system, trust
from xaireport.report.sections.comparison import table as comparison_table
from xaireport.report.sections.headline import distinct, reference_notes, referenced_cell
from xaireport.report.sections.heatmaps import NONE, picture, subject_of

SCORES = (
    "balanced_accuracy",
    "accuracy",
    "weighted_f1",
    "weighted_precision",
    "weighted_recall",
    "mcc",
    "auroc",
)


def comparison(results: Mapping[str, Any]) -> Page:
    """Return the comparison of a study's variants.

    Parameters
    ----------
    results : mapping
        results.json of the study.
    """
    study = Cursor(results)
    name = title(study)
    made = [
        ("scores", "All variants", _scores(study)),
        ("pairs", "Two by two", _pairs(study)),
        ("cost", "Accuracy, size and time", _cost(study)),
        ("lineage", "Lineage", _lineage(study)),
        ("images", "The same images, side by side", _images(study)),
        ("heatmaps", "Can the heatmaps be trusted?", trust.summary(study, list(study.each("variants")))),
        (
            "data",
            "Data",
            (data.facts(study), data.splits(study), *audit.blocks(study), *clean.clean_summary(study)),
        ),
        ("failed", "Failed variants", _failed(study)),
    ]
    return Page(
        layout="comparison",
        title=(name,),
        plain_title=f"{name.text} · comparison",
        trail=(Link(("All studies",), "../index.html"), " › comparison"),
        verdict=(verdict.of_study(study), (study.quote("task"),) if study.get("task") else ()),
        lead=(*demonstration(study), *clean.notices(study), *_notes(study)),
        sections=tuple(Section(key, heading, "computed", blocks) for key, heading, blocks in made if blocks),
        demonstration=is_phantom(study),
        created=str(study.get("run", "created")),
        digests=(study.quote("run", "evidence_digest", role="code", short=True),),
    )


def _notes(study: Cursor) -> tuple[Notice, ...]:
    """Notes of the data, and of each training under its variant's name."""
    noted = []
    for place in study.each("variants"):
        for notice in (*system.notes(place), *deployment.notes(place)):
            noted.append(Notice((title(place), ": ", *notice.text), notice.tone))
    return (*noted, *data.notes(study))


def _scores(study: Cursor) -> tuple[Block, ...]:
    variants = list(study.each("variants"))
    if not variants:
        return (Paragraph(("No variant of this study was finished.",)),)
    headline = study.get("headline", "score")
    names = list(dict.fromkeys((headline, *SCORES)))
    columns = [Column(("Variant",), False), *(Column((score_name(name),)) for name in names)]
    rows = tuple(
        Row(
            Cell((Link((title(place),), f"{place.path[-1]}/card.html"),), kind(place)),
            tuple(referenced_cell(place, name) for name in names),
        )
        for place in variants
    )
    notes = distinct(note for place in variants for note in reference_notes(study, place))
    naive: list[Inline] = []
    for name in (name for name in names if name in BASELINES):
        said = f"{score_name(name)} of {BASELINES[name][1]}: "
        naive += ["; " if naive else "For comparison: ", said, study.number("baselines", BASELINES[name][0])]
    table = Table(
        ("Scores on the test split; beneath, the interval, the reference, and the difference to it",),
        tuple(columns),
        rows,
        (*([(*naive, ".")] if naive else []), *notes),
    )
    figure = Figure(
        drawing("scores"),
        (f"Scores of all variants{'' if is_phantom(study) else '; hollow marks: the reference'}.",),
    )
    return (table, figure)


def _pairs(study: Cursor) -> tuple[Block, ...]:
    """What the pairs come to, every pair with its interval, and the sentences on what differs."""
    if not study.get("comparison"):
        return ()
    if study.get("comparison", "skipped"):
        return (Paragraph((study.quote("comparison", "skipped", "reason"), "."), "muted"),)
    rows = list(study.each("comparisons"))
    sentences = {(row.get("a"), row.get("b")): row for row in rows}
    told = tuple(Paragraph((row.quote("sentence"),)) for row in sentences.values())
    figure = Figure(
        drawing("pairs"),
        (
            f"Paired differences in {score_name(study.get('headline', 'score'))}, with their intervals; of "
            "many pairs those of parent and child.",
        ),
    )
    return (
        Paragraph((study.quote("comparison", "sentence"),)),
        figure,
        comparison_table(study, rows),
        Details(("Each pair in words, with every setting that differs",), told),
    )


def _cost(study: Cursor) -> tuple[Block, ...]:
    """Where variants were quantised: what each costs, which none beats, and what making it took."""
    measured = [place for place in study.each("variants") if place.get("cost")]
    quantised = [place for place in study.each("variants") if place.get("quantisation")]
    blocks: list[Block] = []
    if study.get("pareto"):
        blocks += [
            Paragraph(_front(study)),
            Figure(
                drawing("tradeoff"),
                (
                    "The headline score against the size of the TFLite file and the time of one image; "
                    "ringed: no other variant is at least as good in all three.",
                ),
            ),
        ]
    if measured:
        blocks += [
            deployment.costs(measured, "What each variant costs where it runs"),
            *deployment.not_smaller(study, quantised),
        ]
    if quantised:
        blocks += [deployment.effort(quantised), agreement.summary(quantised)]
    return tuple(blocks)


def _front(study: Cursor) -> Text:
    """Return which variants no other one beats in score, size and time at once."""
    front = study.get("pareto", "front", default=[])
    beaten = [name for name in study.get("pareto", "measured") if name not in front]

    def listed(names: Sequence[str]) -> Text:
        return joined((title(study.at("variants", name)) for name in names), "; ")

    score = score_name(study.get("pareto", "score"))
    said: Text = (
        f"By {score}, bytes of the TFLite file and time of one image with one thread, no other beats: ",
        Strong(listed(front)),
        ".",
    )
    return (*said, " Beaten in one and no better in the others: ", *listed(beaten), ".") if beaten else said


def _lineage(study: Cursor) -> tuple[Block, ...]:
    rows: list[tuple[Text, Text]] = []
    for place in study.each("variants"):
        rows.append(((title(place),), _descent(study, place)))
    if not rows:
        return ()
    drawn: tuple[Block, ...] = ()
    if len(rows) > 1:
        said = ("What was made from what, and accuracy.",)
        drawn = (Figure(drawing("lineage"), said),)
    return (*drawn, Facts(tuple(rows)))


def _descent(study: Cursor, place: Cursor) -> Text:
    summary: Text = (place.quote("summary"), " ") if place.get("summary") else ()
    if not place.get("parent"):
        return (*summary, "No parent.")
    parent = parent_title(study, place)
    if not place.get("changed_from_parent"):
        return (*summary, "From ", parent, ", no setting differs.")
    told: list[Inline] = [*summary, "From ", parent, ", all settings that differ: ", *changes(place), "."]
    differences = [
        (f"{score_name(score)} ", difference(place, "parent_difference", score, score=score))
        for score in leading_scores(study.get("headline", "score"))
        if place.get("parent_difference", score) is not None
    ]
    return (*told, " Difference: ", *joined(differences), ".") if differences else tuple(told)


def _images(study: Cursor) -> tuple[Block, ...]:
    variants = list(study.each("variants"))
    shown: dict[str, dict[str, Cursor]] = {}
    for variant in variants:
        for example in variant.each("common"):
            shown.setdefault(str(example.get("sample_id")), {})[str(variant.path[-1])] = example
    rows = []
    for by_variant in shown.values():
        first = next(iter(by_variant.values()))
        plain = picture(study, first)
        true = (class_name(study, first.get("y_true")),)
        subject = replace(subject_of(study, first, "image"), layer="")
        left = replace(plain, images=plain.images[:1], caption=true, hit=True, below=(), subject=subject)
        views = tuple(_view(study, variant, by_variant.get(str(variant.path[-1]))) for variant in variants)
        rows.append(Side(left, views))
    if not rows:
        return ()
    caption: Text = (
        "The same test images for every variant: heatmap where there is one, and what it was called",
    )
    columns = tuple((title(variant),) for variant in variants)
    digest = str(study.get("run", "evidence_digest"))
    return (SideBySide(caption, columns, tuple(rows), study.quote("study"), digest),)


def _view(study: Cursor, variant: Cursor, place: Cursor | None) -> Picture | None:
    """One variant's view of an image that already stands at the left: its heatmap, and what it said."""
    if place is None:
        return None
    mapped = not variant.get("heatmaps", "skipped")
    method = method_name(variant.at("heatmaps")) if mapped else ""
    seen = picture(study, place, with_map=mapped, method=method)
    return replace(seen, images=seen.images[1:] if mapped else (Image("", "", NONE),))


def _failed(study: Cursor) -> tuple[Block, ...]:
    return tuple(
        Notice(
            (
                study.quote("failed", i, "variant", role="code")
                if study.get("failed", i, "variant")
                else "The study",
                " failed at ",
                study.quote("failed", i, "stage"),
                ": ",
                study.quote("failed", i, "message"),
                *((" ", study.quote("failed", i, "hint")) if study.get("failed", i, "hint") else ()),
            )
        )
        for i in range(len(study.get("failed") or ()))
    )
