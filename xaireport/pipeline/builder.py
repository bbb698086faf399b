"""The builder of a graph: a list of nodes, each of which runs a stage."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xaireport.engine.node import Context, Input, Node, Step


class Nodes:
    """The nodes so far; what is added later may read what was added before."""

    def __init__(self) -> None:
        self.nodes: list[Step] = []

    def add(
        self,
        name: str,
        stage: str,
        params: Mapping[str, Any],
        inputs: Mapping[str, Input],
        packages: tuple[str, ...],
        publish: Mapping[str, Path] | None = None,
        *,
        loose: tuple[str, ...] = (),
        code: tuple[str, ...] = (),
        apart: bool = False,
        stands_in: bool = False,
    ) -> str:
        """Add a node that runs the stage of that name and return the node's name; ``apart``, see `Node`."""
        module = f"xaireport.pipeline.stages.{stage}"

        def run(context: Context) -> None:
            importlib.import_module(module).run(context, params)

        self.nodes.append(
            Node(
                name,
                stage,
                params,
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
