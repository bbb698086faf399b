"""What a quantised variant is made of, what it costs where it runs, and what making it took.

Blocks for the card (in section D) and for the comparison; what it does to the answers is in ``agreement``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from xaireport.report.document.blocks import (
    Block,
    Cell,
    Column,
    Details,
    Facts,
    Notice,
    Paragraph,
    Row,
    Strong,
    Table,
    Text,
)
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import MODES, joined, parent_title, title


def of_card(study: Cursor, variant: Cursor) -> tuple[Block, ...]:
    """Return the quantisation record and the costs of one variant; nothing where there is neither."""
    blocks: list[Block] = []
    if variant.get("quantisation"):
        record = variant.at("quantisation")
        blocks += notes(variant)
        blocks.append(Facts(_facts(study, variant, record)))
        blocks.append(_float_layers(record))
        blocks.append(Details(("What the file is made of",), (_operators(record), _tensors(record))))
    if variant.get("cost"):
        parent = study.at("variants", str(variant.get("parent"))) if variant.get("quantisation") else None
        beside = [parent] if parent is not None and _known(study, variant) else []
        blocks.append(costs([*beside, variant], "What it costs where it runs"))
        blocks += not_smaller(study, [variant])
    return tuple(blocks)


def notes(variant: Cursor) -> tuple[Notice, ...]:
    """What the making of the file had to say: fewer images to calibrate on than asked for."""
    count = len(variant.get("quantisation", "notes", default=()) or ())
    return tuple(Notice((variant.quote("quantisation", "notes", i),), "") for i in range(count))


def costs(variants: Sequence[Cursor], caption: str) -> Table:
    """Return size, memory and time of variants, each with its ratio to the parent's float32 file."""
    first = next(place for place in variants if place.get("cost"))
    settings = list(first.each("cost", "latency"))
    columns = [
        Column(("Variant",), False),
        Column(("TFLite file",)),
        Column(("own file",)),
        Column(("peak memory",)),
    ]
    for setting in settings:
        batch, threads = (setting.number(name, form="count") for name in ("batch", "threads"))
        plural = "s" if setting.get("threads") != 1 else ""
        columns.append(Column(("batch ", batch, ", ", threads, f" thread{plural}")))
    rows = [_cost_row(place, len(settings)) for place in variants if place.get("cost")]
    every = [each for place in variants for each in place.each("cost", "latency")]
    together = [each for each in every if each.get("ratio") is not None]
    alone: Text = ("; at least ", min(every, key=_runs).number("runs", form="count"), " of one on its own")
    lone = bool(together) and _runs(min(every, key=_runs)) < _runs(min(together, key=_runs))
    told: list[Text] = [
        (
            "Time of one batch in the TFLite interpreter, after warm-up: median, and p95 beneath, of ",
            min(together or every, key=_runs).number("runs", form="count"),
            *(
                (" runs of a parent and its children in turns",)
                if together
                else (" runs or more of each on its own",)
            ),
            *(alone if lone else ()),
            ". × is the ratio to the parent's float32 TFLite file." if together else ".",
        ),
        (
            "Peak memory: growth of a fresh process from loading the file and running one image. A variant "
            "in floating point is measured as a float32 TFLite file; its own file is the Keras one.",
        ),
    ]
    return Table((caption,), tuple(columns), tuple(rows), tuple(told))


def not_smaller(study: Cursor, variants: Iterable[Cursor]) -> tuple[Paragraph, ...]:
    """Say where full integer takes no fewer bytes than the same parent's dynamic range."""
    said = []
    for variant in variants:
        if variant.get("quantisation", "mode") not in ("int8", "qat") or not variant.get("cost"):
            continue
        for other in study.each("variants"):
            if other.get("quantisation", "mode") != "dynamic" or not other.get("cost"):
                continue
            if other.get("parent") != variant.get("parent"):
                continue
            mine, theirs = (each.number("cost", "tflite_bytes", form="size") for each in (variant, other))
            if int(mine.value or 0) >= int(theirs.value or 0):
                said.append(
                    Paragraph(
                        (
                            title(variant),
                            " is ",
                            Strong(("not smaller than ", title(other)), "bad"),
                            ": ",
                            mine,
                            " against ",
                            theirs,
                            ". Both store weights as integers; full integer also stores how every tensor is "
                            "scaled.",
                        )
                    )
                )
    return tuple(said)


def effort(variants: Sequence[Cursor]) -> Table:
    """Return what each quantised variant took to make and needs to run, beside the reference's words."""
    columns = tuple(
        Column((label,), numeric)
        for label, numeric in (
            ("Variant", False),
            ("retraining, epochs", True),
            ("calibration images", True),
            ("from parent to file", False),
            ("further packages", False),
            ("needs to run", False),
            ("reference says", False),
        )
    )
    rows = []
    for place in variants:
        record = place.at("quantisation")
        images: Text = (
            (record.number("calibration", "n", form="count"),) if record.get("calibration") else ("none",)
        )
        said = [
            (place.quote("reference", key),)
            for key in ("size_reduction", "remark")
            if place.get("reference") and place.get("reference", key)
        ]
        rows.append(
            Row(
                Cell((title(place),), (record.quote("mode", role="code"),)),
                (
                    Cell((record.number("epochs_run", form="count"),)),
                    Cell(images),
                    Cell((record.number("seconds", form="duration"),), _steps(record)),
                    Cell(_packages(record)),
                    Cell(_runtime(record)),
                    Cell(joined(said, "; ") or ("–",)),
                ),
            )
        )
    return Table(
        ("Training against deployment: what each file took, and what it needs",), columns, tuple(rows)
    )


