"""Section P: what the numbers rest on, so that anyone can check."""

from __future__ import annotations

from xaireport.report.document import Facts, Text
from xaireport.report.sections.data import official
from xaireport.report.sections.registry import Card, Content
from xaireport.report.words import joined


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
    machine = run.at("machine")
    if run.get("machine"):
        rows.append(
            (
                ("Machine",),
                (
                    machine.quote("platform", role="code"),
                    ", ",
                    machine.number("cpus", form="count"),
                    " CPUs, ",
                    machine.number("memory_gib", form="plain"),
                    " GiB memory",
                ),
            )
        )
    overrides = run.get("overrides") or ()
    said = joined(run.quote("overrides", i, role="code") for i in range(len(overrides)))
    rows.append((("Settings overridden for this run",), said or ("none",)))
    rows.append((("Run",), (run.quote("created", role="time"),)))
    return "computed", (Facts(tuple(rows)),)
