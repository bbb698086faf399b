"""The build graph: which stage reads which artefact, and where people find what it makes.

Functions that add nodes to a `Builder`: the evidence of a study, and what puts it together.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace

from xaireport.engine.node import Context, Input, Node
from xaireport.errors import XaiReportError
from xaireport.pipeline import names, params
from xaireport.pipeline.builder import STAGES, Builder
from xaireport.pipeline.inputs import (
    arrays_of,
    classes_of,
    first_predictions,
    model_of,
    optional,
)
from xaireport.pipeline.labels import of_variant
from xaireport.pipeline.variant_nodes import CONVERTERS, RUNTIME, add_conversion, add_trust, add_variant
from xaireport.pipeline.variants import (
    measured,
    paired_scores,
    scoring,
    seeds,
)
from xaireport.report.plugins import code, distributions
from xaireport.study_schema import StudySpec, VariantSpec
from xaireport.types import artefacts, labels
from xaireport.types.data import Located

OF_EVIDENCE = (
    params.Data, params.Audit, params.Train, params.Quantise, params.Predict, params.Evaluate,
    params.Agreement, params.Comparison, params.Explain, params.Trust, params.Cost, params.Results,
)  # fmt: skip
EVIDENCE_CODE = tuple(f"{STAGES}.{each.stage}" for each in OF_EVIDENCE)
"""Modules whose code the evidence digest names."""
EVIDENCE_PACKAGES = ("xaireport", *CONVERTERS, "scipy", "scikit-learn", "tf-keras-vis")
"""Packages whose versions results.json names, and the evidence digest with them."""
PAGE_PACKAGES = ("matplotlib", "weasyprint")
"""Packages that results.json names and the evidence digest does not: they draw and print."""


def add_evidence(
    builder: Builder, study: StudySpec, located: Located, chosen: Sequence[str]
) -> dict[str, list[str]]:
    """Add all that leads to the evidence of the chosen variants; return the names of each one's nodes."""
    data = builder.add(
        names.data(study.name),
        params.Data(study=study, source=located.source, loader=located.loader, seed=study.seed),
        {f"file{i}": Input(path=file) for i, file in enumerate(located.files)},
        ("numpy",),
    )
    builder.add(
        names.audit(study.name),
        params.Audit(seed=study.seed),
        {labels.DATA: arrays_of(study), labels.CLASSES: classes_of(study)},
        ("numpy", "scipy", "pillow"),
    )
    # What is quantised comes after what it is made from, whatever the order of the file.
    ordered = sorted(chosen, key=lambda name: bool(study.variants[name].quantise.mode))
    made = {name: [data, *add_variant(builder, study, study.variants[name], located)] for name in ordered}
    # No variant's own: what is measured side by side is never a reason to leave a finished variant out.
    for name in ordered:
        add_trust(builder, study, ordered, name)
    _add_cost(builder, study, measured(study, ordered))
    _add_comparison(builder, study, chosen)
    return made


def add_absent_data(builder: Builder, study: str, refused: XaiReportError) -> Input:
    """Add the node that fails for a study whose data cannot be had; return what the index reads of it."""
    name = names.data(study)
    builder.nodes.append(Node(name, params.Data.stage, {}, {}, (), (), _never, refused=refused))
    return optional(name)


def add_results(builder: Builder, study: StudySpec, chosen: Sequence[str]) -> dict[str, Input]:
    """Add what puts a study's evidence together, and its figures; return what pages are made of."""
    inputs = {
        labels.DATA: arrays_of(study),
        labels.INFO: Input(names.data(study.name), artefacts.INFO_FILE),
        labels.AUDIT: optional(names.audit(study.name)),
    }
    if len(chosen) > 1:
        inputs[labels.COMPARISON] = optional(names.comparison(study.name), artefacts.COMPARISONS_FILE)
    for name in chosen:
        own = _evidence_of(study, study.variants[name])
        inputs |= {of_variant(name, what): each for what, each in own.items()}
    if measured(study, chosen):
        inputs[labels.COST] = optional(names.cost(study.name), artefacts.COST_FILE)
    results = builder.add(
        names.results(study.name),
        params.Results(
            study=study.model_copy(update={"folder": ""}),
            seeds={name: seeds(study, study.variants[name]) for name in chosen},
            code=EVIDENCE_CODE,
            of_evidence=EVIDENCE_PACKAGES,
            of_pages=PAGE_PACKAGES,
            python=platform.python_version(),
        ),
        inputs,
        (*EVIDENCE_PACKAGES, *PAGE_PACKAGES, "pandas", "pillow", "jsonschema"),
        code=EVIDENCE_CODE,
    )
    figures = builder.add(
        names.figures(study.name),
        params.Figures(),
        {labels.RESULTS: Input(results)},
        ("matplotlib", "numpy", "seaborn", *distributions()),
        code=(f"{STAGES}.{params.Figures.stage}", *code()),
    )
    return {
        labels.RESULTS: Input(results, artefacts.RESULTS_FILE),
        labels.PREDICTIONS: Input(results, artefacts.PREDICTIONS_CSV),
        labels.ASSETS: optional(figures, artefacts.ASSETS_FOLDER),
    }


