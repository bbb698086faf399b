"""A variant beside its parent, on the same test images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.data.canonical import open_classes
from xaireport.engine.node import Context
from xaireport.metrics.agreement import agreement
from xaireport.types.artefacts import (
    AGREEMENT_FILE,
)
from xaireport.types.labels import (
    CLASSES,
    PARENT,
    PREDICTIONS,
)


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``agreement.json``."""
    classes = open_classes(context.inputs[CLASSES])
    with (
        np.load(context.inputs[PARENT], allow_pickle=False) as first,
        np.load(context.inputs[PREDICTIONS], allow_pickle=False) as second,
    ):
        found = agreement(
            second["test_sample_id"],
            second["test_y_true"],
            first["test_y_prob"],
            second["test_y_prob"],
            classes,
        )
    serialization.save(found, context.out / AGREEMENT_FILE)
