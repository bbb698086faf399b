"""The nodes of pages: each page in every format, the manifest after them, and their publication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from xaireport import resources
from xaireport.engine.node import Input, Publication
from xaireport.errors import ConfigError
from xaireport.pipeline import names, params
from xaireport.pipeline.builder import STAGES, Builder
from xaireport.pipeline.inputs import optional
from xaireport.report.plugins import code, distributions
from xaireport.report.writers.formats import formats
from xaireport.results.replaceable import check_replaceable
from xaireport.types import artefacts, labels

PUBLISHED = {labels.RESULTS: artefacts.RESULTS_FILE, labels.PREDICTIONS: artefacts.PREDICTIONS_CSV}
"""Evidence by label -> its place in a report; pictures lie there under their label."""


def add_pages(
    builder: Builder, study: str, variants: Mapping[str, Mapping[str, Input]], evidence: Mapping[str, Input]
) -> None:
    """Add the pages of a study: one card per variant, and the comparison; each in each format.

    Parameters
    ----------
    builder : Builder
        Is added to.
    study : str
        Its name.
    variants : mapping
        For each card the further inputs without which there is none.
    evidence : mapping
        Inputs ``results`` and ``predictions``, and the pictures: ``assets``, or ``assets/<folder>`` for
        each folder in it.
    """
    home = builder.out / study
    made = {
        PUBLISHED.get(label, label): replace(each, optional=label != labels.RESULTS)
        for label, each in evidence.items()
    }
    for variant, needed in variants.items():
        made |= _add_page(
            builder, "card", study, variant, {**evidence, **needed}, home, Path(variant, "card")
        )
    made |= _add_page(builder, "comparison", study, "", evidence, home, Path("index"))
    files = {f"{labels.FILE}/{place}": each for place, each in made.items()}
    manifest = builder.add(
        names.manifest(study), params.Manifest(), {labels.RESULTS: evidence[labels.RESULTS], **files}, ()
    )
    made[artefacts.MANIFEST_FILE] = Input(manifest, artefacts.MANIFEST_FILE)
    guards = {artefacts.RESULTS_FILE: check_replaceable}
    builder.nodes.append(Publication(names.publication(study), home, made, artefacts.MANIFEST_FILE, guards))


def add_index(builder: Builder, results: Mapping[str, Input]) -> None:
    """Add the page over all studies."""
    inputs = {f"{labels.RESULTS}/{name}": each for name, each in sorted(results.items())}
    made = _add_page(builder, "index", names.ALL_STUDIES, "", inputs, builder.out, Path("index"))
    builder.nodes.append(Publication(names.publication(names.ALL_STUDIES), builder.out, made))


def _add_page(
    builder: Builder,
    page: Literal["card", "comparison", "index"],
    study: str,
    variant: str,
    inputs: Mapping[str, Input],
    home: Path,
    path: Path,
) -> dict[str, Input]:
    """Add a page in every format wanted; return each file's place below ``home``, and what makes it."""
    folders = enumerate(resources.folders("templates"))
    templates = {f"{labels.TEMPLATES}/{i}": Input(path=each) for i, each in folders}
    taken = {step.stage for step in builder.nodes} | {params.Manifest.stage, Publication.stage}
    made = {}
    for each in formats():
        if page not in each.layouts:
            continue
        if each.name in taken:
            raise ConfigError("a format that is not called as a step of a build", each.name, "rename it")
        place = f"{path}{each.suffix}"
        if builder.formats and each.name not in builder.formats:
            made[place] = Input(path=home / place, optional=True)  # as it is, from an earlier build
            continue
        node = builder.add(
            names.page(each.name, study, variant),
            params.Page(page=page, variant=variant, write=each.write, suffix=each.suffix),
            {**inputs, **templates},
            (*each.packages, *distributions()),
            code=(f"{STAGES}.{params.Page.stage}", each.module, *code()),
            apart=each.slow,
        )
        made[place] = optional(node, f"{artefacts.PAGE_STEM}{each.suffix}")
    return made
