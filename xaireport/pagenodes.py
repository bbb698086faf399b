"""The nodes that write pages: each page in every format, and the manifest after them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from xaireport import paths
from xaireport.engine.node import Input
from xaireport.nodes import Nodes
from xaireport.report.formats import formats
from xaireport.report.plugins import code, distributions
from xaireport.wiring import optional


class PageNodes(Nodes):
    """Nodes of pages below ``out``; ``formats`` names those to write, empty for all."""

    def __init__(self, out: Path, formats: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.out, self.formats = out, formats

    def pages(
        self, name: str, variants: Mapping[str, Mapping[str, Input]], evidence: Mapping[str, Input]
    ) -> None:
        """Add the pages of a study: one card per variant, and the comparison; each in each format.

        Parameters
        ----------
        name : str
            The study.
        variants : mapping
            For each card the further inputs without which there is none.
        evidence : mapping
            Inputs ``results``, ``predictions`` and ``assets``.
        """
        made = {
            f"{name}/{file}": replace(evidence[label], optional=True)
            for label, file in (
                ("results", "results.json"),
                ("predictions", "predictions.csv"),
                ("assets", "assets"),
            )
        }
        for variant, needed in variants.items():
            path = Path(name, variant, "card")
            params = {"page": "card", "variant": variant}
            made |= self._page(f"{name}.{variant}", params, {**evidence, **needed}, path)
        made |= self._page(name, {"page": "comparison"}, evidence, Path(name, "index"))
        self.add(
            f"manifest {name}",
            "manifest",
            {},
            {"results": evidence["results"], **{f"file/{file}": each for file, each in made.items()}},
            (),
            {"manifest.json": self.out / name / "manifest.json"},
        )

    def index(self, results: Mapping[str, Input]) -> None:
        """Add the page over all studies."""
        inputs = {f"results/{name}": each for name, each in sorted(results.items())}
        self._page("all studies", {"page": "index"}, inputs, Path("index"))

    def _page(
        self, name: str, params: Mapping[str, Any], inputs: Mapping[str, Input], path: Path
    ) -> dict[str, Input]:
        """Add a page in every format wanted; return each file's place below ``out``, and what makes it."""
        templates = {f"templates/{i}": Input(path=each) for i, each in enumerate(paths.folders("templates"))}
        made = {}
        for each in formats():
            if params["page"] not in each.layouts:
                continue
            place = f"{path}{each.suffix}"
            if self.formats and each.name not in self.formats:
                made[place] = Input(path=self.out / place, optional=True)  # as it is, from an earlier build
                continue
            file = f"page{each.suffix}"
            node = self.add(
                f"{each.name} {name}",
                "page",
                {**params, "write": each.write, "suffix": each.suffix},
                {**inputs, **templates},
                (*each.packages, *distributions()),
                {file: self.out / place},
                code=("xaireport.stages.page", each.module, *code()),
                apart=each.slow,
            )
            made[place] = optional(node, file)
        return made