def _never(context: Context) -> None:
    raise AssertionError("a node that was refused does not run")


def _add_comparison(builder: Builder, study: StudySpec, chosen: Sequence[str]) -> None:
    """Add what compares the variants two by two."""
    files = {of_variant(name): first_predictions(study, name, optional=True) for name in chosen}
    if len(files) < 2:
        return
    builder.add(
        names.comparison(study.name),
        params.Comparison(
            variants=tuple(chosen),
            parents={name: study.variants[name].parent for name in chosen},
            scores=paired_scores(study),
            family=study.family,
            scoring=scoring(study),
        ),
        {labels.DATA: arrays_of(study), **files},
        ("numpy", "scipy", "scikit-learn"),
    )


def _add_cost(builder: Builder, study: StudySpec, chosen: Sequence[str]) -> None:
    """Add what measures the variants side by side, and the TFLite files of those that have none yet."""
    if not chosen:
        return
    files = {}
    for name in chosen:
        variant = study.variants[name]
        if not variant.quantise.mode:
            add_conversion(builder, study, variant)
        files[of_variant(name)] = optional(names.quantise(study.name, name), artefacts.TFLITE_FILE)
    parents = {name: each.parent for name in chosen if (each := study.variants[name]).quantise.mode}
    builder.add(
        names.cost(study.name), params.Cost(variants=tuple(chosen), parents=parents), files, RUNTIME[-2:]
    )


def _evidence_of(study: StudySpec, variant: VariantSpec) -> dict[str, Input]:
    """Return what results.json takes from one variant, by label."""
    own: dict[str, Input] = {}
    for seed in seeds(study, variant):
        if variant.quantise.mode:
            made = names.quantise(study.name, variant.name)
            own[labels.QUANTISATION] = optional(made, artefacts.QUANTISATION_FILE)
            own[labels.AGREEMENT] = optional(
                names.agreement(study.name, variant.name), artefacts.AGREEMENT_FILE
            )
            if variant.quantise.mode == "qat":
                own[f"{labels.TRAINING}/{seed}"] = optional(made, artefacts.TRAINING_FILE)
        elif not variant.path:
            trained = names.train(study.name, variant.name, seed)
            own[f"{labels.TRAINING}/{seed}"] = optional(trained, artefacts.TRAINING_FILE)
        own[f"{labels.MODEL}/{seed}"] = replace(model_of(study, variant, seed), optional=True)
        predict = names.predict(study.name, variant.name, seed)
        own[f"{labels.SUMMARY}/{seed}"] = optional(predict, artefacts.SUMMARY_FILE)
        own[f"{labels.PREDICTIONS}/{seed}"] = optional(predict, artefacts.PREDICTIONS_FILE)
        evaluate = names.evaluate(study.name, variant.name, seed)
        own[f"{labels.EVALUATION}/{seed}"] = optional(evaluate, artefacts.EVALUATION_FILE)
        if seed == seeds(study, variant)[0]:
            parts = {
                labels.RELIABILITY: artefacts.RELIABILITY_FILE,
                labels.SUBGROUPS: artefacts.SUBGROUPS_FILE,
                labels.CLEAN: artefacts.CLEAN_FILE,
            }
            own |= {part: optional(evaluate, file) for part, file in parts.items()}
    own[labels.EXPLAINED] = optional(names.explain(study.name, variant.name))
    own[labels.TRUST] = optional(names.trust(study.name, variant.name))
    return own
