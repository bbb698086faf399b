"""Looks up what one node would read, and under which key its result belongs. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xaireport.engine.code import CodeHasher
from xaireport.engine.hashes import HashCache
from xaireport.engine.keys import Parts, key_of, key_parts
from xaireport.engine.node import Input, Node
from xaireport.engine.store import Record
from xaireport.engine.versions import Versions
from xaireport.errors import ConfigError, Failure, StoreError, XaiReportError

Outcome = Record | Failure | None
"""What became of an earlier node; None while nobody knows (a dry run)."""


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
        hashes: dict[str, str] = {}
        paths: dict[str, Path] = {}
        failures: dict[str, Failure] = {}
        unknown: set[str] = set()
        missing: Failure | None = None
        for label, source in node.inputs.items():
            found = self._outside(source.path) if source.path else _inside(source, done[source.node])
            if found is None:
                unknown.add(label)
            elif isinstance(found, tuple):
                hashes[label], paths[label] = found
            elif source.optional:
                failures[label] = found if isinstance(found, Failure) else _without_place(found, node.stage)
            elif isinstance(found, Failure):
                missing = missing or found
            else:
                raise found
        code = self._code.closure(node.code) if node.code else {}
        parts = key_parts(node, hashes, code, self._versions.of(node.packages), failures)
        return Plan(parts, key_of(parts), paths, failures, frozenset(unknown), missing)

    def changed_outside(self, node: Node, plan: Plan) -> list[str]:
        """Labels of the path inputs that are no longer what the plan says."""
        return [
            label
            for label, source in node.inputs.items()
            if source.path
            and label in plan.paths
            and self._cache.sha256_of_path(plan.paths[label]) != plan.parts["inputs"][label]
        ]

    def _outside(self, given: Path) -> tuple[str, Path] | StoreError:
        path = given.absolute()
        digest = self._cache.sha256_of_path(path)
        if digest is None:
            return StoreError("a file or folder to read", f"nothing called {path.name}", where=str(given))
        return digest, path


def _inside(source: Input, outcome: Outcome) -> tuple[str, Path] | Failure | StoreError | None:
    if not isinstance(outcome, Record):
        return outcome
    digest = outcome.sha256(source.file)
    if digest is None:
        return StoreError(f"{source.file} among the files of '{source.node}'", sorted(outcome.outputs))
    return digest, outcome.folder / source.file


def as_failure(error: XaiReportError, stage: str) -> Failure:
    """Put a known error into the words of a report."""
    without_hint = XaiReportError(error.expected, error.received, "", error.where)
    return Failure(stage, without_hint.message, error.hint)


def _without_place(error: StoreError, stage: str) -> Failure:
    """As `as_failure`, without the path: this failure is part of a key."""
    return as_failure(StoreError(error.expected, error.received, error.hint), stage)


def check(nodes: Sequence[Node]) -> None:
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
