"""Says what a build would do and why, without doing it. Nothing is written, not even a cache."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xaireport.engine.hashes import HashCache
from xaireport.engine.journal import Entry, Journal
from xaireport.engine.keys import differences
from xaireport.engine.node import Listener, Node, NodeReport, Status
from xaireport.engine.plan import Outcome, Plan, Planner, as_failure
from xaireport.engine.publish import destinations, outdated
from xaireport.engine.store import Store
from xaireport.errors import XaiReportError


def preview(root: Path, nodes: Sequence[Node], tell: Listener) -> list[NodeReport]:
    """Report what would become of each node in the store at ``root``, which need not exist."""
    cache = HashCache(root / "hashes.json")
    store, journal, planner = Store(root, cache), Journal(root / "journal.json"), Planner(cache)
    done: dict[str, Outcome] = {}
    reports = []
    for node in nodes:
        try:
            done[node.name], report = _preview(node, planner.plan(node, done), store, journal, cache)
        except XaiReportError as error:
            failure = as_failure(error, node.stage)
            done[node.name] = failure
            report = NodeReport(node.name, node.stage, "failed", failure=failure)
        reports.append(report)
        tell(report)
    return reports


def _preview(
    node: Node, plan: Plan, store: Store, journal: Journal, cache: HashCache
) -> tuple[Outcome, NodeReport]:
    if plan.missing:
        return plan.missing, NodeReport(node.name, node.stage, "skipped", failure=plan.missing)
    entry = journal.get(node.name)
    if plan.unknown:
        why = reasons(node, plan, (), entry, store)
        waits = tuple(f"may change: input {label}" for label in sorted(plan.unknown))
        return None, NodeReport(node.name, node.stage, "would run" if why else "may run", why=why or waits)
    record, broken = store.find(node.stage, plan.key)
    if record is None:
        why = reasons(node, plan, broken, entry, store)
        return None, NodeReport(node.name, node.stage, "would run", why=why)
    places = outdated(destinations(node.publish, record), record, cache)
    return record, published_report(node, "would restore", places)


def published_report(node: Node, status: Status, places: list[str]) -> NodeReport:
    """Report of a node whose artefact is fresh; ``status`` holds where ``places`` are (to be) written."""
    if not places:
        return NodeReport(node.name, node.stage, "fresh")
    why = tuple(f"published file changed or missing: {place}" for place in places)
    return NodeReport(node.name, node.stage, status, why=why, published=tuple(map(Path, places)))


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
    if not broken and not entry.key:
        return ("first time",)
    if not broken:
        lines = differences(entry.parts, plan.parts, plan.unknown)
        if lines:
            return lines
        record, broken = store.find(node.stage, entry.key)
        if record is None and not broken:
            return ("stored result missing",)
    return tuple(f"stored file changed or missing: {file}" for file in broken)