def _runs(latency: Cursor) -> int:
    return int(latency.get("runs"))


def _known(study: Cursor, variant: Cursor) -> bool:
    parent = variant.get("parent")
    return bool(study.get("variants", parent, "cost"))


def _facts(study: Cursor, variant: Cursor, record: Cursor) -> tuple[tuple[Text, Text], ...]:
    file = record.at("file")
    rows: list[tuple[Text, Text]] = [
        (("Quantisation",), (f"{MODES[record.get('mode')]}, from ", parent_title(study, variant))),
        (("Steps",), _steps(record)),
        (("Time for all of them",), (record.number("seconds", form="duration"),)),
        (("Further packages needed",), _packages(record)),
        (("Converter",), (record.quote("converter", role="code"),)),
        (("Needs to run",), _runtime(record)),
        (("Input",), _endpoint(file.at("input"))),
        (("Output",), _endpoint(file.at("output"))),
        (
            ("Bytes",),
            (
                "kernels ",
                file.number("sections", "weights", form="size"),
                ", biases ",
                file.number("sections", "biases", form="size"),
                ", graph and metadata ",
                file.number("sections", "other", form="size"),
            ),
        ),
    ]
    if record.get("calibration"):
        images: Text = (
            record.number("calibration", "n", form="count"),
            " training images of ",
            record.number("calibration", "asked", form="count"),
            " asked for, SHA-256 ",
            record.quote("calibration", "sha256", role="code", short=True),
        )
        rows.insert(2, (("Calibration",), images))
    return tuple(rows)


def _steps(record: Cursor) -> Text:
    return joined((record.quote("steps", i) for i in range(len(record.get("steps")))), "; ")


def _packages(record: Cursor) -> Text:
    packages = record.get("packages")
    return joined(record.quote("packages", i, role="code") for i in range(len(packages))) or ("none",)


def _runtime(record: Cursor) -> Text:
    operators: Text = ("operators ", record.quote("operator_set", role="code"))
    if not record.get("file", "runtime"):
        return operators
    return ("TFLite runtime ", record.quote("file", "runtime", role="code"), " or later, ", *operators)


def _endpoint(place: Cursor) -> Text:
    kind = place.quote("type", role="code")
    if not place.get("scale"):
        return (kind,)
    scale, zero = place.number("scale", form="plain"), place.number("zero_point", form="plain")
    return (kind, ", scale ", scale, ", zero point ", zero)


def _float_layers(record: Cursor) -> Block:
    layers = list(record.each("file", "float_layers"))
    dynamic = record.get("mode") == "dynamic"
    if not layers:
        return Paragraph(
            (
                "Every layer stores its weights as integers; what flows between layers is floating-point."
                if dynamic
                else "No operator computes in floating point."
                if record.get("mode") in ("int8", "qat")
                else "Weights are stored as half-precision floats, and computed with as full ones.",
            )
        )
    rows = tuple(
        Row(
            Cell((layer.quote("layer", role="code"),)),
            (Cell((layer.quote("operator", role="code"),)), Cell((layer.quote("reason"),))),
        )
        for layer in layers
    )
    columns = (Column(("Layer",), False), Column(("operator",), False), Column(("why",), False))
    caption = (
        "Layers whose weights stayed in floating point" if dynamic else "Layers that stayed in floating point"
    )
    return Table((caption,), columns, rows)


def _operators(record: Cursor) -> Table:
    rows = tuple(
        Row(
            Cell((one.quote("operator", role="code"),)),
            (
                Cell((one.quote("activations", role="code"),)),
                Cell((one.quote("weights", role="code"),) if one.get("weights") else ("–",)),
                Cell((one.number("n", form="count"),)),
            ),
        )
        for one in record.each("file", "operators")
    )
    columns = (
        Column(("Operator",), False),
        Column(("gives",), False),
        Column(("weights",), False),
        Column(("how many",)),
    )
    return Table(("Operators",), columns, rows)


def _tensors(record: Cursor) -> Table:
    rows = tuple(
        Row(
            Cell((one.quote("type", role="code"),)),
            (Cell((one.number("n", form="count"),)), Cell((one.number("stored_bytes", form="size"),))),
        )
        for one in record.each("file", "tensors")
    )
    columns = (Column(("Type",), False), Column(("tensors",)), Column(("stored",)))
    return Table(("Tensors by type",), columns, rows)


def _cost_row(place: Cursor, settings: int) -> Row:
    cost = place.at("cost")
    ratio: Text = (cost.number("size_ratio", form="ratio"),) if cost.get("size_ratio") is not None else ()
    cells = [
        Cell((cost.number("tflite_bytes", form="size"),), ratio),
        Cell((place.number("size_bytes", form="size"),)),
        Cell((cost.number("peak_memory_bytes", form="size"),)),
    ]
    for i in range(settings):
        latency = cost.at("latency", i)
        below: Text = ("p95 ", latency.number("p95_ms", form="ms"))
        if latency.get("ratio") is not None:
            below = (latency.number("ratio", form="ratio"), " · ", *below)
        cells.append(Cell((latency.number("median_ms", form="ms"),), below))
    return Row(Cell((title(place),)), tuple(cells))
