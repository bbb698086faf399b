"""Real or phantom data into one canonical form, whatever they came as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xaireport.data import canonical
from xaireport.data.load import load
from xaireport.data.phantom.phantom import save_planted
from xaireport.engine.node import Context
from xaireport.pipeline import params
from xaireport.pipeline.stages.given import given
from xaireport.types.data import Located


def run(context: Context, table: Mapping[str, Any]) -> None:
    """Write the files of `canonical.save`; for a phantom also which duplicates were planted in it."""
    parameters = given(params.Data, table)
    files = tuple(context.inputs[label] for label in sorted(context.inputs))
    located = Located(parameters.source, files, parameters.loader)
    canonical.save(load(parameters.study, located, parameters.seed), context.out)
    if located.loader == "phantom":
        save_planted(parameters.study.dataset, parameters.seed, context.out)
