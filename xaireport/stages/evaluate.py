"""Scores of one set of predictions on the test split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xaireport import codec
from xaireport.data.canonical import open_info
from xaireport.engine.node import Context
from xaireport.metrics.scores import evaluate


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``evaluation.json``."""
    info = open_info(context.inputs["info"].parent)
    with np.load(context.inputs["data"], allow_pickle=False) as data:
        groups = data.get("test_groups")
    with np.load(context.inputs["predictions"], allow_pickle=False) as stored:
        evaluation = evaluate(
            stored["test_y_true"],
            stored["test_y_prob"],
            info.classes,
            groups=groups,
            seed=params["seed"],
        )
    codec.save(evaluation, context.out / "evaluation.json")
