"""Scores of one set of predictions on the test split: of all of it, of its parts, of its probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.data.canonical import open_classes
from xaireport.data.sources.npz import Npz
from xaireport.engine.node import Context
from xaireport.metrics.reliability import reliability
from xaireport.metrics.scores import evaluate
from xaireport.metrics.subgroups import subgroups
from xaireport.metrics.subsets import score_subsets

COLUMN = "test_column_"
GROUPS = "test_groups"


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``evaluation.json``; where ``parts`` are asked for, ``reliability.json``, ``subgroups.json`` and,
    after an audit, ``clean.json``.
    """
    classes = open_classes(context.inputs["classes"])
    with Npz(context.inputs["data"]) as data:
        groups = data.read(GROUPS) if GROUPS in data.names else None
        columns = {key.removeprefix(COLUMN): data.read(key) for key in data.names if key.startswith(COLUMN)}
    with np.load(context.inputs["predictions"], allow_pickle=False) as stored:
        (val_true, val_prob), (y_true, y_prob) = (
            (stored[f"{split}_y_true"], stored[f"{split}_y_prob"]) for split in ("val", "test")
        )
    settings = {name: params[name] for name in ("seed", "ordinal", "cost_matrix")} | {"groups": groups}
    serialization.save(evaluate(y_true, y_prob, classes, **settings), context.out / "evaluation.json")
    scores = params["parts"]
    if not scores:
        return
    found = reliability(val_true, val_prob, y_true, y_prob, groups=groups, seed=params["seed"])
    serialization.save(found, context.out / "reliability.json")
    levels = subgroups(columns, y_true, y_prob, scores, classes, **settings)
    serialization.save(levels, context.out / "subgroups.json")
    if "clean" in context.inputs:
        with np.load(context.inputs["clean"], allow_pickle=False) as masks:
            clean = {"train": masks["test_clean"], "train_or_val": masks["test_clean_strict"]}
        # The largest class's share tells whether the clean part is another mix of classes.
        told = [*scores, "no_information_rate"]
        parts = score_subsets(y_true, y_prob, clean, told, classes, against="whole", **settings)
        serialization.save(parts, context.out / "clean.json")
