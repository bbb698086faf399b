"""Whether heatmaps can be believed, as results.json holds it beside how they were made."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from xaireport.results import notes
from xaireport.types.evidence import Skipped
from xaireport.types.pictures import Heatmaps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xaireport.types.evidence import Difference
    from xaireport.types.trust import Cascade, Drift, Measure, Trust

FIRST, SECOND = "mean", "blur"
"""Of the two baselines of deletion and insertion, the one whose figures stand in front."""


def heatmaps(made: Heatmaps | Skipped, trust: Trust | Skipped | None) -> dict[str, Any]:
    """Return how a variant's heatmaps were made, every measure of them, and the verdict.

    Parameters
    ----------
    made : Heatmaps or Skipped
        How they were made, or why there are none.
    trust : Trust or Skipped, optional
        None where the measurement failed.
    """
    if isinstance(made, Skipped):
        return {"skipped": asdict(made)}
    out: dict[str, Any] = {
        name: getattr(made, name)
        for name in ("method", "layer", "grid", "n", "zero_maps", "chosen_by", "choice_images")
    }
    out["notes"] = [notes.sentence(note) for note in made.notes]
    out["choices"] = [asdict(choice) for choice in made.choices]
    if trust is None or isinstance(trust, Skipped):
        why = "the measurement failed" if trust is None else trust.reason
        sentence = f"These heatmaps could not be tested, because {why}."
        return out | {"verdict": {"outcome": "untested", "sentence": sentence, "reasons": []}}
    return out | {
        "zero_rate": _measure(trust.zero_maps),
        "energy_in_mask": _measure(trust.energy_in_mask),
        "pointing": _measure(trust.pointing),
        "iou": _measure(trust.iou),
        "deletion": _areas(trust.deletion),
        "insertion": _areas(trust.insertion),
        "randomisation": _cascade(trust.randomisation),
        "wrong_class": _measure(trust.wrong_class),
        "stability": _measure(trust.stability),
        "drift": _drift(trust.drift),
        "verdict": {
            "outcome": trust.verdict.outcome,
            "sentence": trust.verdict.sentence,
            "reasons": [asdict(reason) for reason in trust.verdict.reasons],
        },
    }


def _measure(measure: Measure | Skipped) -> dict[str, Any]:
    if isinstance(measure, Skipped):
        return {"skipped": asdict(measure)}
    out: dict[str, Any] = {"value": measure.value, "lo": measure.lo, "hi": measure.hi, "n": measure.n}
    if "chance" in measure.controls:
        out["chance"] = measure.controls["chance"].value
    if measure.controls:
        out["controls"] = {
            name: {"value": control.value, "difference": _difference(control.difference)}
            for name, control in measure.controls.items()
        }
    if measure.reason:
        out["reason"] = measure.reason
    return out


def _difference(difference: Difference) -> dict[str, Any]:
    return {"value": difference.value, "lo": difference.lo, "hi": difference.hi}


def _areas(areas: Mapping[str, Measure]) -> dict[str, Any]:
    return _measure(areas[FIRST]) | {
        "baseline": FIRST,
        "second": _measure(areas[SECOND]) | {"baseline": SECOND},
    }


def _cascade(cascade: Cascade | Skipped) -> dict[str, Any]:
    if isinstance(cascade, Skipped):
        return {"skipped": asdict(cascade)}
    decisive = cascade.steps[cascade.decisive].correlation
    return {
        "value": decisive.value,
        "lo": decisive.lo,
        "hi": decisive.hi,
        "n": cascade.n,
        "seeds": cascade.seeds,
        "decisive": cascade.decisive,
        "other_image": cascade.other_image,
        "zero_maps": cascade.zero_maps,
        "steps": [
            {
                "layer": step.layer,
                "layers": step.layers,
                "correlation": _measure(step.correlation),
                "ssim": _measure(step.ssim),
            }
            for step in cascade.steps
        ],
    }


def _drift(drift: Drift | Skipped) -> dict[str, Any]:
    if isinstance(drift, Skipped):
        return {"skipped": asdict(drift)}
    return {
        "other": drift.other,
        "relation": drift.relation,
        "maps": _measure(drift.maps),
        "maps_iou": _measure(drift.maps_iou),
        "occlusion": _measure(drift.occlusion),
        "occlusion_iou": _measure(drift.occlusion_iou),
        "moved": [asdict(moved) for moved in drift.moved],
    }
