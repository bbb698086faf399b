"""The builder of a graph: a list of nodes, each of which runs a stage, and what holds for the whole build."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xaireport.engine.node import Context, Input, Node, Step
from xaireport.pipeline.params import Params

STAGES = "xaireport.pipeline.stages"


@dataclass
class Builder:
    """The nodes so far; what is added later may read what was added before.

    Parameters
    ----------
    out : Path
        Folder of the reports.
    formats : tuple of str
        Formats to write pages in; empty for all.
    max_minutes : float, optional
        Time limit of each training.
    random_backbone : bool
        Whether a trunk may have random weights where the pretrained ones cannot be had.
    nodes : list of Step
        In an order in which each comes after what it reads.
    """

    out: Path
    formats: tuple[str, ...] = ()
    max_minutes: float | None = None
    random_backbone: bool = False
    nodes: list[Step] = field(default_factory=list)

    def add(
        self,
        name: str,
        params: Params,
        inputs: Mapping[str, Input],
        packages: tuple[str, ...],
        publish: Mapping[str, Path] | None = None,
        *,
        loose: tuple[str, ...] = (),
        code: tuple[str, ...] = (),
        apart: bool = False,
        stands_in: bool = False,
    ) -> str:
        """Add a node that runs the stage of these parameters and return its name; others, see `Node`."""
        module = f"{STAGES}.{params.stage}"
        told = params.model_dump(mode="json")

        def run(context: Context) -> None:
            importlib.import_module(module).run(context, told)

        self.nodes.append(
            Node(
                name,
                params.stage,
                told,
                inputs,
                code or (module,),
                packages,
                run,
                publish or {},
                loose,
                module if apart else "",
                stands_in=stands_in,
            )
        )
        return name
