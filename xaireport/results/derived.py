"""The few numbers of results.json that no stage computes: baselines, shares, differences. Mere arithmetic."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xaireport.study_schema import Reference
    from xaireport.types.evidence import Evaluation, Score

COMPARED_WITH_PARENT = ("accuracy", "balanced_accuracy", "weighted_f1", "mcc")
MOST_ERRORS = 5
"""Confusions listed by name; the matrix has them all."""


def baselines(per_class: Sequence[int]) -> dict[str, float]:
    """Return what needs no model: the balanced accuracy of chance, and the accuracy of the largest class.

    Parameters
    ----------
    per_class : sequence of int, (K,)
        Test images of each class; at least one.
    """
    return {"chance": 1 / len(per_class), "no_information_rate": max(per_class) / sum(per_class)}


def shares(row: Sequence[int]) -> list[float | None]:
    """Return a row of the confusion matrix as shares of its sum; None where the class has no image."""
    total = sum(row)
    return [count / total if total else None for count in row]


def errors(confusion: Sequence[Sequence[int]]) -> list[dict[str, Any]]:
    """Return the most frequent confusions, most first, each with its share of the true class."""
    wrong = [
        {"y_true": true, "y_pred": predicted, "n": count, "share": count / sum(row)}
        for true, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    return sorted(wrong, key=lambda one: -one["n"])[:MOST_ERRORS]  # stable: equals stay in the matrix's order


def from_reference(evaluation: Evaluation, reference: Reference | None) -> dict[str, float | None] | None:
    """Return our scores minus somebody else's, each with the averaging of the reference."""
    if reference is None:
        return None
    scores, averaging = evaluation.scores, reference.averaging
    return {
        "accuracy": _difference(scores["accuracy"], reference.accuracy),
        # Under an averaging that is not stated no score of ours is known to be the same thing.
        **{
            name: _difference(scores.get(f"{averaging}_{name}"), getattr(reference, name))
            for name in ("f1", "precision", "recall")
        },
    }


def from_parent(evaluation: Evaluation, parent: Evaluation | None) -> dict[str, float | None] | None:
    """Return a variant's scores minus its parent's; None where either is undefined."""
    if parent is None:
        return None
    return {
        name: _difference(evaluation.scores[name], parent.scores[name].value) for name in COMPARED_WITH_PARENT
    }


def seed_spread(runs: Sequence[Mapping[str, Score]]) -> dict[str, dict[str, float | int]] | None:
    """Return mean, standard deviation (of a sample) and range of each score over training runs.

    None where there was one run; a score that is undefined in one of them is left out.
    """
    if len(runs) < 2:
        return None
    spread: dict[str, dict[str, float | int]] = {}
    for name in runs[0]:
        values = [run[name].value for run in runs if name in run]
        known = [value for value in values if value is not None]
        if len(known) == len(runs):
            spread[name] = {
                "runs": len(known),
                "mean": statistics.fmean(known),
                "sd": statistics.stdev(known),
                "min": min(known),
                "max": max(known),
            }
    return spread


def pareto(points: Mapping[str, tuple[float, int, float]]) -> list[str]:
    """Return which variants no other one beats: at least as good in all three, and better in one.

    Parameters
    ----------
    points : mapping of str to (score, bytes, milliseconds)
        By variant; more of the first is better, less of the others.

    >>> pareto({"big": (0.8, 200, 2.0), "small": (0.7, 50, 1.0), "worse": (0.7, 60, 1.0)})
    ['big', 'small']
    """
    better_up = {name: (score, -size, -time) for name, (score, size, time) in points.items()}
    return [
        name
        for name, mine in better_up.items()
        if not any(
            other != mine and all(theirs >= ours for theirs, ours in zip(other, mine, strict=True))
            for other in better_up.values()
        )
    ]


def _difference(ours: Score | None, theirs: float | None) -> float | None:
    return None if ours is None or ours.value is None or theirs is None else ours.value - theirs
