"""Every setting in which two variants of a study differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xaireport.study.file import Table
from xaireport.study.inherit import flatten
from xaireport.study.resolve import meant
from xaireport.study_schema import VariantSpec

COMPARED = ("architecture", "options", "train", "augment", "quantise", "explain", "path")


def changes(before: VariantSpec, after: VariantSpec) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ: dotted key -> (before, after), in the order of the study file.

    Parameters
    ----------
    before, after : VariantSpec
        Complete: what they inherit is merged in.
    """
    keys: Sequence[str] = COMPARED
    if before.path or after.path:
        # Nobody knows how a model that was brought along was trained: defaults would pass for facts.
        keys = ("architecture", "quantise", "explain", "path")
    if _model(before) == _model(after):
        keys = ("quantise", "explain")
    theirs, ours = (flatten(_comparable(each, keys)) for each in (before, after))
    ordered = [key for group in COMPARED for key in {**theirs, **ours} if key.split(".")[0] == group]
    return {key: (theirs.get(key), ours.get(key)) for key in ordered if theirs.get(key) != ours.get(key)}


def _model(spec: VariantSpec) -> str:
    """Return the variant whose weights it is made from."""
    return spec.parent if spec.quantise.mode else spec.name


def _comparable(spec: VariantSpec, keys: Sequence[str]) -> Table:
    """Return a variant's settings; of ``quantise`` those that mean something in its mode."""
    table = spec.model_dump(include=set(keys))
    if "quantise" in table:
        table["quantise"] = meant(spec.quantise)
    return table
