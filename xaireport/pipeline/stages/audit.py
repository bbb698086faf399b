"""What is found out about the data before any model sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.data.audit.audit import audit
from xaireport.data.canonical import open_dataset
from xaireport.engine.node import Context
from xaireport.pipeline import params
from xaireport.pipeline.stages.given import given
from xaireport.types.artefacts import (
    AUDIT_FILE,
    CLEAN_MASKS_FILE,
)
from xaireport.types.labels import (
    DATA,
)


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write ``audit.json``, ``clean.npz`` (which test images are clean) and a folder of pictures."""
    dataset = open_dataset(context.inputs[DATA].parent)  # names of its classes stand in "classes", too
    audited = audit(dataset, given(params.Audit, table).seed, context.out)
    np.savez(context.out / CLEAN_MASKS_FILE, test_clean=audited.clean, test_clean_strict=audited.clean_strict)
    serialization.save(audited.audit, context.out / AUDIT_FILE)
