"""From the evidence of a study to results.json: the only source of every number that a report prints.

It gathers; the few numbers that no stage computes come from ``derived``. It reads nothing and draws nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaireport.files import write_atomic
from xaireport.results import derived
from xaireport.results.comparisons import comparisons
from xaireport.results.crosswalk import crosswalk
from xaireport.results.heatmaps import heatmaps
from xaireport.results.labels import rank
from xaireport.results.methods import methods
from xaireport.results.notes import sentence
from xaireport.results.schema import SCHEMA_VERSION, check_results
from xaireport.serialization import to_json
from xaireport.types.data import SPLITS
from xaireport.types.device import Quantisation
from xaireport.types.models import TrainingRecord

if TYPE_CHECKING:
    from xaireport.errors import Failure
    from xaireport.results.inputs import DataEvidence, RunInfo, VariantEvidence
    from xaireport.study_schema import StudySpec
    from xaireport.types.comparison import Comparisons
    from xaireport.types.evidence import ClassScores, Difference, Evaluation, Reliability, Score, Subset
    from xaireport.types.pictures import Example

HEADLINE_REASON = {"balanced_accuracy": "each class counts the same, however rare it is"}
"""Why, where the study gives no reason of its own."""


def assemble(
    study: StudySpec,
    data: DataEvidence,
    variants: Sequence[VariantEvidence],
    run: RunInfo,
    failures: Sequence[tuple[str, Failure]] = (),
    compared: Comparisons | None = None,
    changed: Mapping[tuple[str, str], Mapping[str, tuple[Any, Any]]] | None = None,
) -> dict[str, Any]:
    """Put the evidence of a study together.

    Parameters
    ----------
    study : StudySpec
        What was asked for.
    data : DataEvidence
        What it was asked of.
    variants : sequence of VariantEvidence
        What was found out, in the order of the report; variants that failed are left out.
    run : RunInfo
        Which build it was.
    failures : sequence of (str, Failure)
        What did not finish, with the variant's name, or "" for the whole study.
    compared : Comparisons, optional
        The variants two by two.
    changed : mapping of (str, str) to mapping, optional
        For each pair compared, every setting that differs.

    Returns
    -------
    dict
        As results_schema.json describes it. Not checked yet: :func:`write_results` does that.
    """
    info = data.info
    evaluations = {one.spec.name: one.evaluation for one in variants}
    headline = {one.spec.name: one.evaluation.scores[study.headline].value for one in variants}
    pairs = comparisons(study, compared, changed or {}, headline)
    results = {
        "schema_version": SCHEMA_VERSION,
        "study": study.name,
        "title": study.title or study.name,
        "task": study.task or info.task,
        "classes": info.classes,
        "headline": {
            "score": study.headline,
            "reason": study.headline_reason or HEADLINE_REASON.get(study.headline, ""),
        },
        "run": {
            "evidence_digest": run.evidence_digest,
            "seed": study.seed,
            "versions": dict(sorted(run.versions.items())),
            "created": run.created,
            "overrides": study.overrides,
            "machine": run.machine,
            "made_on": [asdict(each) for each in run.made_on],
        },
        "data": _data(data),
        "baselines": derived.baselines(data.splits["test"].per_class),
        "variants": {
            one.spec.name: _variant(one, evaluations.get(one.spec.parent), info.source == "real")
            for one in variants
        },
        **_pareto(study.headline, variants),
        **pairs,
        "card": study.card.model_dump(),
        "data_audit": asdict(data.audit) if data.audit is not None else None,
        "methods": methods(
            study, run.procedure, data.splits["test"].groups is not None, bool(pairs["comparisons"])
        ),
        "crosswalk": crosswalk(),
        "failed": [
            {"variant": name, "stage": failure.stage, "message": failure.message, "hint": failure.hint}
            for name, failure in failures
        ],
    }
    return to_json(results)  # type: ignore[no-any-return]


def _pareto(score: str, variants: Sequence[VariantEvidence]) -> dict[str, Any]:
    """Return which variants are on the front of score, bytes and time of one image; nothing without costs."""
    points = {
        one.spec.name: (value, one.cost.tflite_bytes, one.cost.latency[0].median_ms)
        for one in variants
        if one.cost is not None and (value := one.evaluation.scores[score].value) is not None
    }
    if not points:
        return {}
    return {"pareto": {"score": score, "measured": list(points), "front": derived.pareto(points)}}


def write_results(results: Mapping[str, Any], path: Path) -> None:
    """Write results.json, atomically: keys in the order of :func:`assemble`, floats as ``repr`` gives them.

    Raises
    ------
    RenderError
        If ``results`` are not as the schema says.
    StoreError
        If the file cannot be written, or a number is NaN or infinite.
    """
    plain = to_json(results)
    check_results(plain, str(path))
    text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomic(path, text.encode())


def _data(data: DataEvidence) -> dict[str, Any]:
    info = data.info
    return {
        "name": info.name,
        "title": info.title,
        "source": info.source,
        "sha256": info.sha256,
        "official": info.official,
        "license": info.license,
        "citation": info.citation,
        "url": info.url,
        "notes": [sentence(note) for note in info.notes],
        "input_shape": data.input_shape,
        "splits": {
            name: {"n": split.n, "groups": split.groups, "per_class": split.per_class}
            for name, split in ((name, data.splits[name]) for name in SPLITS)
        },
    }


def _variant(one: VariantEvidence, parent: Evaluation | None, is_real: bool) -> dict[str, Any]:
    spec, model, evaluation = one.spec, one.model, one.evaluation
    return {
        "title": spec.title or spec.name,
        "summary": spec.summary,
        "parent": spec.parent or None,
        "changed_from_parent": {
            key: {"from": before, "to": after} for key, (before, after) in spec.changed_from_parent.items()
        },
        "architecture": spec.architecture,
        "settings": one.settings,
        "parameters": model.parameters,
        "trainable_parameters": model.trainable_parameters,
        "size_bytes": model.size_bytes,
        "layers": [
            dict(zip(("name", "kind", "shape", "parameters"), layer, strict=True)) for layer in model.layers
        ],
        "training": _with_notes(one.training) if one.training is not None else None,
        "scores": _scores(evaluation.scores),
        "per_class": [_class(scores) for scores in evaluation.per_class],
        "confusion": evaluation.confusion,
        "confusion_normalised": [derived.shares(row) for row in evaluation.confusion],
        "reference": spec.reference.model_dump() if spec.reference else None,
        "reference_difference": derived.from_reference(evaluation, spec.reference) if is_real else None,
        "parent_difference": derived.from_parent(evaluation, parent),
        "heatmaps": heatmaps(one.heatmaps, one.trust),
        "examples": _examples(one.pictures.examples),
        "gallery": _examples(one.pictures.gallery),
        "common": _examples(one.pictures.common),
        "errors": derived.errors(evaluation.confusion),
        "runs": {
            str(run.seed): {
                "seed": run.seed,
                "model_sha256": run.model_sha256,
                "predictions_sha256": run.predictions_sha256,
                "epochs_run": run.epochs_run,
                "scores": _scores(run.scores),
            }
            for run in sorted(one.runs, key=lambda run: run.seed)
        },
        **_deployment(one),
        "calibration": _calibration(one.reliability),
        "subgroups": [
            {"column": each.column, "level": each.level, "missing": each.missing, **_subset(each.subset)}
            for each in one.subgroups
        ],
        "clean": {name: _subset(subset) for name, subset in one.clean.items()},
        "seed_spread": derived.seed_spread([run.scores for run in one.runs]),
    }


def _calibration(found: Reliability | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "bins": [asdict(each) for each in found.bins],
        "expected": {name: asdict(each) for name, each in sorted(found.expected.items())},
        "temperature": asdict(found.temperature) if found.temperature else None,
        "scores": _scores(found.scores),
        "reason": found.reason,
    }


def _subset(subset: Subset) -> dict[str, Any]:
    return {
        "n": subset.n,
        "scores": _scores(subset.scores),
        "differences": {name: _difference(each) for name, each in subset.differences.items()},
        "reason": subset.reason,
        "absent": subset.absent,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    out: dict[str, Any] = {"value": difference.value}
    if difference.lo is not None:
        out |= {"lo": difference.lo, "hi": difference.hi}
    return out | ({"reason": difference.reason} if difference.reason else {})


def _deployment(one: VariantEvidence) -> dict[str, Any]:
    """Return what is known of the file that runs on a device, and of how it differs from its parent."""
    out: dict[str, Any] = {}
    if one.cost is not None:
        out["cost"] = asdict(one.cost)
    if one.quantisation is None or one.agreement is None:
        return out
    same = one.agreement
    first = one.cost.latency[0] if one.cost is not None else None
    return {
        **out,
        "quantisation": _with_notes(one.quantisation),
        "size_ratio": one.cost.size_ratio if one.cost is not None else None,
        "latency_ratio": first.ratio if first is not None else None,
        "agreement": {"value": same.same / same.n, "n": same.n, "same": same.same},
        "agreement_per_class": [asdict(each) for each in same.per_class],
        "flips": [
            {
                key.replace("y_from", "from").replace("y_to", "to"): value
                for key, value in asdict(flip).items()
            }
            for flip in same.flips
        ],
        "flip_counts": {
            effect: sum(flip.effect == effect for flip in same.flips)
            for effect in ("lost", "gained", "neither")
        },
    }


def _scores(scores: Mapping[str, Score]) -> dict[str, Any]:
    """Put scores in the catalogue's order, whatever order a stored file had."""
    return {name: scores[name].to_json() for name in sorted(scores, key=lambda name: (rank(name), name))}


def _class(scores: ClassScores) -> dict[str, Any]:
    named = {
        each.name: getattr(scores, each.name).to_json()
        for each in fields(scores)
        if each.name not in ("label", "n")
    }
    return {"label": scores.label, "n": scores.n, **named}


def _examples(examples: Sequence[Example]) -> list[dict[str, Any]]:
    return [asdict(example) for example in examples]


def _with_notes(made: TrainingRecord | Quantisation) -> dict[str, Any]:
    """Return a record as it is stored here: its notes in words."""
    return {**asdict(made), "notes": [sentence(note) for note in made.notes]}
