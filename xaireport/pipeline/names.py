"""Names of nodes and files of a build: which files feed a node of a study, and what it is told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xaireport.engine.node import Input
from xaireport.study_schema import StudySpec, VariantSpec

MODELS = Path("models")


def seeds(study: StudySpec, variant: VariantSpec) -> tuple[int, ...]:
    """Return the training seeds of a variant; the first is the one its card shows.

    A quantised variant is made from its parent's first.
    """
    if variant.quantise.mode:
        return seeds(study, study.variants[variant.parent])[:1]
    return variant.seeds or (study.seed,)


def model_path(study: StudySpec, variant: VariantSpec, seed: int) -> Path:
    """Return where a trained file is published: that of the first seed as ``model.keras``."""
    name = "model.keras" if seed == seeds(study, variant)[0] else f"model-seed-{seed}.keras"
    return MODELS / study.name / variant.name / name


def model_of(study: StudySpec, variant: VariantSpec, seed: int) -> Input:
    """Return the model file of a variant: its own training's or conversion's, or the one brought."""
    if variant.path:
        return Input(path=Path(study.folder) / variant.path)
    if variant.quantise.mode:
        return Input(f"quantise {study.name}.{variant.name}", "model.tflite")
    return Input(f"train {study.name}.{variant.name} seed {seed}", "model.keras")


def with_parents(study: StudySpec, chosen: Sequence[str]) -> list[str]:
    """Return the chosen variants, and those that the quantised ones among them are made from."""
    needed = {*chosen, *(each.parent for name in chosen if (each := study.variants[name]).quantise.mode)}
    return [name for name in study.variants if name in needed]


def measured(study: StudySpec, chosen: Sequence[str]) -> list[str]:
    """Return the variants whose cost is measured: none where nothing is quantised, for want of a question."""
    if not any(study.variants[name].quantise.mode for name in chosen):
        return []
    return [name for name in chosen if not study.variants[name].path.endswith(".tflite")]


def looked_at_beside(study: StudySpec, chosen: Sequence[str], name: str) -> tuple[str, str]:
    """Return the variant whose heatmaps one variant's are held against, and how they are related.

    Its parent; without one the first of the study; the first itself is held against the second.
    """
    parent = study.variants[name].parent
    if parent in chosen:
        return parent, "parent"
    others = [other for other in study.variants if other in chosen and other != name]
    return (others[0], "sibling") if others else ("", "sibling")


def reading(variant: VariantSpec) -> dict[str, str]:
    """Return how a variant's model file takes pixels and what it gives."""
    return {"pixel_scale": variant.pixel_scale or "0-255", "output": variant.output or "probabilities"}


def first_predictions(study: StudySpec, variant: str, optional: bool = False) -> Input:
    """Return what a variant says of the images, as trained with its first seed."""
    seed = seeds(study, study.variants[variant])[0]
    return Input(f"predict {study.name}.{variant} seed {seed}", "predictions.npz", optional=optional)


def scoring(study: StudySpec) -> dict[str, Any]:
    """Return what a study says about its scores."""
    return {
        "seed": study.seed,
        "ordinal": study.ordinal,
        "cost_matrix": [list(row) for row in study.cost_matrix] or None,
    }


def part_scores(study: StudySpec) -> list[str]:
    """Return the scores that parts of the test split are given."""
    return list(dict.fromkeys((study.headline, "balanced_accuracy", "accuracy")))


def paired_scores(study: StudySpec) -> list[str]:
    """Return the scores that variants are compared by."""
    costs = ("expected_cost",) if study.cost_matrix else ()
    return [*dict.fromkeys((*part_scores(study), "macro_f1", "mcc", "auroc")), *costs]


def publication_of(study: str) -> str:
    """Return the name of the step that publishes a study's report."""
    return f"publish {study}"


def optional(node: str, file: str) -> Input:
    """Return an input without which the reader goes on, and says so."""
    return Input(node, file, optional=True)


def needed_by_card(study: StudySpec, variant: str) -> dict[str, Input]:
    """Return what a card cannot be made without."""
    label = f"{study.name}.{variant}"
    first = seeds(study, study.variants[variant])[0]
    return {
        "evaluation": Input(f"evaluate {label} seed {first}", "evaluation.json"),
        "heatmaps": Input(f"explain {label}", "heatmaps.json"),
    }
