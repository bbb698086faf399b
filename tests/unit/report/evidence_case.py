"""A small study whose evidence is computed, not made up: leaking groups, columns, calibration, all pairs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import results_case as case
import trust_case

from xaireport.data.audit.audit import Audited, audit
from xaireport.metrics.comparison import Answers, compare
from xaireport.metrics.reliability import reliability
from xaireport.metrics.scores import evaluate
from xaireport.metrics.subgroups import subgroups
from xaireport.metrics.subsets import score_subsets
from xaireport.report.figures.draw import draw
from xaireport.results.assemble import assemble, write_results
from xaireport.results.inputs import DataEvidence, SplitCounts, VariantEvidence
from xaireport.study.resolve import effective
from xaireport.study_schema import StudySpec, VariantSpec
from xaireport.types.data import SPLITS, Dataset, DatasetInfo, Split, SplitName
from xaireport.types.trust import Trust

CLASSES = ("nevus", "melanoma", "scar")
N: dict[SplitName, int] = {"train": 200, "val": 80, "test": 240}
SCORES = ("balanced_accuracy", "accuracy")
SPECS = {
    "baseline": VariantSpec(name="baseline", title="CNN", architecture="cnn2d"),
    "augmented": VariantSpec(
        name="augmented",
        title="CNN, augmented",
        architecture="cnn2d",
        parent="baseline",
        changed_from_parent={"augment.zoom": (0.0, 0.2)},
    ),
    "worse": VariantSpec(name="worse", title="Worse", architecture="cnn2d", parent="baseline"),
}
BESIDE = {"baseline": "augmented", "augmented": "baseline", "worse": "baseline"}
ENERGY = {"baseline": 0.5, "augmented": 0.4, "worse": 0.2}
SKILL = {"baseline": 0.4, "augmented": 0.6, "worse": 0.0}


def dataset(grouped: bool = True) -> Dataset:
    """Images of noise; groups of two images, thirty of them in test and before; one copy in test."""
    rng = np.random.default_rng(1)
    splits, start = {}, 0
    for name in SPLITS:
        n = N[name]
        images = rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
        if name == "test":
            images[5] = splits["train"].images[7]
        number = np.arange(start, start + n)
        if name == "test":
            number[:40], number[40:60] = np.arange(40), np.arange(200, 220)  # of train, and of val
        splits[name] = Split(
            images,
            rng.choice(3, n, p=[0.6, 0.25, 0.15]),
            np.array([f"{name}-{i}" for i in range(n)]),
            groups=np.array([f"g{i // 2}" for i in number]) if grouped else None,
            columns={
                "age": np.where(rng.random(n) < 0.1, np.nan, rng.integers(1, 17, n) * 5.0),
                "sex": rng.choice(["female", "male", "unknown"], n, p=[0.5, 0.45, 0.05]),
            },
        )
        start += n
    info = DatasetInfo("derma", "Derma", "real", "a" * 64, None, CLASSES, task="Skin lesions")
    return Dataset(info, splits["train"], splits["val"], splits["test"])


def probabilities(labels: Any, skill: float, seed: int) -> Any:
    rng = np.random.default_rng(seed)
    prob = rng.dirichlet(np.full(3, 0.7), len(labels))
    prob[np.arange(len(labels)), labels] += skill
    return (prob / prob.sum(axis=1, keepdims=True)).astype(np.float32)


def study(**settings: Any) -> StudySpec:
    table = {"margin": 0.05, "columns": ("age", "sex"), "variants": dict(SPECS)}
    return StudySpec(name="derma", title="Derma", **{**table, **settings})


def variant(
    name: str, data: Dataset, audited: Audited, prob: Mapping[str, Any], trust: Trust
) -> VariantEvidence:
    y_true, groups = data.test.labels, data.test.groups
    evaluation = evaluate(y_true, prob["test"], CLASSES, groups=groups)
    clean = {"train": audited.clean, "train_or_val": audited.clean_strict}
    told = [*SCORES, "no_information_rate"]
    run = case.SeedRun(0, "b" * 64, "c" * 64, evaluation.scores, 2)
    return VariantEvidence(
        SPECS[name],
        case.MODEL,
        evaluation,
        trust_case.HEATMAPS,
        runs=(run,),
        training=case.RECORD,
        reliability=reliability(data.val.labels, prob["val"], y_true, prob["test"], groups=groups),
        subgroups=subgroups(data.test.columns, y_true, prob["test"], SCORES, CLASSES, groups=groups),
        clean=score_subsets(y_true, prob["test"], clean, told, CLASSES, against="whole", groups=groups),
        trust=trust,
        settings=effective(SPECS[name], trained=True),
    )


def build(folder: Path, *, grouped: bool = True, alone: bool = False, **settings: Any) -> dict[str, Any]:
    """Return results.json of the study, and leave pictures and drawings in ``folder``."""
    data = dataset(grouped)
    audited = audit(data, 0, folder)
    if (folder / "audit").is_dir():
        (folder / "assets").mkdir(exist_ok=True)
        (folder / "audit").rename(folder / "assets" / "audit")
    names = ["augmented"] if alone else list(SPECS)
    prob = {
        name: {
            split: probabilities(data.split(split).labels, SKILL[name], 10 * i + j)
            for j, split in enumerate(SPLITS)
        }
        for i, name in enumerate(names)
    }
    asked = {name: Answers(data.test.sample_id, data.test.labels, prob[name]["test"]) for name in names}
    pairs = [("augmented", "baseline"), ("worse", "baseline"), ("worse", "augmented")]
    compared = None
    if not alone:
        scores = [*SCORES, "macro_f1", "auroc"]
        family = pairs[:2] if settings.get("family") == "parents" else pairs
        compared = compare(asked, pairs, scores, groups=data.test.groups, family=family)
    counts = {
        name: SplitCounts(len(split), tuple(np.bincount(split.labels, minlength=3).tolist()), 5)
        for name, split in ((name, data.split(name)) for name in SPLITS)
    }
    if not grouped:
        counts = {name: replace(each, groups=None) for name, each in counts.items()}
    results = assemble(
        study(**settings),
        DataEvidence(data.info, (8, 8, 3), counts, audited.audit),
        [
            variant(
                name,
                data,
                audited,
                prob[name],
                trust_case.trust(name, data, "" if alone else BESIDE[name], folder, energy=ENERGY[name]),
            )
            for name in names
        ],
        replace(case.RUN, versions={**case.RUN.versions, "xaireport": "0.1.0"}),
        compared=compared,
        changed={
            ("augmented", "baseline"): {"augment.zoom": (0.0, 0.2), "train.class_weight": (True, False)},
            ("worse", "baseline"): {},
            ("worse", "augmented"): {"augment.zoom": (0.2, 0.0)},
        },
    )
    write_results(results, folder / "results.json")
    draw(results, folder / "assets" / "figures")
    return results
