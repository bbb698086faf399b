"""What is asked of a build, and what it tells and returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from xaireport.engine.node import NodeReport, NodeStarted
from xaireport.types.data import DataMode
from xaireport.types.models import Epoch


@dataclass(frozen=True)
class Notice:
    """What the reader has to know before the work begins: that the data are a phantom, for one."""

    text: str


Listener = Callable[[NodeStarted | NodeReport | Notice], None]
OnEpoch = Callable[[str, Epoch], None]
"""Told the name of the node that trains, and how."""


@dataclass(frozen=True)
class BuildRequest:
    """What the user asked for."""

    targets: tuple[str, ...] = ()
    all: bool = False
    epochs: int | None = None
    max_minutes: float | None = None
    seed: int | None = None
    out: Path = Path("reports")
    data: DataMode = "auto"
    data_dir: Path | None = None
    allow_random_backbone: bool = False
    overrides: tuple[str, ...] = ()
    dry_run: bool = False
    force: bool = False
    """Replace published files that no earlier build put there."""


@dataclass(frozen=True)
class BuildResult:
    """What became of it: one report per node, and the pages there are now, the index first."""

    reports: tuple[NodeReport, ...]
    notices: tuple[str, ...] = ()
    pages: tuple[Path, ...] = ()

    @property
    def failed(self) -> tuple[NodeReport, ...]:
        """Nodes that did not do what they should."""
        return tuple(report for report in self.reports if report.status in ("failed", "skipped"))
