"""Build, render and clean: from a request to a graph, and on to the engine. Nothing else."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from xaireport.data.locate import locate
from xaireport.data.sources.known import known
from xaireport.engine.node import Input, Node, NodeReport, NodeStarted, Publication, Step
from xaireport.engine.scheduler import Cleaned, Engine
from xaireport.errors import ConfigError, DataError, RenderError
from xaireport.files import clear_errors
from xaireport.nn.zoo import ARCHITECTURES
from xaireport.pipeline import names, params
from xaireport.pipeline.builder import Builder
from xaireport.pipeline.graph import add_absent_data, add_evidence, add_results
from xaireport.pipeline.inputs import MODELS, needed_by_card, optional
from xaireport.pipeline.pages import PUBLISHED, add_index, add_pages
from xaireport.pipeline.request import BuildRequest, BuildResult, Listener, Notice, OnEpoch
from xaireport.pipeline.variants import with_parents
from xaireport.report.writers.formats import formats as find_formats
from xaireport.results.replaceable import check_source
from xaireport.study.file import check_name
from xaireport.study.find import Selection, select
from xaireport.study.load import assign_overrides, load_study
from xaireport.study.rules import check_costs
from xaireport.study_schema import StudySpec
from xaireport.types import artefacts, labels
from xaireport.types.data import Located
from xaireport.types.models import Epoch

STORE = MODELS / ".store"


def build(
    request: BuildRequest,
    listener: Listener | None = None,
    on_epoch: OnEpoch | None = None,
) -> BuildResult:
    """Make everything that is asked for and is not there yet, or no longer right.

    Parameters
    ----------
    request : BuildRequest
        What to build, on which data, where to.
    listener : callable, optional
        Told when a node starts and how it ended.
    on_epoch : callable, optional
        Told the node's name and how training goes.

    Returns
    -------
    BuildResult

    Raises
    ------
    ConfigError
        Wrong before any work.
    XaiReportError
        The store is locked or cannot be written; the data of the only study cannot be had. Of several
        studies, one without data fails alone, as a node.
    """
    selections = select(request.targets, request.all)
    overrides = assign_overrides(request.overrides, selections)
    builder = Builder(
        request.out,
        max_minutes=request.max_minutes,
        random_backbone=request.allow_random_backbone,
    )
    relay = _Relay(listener, on_epoch)
    engine = Engine(STORE, relay.epoch, request.force)
    notices, results = [], {}
    for selection in selections:
        report = request.out / selection.name / artefacts.RESULTS_FILE
        try:
            study, located = _study(selection, request, overrides[selection.name])
        except DataError as error:
            if len(selections) == 1:
                raise
            results[selection.name] = add_absent_data(builder, selection.name, error)
            continue
        try:
            check_source(report, located.source == "real")
        except ConfigError as error:
            if len(selections) == 1:
                raise
            add_absent_data(builder, selection.name, error)
            results[selection.name] = Input(path=report)
            continue
        said = [located.notice] if located.notice else []
        if not request.force and engine.is_foreign(
            names.publication(selection.name), report.parent, report.name
        ):
            said.append(f"{report} was put there by no build of this folder: it stays without --force")
        notices += said
        for text in said:
            relay.tell(Notice(text))
        chosen = _with_stored(engine, builder, study, located, with_parents(study, selection.variants))
        add_evidence(builder, study, located, chosen)
        made = add_results(builder, study, chosen)
        add_pages(builder, study.name, {variant: needed_by_card(study, variant) for variant in chosen}, made)
        results[study.name] = optional(names.publication(study.name), artefacts.RESULTS_FILE)
    add_index(builder, {**_published(request.out, set(results)), **results})
    reports = engine.run(builder.nodes, dry_run=request.dry_run, listener=relay.node)
    return BuildResult(tuple(reports), tuple(notices), _pages(builder.nodes))


def _study(
    selection: Selection, request: BuildRequest, overrides: Sequence[str]
) -> tuple[StudySpec, Located]:
    """Load a study; with phantom data by its short recipes."""

    def load(phantom: bool) -> StudySpec:
        return load_study(
            selection.path,
            overrides,
            request.epochs,
            request.seed,
            phantom=phantom,
            architectures={name: each.options for name, each in ARCHITECTURES.items()},
        )

    study = load(phantom=False)
    classes = study.classes or known(study.dataset, study.name).classes
    check_costs(study, len(classes), f"{selection.path}: cost_matrix")
    located = locate(study, request.data, request.data_dir, STORE / "located.json")
    if located.source == "phantom":
        notice = located.notice or f"{study.name}: demonstration on synthetic data"
        return load(phantom=True), replace(located, notice=notice)
    return study, located


def _with_stored(
    engine: Engine, builder: Builder, study: StudySpec, located: Located, chosen: Sequence[str]
) -> list[str]:
    """Add to the chosen variants the others whose evidence is stored and right: they cost nothing to show."""
    if len(chosen) == len(study.variants):
        return list(chosen)
    trial = replace(builder, nodes=[])
    nodes = add_evidence(trial, study, located, list(study.variants))
    stored = [replace(step, publish={}) for step in trial.nodes if isinstance(step, Node)]
    fresh = {report.name for report in engine.run(stored, dry_run=True) if report.status == "fresh"}
    return [name for name in study.variants if name in chosen or fresh.issuperset(nodes[name])]


def render(
    targets: Sequence[str],
    all: bool,
    out: Path,
    dry_run: bool = False,
    listener: Listener | None = None,
    formats: tuple[str, ...] = (),
    force: bool = False,
) -> BuildResult:
    """Render again what was published: pages from ``results.json`` and the pictures beside it. No TensorFlow.

    ``formats`` names those to write; the files of the others stay as they are. By default all are written.
    ``force`` as for a build.

    Raises
    ------
    ConfigError
        No such study, or nothing was built yet.
    RenderError
        A ``results.json`` that is damaged.
    """
    published = _published(out, set())
    studies = list(published) if all else [target.partition(".")[0] for target in targets]
    missing = [name for name in studies if name not in published]
    if missing or not studies:
        raise ConfigError(
            f"studies that were built into {out}: {', '.join(published) or 'none so far'}",
            ", ".join(missing) or "nothing",
            _build_first(missing, published, out),
        )
    find_formats(formats)
    builder = Builder(out, formats)
    for name in studies:
        folder = out / name
        variants = _variants(folder / artefacts.RESULTS_FILE)
        evidence = {label: Input(path=folder / file) for label, file in PUBLISHED.items()}
        # Folder by folder: the pages of a variant called "assets" lie between them.
        pictures = sorted(each for each in (folder / labels.ASSETS).glob("*") if each.is_dir())
        evidence |= {f"{labels.ASSETS}/{each.name}": Input(path=each, optional=True) for each in pictures}
        add_pages(builder, name, {variant: {} for variant in variants}, evidence)
    add_index(builder, published)
    reports = Engine(STORE, force=force).run(builder.nodes, dry_run=dry_run, listener=listener)
    return BuildResult(tuple(reports), (), _pages(builder.nodes))


def clean(everything: bool = False) -> Cleaned:
    """Remove stored results that no last run refers to; with ``everything``, all of the store."""
    return Engine(STORE).clean(keep_current=not everything)


def _variants(results: Path) -> list[str]:
    try:
        variants = list(json.loads(results.read_text("utf-8"))["variants"])
        for variant in variants:  # each becomes a folder
            check_name(variant, "variant", str(results))
        return variants
    except ConfigError as error:
        raise RenderError(error.expected, error.received, "build again", str(results)) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RenderError(
            "results as a build writes them", f"{type(error).__name__}: {error}", "build again", str(results)
        ) from error


def _published(out: Path, except_for: set[str]) -> dict[str, Input]:
    with clear_errors():
        found = sorted(path for path in out.glob("*/results.json") if path.is_file())
    return {path.parent.name: Input(path=path) for path in found if path.parent.name not in except_for}


def _build_first(missing: Sequence[str], published: Collection[str], out: Path) -> str:
    """Return what makes the studies that cannot be rendered, or renders those that can."""
    command = "render --all" if published and not missing else f"build {' '.join(missing) or '--all'}"
    elsewhere = f" --out {out}" if out != Path("reports") else ""
    return f"`xaireport {command}{elsewhere}`"


def _pages(steps: Sequence[Step]) -> tuple[Path, ...]:
    """Return the pages that there are now."""
    stages = {step.name: step.stage for step in steps}
    pages = [
        step.home / name
        for step in steps
        if isinstance(step, Publication)
        for name, source in step.files.items()
        if stages.get(source.node) == params.Page.stage
    ]
    return tuple(sorted((path for path in pages if path.is_file()), key=lambda path: (len(path.parts), path)))


class _Relay:
    """Tells the listener of epochs which node they belong to."""

    def __init__(self, listener: Listener | None, on_epoch: OnEpoch | None) -> None:
        self._listener, self._on_epoch = listener, on_epoch
        self._current = ""

    def tell(self, event: NodeStarted | NodeReport | Notice) -> None:
        """Pass an event on."""
        if self._listener is not None:
            self._listener(event)

    def node(self, event: NodeStarted | NodeReport) -> None:
        """Hear of a node, and pass it on."""
        self._current = event.name
        self.tell(event)

    def epoch(self, epoch: Epoch) -> None:
        """Hear of an epoch, and pass it on."""
        if self._on_epoch is not None:
            self._on_epoch(self._current, epoch)
