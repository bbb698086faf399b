"""Section L: each class with its images beside their heatmaps, hits, then misses; then a plain gallery."""

from __future__ import annotations

from xaireport.report import format as forms
from xaireport.report.document import Block, Details, Gallery, Image, Inline, Notice, Paragraph, Picture, Text
from xaireport.report.evidence import Evidence
from xaireport.report.sections.registry import Card, Content
from xaireport.report.words import METHODS, RIGHT, WRONG, class_name, grid, joined

ZERO = "map zero everywhere"
NONE = "no heatmap"


def make(card: Card) -> Content:
    """The grids, or why there are none."""
    heatmaps = card.variant.at("heatmaps")
    blocks: list[Block] = []
    if heatmaps.get("skipped"):
        blocks.append(_skipped(heatmaps))
    else:
        blocks.append(Paragraph(_method(heatmaps)))
        blocks.extend(
            Notice((heatmaps.quote("notes", i),), "") for i in range(len(heatmaps.get("notes") or ()))
        )
    blocks.extend(_per_class(card, "examples"))
    gallery = tuple(picture(card.study, place, with_true=True) for place in card.variant.each("gallery"))
    if gallery:
        blocks.append(Details(("Plain gallery of test images",), (Gallery(gallery),)))
    return ("n/a" if heatmaps.get("skipped") else "computed"), tuple(blocks)


def picture(study: Evidence, place: Evidence, *, with_true: bool = False, with_map: bool = False) -> Picture:
    """Return one example: its image, beside its heatmap where it has one, with words that say the same.

    Parameters
    ----------
    place : Evidence
        One element of ``examples``, ``gallery`` or ``common``.
    with_true : bool
        Name the true class too, where no heading does.
    with_map : bool
        A heatmap was made: where none is stored it is zero everywhere, and an empty frame says so.
    """
    hit = place.get("outcome") == "hit"
    alt = alternative(study, place)
    overlay = place.get("overlay") or place.get("map")
    images = [Image(place.get("image"), f"Test image: {alt}")]
    if overlay:
        peak = place.get("peak")
        images.append(Image(overlay, f"Heatmap: {alt}" + (f", peak {peak}" if peak else "")))
    elif with_map:
        images.append(Image("", "", ZERO))
    name = class_name(study, place.get("y_pred"))
    p = place.number("p", form="probability")
    caption: Text = (f"{RIGHT} ", name, " ", p) if hit else (f"{WRONG} called ", name, " ", p)
    below: list[Inline | Text] = []
    if with_true and not hit:
        below.append(("true: ", class_name(study, place.get("y_true"))))
    slices = place.get("slices") or ()
    if slices:
        below.append(joined((place.quote("slices", i) for i in range(len(slices))), " · "))
    return Picture(tuple(images), caption, hit, joined(below, " · "), wide=bool(slices))


def alternative(study: Evidence, place: Evidence) -> str:
    """Return the words that stand for a picture, from the data."""
    classes = study.get("classes")
    p = forms.text(place.get("p"), "probability")
    return f"true {classes[place.get('y_true')]}, predicted {classes[place.get('y_pred')]}, p = {p}"


def _method(heatmaps: Evidence) -> Text:
    method = heatmaps.get("method")
    return (
        f"{METHODS.get(method, method)} of the predicted class at layer ",
        heatmaps.quote("layer", role="code"),
        ", ",
        *grid(heatmaps),
        " cells. Most confident hits first, then misses; chosen by rule, not by hand. ",
        heatmaps.number("zero_maps", form="count"),
        " of ",
        heatmaps.number("n", form="count"),
        " maps are zero everywhere. Trustworthiness: untested.",
    )


def _skipped(heatmaps: Evidence) -> Notice:
    said: Text = ("No heatmaps: ", heatmaps.quote("skipped", "reason"), ".")
    if heatmaps.get("skipped", "hint"):
        said += (" Hint: ", heatmaps.quote("skipped", "hint"), ".")
    return Notice(said, "")


def _per_class(card: Card, field: str) -> tuple[Gallery, ...]:
    mapped = not card.variant.get("heatmaps", "skipped")
    by_class: dict[int, list[Evidence]] = {}
    for place in card.variant.each(field):
        by_class.setdefault(int(place.get("y_true")), []).append(place)
    galleries = []
    for index in sorted(by_class):
        places = sorted(by_class[index], key=lambda place: place.get("outcome") != "hit")
        row = card.variant.at("per_class", index)
        aside = ("n\u00a0=\u00a0", row.number("n", form="count"), " · recall ", row.score("recall"))
        pictures = tuple(picture(card.study, place, with_map=mapped) for place in places)
        galleries.append(Gallery(pictures, (class_name(card.study, index),), aside))
    return tuple(galleries)
