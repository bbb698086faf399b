"""Whether heatmaps can be believed: the verdict, each measure beside its control, what randomising did."""

from __future__ import annotations

from collections.abc import Iterator

from xaireport.report.document.blocks import (
    Block,
    Cell,
    Column,
    Details,
    Gallery,
    Image,
    Inline,
    Notice,
    Paragraph,
    Picture,
    Row,
    Strong,
    Subject,
    Table,
    Text,
    Tone,
    slug,
)
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import class_name, joined, method_name, signed_interval, title

TONES: dict[str, Tone] = {"pass": "good", "fail": "bad", "untested": ""}
CONTROLS = {
    "chance": "chance",
    "centre": "a blob in the middle",
    "edges": "edges of the image",
    "random": "random maps",
    "other_image": "maps of another image",
}
BASELINES = {"mean": "the mean colour", "blur": "a blurred copy"}
LAYERS = (
    ("image", "Test image"),
    ("overlay", "This variant's map"),
    ("overlay_other", "The other's map"),
)
PLACE = (
    ("energy_in_mask", "Do the maps lie on what the masks mark? Share of their energy within"),
    ("pointing", "Does the peak lie within?"),
    ("iou", "Overlap of the top fifth of the pixels with the mask"),
)


def outcome(heatmaps: Cursor) -> Strong:
    """Return the outcome in a word or two."""
    found = heatmaps.get("verdict", "outcome")
    words = {"pass": "pass", "fail": "fail"}.get(found, "could not be tested")
    return Strong((words,), TONES.get(found, ""))


def verdict(heatmaps: Cursor) -> Notice:
    """Return the verdict: as large whether the maps pass or fail."""
    if not heatmaps.get("verdict"):
        return Notice(("Whether these heatmaps can be trusted was not tested.",), "")
    return Notice((heatmaps.quote("verdict", "sentence"),), TONES[heatmaps.get("verdict", "outcome")])


def blocks(study: Cursor, heatmaps: Cursor) -> tuple[Block, ...]:
    """Return the measures, the cascade, and where maps moved; nothing where none was made."""
    if not heatmaps.get("deletion"):
        return ()
    return (_measures(study, heatmaps), *_cascade(heatmaps), *_moved(study, heatmaps))


def _measures(study: Cursor, heatmaps: Cursor) -> Table:
    columns = (
        Column(("Question",), False),
        Column(("measured",)),
        Column(("control",), False),
        Column(("difference",)),
        Column(("n",)),
        Column(("criterion",), False),
    )
    return Table(
        ("Measures of the heatmaps, each beside its control on the same images",),
        columns,
        tuple(_rows(study, heatmaps)),
    )


def _rows(study: Cursor, heatmaps: Cursor) -> Iterator[Row]:
    criteria = {place.get("criterion"): place for place in heatmaps.each("verdict", "reasons")}

    def row(words: Text, place: Cursor, criterion: str = "", control: Text = ()) -> Row:
        return _row(words, place, criteria.get(criterion), control)

    for key, words in PLACE:
        place = heatmaps.at(key)
        if not place.get("skipped") or key == PLACE[0][0]:  # one line says why there are none
            yield row((words,), place, key)
    for key, does in (("deletion", "fall when it is taken away"), ("insertion", "rise when it is put back")):
        for place in (heatmaps.at(key), heatmaps.at(key, "second")):
            by = BASELINES.get(place.get("baseline"), place.get("baseline"))
            words = f"Does the score {does}? Area under the curve of {key}, the rest being {by}"
            yield row((words,), place, f"{key}, {place.get('baseline')}")
    place = heatmaps.at("randomisation")
    if place.get("skipped"):
        yield row(("Do the maps depend on the weights?",), place, "randomisation")
    else:
        step = place.at("steps", place.get("decisive"))
        words_: Text = (
            "Do the maps depend on the weights? Rank correlation once all layers down to ",
            step.quote("layer", role="code"),
            " are random, over ",
            place.number("seeds", form="count"),
            " randomisations",
        )
        chance: Text = (f"{CONTROLS['other_image']} ", place.number("other_image"))
        found = row(words_, step.at("correlation"), "randomisation", chance)
        yield Row(found.head, (*found.cells[:3], Cell((place.number("n", form="count"),)), found.cells[4]))
    yield row(("Do they depend on the class? Rank correlation with the map of another class",),
              heatmaps.at("wrong_class"), "wrong_class")  # fmt: skip
    yield row(
        ("Are they stable? Rank correlation under a little noise, same answer",), heatmaps.at("stability")
    )
    drift = heatmaps.at("drift")
    if drift.get("skipped"):
        yield row(("Does another variant look at the same places?",), drift, "drift")
    else:
        other = _variant(study, drift)
        words_ = ("Do they lie where those of ", other, " lie? Rank correlation, both by occlusion")
        yield row(words_, drift.at("occlusion"), "drift")
        yield row(("The same of the maps shown, where both give one answer",), drift.at("maps"))
    zero: Text = ()
    if heatmaps.get("randomisation", "zero_maps") is not None:
        zero = ("once all weights are random ", heatmaps.number("randomisation", "zero_maps"))
    yield row(("Share of maps without any positive evidence",), heatmaps.at("zero_rate"), "", zero)


