"""All evidence of a study in one place: ``results.json``, ``predictions.csv`` and the pictures they name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.data.canonical import open_dataset
from xaireport.engine.code import CodeHasher
from xaireport.engine.hashes import HashCache
from xaireport.engine.machine import machine
from xaireport.engine.node import Context
from xaireport.engine.versions import Versions
from xaireport.errors import Failure
from xaireport.explain import layers
from xaireport.explain.trust import robustness, verdict
from xaireport.metrics import calibration, intervals, reliability, subsets
from xaireport.pipeline.labels import of_variant, pictures_of
from xaireport.pipeline.stages.params import given
from xaireport.results.assemble import assemble, write_results
from xaireport.results.inputs import DataEvidence, MadeOn, RunInfo, SeedRun, SplitCounts, VariantEvidence
from xaireport.results.predictions import Predictions, write_csv
from xaireport.study.changes import changes
from xaireport.study.resolve import effective
from xaireport.study_schema import StudySpec
from xaireport.types import (
    SPLITS,
    Agreement,
    Comparisons,
    Cost,
    DataAudit,
    Dataset,
    Evaluation,
    Heatmaps,
    Level,
    ModelSummary,
    Pictures,
    Quantisation,
    Reliability,
    Skipped,
    SplitName,
    Subset,
    TrainingRecord,
    Trust,
)

TRUST = "trust"

PROCEDURE = {
    "level": intervals.LEVEL,
    "resamples": intervals.RESAMPLES,
    "bins": calibration.BINS,
    "fewest": subsets.FEWEST,
    "fewest_groups": subsets.FEWEST_GROUPS,
    "coldest": reliability.TEMPERATURES[0],
    "hottest": reliability.TEMPERATURES[1],
    "cells": layers.MIN_CELLS,
    "noise": robustness.NOISE,
    **verdict.THRESHOLDS,
}


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``results.json``, ``predictions.csv`` and ``assets/``."""
    study = given(StudySpec, params["study"] | {"folder": ""})
    seeds: dict[str, list[int]] = params["seeds"]
    dataset = open_dataset(context.inputs["data"].parent)
    complete = [name for name in seeds if not _missing(context, name)]
    costs = serialization.load(dict[str, Cost], context.inputs["cost"]) if "cost" in context.inputs else {}
    variants = [_variant(context, study, name, seeds[name], costs.get(name)) for name in complete]
    failures = [(name, failure) for name in seeds for failure in _missing(context, name)[:1]]
    shared = ("audit", "comparison", "cost")
    failures += [("", failure) for label, failure in context.failures.items() if label in shared]
    for name in complete:
        if failure := context.failures.get(of_variant(name, TRUST)):
            failures.append((name, failure))
        for part in ("explain", TRUST):
            made = context.inputs.get(of_variant(name, part))
            if made is not None and (made / pictures_of(name)).is_dir():
                shutil.copytree(
                    made / pictures_of(name), context.out / "assets" / pictures_of(name), dirs_exist_ok=True
                )
    audit = None
    if "audit" in context.inputs:
        audit = serialization.load(DataAudit, context.inputs["audit"] / "audit.json")
        if (pictures := context.inputs["audit"] / "audit").is_dir():
            shutil.copytree(pictures, context.out / "assets" / "audit")
    write_csv(
        context.out / "predictions.csv",
        (rows for name in complete for seed in seeds[name] for rows in _predictions(context, name, seed)),
        dataset.info.classes,
    )
    installed = Versions()
    made_by = {"python": params["python"], **installed.of(params["of_evidence"])}
    versions = made_by | installed.of(params["of_pages"])
    digest = _digest(
        {
            "data": _sha256(context.inputs["data"]),
            "models": {one.spec.name: [run.model_sha256 for run in one.runs] for one in variants},
            "predictions": {one.spec.name: [run.predictions_sha256 for run in one.runs] for one in variants},
            "configuration": params["study"],
            "code": _code(params["code"], context.out),
            "environment": made_by,
        }
    )
    compared = (
        serialization.load(Comparisons, context.inputs["comparison"])
        if "comparison" in context.inputs
        else None
    )
    results = assemble(
        study,
        replace(_data(dataset), audit=audit),
        variants,
        RunInfo(digest, versions, _now(), asdict(machine()), _made_on(context), PROCEDURE),
        failures,
        compared,
        _changed(study, compared),
    )
    write_results(results, context.out / "results.json")


