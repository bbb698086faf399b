"""What the audit of the data found, for section C: leaks and copies in plain sight, then the small print."""

from __future__ import annotations

from xaireport.report.document import (
    Block,
    Cell,
    Column,
    Facts,
    Gallery,
    Image,
    Inline,
    Notice,
    Paragraph,
    Picture,
    Row,
    Strong,
    Table,
    Text,
)
from xaireport.report.evidence import Evidence
from xaireport.report.sections.headline import value_cell
from xaireport.report.words import (
    class_name,
    difference,
    interval,
    joined,
    score_name,
    signed_interval,
    title,
)

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


def blocks(study: Evidence) -> tuple[Block, ...]:
    """Return what was found out about the data; missing where no audit was made."""
    if not study.get("data_audit"):
        return (Paragraph(("The data were not audited.",), "muted"),)
    audit = study.at("data_audit")
    found: list[Block] = [_leaks(audit), _copies(study, audit), _balance(audit)]
    if audit.get("gallery"):
        found.append(_gallery(study, audit))
    return tuple(found)


def leak(study: Evidence) -> Text:
    """Return the worst news about the test set in one sentence; nothing where there is none."""
    audit = study.at("data_audit") if study.get("data_audit") else None
    if audit is None:
        return ()
    clean = audit.at("clean_test")
    lost = clean.get("of") - clean.get("clean_n")
    if not lost:
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
                "Only ",
                clean.number("clean_n", form="count"),
                " of the ",
                clean.number("of", form="count"),
                " test images have no copy in the training split",
            ),
            "bad",
        ),
    )


def notices(study: Evidence) -> tuple[Notice, ...]:
    """Return the leak as a notice for the head of a page; none where the test set is clean."""
    told = leak(study)
    return (
        (Notice((*told, ". What the scores are without these images stands under Data."), "bad"),)
        if told
        else ()
    )


def clean_scores(variant: Evidence, study: Evidence) -> tuple[Block, ...]:
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


def clean_summary(study: Evidence) -> tuple[Block, ...]:
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


def _clean_scores(study: Evidence, variant: Evidence) -> list[str]:
    known = variant.get("clean", "train", "scores") or ()
    leading = dict.fromkeys((study.get("headline", "score"), "balanced_accuracy", "accuracy"))
    return [score for score in leading if score in known]


def _clean_columns(head: str, scores: list[str]) -> tuple[Column, ...]:
    pairs = (
        column for score in scores for column in (Column((score_name(score),)), Column(("against all",)))
    )
    return (Column((head,), False), Column(("n",)), *pairs)


def _count(place: Evidence, key: str) -> Cell:
    return Cell((place.number(key, form="count"),))


def _whole(variant: Evidence, scores: list[str]) -> list[Cell]:
    return [cell for score in scores for cell in (_score(variant.at("scores", score)), Cell(()))]


def _part(place: Evidence, scores: list[str]) -> list[Cell]:
    cells: list[Cell] = []
    for score in scores:
        if place.get("scores", score) is None:
            cells += [Cell(("–",), (place.quote("reason"),) if place.get("reason") else ()), Cell(())]
            continue
        cells.append(_score(place.at("scores", score)))
        if place.get("differences", score, "value") is None:
            cells.append(Cell(("–",)))
            continue
        shown = difference(place, "differences", score, "value", score=score)
        bounds = place.at("differences", score)
        clear = bounds.get("lo") is not None and (bounds.get("lo") > 0 or bounds.get("hi") < 0)
        cells.append(Cell((shown,) if clear else shown.text, signed_interval(bounds)))
    return cells


def _mix(variant: Evidence) -> tuple[Text, ...]:
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


def _score(place: Evidence) -> Cell:
    return Cell(value_cell(place).text, interval(place))


def _leaks(audit: Evidence) -> Block:
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


def _copies(study: Evidence, audit: Evidence) -> Table:
    """Exact and near duplicates: how many, where, and whether they show one group or two labels."""
    columns = (
        Column(("Pairs of images",), False),
        Column(("identical",)),
        Column(("nearly so",)),
    )
    kinds = [audit.at("exact_duplicates"), audit.at("near_duplicates")]
    rows = [Row(Cell(("in all",)), tuple(Cell((kind.number("pairs", form="count"),)) for kind in kinds))]
    for name, words in ACROSS.items():
        cells = tuple(
            Cell((kind.number("across", name, "pairs", form="count"),))
            if kind.get("across", name)
            else Cell(("–",))
            for kind in kinds
        )
        rows.append(Row(Cell((f"across {words}",)), cells))
    for name, words in SPLITS.items():
        cells = tuple(
            Cell((kind.number("within", name, "pairs", form="count"),))
            if kind.get("within", name)
            else Cell(("–",))
            for kind in kinds
        )
        rows.append(Row(Cell((f"within {words}",)), cells))
    rows.append(
        Row(
            Cell(("with two labels",)),
            tuple(Cell((kind.number("conflicting", form="count"),)) for kind in kinds),
        )
    )
    if any(kind.get("same_group_share") is not None for kind in kinds):
        cells = tuple(
            Cell((kind.number("same_group_share", form="percent"),))
            if kind.get("same_group_share") is not None
            else Cell(("–",))
            for kind in kinds
        )
        rows.append(Row(Cell(("that show one group",)), cells))
    near = audit.at("near_duplicates")
    notes: tuple[Text, ...] = (("Nearly so: ", near.quote("rule")),)
    return Table(("Copies in the data",), columns, tuple(rows), notes)


def _balance(audit: Evidence) -> Facts:
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


def _gallery(study: Evidence, audit: Evidence) -> Gallery:
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
