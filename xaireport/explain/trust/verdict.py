"""One verdict over a variant's heatmaps: the criteria, their thresholds, and the words for the outcome.

The thresholds stand here and nowhere else; the report prints them.
"""

from __future__ import annotations

from collections.abc import Mapping

from xaireport.types.evidence import Skipped
from xaireport.types.trust import Cascade, Drift, Measure, Reason, TrustVerdict

RANDOMISED_BELOW = 0.5
"""Rank correlation of the trained model's maps with those of one whose explained layers are random."""
OTHER_CLASS_BELOW = 0.9
"""Rank correlation of maps of the predicted class with maps of another."""
QUANTISED_ABOVE = 0.5
"""Rank correlation of a quantised model's occlusion maps with its parent's. Below it they resemble each
other no more than a trained model and a random one may."""
THRESHOLDS = {
    "randomised_below": RANDOMISED_BELOW,
    "other_class_below": OTHER_CLASS_BELOW,
    "quantised_above": QUANTISED_ABOVE,
}


def verdict(
    energy: Measure | Skipped,
    deletion: Mapping[str, Measure],
    randomisation: Cascade | Skipped,
    wrong_class: Measure | Skipped,
    drift: Drift | Skipped | None,
) -> TrustVerdict:
    """Return whether heatmaps can be believed.

    Every bound is the one of a 95 % interval that is hardest to pass. A criterion without an interval is
    untested; one that is missed fails the whole; where none was tested, the whole is untested.

    Parameters
    ----------
    energy : Measure or Skipped
        Share of the maps' energy within the masks; controls ``chance`` and ``centre``.
    deletion : mapping of str to Measure
        Area under the deletion curve per baseline; control ``random``.
    randomisation : Cascade or Skipped
        Of the weights.
    wrong_class : Measure or Skipped
        Rank correlation with maps of another class.
    drift : Drift or Skipped, optional
        From the parent; None where the variant is no smaller version of another one.
    """
    reasons = tuple(
        each
        for each in (
            _energy(energy),
            *(_deletion(name, measure) for name, measure in deletion.items()),
            _randomisation(randomisation),
            _wrong_class(wrong_class),
            None if drift is None else _drift(drift),
        )
        if each is not None
    )
    failed, passed, untested = (
        "; ".join(each.text for each in reasons if each.outcome == outcome)
        for outcome in ("fail", "pass", "untested")
    )
    left_out = f" Not tested: {untested}." if untested else ""
    if failed:
        return TrustVerdict("fail", f"These heatmaps fail, because {failed}.{left_out}", reasons)
    if passed:
        return TrustVerdict("pass", f"These heatmaps pass: {passed}.{left_out}", reasons)
    return TrustVerdict("untested", f"These heatmaps could not be tested, because {untested}.", reasons)


def _energy(energy: Measure | Skipped) -> Reason:
    name = "energy_in_mask"
    if isinstance(energy, Skipped):
        return Reason(name, "untested", energy.reason)
    bounds = [energy.controls[control].difference.lo for control in ("chance", "centre")]
    if energy.value is None or None in bounds:
        return Reason(name, "untested", "their energy within the masks has no interval")
    what = (
        f"{_share(energy.value)} of their energy is within the masks, where chance puts "
        f"{_share(energy.controls['chance'].value)} and a blob in the middle "
        f"{_share(energy.controls['centre'].value)}"
    )
    above_chance, above_blob = (bound is not None and bound > 0 for bound in bounds)
    if not above_chance:
        return Reason(name, "fail", f"they do not lie on what the masks mark ({what})")
    if not above_blob:
        return Reason(name, "fail", f"a blob in the middle does as well or better at the masks ({what})")
    return Reason(name, "pass", f"they lie on what the masks mark ({what})")


def _deletion(baseline: str, measure: Measure) -> Reason:
    name = f"deletion, {baseline}"
    difference = measure.controls["random"].difference if "random" in measure.controls else None
    by = {"mean": "its mean colour", "blur": "a blurred copy"}.get(baseline, baseline)
    if difference is None or difference.hi is None or difference.value is None:
        return Reason(name, "untested", f"deletion by {by} has no interval")
    figures = f"{_number(difference.value)}, {_range(difference.lo, difference.hi)}"
    if difference.hi < 0:
        return Reason(
            name,
            "pass",
            f"replacing what they mark by {by} costs more than replacing what random maps mark ({figures})",
        )
    return Reason(
        name,
        "fail",
        f"replacing what they mark by {by} costs no more than replacing what random maps mark ({figures})",
    )


def _randomisation(cascade: Cascade | Skipped) -> Reason:
    name = "randomisation"
    if isinstance(cascade, Skipped):
        return Reason(name, "untested", cascade.reason)
    measure = cascade.steps[cascade.decisive].correlation
    if measure.hi is None or measure.value is None:
        return Reason(name, "untested", "the correlation with a randomised model's maps has no interval")
    figures = f"rank correlation {_number(measure.value)}, {_range(measure.lo, measure.hi)}"
    if measure.hi < RANDOMISED_BELOW:
        return Reason(name, "pass", f"they change once the weights are random ({figures})")
    return Reason(name, "fail", f"a model with random weights gives much the same maps ({figures})")


def _wrong_class(measure: Measure | Skipped) -> Reason:
    name = "wrong_class"
    if isinstance(measure, Skipped):
        return Reason(name, "untested", measure.reason)
    if measure.hi is None or measure.value is None:
        return Reason(name, "untested", "the correlation with another class's maps has no interval")
    figures = f"rank correlation {_number(measure.value)}, {_range(measure.lo, measure.hi)}"
    if measure.hi < OTHER_CLASS_BELOW:
        return Reason(name, "pass", f"another class has other maps ({figures})")
    return Reason(name, "fail", f"the maps of another class are much the same ({figures})")


def _drift(drift: Drift | Skipped) -> Reason:
    name = "drift"
    if isinstance(drift, Skipped):
        return Reason(name, "untested", drift.reason)
    measure = drift.occlusion
    if measure.lo is None or measure.value is None:
        return Reason(name, "untested", "the correlation with the parent's maps has no interval")
    figures = f"rank correlation {_number(measure.value)}, {_range(measure.lo, measure.hi)}"
    if measure.lo > QUANTISED_ABOVE:
        return Reason(name, "pass", f"the model looks where its parent looks ({figures})")
    return Reason(name, "fail", f"the model does not look where its parent looks ({figures})")


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f}\u00a0%"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def _range(lo: float | None, hi: float | None) -> str:
    return f"{_number(lo)} to {_number(hi)}"
