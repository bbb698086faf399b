"""The nodes of pages: each page in every format, the manifest after them, and their publication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from xaireport import resources
from xaireport.engine.node import Input, Publication
from xaireport.errors import ConfigError
from xaireport.pipeline.builder import Nodes
from xaireport.pipeline.names import optional, publication_of
from xaireport.report.plugins import code, distributions
from xaireport.report.writers.formats import formats
from xaireport.results.replaceable import check_replaceable

ALL_STUDIES = "all studies"
"""In the place of a study's name, which has no spaces."""


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
            Inputs ``results`` and ``predictions``, and the pictures: ``assets``, or ``assets/<folder>`` for
            each folder in it.
        """
        home = self.out / name
        files = {"results": "results.json", "predictions": "predictions.csv"}
        made = {
            files.get(label, label): replace(each, optional=label != "results")
            for label, each in evidence.items()
        }
        for variant, needed in variants.items():
            params = {"page": "card", "variant": variant}
            path = Path(variant, "card")
            made |= self._page(f"{name}.{variant}", params, {**evidence, **needed}, home, path)
        made |= self._page(name, {"page": "comparison"}, evidence, home, Path("index"))
        manifest = self.add(
            f"manifest {name}",
            "manifest",
            {},
            {"results": evidence["results"], **{f"file/{file}": each for file, each in made.items()}},
            (),
        )
        made["manifest.json"] = Input(manifest, "manifest.json")
        guards = {"results.json": check_replaceable}
        self.nodes.append(Publication(publication_of(name), home, made, "manifest.json", guards))

    def index(self, results: Mapping[str, Input]) -> None:
        """Add the page over all studies."""
        inputs = {f"results/{name}": each for name, each in sorted(results.items())}
        made = self._page(ALL_STUDIES, {"page": "index"}, inputs, self.out, Path("index"))
        self.nodes.append(Publication(publication_of(ALL_STUDIES), self.out, made))

    def _page(
        self, name: str, params: Mapping[str, Any], inputs: Mapping[str, Input], home: Path, path: Path
    ) -> dict[str, Input]:
        """Add a page in every format wanted; return each file's place below ``home``, and what makes it."""
        templates = {
            f"templates/{i}": Input(path=each) for i, each in enumerate(resources.folders("templates"))
        }
        taken = {step.stage for step in self.nodes} | {"manifest", "publish"}
        made = {}
        for each in formats():
            if params["page"] not in each.layouts:
                continue
            if each.name in taken:
                raise ConfigError("a format that is not called as a step of a build", each.name, "rename it")
            place = f"{path}{each.suffix}"
            if self.formats and each.name not in self.formats:
                made[place] = Input(path=home / place, optional=True)  # as it is, from an earlier build
                continue
            file = f"page{each.suffix}"
            node = self.add(
                f"{each.name} {name}",
                "page",
                {**params, "write": each.write, "suffix": each.suffix},
                {**inputs, **templates},
                (*each.packages, *distributions()),
                code=("xaireport.pipeline.stages.page", each.module, *code()),
                apart=each.slow,
            )
            made[place] = optional(node, file)
        return made
