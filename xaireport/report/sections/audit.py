"""What the audit of the data found, for section C: leaks and copies in plain sight, then the small print."""

from __future__ import annotations

from xaireport.report.document.blocks import (
    Block,
    Cell,
    Column,
    Facts,
    Gallery,
    Image,
    Inline,
    Paragraph,
    Picture,
    Row,
    Strong,
    Table,
    Text,
)
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import class_name, joined

SPLITS = {"train": "train", "val": "validation", "test": "test"}
ACROSS = {
    "train-test": "train and test",
    "train-val": "train and validation",
    "val-test": "validation and test",
}
KINDS = {
    "conflicting": "the same pixels, two labels",
    "exact": "the same pixels",
    "near": "nearly the same",
    "group": "one group",
    "blank": "blank",
}


def blocks(study: Cursor) -> tuple[Block, ...]:
    """Return what was found out about the data; missing where no audit was made."""
    if not study.get("data_audit"):
        return (Paragraph(("The data were not audited.",), "muted"),)
    audit = study.at("data_audit")
    found: list[Block] = [_leaks(audit), _copies(audit), _balance(audit)]
    if audit.get("gallery"):
        found.append(_gallery(study, audit))
    return tuple(found)


def _leaks(audit: Cursor) -> Block:
    place = audit.at("group_leakage")
    if place.get("skipped"):
        return Paragraph(("Groups: ", place.quote("skipped", "reason"), "."), "muted")
    lead: Text = ("No test image shows a group (patient, lesion) of the training split",)
    if place.get("test_images"):
        counted = (place.number("test_images", form="count"), " of ", place.number("of", form="count"))
        lead = (
            Strong(
                (*counted, " test images show a group (patient, lesion) that is in the training split"), "bad"
            ),
        )
    shared = joined(
        (place.number("shared", name, form="count"), f" ({words})") for name, words in ACROSS.items()
    )
    return Paragraph(
        (
            *lead,
            "; counting validation, ",
            place.number("test_images_or_val", form="count"),
            " do. Groups in both: ",
            *shared,
            ". Groups with more than one label: ",
            place.number("conflicting", form="count"),
            ". Clean test images: ",
            place.number("clean_n", form="count"),
            ".",
        )
    )


def _copies(audit: Cursor) -> Table:
    """Exact and near duplicates: how many, where, and whether they show one group or two labels."""
    kinds = [audit.at("exact_duplicates"), audit.at("near_duplicates")]
    counted: list[tuple[str, tuple[str, ...], str]] = [("in all", ("pairs",), "count")]
    counted += [(f"across {words}", ("across", name, "pairs"), "count") for name, words in ACROSS.items()]
    counted += [(f"within {words}", ("within", name, "pairs"), "count") for name, words in SPLITS.items()]
    counted.append(("with two labels", ("conflicting",), "count"))
    if audit.get("groups") is not None:
        counted.append(("that show one group", ("same_group_share",), "percent"))
    rows = tuple(
        Row(Cell((words,)), tuple(Cell((kind.number(*steps, form=form),)) for kind in kinds))
        for words, steps, form in counted
    )
    columns = (Column(("Pairs of images",), False), Column(("identical",)), Column(("nearly so",)))
    note: Text = ("Nearly so: ", kinds[1].quote("rule"), ".")
    return Table(("Copies in the data",), columns, rows, (note,))


def _balance(audit: Cursor) -> Facts:
    drift, blank = audit.at("drift"), audit.at("blank")
    said: list[Inline] = [
        drift.quote("label", role="class"),
        ", ",
        drift.number("difference", form="fine"),
        f" between {SPLITS[drift.get('splits', 0)]} and {SPLITS[drift.get('splits', 1)]}",
    ]
    if drift.get("cramers_v") is not None:
        said += [
            "; Cramér's V ",
            drift.number("cramers_v"),
            ", p ",
            drift.number("chi2_p"),
            " (chi-squared)",
        ]
    bright = joined(
        (
            f"{words} ",
            audit.number("splits", name, "brightness_mean", form="brightness"),
            " ± ",
            audit.number("splits", name, "brightness_sd", form="brightness"),
        )
        for name, words in SPLITS.items()
    )
    flat = joined((f"{words} ", blank.number("blank", name, form="count")) for name, words in SPLITS.items())
    return Facts(
        (
            (("Largest drift of a class",), tuple(said)),
            (("Mean pixel value ± deviation",), bright),
            (("Blank images",), flat),
        )
    )


def _gallery(study: Cursor, audit: Cursor) -> Gallery:
    pictures = []
    for place in audit.each("gallery"):
        ids = [place.quote("sample_ids", i, role="code") for i in range(len(place.get("sample_ids")))]
        splits = [SPLITS[name] for name in place.get("splits")]
        labels = [class_name(study, label) for label in place.get("labels")]
        same = len({label.text for label in labels}) == 1
        caption: Text = (labels[0],) if same else joined(labels, " and ")
        told: list[Inline] = [KINDS[place.get("kind")]]
        if place.get("correlation") is not None:
            told += [", correlation ", place.number("correlation", form="probability")]
        told += [": ", *joined((words, " ", name) for words, name in zip(splits, ids, strict=True))]
        alt = f"{KINDS[place.get('kind')]}: {' beside '.join(splits)}"
        pictures.append(Picture((Image(place.get("file"), alt),), caption, same, tuple(told), wide=True))
    return Gallery(tuple(pictures), ("What it looks like",))
