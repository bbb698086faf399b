"""Says what a build would do and why, without doing it. Nothing is written, not even a cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xaireport.engine.hashes import HashCache
from xaireport.engine.journal import Entry, Journal
from xaireport.engine.keys import differences
from xaireport.engine.node import Listener, Node, NodeReport, Publication, Status, Step
from xaireport.engine.plan import Outcome, Plan, Planner, as_failure
from xaireport.engine.publish import Change, Publisher, files_of_node, files_of_publication, lying
from xaireport.engine.store import JOURNAL, Store
from xaireport.errors import XaiReportError
from xaireport.files import clear_errors


def preview(root: Path, steps: Sequence[Step], tell: Listener, force: bool = False) -> list[NodeReport]:
    """Report what would become of each step in the store at ``root``, which need not exist."""
    look = _Preview(root, force)
    reports = []
    for step in steps:
        try:
            with clear_errors():
                report = look.publication(step) if isinstance(step, Publication) else look.node(step)
        except XaiReportError as error:
            failure = as_failure(error, step.stage)
            look.done.setdefault(step.name, failure)  # an artefact that only cannot be published is there
            report = NodeReport(step.name, step.stage, "failed", failure=failure)
        reports.append(report)
        tell(report)
    return reports


class _Preview:
    def __init__(self, root: Path, force: bool) -> None:
        cache = HashCache(root / "hashes.json")
        self._store, self._journal, self._planner = (
            Store(root, cache),
            Journal(root / JOURNAL),
            Planner(cache),
        )
        self._publisher = Publisher(root, cache, force)
        self.done: dict[str, Outcome] = {}

    def node(self, node: Node) -> NodeReport:
        plan = self._planner.plan(node, self.done)
        if plan.missing:
            self.done[node.name] = plan.missing
            return NodeReport(node.name, node.stage, "skipped", failure=plan.missing)
        entry = self._journal.get(node.name)
        if plan.unknown:
            self.done[node.name] = None
            why = reasons(node, plan, (), entry, self._store)
            waits = tuple(f"may change: input {label}" for label in sorted(plan.unknown))
            return NodeReport(node.name, node.stage, "would run" if why else "may run", why=why or waits)
        record, broken = self._store.find(node.stage, plan.key)
        self.done[node.name] = record
        if record is None:
            why = reasons(node, plan, broken, entry, self._store)
            return NodeReport(node.name, node.stage, "would run", why=why)
        change = self._publisher.change(files_of_node(node, record))
        return published_report(node, "would restore", change)

    def publication(self, publication: Publication) -> NodeReport:
        inputs = self._planner.resolve(publication.files, publication.stage, self.done)
        if inputs.missing:
            self.done[publication.name] = inputs.missing
            return NodeReport(publication.name, publication.stage, "skipped", failure=inputs.missing)
        if inputs.unknown:
            self.done[publication.name] = None
            waits = tuple(f"may change: {label}" for label in sorted(inputs.unknown))
            return NodeReport(publication.name, publication.stage, "may run", why=waits)
        files = files_of_publication(publication, inputs.found)
        change = self._publisher.change(files)
        self.done[publication.name] = lying(files)
        return published_report(publication, "would restore", change)


def published_report(step: Step, status: Status, change: Change) -> NodeReport:
    """Report of a step whose results are there; ``status`` holds where files are (to be) put or removed."""
    kept = tuple(map(Path, change.yielding))
    if change.is_none:
        return NodeReport(step.name, step.stage, "fresh", kept=kept)
    why = tuple(f"published file changed or missing: {place}" for place in change.places)
    why += tuple(f"published file that is no longer made: {place}" for place in change.gone)
    return NodeReport(
        step.name, step.stage, status, why=why, published=tuple(map(Path, change.places)), kept=kept
    )


def reasons(node: Node, plan: Plan, broken: tuple[str, ...], entry: Entry, store: Store) -> tuple[str, ...]:
    """Why a node has to run; empty where that hangs on inputs that are not known yet.

    Parameters
    ----------
    node, plan
        The node as it stands.
    broken : tuple of str
        Files of its artefact that are not what was stored.
    entry : Entry
        Its last finished run.
    store : Store
        To look whether that run's artefact is intact.
    """
    if not broken and not entry.finished:
        return ("first time",)
    if not broken:
        stage, _, key = entry.finished.partition("/")
        parts = store.parts(stage, key)
        if parts is None:
            return ("stored result missing",)
        lines = differences(parts, plan.parts, plan.unknown)
        if lines:
            return lines
        _, broken = store.find(stage, key)
    return tuple(f"stored file changed or missing: {file}" for file in broken)