def _row(words: Text, place: Cursor, met: Cursor | None, control: Text) -> Row:
    verdict_: Cell = Cell(("–",))
    if met is not None:
        found = met.get("outcome")
        verdict_ = Cell((Strong((found,), TONES[found]),))
    if place.get("skipped"):
        why = Cell(("not measured: ", place.quote("skipped", "reason")))
        return Row(Cell(words), (Cell(("–",)), why, Cell(("–",)), Cell(("–",)), verdict_))
    below: Text = ()
    if place.get("lo") is not None:
        below = (place.number("lo"), "–", place.number("hi"))
    elif place.get("reason"):
        below = (place.quote("reason"),)
    lines: list[Text] = [control] if control else []
    difference = Cell(("–",))
    names = [name for name in CONTROLS if name in (place.get("controls") or {})]
    for name in names:
        lines.append((f"{CONTROLS[name]} ", place.number("controls", name, "value")))
    if names:
        first = place.at("controls", names[0], "difference")
        difference = Cell(
            (first.number("value", form="signed"),), signed_interval(first), further=_to_blob(place)
        )
    return Row(
        Cell(words),
        (
            Cell((place.number("value"),), below),
            Cell(lines[0] if lines else ("–",), joined(lines[1:], "; ")),
            difference,
            Cell((place.number("n", form="count"),)),
            verdict_,
        ),
    )


def _to_blob(place: Cursor) -> Text:
    """Return the difference to the blob, which decides as well as chance does."""
    if not place.get("controls", "centre") or not place.get("controls", "chance"):
        return ()
    found = place.at("controls", "centre", "difference")
    return ("to the blob ", found.number("value", form="signed"), ", ", *signed_interval(found))


def _cascade(heatmaps: Cursor) -> tuple[Block, ...]:
    place = heatmaps.at("randomisation")
    if place.get("skipped"):
        return ()
    rows = tuple(
        Row(
            Cell((step.quote("layer", role="code"),)),
            (
                Cell((step.number("layers", form="count"),)),
                _with_bounds(step.at("correlation")),
                _with_bounds(step.at("ssim")),
            ),
            "" if i != place.get("decisive") else "good",
        )
        for i, step in enumerate(place.each("steps"))
    )
    columns = (
        Column(("Random down to",), False),
        Column(("layers",)),
        Column(("rank correlation",)),
        Column(("SSIM",)),
    )
    caption: Text = ("What is left of the maps when weights are random",)
    note: Text = (
        "Weights are shuffled layer by layer from the output down. The marked row decides: from there on the "
        "explained layer itself is random.",
    )
    return (Details(("Layer by layer",), (Table(caption, columns, rows, (note,)),)),)


