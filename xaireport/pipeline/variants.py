"""Variants as their study means them: which seeds, beside which others, scored by what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from xaireport.pipeline.params import Reading, Scoring
from xaireport.study_schema import StudySpec, VariantSpec


def seeds(study: StudySpec, variant: VariantSpec) -> tuple[int, ...]:
    """Return the training seeds of a variant; the first is the one its card shows.

    A quantised variant is made from its parent's first.
    """
    if variant.quantise.mode:
        return seeds(study, study.variants[variant.parent])[:1]
    return variant.seeds or (study.seed,)


def with_parents(study: StudySpec, chosen: Sequence[str]) -> list[str]:
    """Return the chosen variants, and those that the quantised ones among them are made from."""
    needed = {*chosen, *(each.parent for name in chosen if (each := study.variants[name]).quantise.mode)}
    return [name for name in study.variants if name in needed]


def measured(study: StudySpec, chosen: Sequence[str]) -> list[str]:
    """Return the variants whose cost is measured: none where nothing is quantised, for want of a question."""
    if not any(study.variants[name].quantise.mode for name in chosen):
        return []
    return [name for name in chosen if not study.variants[name].path.endswith(".tflite")]


def looked_at_beside(
    study: StudySpec, chosen: Sequence[str], name: str
) -> tuple[str, Literal["parent", "sibling"]]:
    """Return the variant whose heatmaps one variant's are held against, and how they are related.

    Its parent; without one the first of the study; the first itself is held against the second.
    """
    parent = study.variants[name].parent
    if parent in chosen:
        return parent, "parent"
    others = [other for other in study.variants if other in chosen and other != name]
    return (others[0], "sibling") if others else ("", "sibling")


def reading(variant: VariantSpec) -> Reading:
    """Return how a variant's model file takes pixels and what it gives."""
    return Reading(pixel_scale=variant.pixel_scale or "0-255", output=variant.output or "probabilities")


def scoring(study: StudySpec) -> Scoring:
    """Return what a study says about its scores."""
    return Scoring(seed=study.seed, ordinal=study.ordinal, cost_matrix=study.cost_matrix or None)


def part_scores(study: StudySpec) -> tuple[str, ...]:
    """Return the scores that parts of the test split are given."""
    return tuple(dict.fromkeys((study.headline, "balanced_accuracy", "accuracy")))


def paired_scores(study: StudySpec) -> tuple[str, ...]:
    """Return the scores that variants are compared by."""
    costs = ("expected_cost",) if study.cost_matrix else ()
    return (*dict.fromkeys((*part_scores(study), "macro_f1", "mcc", "auroc")), *costs)
