"""What a build is made of, and what is said about it. Values only: nothing is read or run here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from xaireport.errors import Failure, XaiReportError

Guard = Callable[[Path, Path], None]
"""Takes a file that lies somewhere and the one to come; raises where it must not be replaced."""

Status = Literal[
    "fresh", "ran", "restored", "failed", "skipped", "would run", "may run", "would restore"
]  # fmt: skip


@dataclass(frozen=True)
class Input:
    """One thing a node reads: (part of) another node's artefact, or a path outside the store.

    Parameters
    ----------
    node : str
        Name of an earlier node.
    file : str
        A file or folder inside that node's artefact; empty for the whole artefact.
    path : Path, optional
        A file or folder outside the store, instead of ``node``.
    optional : bool
        The node runs without it where it is absent, and is told why.
    """

    node: str = ""
    file: str = ""
    path: Path | None = None
    optional: bool = False


@dataclass(frozen=True)
class Context:
    """What a running node is given.

    Parameters
    ----------
    out : Path
        A fresh folder; what is in it when the node returns is the artefact.
    inputs : mapping of str to Path
        Label to file or folder, to be read only. Absent optional inputs are left out.
    failures : mapping of str to Failure
        Label of an absent optional input to why it is absent.
    checkpoint : Path
        A folder that survives a kill, and is removed when the node finishes (but see ``Node.loose``).
    progress : object
        Whatever the engine was given.
    made : mapping of str to Made
        Label of an input that a node made to how it was made. No part of any key: only to be told.
    """

    out: Path
    inputs: Mapping[str, Path]
    failures: Mapping[str, Failure]
    checkpoint: Path
    progress: Any = None
    made: Mapping[str, Made] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """How an artefact came about: the step's name, and the machine, None where nobody wrote it down."""

    by: str
    machine: Mapping[str, Any] | None


@dataclass(frozen=True)
class Node:
    """One step of a build.

    Parameters
    ----------
    name : str
        Unique within the build, readable; not part of the key.
    stage : str
        The kind of step; a folder name in the store.
    params : mapping
        JSON-able settings.
    inputs : mapping of str to Input
        What it reads, by label.
    code : tuple of str
        Root modules of the code that runs; what they import from their own packages counts too.
    packages : tuple of str
        Distributions whose versions may change the result.
    run : callable
        Writes files into ``context.out``.
    publish : mapping of str to Path
        A file of the artefact, or ``""`` or ``"dir/"`` for a whole folder of it -> where people look for it.
    loose : tuple of str
        Dotted params that are part of the key but not of the checkpoint's, such as a time limit: the node
        goes on from what it did within the last one. Its checkpoint is kept when it finishes.
    apart : str
        A module whose ``run(context, params)`` does the same in a process of its own, where more than one
        such node is to run; empty: only here.
    refused : XaiReportError, optional
        Why it cannot run, where that is known beforehand: its failure.
    stands_in : bool
        What it publishes stands in for something better, and yields to what lies there.
    """

    name: str
    stage: str
    params: Mapping[str, Any]
    inputs: Mapping[str, Input]
    code: tuple[str, ...]
    packages: tuple[str, ...]
    run: Callable[[Context], None]
    publish: Mapping[str, Path] = field(default_factory=dict)
    loose: tuple[str, ...] = ()
    apart: str = ""
    refused: XaiReportError | None = None
    stands_in: bool = False


@dataclass(frozen=True)
class Publication:
    """Files of several nodes that appear together, such as a study's report: all of them, or those of before.

    Parameters
    ----------
    name : str
        Unique among the nodes. Later nodes may read what is published, by its path below ``home``.
    home : Path
        The folder that holds all of it.
    files : mapping of str to Input
        Path below ``home`` -> the file or folder that belongs there. One that is its own place stays.
    seal : str
        The one of ``files`` that is there only while all others are: removed first, put last; or empty.
    guards : mapping of str to Guard
        Path below ``home`` -> what may forbid that the file is replaced.
    """

    name: str
    home: Path
    files: Mapping[str, Input]
    seal: str = ""
    guards: Mapping[str, Guard] = field(default_factory=dict)
    stage: str = "publish"

    @property
    def inputs(self) -> Mapping[str, Input]:
        """What is published, as a node's inputs are named."""
        return self.files


Step = Node | Publication


@dataclass(frozen=True)
class NodeStarted:
    """A node begins to run; ``number`` counts from 1 over all ``total`` nodes of the build."""

    name: str
    stage: str
    number: int
    total: int
    why: tuple[str, ...]


@dataclass(frozen=True)
class NodeReport:
    """How a node ended.

    Parameters
    ----------
    name, stage : str
        The node.
    status : str
        ``fresh`` (nothing to do), ``ran``, ``restored`` (only a published file was made again), ``failed``,
        ``skipped`` (an input failed); in a dry run ``would run``, ``may run`` (an input would run) and
        ``would restore``.
    seconds : float
        Wall time of the node's own run; 0 where it did not run.
    why : tuple of str
        What changed.
    failure : Failure, optional
        Of a failed node its own, of a skipped one that of the input it lacks.
    published : tuple of Path
        Published files written (in a dry run: that would be written) this time.
    kept : tuple of Path
        Places where a better file lies, which stays.
    """

    name: str
    stage: str
    status: Status
    seconds: float = 0.0
    why: tuple[str, ...] = ()
    failure: Failure | None = None
    published: tuple[Path, ...] = ()
    kept: tuple[Path, ...] = ()


Listener = Callable[[NodeReport | NodeStarted], None]
