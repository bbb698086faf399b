"""What is found out about the data before any model sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from xaireport import serialization
from xaireport.data.audit.audit import audit
from xaireport.data.canonical import open_dataset
from xaireport.engine.node import Context


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``audit.json``, ``clean.npz`` (which test images are clean) and a folder of pictures."""
    dataset = open_dataset(context.inputs["data"].parent)  # names of its classes stand in "classes", too
    audited = audit(dataset, params["seed"], context.out)
    np.savez(context.out / "clean.npz", test_clean=audited.clean, test_clean_strict=audited.clean_strict)
    serialization.save(audited.audit, context.out / "audit.json")
