"""The variants of a study two by two, on the same test images."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.engine.node import Context
from xaireport.metrics.comparison import Answers, compare
from xaireport.pipeline.labels import of_variant


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``comparisons.json``: every pair of those variants that were finished."""
    with np.load(context.inputs["data"], allow_pickle=False) as data:
        groups = data.get("test_groups")
    answers = {}
    for name in params["variants"]:
        if (predictions := context.inputs.get(of_variant(name))) is not None:
            with np.load(predictions, allow_pickle=False) as stored:
                answers[name] = Answers(
                    *(stored[f"test_{part}"] for part in ("sample_id", "y_true", "y_prob"))
                )
    parents = params["parents"]
    # The one that came later less the one before: a child less its parent, whatever the order of the file.
    pairs = [
        (first, second) if parents[first] == second else (second, first)
        for first, second in itertools.combinations(answers, 2)
    ]
    family = [(a, b) for a, b in pairs if parents[a] == b] if params["family"] == "parents" else pairs
    found = compare(
        answers,
        pairs,
        params["scores"],
        groups=groups,
        family=family,
        **{name: params[name] for name in ("seed", "ordinal", "cost_matrix")},
    )
    serialization.save(found, context.out / "comparisons.json")
