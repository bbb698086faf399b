"""Looks up what one node would read, and under which key its result belongs. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xaireport.engine.code import CodeHasher
from xaireport.engine.hashes import HashCache, sha256_of_files
from xaireport.engine.keys import Parts, key_of, key_parts
from xaireport.engine.node import Input, Made, Node, Step
from xaireport.engine.store import Record
from xaireport.engine.versions import Versions
from xaireport.errors import ConfigError, Failure, StoreError, XaiReportError

Outcome = Record | Failure | None
"""What became of an earlier node; None while nobody knows (a dry run)."""


@dataclass(frozen=True)
class Found:
    """A file or folder that is read: where it is, its hash, for a folder that of each file, who made it."""

    path: Path
    sha256: str
    files: Mapping[str, str] | None = None
    made: Made | None = None


@dataclass(frozen=True)
class Inputs:
    """What a step reads, by label: what is there, why what may be absent is, and what nobody knows yet.

    ``missing`` is set where a required input is absent for a reason of its own.
    """

    found: dict[str, Found]
    failures: dict[str, Failure]
    unknown: frozenset[str]
    missing: Failure | None


@dataclass(frozen=True)
class Plan:
    """What a node reads, resolved.

    ``missing`` is set where a required input is absent for a reason of its own; ``unknown`` are the labels of
    inputs that an earlier node has yet to make.
    """

    parts: Parts
    key: str
    paths: dict[str, Path]
    failures: dict[str, Failure]
    unknown: frozenset[str]
    missing: Failure | None
    made: dict[str, Made]


class Planner:
    """Resolves nodes against the files, the code and the versions of now."""

    def __init__(self, cache: HashCache) -> None:
        self._cache = cache
        self._code = CodeHasher(cache)
        self._versions = Versions()

    def plan(self, node: Node, done: Mapping[str, Outcome]) -> Plan:
        """Resolve ``node``, given the outcomes of all earlier nodes.

        Raises
        ------
        StoreError
            A required file is not there.
        XaiReportError
            What the node was refused for.
        """
        if node.refused:
            raise node.refused
        inputs = self.resolve(node, done)
        hashes = {label: found.sha256 for label, found in inputs.found.items()}
        paths = {label: found.path for label, found in inputs.found.items()}
        code = self._code.closure(node.code) if node.code else {}
        parts = key_parts(node, hashes, code, self._versions.of(node.packages), inputs.failures)
        made = {label: found.made for label, found in inputs.found.items() if found.made}
        return Plan(parts, key_of(parts), paths, inputs.failures, inputs.unknown, inputs.missing, made)

    def resolve(self, step: Step, done: Mapping[str, Outcome]) -> Inputs:
        """Look up what a step reads, given the outcomes of all earlier ones.

        Raises
        ------
        StoreError
            A required file is not there.
        """
        known: dict[str, Found] = {}
        failures: dict[str, Failure] = {}
        unknown: set[str] = set()
        missing: Failure | None = None
        for label, source in step.inputs.items():
            found = self._outside(source.path) if source.path else _inside(source, done[source.node])
            if found is None:
                unknown.add(label)
            elif isinstance(found, Found):
                known[label] = found
            elif source.optional:
                failures[label] = found if isinstance(found, Failure) else _without_place(found, step.stage)
            elif isinstance(found, Failure):
                missing = missing or found
            else:
                raise found
        return Inputs(known, failures, frozenset(unknown), missing)

    def changed_outside(self, node: Node, plan: Plan) -> list[str]:
        """Labels of the path inputs that are no longer what the plan says."""
        return [
            label
            for label, source in node.inputs.items()
            if source.path
            and label in plan.paths
            and self._cache.sha256_of_path(plan.paths[label]) != plan.parts["inputs"][label]
        ]

    def _outside(self, given: Path) -> Found | StoreError:
        path = given.absolute()
        if path.is_dir():
            files = self._cache.sha256_of_folder(path)
            return Found(path, sha256_of_files(files), files)
        digest = self._cache.sha256(str(path))
        if digest is None:
            return StoreError("a file or folder to read", f"nothing called {path.name}", where=str(given))
        return Found(path, digest)


def _inside(source: Input, outcome: Outcome) -> Found | Failure | StoreError | None:
    if not isinstance(outcome, Record):
        return outcome
    digest = outcome.sha256(source.file)
    if digest is None:
        return StoreError(f"{source.file} among the files of '{source.node}'", sorted(outcome.outputs))
    files = None if source.file in outcome.outputs else outcome.select(source.file)
    return Found(outcome.folder / source.file, digest, files, outcome.made)


def as_failure(error: XaiReportError, stage: str) -> Failure:
    """Put a known error into the words of a report."""
    without_hint = XaiReportError(error.expected, error.received, "", error.where)
    return Failure(stage, without_hint.message, error.hint)


def _without_place(error: StoreError, stage: str) -> Failure:
    """As `as_failure`, without the path: this failure is part of a key."""
    return as_failure(StoreError(error.expected, error.received, error.hint), stage)


def check(nodes: Sequence[Step]) -> None:
    """Refuse a list that is no build.

    Raises
    ------
    ConfigError
        Two nodes of one name, or an input that no earlier node makes.
    """
    seen: set[str] = set()
    for node in nodes:
        if node.name in seen:
            raise ConfigError("nodes of different names", f"two called '{node.name}'")
        if not node.stage or "/" in node.stage or node.stage.startswith("."):
            raise ConfigError("a stage that can be a folder's name", node.stage, where=node.name)
        for label, source in node.inputs.items():
            if bool(source.node) == bool(source.path):
                raise ConfigError(
                    "an input with either a node or a path", source, where=f"{node.name}: {label}"
                )
            if source.node and source.node not in seen:
                raise ConfigError("an input from an earlier node", source.node, where=f"{node.name}: {label}")
        seen.add(node.name)
