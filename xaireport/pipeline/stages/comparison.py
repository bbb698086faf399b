"""The variants of a study two by two, on the same test images."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.engine.node import Context
from xaireport.metrics.comparison import Answers, compare
from xaireport.pipeline import params
from xaireport.pipeline.labels import of_variant
from xaireport.pipeline.stages.given import given
from xaireport.types.artefacts import (
    COMPARISONS_FILE,
)
from xaireport.types.labels import (
    DATA,
)


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write ``comparisons.json``: every pair of those variants that were finished."""
    parameters = given(params.Comparison, table)
    with np.load(context.inputs[DATA], allow_pickle=False) as data:
        groups = data.get("test_groups")
    answers = {}
    for name in parameters.variants:
        if (predictions := context.inputs.get(of_variant(name))) is not None:
            with np.load(predictions, allow_pickle=False) as stored:
                answers[name] = Answers(
                    *(stored[f"test_{part}"] for part in ("sample_id", "y_true", "y_prob"))
                )
    # The one that came later less the one before: a child less its parent, whatever the order of the file.
    pairs = [
        (first, second) if parameters.parents[first] == second else (second, first)
        for first, second in itertools.combinations(answers, 2)
    ]
    family = (
        [(a, b) for a, b in pairs if parameters.parents[a] == b] if parameters.family == "parents" else pairs
    )
    found = compare(
        answers,
        pairs,
        parameters.scores,
        groups=groups,
        family=family,
        **parameters.scoring.model_dump(),
    )
    serialization.save(found, context.out / COMPARISONS_FILE)
