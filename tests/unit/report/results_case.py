"""A small study: four test images, three classes of which one has no test image, one variant brought."""

from __future__ import annotations

from typing import Any

from xaireport.errors import Failure
from xaireport.metrics.scores import evaluate
from xaireport.results.assemble import assemble
from xaireport.results.inputs import DataEvidence, MadeOn, RunInfo, SeedRun, SplitCounts, VariantEvidence
from xaireport.study.resolve import effective
from xaireport.study_schema import Reference, StudySpec, TrainSettings, VariantSpec
from xaireport.types.data import DatasetInfo, Source
from xaireport.types.evidence import Evaluation, Skipped
from xaireport.types.models import ModelSummary, TrainingRecord
from xaireport.types.notes import Note
from xaireport.types.pictures import Example, Heatmaps, Pictures

MACHINE = {
    "processor": "Some Processor 9", "instruction_set": "AVX2", "threads": 2, "cpus": 2, "memory_gib": 24.0,
    "platform": "Linux x86_64", "settings": {"TF_ENABLE_ONEDNN_OPTS": "0"},
}  # fmt: skip
CLASSES = ("nevus", "melanoma", "scar")
BASELINE = evaluate(
    [0, 0, 0, 1],
    [[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.8, 0.1, 0.1]],
    CLASSES,
)
AUGMENTED = evaluate(
    [0, 0, 0, 1],
    [[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.7, 0.2, 0.1], [0.1, 0.8, 0.1]],
    CLASSES,
)
HIT = Example(
    "d1",
    0,
    0,
    0.7,
    "hit",
    "random",
    "assets/a/d1.jpg",
    "assets/a/d1-map.jpg",
    "assets/a/d1-both.jpg",
    "centre",
)
PLAIN = Example("d3", 0, 1, 0.5, "miss", "random", "assets/a/d3.jpg")
MODEL = ModelSummary((28, 28, 3), 3, 120, 100, 4096, (("conv", "Conv2D", "(None, 26, 26, 8)", 120),))
RECORD = TrainingRecord(
    2, 1, 3.5, "epochs", {"loss": [1.0, 0.5], "val_loss": [1.1, 1.2]}, (Note("random_trunk"),)
)
MAPS = Heatmaps("gradcam", "conv", (7, 7), 4, 1)
SPECS = {
    "baseline": VariantSpec(
        name="baseline",
        architecture="cnn2d",
        train=TrainSettings(class_weight=True),
        reference=Reference(source="the paper", accuracy=0.7, f1=0.6, precision=0.5, averaging="macro"),
    ),
    "augmented": VariantSpec(
        name="augmented",
        title="With augmentation",
        architecture="cnn2d",
        parent="baseline",
        options={"rates": [0.2, 0.4]},
        changed_from_parent={"train.class_weight": (True, False)},
        reference=Reference(source="the paper", accuracy=0.7, f1=0.6, averaging="not stated"),
    ),
    "brought": VariantSpec(name="brought", path="mine.keras", pixel_scale="0-1"),
}


def data(source: Source = "real") -> DataEvidence:
    info = DatasetInfo("derma", "Derma", source, "a" * 64, None, CLASSES, task="Skin lesions")
    splits = {
        "train": SplitCounts(8, (4, 3, 1), groups=5),
        "val": SplitCounts(2, (1, 1, 0)),
        "test": SplitCounts(4, (3, 1, 0)),
    }
    return DataEvidence(info, (28, 28, 3), splits)


def variant(name: str, evaluation: Evaluation, **changes: Any) -> VariantEvidence:
    run = SeedRun(0, "b" * 64, "c" * 64, evaluation.scores, 2)
    facts: dict[str, Any] = {
        "heatmaps": MAPS,
        "pictures": Pictures((HIT,), (HIT,), (PLAIN,)),
        "runs": (run,),
        "training": RECORD,
    } | changes
    facts["settings"] = effective(SPECS[name], trained=facts["training"] is not None)
    return VariantEvidence(SPECS[name], MODEL, evaluation, **facts)


VARIANTS = (
    variant("baseline", BASELINE),
    variant("augmented", AUGMENTED),
    variant(
        "brought",
        BASELINE,
        training=None,
        heatmaps=Skipped("heatmaps", "no gradients", "use .keras"),
        pictures=Pictures(),
    ),
)
STUDY = StudySpec(
    name="derma", title="Derma", seed=3, overrides=("augmented.train.epochs=2",), variants=dict(SPECS)
)
RUN = RunInfo(
    "d" * 64,
    {"python": "3.11", "keras": "3.15"},
    "2026-11-23T17:00:00+00:00",
    MACHINE,
    (MadeOn(MACHINE, ("train", "predict")),),
    {
        "level": 0.95,
        "resamples": 10_000,
        "bins": 15,
        "fewest": 20,
        "fewest_groups": 10,
        "coldest": 0.05,
        "hottest": 20.0,
        "cells": 5,
        "noise": 0.02,
        "randomised_below": 0.5,
        "other_class_below": 0.9,
        "quantised_above": 0.5,
    },
)
FAILURES = (("transfer", Failure("train", "Expected weights. Received: none.", "pass a path")),)


def results(source: Source = "real", **changes: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {"variants": VARIANTS, "failures": FAILURES} | changes
    return assemble(STUDY, data(source), parts["variants"], RUN, parts["failures"])
