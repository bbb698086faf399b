"""Section P: what the numbers rest on, so that anyone can check."""

from __future__ import annotations

from xaireport.report.document.blocks import Facts, Inline, Text
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import joined
from xaireport.report.sections.data import official
from xaireport.report.sections.registry import Card, Content


def make(card: Card) -> Content:
    """Digests, versions, machine, seeds and overrides."""
    run = card.study.at("run")
    rows: list[tuple[Text, Text]] = [
        (("Evidence digest",), (run.quote("evidence_digest", role="code"),)),
        (("Data, SHA-256",), (card.study.quote("data", "sha256", role="code"),)),
        (("Official release",), official(card.study)),
    ]
    runs = list(card.variant.each("runs"))
    for place in runs:
        seed: Text = (" (seed ", place.number("seed", form="count"), ")")
        if place.get("model_sha256"):
            rows.append((("Model file, SHA-256", *seed), (place.quote("model_sha256", role="code"),)))
        if place.get("predictions_sha256"):
            rows.append((("Predictions, SHA-256", *seed), (place.quote("predictions_sha256", role="code"),)))
    if len(runs) <= 1:
        rows.append((("Repetition",), ("one training run",)))
    versions = joined(
        (version.name(role="text"), " ", version.quote(role="code")) for version in run.each("versions")
    )
    rows.append((("Versions",), versions))
    rows += _machines(run)
    overrides = run.get("overrides") or ()
    said = joined(run.quote("overrides", i, role="code") for i in range(len(overrides)))
    rows.append((("Settings overridden for this run",), said or ("none",)))
    rows.append((("Run",), (run.quote("created", role="time"),)))
    return "computed", (Facts(tuple(rows)),)


def _machines(run: Cursor) -> list[tuple[Text, Text]]:
    """Return where the results were made; of several machines, each with how many steps it made."""
    made_on = list(run.each("made_on")) if run.get("made_on") else []
    if len(made_on) < 2:
        return [(("Machine",), _machine(run.at("machine")))] if run.get("machine") else []
    return [
        (
            ("Machine",),
            (*_machine(each.at("machine")), f": {len(each.get('steps'))} of the steps this rests on"),
        )
        for each in made_on
    ]


def _machine(place: Cursor) -> Text:
    """Return one machine in words; records of before say less of it."""
    text: list[Inline] = []
    for name in ("processor", "instruction_set", "platform"):
        if place.get(name):
            text += [place.quote(name, role="code"), ", "]
    if place.get("threads"):
        text += [place.number("threads", form="count"), " of "]
    text += [place.number("cpus", form="count"), " CPUs, "]
    text += [place.number("memory_gib", form="plain"), " GiB memory"]
    if place.get("settings"):
        given = ((each.name(role="text"), "=", each.quote(role="code")) for each in place.each("settings"))
        text += [", ", *joined(given)]
    return tuple(text)
