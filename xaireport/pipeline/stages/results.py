"""All evidence of a study in one place: ``results.json``, ``predictions.csv`` and the pictures they name."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
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
from xaireport.pipeline import params
from xaireport.pipeline.labels import of_variant, pictures_of
from xaireport.pipeline.stages.given import given
from xaireport.results.assemble import assemble, write_results
from xaireport.results.inputs import DataEvidence, MadeOn, RunInfo, SeedRun, SplitCounts, VariantEvidence
from xaireport.results.predictions import Predictions, write_csv
from xaireport.study.changes import changes
from xaireport.study.resolve import effective
from xaireport.study_schema import StudySpec
from xaireport.types.artefacts import (
    ASSETS_FOLDER,
    AUDIT_FILE,
    AUDIT_FOLDER,
    HEATMAPS_FILE,
    PICTURES_FILE,
    PREDICTIONS_CSV,
    RESULTS_FILE,
    TRUST_FILE,
)
from xaireport.types.audit import DataAudit
from xaireport.types.comparison import Agreement, Comparisons
from xaireport.types.data import SPLITS, Dataset, SplitName
from xaireport.types.device import Cost, Quantisation
from xaireport.types.evidence import Evaluation, Level, Reliability, Skipped, Subset
from xaireport.types.labels import (
    AGREEMENT,
    AUDIT,
    CLEAN,
    COMPARISON,
    COST,
    DATA,
    EVALUATION,
    EXPLAINED,
    MODEL,
    PREDICTIONS,
    QUANTISATION,
    RELIABILITY,
    SUBGROUPS,
    SUMMARY,
    TRAINING,
    TRUST,
)
from xaireport.types.models import ModelSummary, TrainingRecord
from xaireport.types.pictures import Heatmaps, Pictures
from xaireport.types.trust import Trust

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


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write ``results.json``, ``predictions.csv`` and ``assets/``."""
    parameters = given(params.Results, table)
    study, seeds = parameters.study, parameters.seeds
    dataset = open_dataset(context.inputs[DATA].parent)
    complete = [name for name in seeds if not _missing(context, name)]
    costs = serialization.load(dict[str, Cost], context.inputs[COST]) if COST in context.inputs else {}
    variants = [_variant(context, study, name, seeds[name], costs.get(name)) for name in complete]
    failures = [(name, failure) for name in seeds for failure in _missing(context, name)[:1]]
    shared = (AUDIT, COMPARISON, COST)
    failures += [("", failure) for label, failure in context.failures.items() if label in shared]
    for name in complete:
        if failure := context.failures.get(of_variant(name, TRUST)):
            failures.append((name, failure))
        for part in (EXPLAINED, TRUST):
            made = context.inputs.get(of_variant(name, part))
            pictures = pictures_of(name)
            if made is not None and (made / pictures).is_dir():
                shutil.copytree(made / pictures, context.out / ASSETS_FOLDER / pictures, dirs_exist_ok=True)
    audit = None
    if AUDIT in context.inputs:
        audit = serialization.load(DataAudit, context.inputs[AUDIT] / AUDIT_FILE)
        shown = context.inputs[AUDIT] / AUDIT_FOLDER
        if shown.is_dir():
            shutil.copytree(shown, context.out / ASSETS_FOLDER / AUDIT_FOLDER)
    write_csv(
        context.out / PREDICTIONS_CSV,
        (rows for name in complete for seed in seeds[name] for rows in _predictions(context, name, seed)),
        dataset.info.classes,
    )
    installed = Versions()
    made_by = {"python": parameters.python, **installed.of(parameters.of_evidence)}
    versions = made_by | installed.of(parameters.of_pages)
    digest = _digest(
        {
            "data": _sha256(context.inputs[DATA]),
            "models": {one.spec.name: [run.model_sha256 for run in one.runs] for one in variants},
            "predictions": {one.spec.name: [run.predictions_sha256 for run in one.runs] for one in variants},
            "configuration": table["study"],
            "code": _code(parameters.code, context.out),
            "environment": made_by,
        }
    )
    compared = (
        serialization.load(Comparisons, context.inputs[COMPARISON]) if COMPARISON in context.inputs else None
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
    write_results(results, context.out / RESULTS_FILE)


def _changed(
    study: StudySpec, compared: Comparisons | None
) -> dict[tuple[str, str], dict[str, tuple[Any, Any]]]:
    """Return for each pair every setting that differs: key -> (that of the second, that of the first)."""
    return {
        (test.a, test.b): changes(study.variants[test.b], study.variants[test.a])
        for test in (compared.tests if compared is not None else ())
    }


def _code(roots: Sequence[str], scratch: Path) -> dict[str, str]:
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
    context: Context, study: StudySpec, name: str, seeds: Sequence[int], cost: Cost | None
) -> VariantEvidence:
    def stored(part: str, kind: Any, seed: int | None = None) -> Any:
        at = of_variant(name, part if seed is None else f"{part}/{seed}")
        return serialization.load(kind, context.inputs[at]) if at in context.inputs else None

    runs: list[SeedRun] = []
    for seed in seeds:
        training = stored(TRAINING, TrainingRecord, seed)
        runs.append(
            SeedRun(
                seed,
                _sha256(context.inputs[of_variant(name, f"{MODEL}/{seed}")]),
                _sha256(context.inputs[of_variant(name, f"{PREDICTIONS}/{seed}")]),
                stored(EVALUATION, Evaluation, seed).scores,
                training.epochs_run if training else None,
            )
        )
    explained = context.inputs[of_variant(name, EXPLAINED)]
    judged = context.inputs.get(of_variant(name, TRUST))
    trust = serialization.load(Trust | Skipped, judged / TRUST_FILE) if judged else None
    return VariantEvidence(
        spec=study.variants[name],
        model=stored(SUMMARY, ModelSummary, seeds[0]),
        evaluation=stored(EVALUATION, Evaluation, seeds[0]),
        heatmaps=serialization.load(Heatmaps | Skipped, explained / HEATMAPS_FILE),
        pictures=serialization.load(Pictures, explained / PICTURES_FILE),
        runs=tuple(runs),
        training=stored(TRAINING, TrainingRecord, seeds[0]),
        quantisation=stored(QUANTISATION, Quantisation),
        agreement=stored(AGREEMENT, Agreement),
        cost=cost,
        reliability=stored(RELIABILITY, Reliability),
        subgroups=stored(SUBGROUPS, tuple[Level, ...]) or (),
        clean=stored(CLEAN, dict[str, Subset]) or {},
        trust=trust,
        settings=effective(study.variants[name], trained=runs[0].epochs_run is not None),
    )


def _predictions(context: Context, name: str, seed: int) -> Iterator[Predictions]:
    splits: tuple[SplitName, ...] = ("val", "test")
    with np.load(context.inputs[of_variant(name, f"{PREDICTIONS}/{seed}")], allow_pickle=False) as stored:
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
