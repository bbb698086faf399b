"""Section L: each class with its images beside their heatmaps, hits, then misses; then a plain gallery."""

from __future__ import annotations

from xaireport.report.document import format as forms
from xaireport.report.document.blocks import (
    Block,
    Details,
    Gallery,
    Image,
    Inline,
    Notice,
    Paragraph,
    Picture,
    Review,
    Subject,
    Text,
)
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import RIGHT, WRONG, class_name, grid, joined, letter, method_name
from xaireport.report.sections import trust
from xaireport.report.sections.registry import Card, Content

ZERO = "no positive evidence"
CHOSEN = {
    "study": ", the layer that the study names",
    "parent": ", where its parent's maps are read as well",
    "only candidate": ", the only layer with a grid that is fine enough",
}
NONE = "no heatmap"


def make(card: Card) -> Content:
    """The grids, or why there are none."""
    heatmaps = card.variant.at("heatmaps")
    blocks: list[Block] = []
    if heatmaps.get("skipped"):
        blocks.append(_skipped(heatmaps))
    else:
        blocks.append(trust.verdict(heatmaps))
        blocks.append(Paragraph(_method(heatmaps)))
        blocks.extend(
            Notice((heatmaps.quote("notes", i),), "") for i in range(len(heatmaps.get("notes") or ()))
        )
        blocks.extend(trust.blocks(card.study, heatmaps))
    if galleries := _per_class(card, "examples"):
        made_by = "" if heatmaps.get("skipped") else str(heatmaps.get("method"))
        digest = str(card.study.get("run", "evidence_digest"))
        blocks.append(Review(galleries, card.study.quote("study"), digest, made_by))
    if through := _through_volumes(card):
        blocks.append(Details(("Through the volumes, slice by slice",), through))
    gallery = tuple(
        picture(card.study, place, with_true=True, where="plain") for place in card.variant.each("gallery")
    )
    if gallery:
        blocks.append(Details(("Plain gallery of test images",), (Gallery(gallery),)))
    return ("n/a" if heatmaps.get("skipped") else "computed"), tuple(blocks)


def picture(
    study: Cursor,
    place: Cursor,
    *,
    with_true: bool = False,
    with_map: bool = False,
    method: str = "Heatmap",
    where: str = "image",
) -> Picture:
    """Return one example: its image, beside its heatmap where it has one, with words that say the same.

    Parameters
    ----------
    place : Cursor
        One element of ``examples``, ``gallery`` or ``common``.
    with_true : bool
        Name the true class too, where no heading does.
    with_map : bool
        A heatmap was made: where none is stored it is zero everywhere, and an empty frame says so.
    method : str
        What made the map.
    where : str
        Goes before its id.
    """
    hit = place.get("outcome") == "hit"
    alt = alternative(study, place)
    overlay = place.get("overlay") or place.get("map")
    images = [Image(place.get("image"), f"Test image: {alt}")]
    if overlay:
        peak = place.get("peak")
        images.append(Image(overlay, f"{method}: {alt}" + (f", peak {peak}" if peak else "")))
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
    subject = subject_of(study, place, where)
    return Picture(tuple(images), caption, hit, joined(below, " · "), bool(slices), subject)


def subject_of(study: Cursor, place: Cursor, where: str) -> Subject:
    """Return what one example is a picture of."""
    return Subject(
        place.quote("sample_id", role="code"),
        str(place.path[1]),
        class_name(study, place.get("y_true")),
        class_name(study, place.get("y_pred")),
        place.number("p", form="probability"),
        str(place.get("map", default="")),
        where,
    )


def alternative(study: Cursor, place: Cursor) -> str:
    """Return the words that stand for a picture, from the data."""
    classes = study.get("classes")
    p = forms.text(place.get("p"), "probability")
    return f"true {classes[place.get('y_true')]}, predicted {classes[place.get('y_pred')]}, p = {p}"


def _method(heatmaps: Cursor) -> Text:
    where: Text = ()
    if heatmaps.get("layer"):
        where = (" at layer ", heatmaps.quote("layer", role="code"))
    return (
        f"{method_name(heatmaps)} of the predicted class",
        *where,
        ", ",
        *grid(heatmaps),
        " cells",
        *_choice(heatmaps),
        ". Most confident hits first, then misses; chosen by rule, not by hand. ",
        heatmaps.number("zero_maps", form="count"),
        " of ",
        heatmaps.number("n", form="count"),
        " maps show no positive evidence.",
    )


def _choice(heatmaps: Cursor) -> Text:
    """Return how the layer was chosen."""
    by = heatmaps.get("chosen_by")
    if by != "validation":
        return (CHOSEN[by],) if by in CHOSEN else ()
    tried = [
        (place.quote("layer", role="code"), " (", *grid(place), ") ", place.number("score", form="signed"))
        for place in heatmaps.each("choices")
    ]
    return (
        ", chosen on ",
        heatmaps.number("choice_images", form="count"),
        " validation images by how much faster than in random order the score falls when what the map marks "
        "is taken away: ",
        *joined(tried, "; "),
    )


def _skipped(heatmaps: Cursor) -> Notice:
    said: Text = ("No heatmaps: ", heatmaps.quote("skipped", "reason"), ".")
    if heatmaps.get("skipped", "hint"):
        said += (" Hint: ", heatmaps.quote("skipped", "hint"), ".")
    return Notice(said, "")


def _through_volumes(card: Card) -> tuple[Gallery, ...]:
    """Return each volume on show as a sheet of slices under its map, by class; nothing of flat images."""
    pictures: dict[int, list[Picture]] = {}
    for place in card.variant.each("examples"):
        if place.get("montage"):
            plain = picture(card.study, place)
            words = f"Slices through the volume under the map: {alternative(card.study, place)}"
            shown = (place.quote("montage_slices", i) for i in range(len(place.get("montage_slices"))))
            sheet = (Image(place.get("montage"), words),)
            subject = subject_of(card.study, place, "sheet")
            made = Picture(sheet, plain.caption, plain.hit, joined(shown, " · "), True, subject)
            pictures.setdefault(int(place.get("y_true")), []).append(made)
    # A gallery per class stays within a page of paper.
    return tuple(
        Gallery(tuple(pictures[index]), (class_name(card.study, index),)) for index in sorted(pictures)
    )


def _per_class(card: Card, field: str) -> tuple[Gallery, ...]:
    mapped = not card.variant.get("heatmaps", "skipped")
    method = method_name(card.variant.at("heatmaps")) if mapped else ""
    by_class: dict[int, list[Cursor]] = {}
    for place in card.variant.each(field):
        by_class.setdefault(int(place.get("y_true")), []).append(place)
    galleries = []
    for index in sorted(by_class):
        places = sorted(by_class[index], key=lambda place: place.get("outcome") != "hit")
        row = card.variant.at("per_class", index)
        aside = ("n\u00a0=\u00a0", row.number("n", form="count"), " · recall ", row.score("recall"))
        pictures = tuple(picture(card.study, place, with_map=mapped, method=method) for place in places)
        galleries.append(Gallery(pictures, (class_name(card.study, index),), aside, f"class-{letter(index)}"))
    return tuple(galleries)
