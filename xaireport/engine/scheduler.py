"""Runs the nodes of a build, one by one: what is fresh stays, what changed runs, a failure stays alone."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xaireport.engine.folders import remove_tree
from xaireport.engine.hashes import HashCache
from xaireport.engine.journal import Entry, Journal
from xaireport.engine.keys import checkpoint_key
from xaireport.engine.lock import locked
from xaireport.engine.node import (
    Context,
    Input,
    Listener,
    Node,
    NodeReport,
    NodeStarted,
    Publication,
    Status,
    Step,
)
from xaireport.engine.plan import Outcome, Plan, Planner, as_failure, check
from xaireport.engine.preview import preview, published_report, reasons
from xaireport.engine.publish import Change, Files, Publisher, files_of_node, files_of_publication, lying
from xaireport.engine.store import JOURNAL, Cleaned, Record, Store
from xaireport.errors import Failure, StoreError, XaiReportError
from xaireport.files import clear_errors

if TYPE_CHECKING:
    from concurrent.futures import Future

    from xaireport.engine.workers import Processes

__all__ = [
    "Cleaned", "Context", "Engine", "Input", "Listener", "Node", "NodeReport", "NodeStarted", "Publication",
    "Status", "Step",
]  # fmt: skip


FEWEST_APART = 2
"""Fewer nodes than this are not worth a process."""


class Engine:
    """Builds into one store.

    Parameters
    ----------
    store : Path
        Folder of the results; made when needed.
    progress : object
        Handed to each node as ``context.progress``.
    force : bool
        Whether published files may replace some that no build of this store put there.
    """

    def __init__(self, store: Path, progress: object = None, force: bool = False) -> None:
        self._root = store.absolute()
        self._progress = progress
        self._force = force

    def run(
        self, nodes: Sequence[Step], *, dry_run: bool = False, listener: Listener | None = None
    ) -> list[NodeReport]:
        """Bring all nodes and publications up to date and return one report for each, in their order.

        Parameters
        ----------
        nodes : sequence of Node or Publication
            In topological order.
        dry_run : bool
            Only say what would happen; nothing is written, not even a cache.
        listener : callable, optional
            Told of each node that begins to run, and of each report.

        Raises
        ------
        ConfigError
            The list of nodes is no build.
        StoreError
            Another build is running, or the store cannot be written.
        """
        check(nodes)
        tell = listener or (lambda event: None)
        with clear_errors():
            if dry_run:
                return preview(self._root, nodes, tell, self._force)
            self._root.mkdir(parents=True, exist_ok=True)
            with locked(self._root / "lock"):
                return _Build(self._root, self._progress, tell, self._force).run(nodes)

    def is_foreign(self, publication: str, home: Path, name: str) -> bool:
        """Whether a file in ``home`` was put there by no such publication: it is not replaced unforced."""
        cache = HashCache(self._root / "hashes.json")
        folder = Path(os.path.abspath(home))  # noqa: PTH100
        with clear_errors():
            return Publisher(self._root, cache).is_foreign(f"{folder}/{name}", publication, folder)

    def clean(self, keep_current: bool = True) -> Cleaned:
        """Remove stored results that no node's last run refers to, or with ``keep_current=False`` all.

        Unfinished runs that can be resumed count as current. Published files stay.

        Raises
        ------
        StoreError
            A build is running, or the store cannot be written.
        """
        with clear_errors():
            if not self._root.exists():
                return Cleaned(0, 0)
            with locked(self._root / "lock"):
                entries = Journal(self._root / JOURNAL).entries() if keep_current else {}
                if damaged := [file for file, entry in entries.items() if entry is None]:
                    raise StoreError(
                        "a journal that says which results are current",
                        f"{len(damaged)} of its files that cannot be read",
                        "Build every study that is to stay, delete the file, or remove all results with "
                        "--everything.",
                        f"{self._root.name}/{JOURNAL}/{damaged[0].name}",
                    )
                current = [entry for entry in entries.values() if entry]
                return self._prune({each.finished for each in current}, {each.begun for each in current})

    def _prune(self, artefacts: set[str], checkpoints: set[str]) -> Cleaned:
        store = Store(self._root, HashCache(self._root / "hashes.json"))
        store.open()
        removed = [store.prune("artefacts", artefacts), store.prune("checkpoints", checkpoints)]
        return Cleaned(sum(r.artefacts for r in removed), sum(r.size_bytes for r in removed))


class _Build:
    """One run over a list of nodes."""

    def __init__(self, root: Path, progress: object, tell: Listener, force: bool) -> None:
        self._root = root
        self._progress = progress
        self._tell = tell
        self._cache = HashCache(root / "hashes.json")
        self._store = Store(root, self._cache)
        self._journal = Journal(root / JOURNAL)
        self._planner = Planner(self._cache)
        self._publisher = Publisher(root, self._cache, force)
        self._done: dict[str, Outcome] = {}
        self._claimed: dict[str, str] = {}
        self._nodes: Sequence[Step] = ()
        self._ran: set[str] = set()
        self._processes: Processes | None = None
        self._begun: dict[str, tuple[str, Path, Future[None]]] = {}

    def run(self, nodes: Sequence[Step]) -> list[NodeReport]:
        self._store.open()
        self._publisher.clear()
        self._nodes = nodes
        reports = []
        try:
            for number, node in enumerate(nodes, start=1):
                reports.append(self._guarded(node, number, len(nodes)))
                self._tell(reports[-1])
        finally:
            if self._processes:
                self._processes.close()
            for _, out, _ in self._begun.values():
                with contextlib.suppress(OSError):
                    remove_tree(out)
            self._cache.save()
        return reports

    def _begin_ahead(self, node: Node) -> None:
        """Begin, in processes of their own, this node and all later ones that could run now."""
        from xaireport.engine.machine import cores
        from xaireport.engine.workers import Processes  # a build with nothing to do starts none

        ready: list[tuple[Node, Plan]] = []
        for other in self._nodes[self._nodes.index(node) :] if cores() > 1 else ():
            if isinstance(other, Publication) or not other.apart or other.name in self._begun:
                continue
            if any(each.node and each.node not in self._done for each in other.inputs.values()):
                continue
            with contextlib.suppress(XaiReportError):  # of another node: it is told when its turn comes
                plan = self._planner.plan(other, self._done)
                if not plan.missing and self._store.find(other.stage, plan.key)[0] is None:
                    ready.append((other, plan))
        if len(ready) >= FEWEST_APART:
            self._processes = self._processes or Processes(cores())
            for other, plan in ready:
                out = self._store.temporary()
                context = Context(out, plan.paths, plan.failures, out, made=plan.made)
                self._begun[other.name] = (plan.key, out, self._processes.submit(other, context))

    def _guarded(self, node: Step, number: int, total: int) -> NodeReport:
        """Run one node or publication; whatever goes wrong with it becomes its report."""
        started = time.perf_counter()
        try:
            with clear_errors():
                if isinstance(node, Publication):
                    return self._published(node, number, total)
                return self._step(node, number, total)
        except XaiReportError as error:
            failure = as_failure(error, node.stage)
        except Exception as error:
            failure = self._log(node, error)
        failure = replace(failure, message=self._without_paths(failure.message))
        self._done.setdefault(node.name, failure)  # an artefact that could only not be published is there
        seconds = time.perf_counter() - started
        return NodeReport(node.name, node.stage, "failed", seconds, failure=failure)

    def _step(self, node: Node, number: int, total: int) -> NodeReport:
        plan = self._planner.plan(node, self._done)
        if plan.missing:
            self._done[node.name] = plan.missing
            return NodeReport(node.name, node.stage, "skipped", failure=plan.missing)
        record, broken = self._store.find(node.stage, plan.key)
        if record is not None:
            self._done[node.name] = record
            self._finish(node, plan)
            return published_report(node, "restored", self._publish(files_of_node(node, record)))
        why = reasons(node, plan, broken, self._journal.get(node.name), self._store)
        self._tell(NodeStarted(node.name, node.stage, number, total, why))
        started = time.perf_counter()
        record = self._run(node, plan)
        seconds = time.perf_counter() - started
        self._done[node.name] = record
        self._ran.add(node.name)
        change = self._publish(files_of_node(node, record))
        return replace(published_report(node, "ran", change), status="ran", seconds=seconds, why=why)

    def _published(self, publication: Publication, number: int, total: int) -> NodeReport:
        """Put the files of several nodes where people look for them."""
        inputs = self._planner.resolve(publication.files, publication.stage, self._done)
        if inputs.missing:
            self._done[publication.name] = inputs.missing
            return NodeReport(publication.name, publication.stage, "skipped", failure=inputs.missing)
        files = files_of_publication(publication, inputs.found)
        started = time.perf_counter()
        try:
            self._refuse_to_lose(publication, inputs.failures)
            change = self._publisher.change(files)
            if not change.is_none:
                why = published_report(publication, "ran", change).why
                self._tell(NodeStarted(publication.name, publication.stage, number, total, why))
            change = self._publish(files)
        except (XaiReportError, OSError):
            if standing := self._publisher.standing(files):
                self._done[publication.name] = standing
            raise
        self._done[publication.name] = lying(files)
        is_new = any(source.node in self._ran for source in publication.files.values())
        report = published_report(publication, "ran" if is_new else "restored", change)
        return report if change.is_none else replace(report, seconds=time.perf_counter() - started)

    def _refuse_to_lose(self, publication: Publication, failures: Mapping[str, Failure]) -> None:
        """Refuse to take away a page for no other reason than that its own step failed just now."""
        stages = {step.name: step.stage for step in self._nodes}
        for name, failure in failures.items():
            node = publication.files[name].node
            if node and failure.stage == stages[node] and os.path.lexists(publication.home / name):
                raise StoreError(
                    "every file of the report that lies there",
                    f"none that could take the place of {publication.home / name}, since `{node}` failed",
                    "Mend that and build again, or move the file away. Until then the report stays as it is.",
                )

    def _run(self, node: Node, plan: Plan) -> Record:
        unfinished = checkpoint_key(plan.parts, node.loose)
        checkpoint = self._store.checkpoint(node.stage, unfinished)
        self._journal.put(
            node.name, replace(self._journal.get(node.name), begun=f"{node.stage}/{unfinished}")
        )
        checkpoint.mkdir(parents=True, exist_ok=True)
        if node.apart and node.name not in self._begun:
            self._begin_ahead(node)
        key, out, begun = self._begun.pop(node.name, ("", None, None))
        if out is None or key != plan.key:
            out, begun = self._store.temporary(), None
        try:
            started = time.perf_counter()
            if begun:
                begun.result()
            else:
                context = Context(out, plan.paths, plan.failures, checkpoint, self._progress, plan.made)
                node.run(context)
            seconds = time.perf_counter() - started
            for label in self._planner.changed_outside(node, plan):
                raise StoreError(
                    "inputs that stay the same during the run", f"another '{label}'", "Build again."
                )
            record = self._store.commit(
                out, node=node.name, stage=node.stage, key=plan.key, parts=plan.parts, seconds=seconds
            )
        except BaseException:
            with contextlib.suppress(OSError):
                remove_tree(out)
            with contextlib.suppress(OSError):
                checkpoint.rmdir()  # only where nothing is in it
            raise
        self._finish(node, plan)
        return record

    def _finish(self, node: Node, plan: Plan) -> None:
        """Note that the artefact is complete: resumed only where a loose setting may allow it more."""
        begun = self._journal.get(node.name).begun
        if begun and not node.loose and begun == f"{node.stage}/{checkpoint_key(plan.parts, node.loose)}":
            remove_tree(self._store.checkpoint(*begun.split("/")))
            begun = ""
        self._journal.put(node.name, Entry(f"{node.stage}/{plan.key}", begun))

    def _publish(self, files: Files) -> Change:
        """Bring published files up to date; each place is one step's."""
        for place in files.sources:
            if self._claimed.setdefault(place, files.by) != files.by:
                raise StoreError("one step per published file", f"'{self._claimed[place]}' too", where=place)
        return self._publisher.publish(files)

    def _without_paths(self, message: str) -> str:
        """Take out what differs between two folders or two runs: a failure may be part of a key."""
        message = re.sub(re.escape(f"{self._root}/tmp/") + r"[0-9a-f]{16}/?", "", message)
        return message.replace(str(self._root), self._root.name)

    def _log(self, node: Step, error: Exception) -> Failure:
        """Keep the traceback of an error that nobody foresaw."""
        import traceback

        log = self._root / "log.txt"
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.write(f"{stamp} {node.name}\n{''.join(traceback.format_exception(error))}\n")
        return Failure(
            node.stage,
            f"{type(error).__name__}: {error}",
            f"The traceback is in {self._root.name}/log.txt.",
        )
