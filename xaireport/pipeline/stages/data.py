"""Real or phantom data into one canonical form, whatever they came as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaireport.data import canonical
from xaireport.data.load import load
from xaireport.data.phantom.phantom import save_planted
from xaireport.engine.node import Context
from xaireport.pipeline.stages.params import given
from xaireport.study_schema import DataSpec
from xaireport.types import Located


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write the files of `canonical.save`; for a phantom also which duplicates were planted in it."""
    study = given(DataSpec, params["study"])
    files = tuple(context.inputs[label] for label in sorted(context.inputs))
    located = Located(params["source"], files, params["loader"])
    canonical.save(load(study, located, params["seed"]), context.out)
    if located.loader == "phantom":
        save_planted(study.dataset, params["seed"], context.out)
