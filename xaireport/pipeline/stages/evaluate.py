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
from xaireport.pipeline import params
from xaireport.pipeline.stages.given import given
from xaireport.types.artefacts import CLEAN_FILE, EVALUATION_FILE, RELIABILITY_FILE, SUBGROUPS_FILE
from xaireport.types.labels import CLASSES, CLEAN, DATA, PREDICTIONS

COLUMN = "test_column_"
GROUPS = "test_groups"


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write ``evaluation.json``; where ``parts`` are asked for, ``reliability.json``, ``subgroups.json`` and,
    after an audit, ``clean.json``.
    """
    parameters = given(params.Evaluate, table)
    scoring = parameters.scoring
    classes = open_classes(context.inputs[CLASSES])
    with Npz(context.inputs[DATA]) as data:
        groups = data.read(GROUPS) if GROUPS in data.names else None
        columns = {key.removeprefix(COLUMN): data.read(key) for key in data.names if key.startswith(COLUMN)}
    with np.load(context.inputs[PREDICTIONS], allow_pickle=False) as stored:
        (val_true, val_prob), (y_true, y_prob) = (
            (stored[f"{split}_y_true"], stored[f"{split}_y_prob"]) for split in ("val", "test")
        )
    settings = scoring.model_dump() | {"groups": groups}
    serialization.save(evaluate(y_true, y_prob, classes, **settings), context.out / EVALUATION_FILE)
    if not parameters.parts:
        return
    found = reliability(val_true, val_prob, y_true, y_prob, groups=groups, seed=scoring.seed)
    serialization.save(found, context.out / RELIABILITY_FILE)
    levels = subgroups(columns, y_true, y_prob, parameters.parts, classes, **settings)
    serialization.save(levels, context.out / SUBGROUPS_FILE)
    if CLEAN in context.inputs:
        with np.load(context.inputs[CLEAN], allow_pickle=False) as masks:
            clean = {"train": masks["test_clean"], "train_or_val": masks["test_clean_strict"]}
        # The largest class's share tells whether the clean part is another mix of classes.
        scores = [*parameters.parts, "no_information_rate"]
        parts = score_subsets(y_true, y_prob, clean, scores, classes, against="whole", **settings)
        serialization.save(parts, context.out / CLEAN_FILE)