def _changed(
    study: StudySpec, compared: Comparisons | None
) -> dict[tuple[str, str], dict[str, tuple[Any, Any]]]:
    """Return for each pair every setting that differs: key -> (that of the second, that of the first)."""
    return {
        (test.a, test.b): changes(study.variants[test.b], study.variants[test.a])
        for test in (compared.tests if compared is not None else ())
    }


def _code(roots: list[str], scratch: Path) -> dict[str, str]:
    """Hash the modules that made the evidence, as the keys of the stages do."""
    return CodeHasher(HashCache(scratch / ".hashes")).closure(roots)


def _missing(context: Context, name: str) -> list[Failure]:
    """Return what a variant lacks; what is said of its heatmaps it can do without."""
    return [
        failure
        for label, failure in context.failures.items()
        if label.startswith(f"{of_variant(name)}/") and label != of_variant(name, TRUST)
    ]


def _variant(
    context: Context, study: StudySpec, name: str, seeds: list[int], cost: Cost | None
) -> VariantEvidence:
    def stored(part: str, kind: Any, seed: int | None = None) -> Any:
        at = of_variant(name, part if seed is None else f"{part}/{seed}")
        return serialization.load(kind, context.inputs[at]) if at in context.inputs else None

    runs: list[SeedRun] = []
    for seed in seeds:
        training = stored("training", TrainingRecord, seed)
        runs.append(
            SeedRun(
                seed,
                _sha256(context.inputs[of_variant(name, f"model/{seed}")]),
                _sha256(context.inputs[of_variant(name, f"predictions/{seed}")]),
                stored("evaluation", Evaluation, seed).scores,
                training.epochs_run if training else None,
            )
        )
    explained = context.inputs[of_variant(name, "explain")]
    judged = context.inputs.get(of_variant(name, TRUST))
    trust = serialization.load(Trust | Skipped, judged / "trust.json") if judged else None
    return VariantEvidence(
        spec=study.variants[name],
        model=stored("summary", ModelSummary, seeds[0]),
        evaluation=stored("evaluation", Evaluation, seeds[0]),
        heatmaps=serialization.load(Heatmaps | Skipped, explained / "heatmaps.json"),
        pictures=serialization.load(Pictures, explained / "pictures.json"),
        runs=tuple(runs),
        training=stored("training", TrainingRecord, seeds[0]),
        quantisation=stored("quantisation", Quantisation),
        agreement=stored("agreement", Agreement),
        cost=cost,
        reliability=stored("reliability", Reliability),
        subgroups=stored("subgroups", tuple[Level, ...]) or (),
        clean=stored("clean", dict[str, Subset]) or {},
        trust=trust,
        settings=effective(study.variants[name], trained=runs[0].epochs_run is not None),
    )


def _predictions(context: Context, name: str, seed: int) -> Iterator[Predictions]:
    splits: tuple[SplitName, ...] = ("val", "test")
    with np.load(context.inputs[of_variant(name, f"predictions/{seed}")], allow_pickle=False) as stored:
        for split in splits:
            yield Predictions(
                name, seed, split, *(stored[f"{split}_{part}"] for part in ("sample_id", "y_true", "y_prob"))
            )


def _data(dataset: Dataset) -> DataEvidence:
    k = len(dataset.info.classes)
    counts: dict[SplitName, SplitCounts] = {}
    for name in SPLITS:
        split = dataset.split(name)
        per_class = tuple(int(n) for n in np.bincount(split.labels, minlength=k))
        groups = None if split.groups is None else len(np.unique(split.groups))
        counts[name] = SplitCounts(len(split), per_class, groups)
    return DataEvidence(dataset.info, dataset.input_shape, counts)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(parts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _now() -> str:
    """Now, or what ``SOURCE_DATE_EPOCH`` says (reproducible-builds.org)."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(given), UTC) if given else datetime.now(UTC)
    return moment.replace(microsecond=0).isoformat()


def _made_on(context: Context) -> tuple[MadeOn, ...]:
    """Return every machine that made something of this, with the steps; one nobody wrote down is left out."""
    found: dict[str, tuple[Mapping[str, Any], set[str]]] = {}
    for made in context.made.values():
        if made.machine is not None:
            key = json.dumps(made.machine, sort_keys=True)
            found.setdefault(key, (made.machine, set()))[1].add(made.by)
    return tuple(MadeOn(machine, tuple(sorted(steps))) for machine, steps in found.values())