def _with_bounds(place: Cursor) -> Cell:
    if place.get("skipped"):
        return Cell(("not measured",))
    bounds: Text = ()
    if place.get("lo") is not None:
        bounds = (place.number("lo"), "–", place.number("hi"))
    return Cell((place.number("value"),), bounds)


def summary(study: Cursor, variants: list[Cursor]) -> tuple[Block, ...]:
    """Return the verdicts of several variants, the measures behind them, and where maps moved."""
    mapped = [place.at("heatmaps") for place in variants if place.get("heatmaps", "verdict")]
    if not mapped:
        return ()
    columns = (
        Column(("Variant",), False),
        Column(("verdict",), False),
        Column(("energy in masks, less chance",)),
        Column(("deletion, less random maps",)),
        Column(("correlation, random weights",)),
        Column(("correlation, another class",)),
        Column(("correlation with another variant, by occlusion",)),
    )
    rows = tuple(
        Row(
            Cell((title(study.at("variants", place.path[1])),), (method_name(place),)),
            (
                Cell((outcome(place),)),
                _difference(place.at("energy_in_mask"), "chance"),
                _difference(place.at("deletion"), "random"),
                _with_bounds(place.at("randomisation")),
                _with_bounds(place.at("wrong_class")),
                _drift_cell(study, place.at("drift")),
            ),
        )
        for place in mapped
        if place.get("deletion")
    )
    blocks: list[Block] = []
    if rows:
        blocks.append(Table(("Whether the heatmaps can be trusted, each with its interval",), columns, rows))
    for place in mapped:
        if place.get("drift"):
            blocks.extend(_moved(study, place, title(study.at("variants", place.path[1]))))
    return tuple(blocks)


def _difference(place: Cursor, control: str) -> Cell:
    if place.get("skipped") or not place.get("controls"):
        return Cell(("not measured",))
    found = place.at("controls", control, "difference")
    return Cell((found.number("value", form="signed"),), signed_interval(found))


def _drift_cell(study: Cursor, drift: Cursor) -> Cell:
    if drift.get("skipped"):
        return Cell(("–",))
    found = _with_bounds(drift.at("occlusion"))
    return Cell(found.text, found.below, further=("with ", _variant(study, drift)))


def _moved(study: Cursor, heatmaps: Cursor, here: Inline = "here") -> tuple[Block, ...]:
    drift = heatmaps.at("drift")
    if drift.get("skipped") or not drift.get("moved"):
        return ()
    other = _variant(study, drift)
    pictures = tuple(moved_picture(study, place) for place in drift.each("moved"))
    words: Text = (
        "Test images whose maps differ most from those of ",
        other,
        " although both give the same answer: the image, this variant's map, the other's.",
    )
    return (
        Details(
            (*(("Where it looks",) if here == "here" else (here, " looks")), " elsewhere than ", other),
            (Paragraph(words), Gallery(pictures)),
        ),
    )


def moved_picture(study: Cursor, place: Cursor) -> Picture:
    """Return an image beside this variant's map and the other's."""
    classes = study.get("classes")
    name = f"true {classes[place.get('y_true')]}, predicted {classes[place.get('y_pred')]}"
    images = tuple(Image(place.get(key), f"{what}: {name}") for key, what in LAYERS if place.get(key))
    called, correlation = class_name(study, place.get("y_pred")), place.number("correlation", form="signed")
    variant = str(place.path[1])
    return Picture(
        images,
        (called, " correlation ", correlation),
        place.get("y_true") == place.get("y_pred"),
        wide=len(study.get("data", "input_shape")) == 4,
        subject=Subject(
            place.quote("sample_id", role="code"),
            variant,
            class_name(study, place.get("y_true")),
            called,
            place=f"moved-{slug(variant)}.",
        ),
    )


def _variant(study: Cursor, drift: Cursor) -> Inline:
    name = drift.get("other")
    return title(study.at("variants", name)) if study.get("variants", name) else drift.quote("other")
