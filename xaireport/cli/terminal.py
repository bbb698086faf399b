"""The console of a terminal: a moving line for the node and the epoch in hand, under the lines that stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xaireport.cli.console import PlainConsole
from xaireport.cli.text import epoch_text
from xaireport.engine.node import NodeReport, NodeStarted
from xaireport.errors import XaiReportError
from xaireport.types.models import Epoch

if TYPE_CHECKING:
    from xaireport.cli.console import Event
    from xaireport.pipeline.request import BuildResult


class TerminalConsole(PlainConsole):
    """The same lines above a moving one: the node in hand, its epoch, its scores and the time left.

    Rich is imported when the first node runs: a build with nothing to do does without.
    """

    def __init__(self, why: bool = False) -> None:
        super().__init__(why)
        self._progress: Any = None
        self._nodes: Any = None
        self._epochs: Any = None

    def on_event(self, event: Event) -> None:
        """Move the bars, and print what stays."""
        if isinstance(event, NodeStarted):
            self._start(event)
            self._drop_epochs()
            if self._why:
                super().on_event(event)
            return
        super().on_event(event)
        if isinstance(event, NodeReport) and self._progress is not None:
            self._drop_epochs()

    def on_epoch(self, node: str, epoch: Epoch) -> None:
        """Move the bar of the epochs."""
        if self._progress is None:
            return
        if self._epochs is None:
            self._epochs = self._progress.add_task("  epochs", total=epoch.total, detail="")
        self._progress.update(
            self._epochs, completed=epoch.number, total=epoch.total, detail=epoch_text(epoch)
        )

    def finish(self, result: BuildResult) -> None:
        """Take the bars away, then sum up."""
        self._stop()
        super().finish(result)

    def fail(self, error: XaiReportError) -> None:
        """Take the bars away, then show the error."""
        self._stop()
        super().fail(error)

    def interrupt(self) -> None:
        """Take the bars away first."""
        self._stop()
        super().interrupt()

    def _start(self, node: NodeStarted) -> None:
        shown = {"completed": node.number - 1, "detail": f"{node.number}/{node.total}"}
        if self._progress is not None:
            self._progress.update(self._nodes, description=node.name, **shown)
            return
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        text = TextColumn("{task.description}", markup=False)
        detail = TextColumn("{task.fields[detail]}", markup=False)
        self._progress = Progress(
            SpinnerColumn(), text, BarColumn(bar_width=24), detail, transient=True, redirect_stderr=False
        )
        self._nodes = self._progress.add_task(node.name, total=node.total, **shown)
        self._progress.start()

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def _drop_epochs(self) -> None:
        if self._epochs is not None:
            self._progress.remove_task(self._epochs)
            self._epochs = None

    def _line(self, text: str) -> None:
        if self._progress is None:
            super()._line(text)
        else:
            self._progress.console.print(text, markup=False, highlight=False)
