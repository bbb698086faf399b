"""What a build says while it runs and when it is done: plain lines, a terminal's, JSON, or next to nothing.

One class per style with the same small interface. Decides nothing about the build.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from xaireport.cli.text import duration, epoch_text, failure_lines, has_failed, kept_text, summary
from xaireport.engine.node import NodeReport, NodeStarted
from xaireport.errors import Failure, XaiReportError
from xaireport.types.models import Epoch

if TYPE_CHECKING:
    from xaireport.pipeline.request import BuildResult, Notice

    Event: TypeAlias = NodeStarted | NodeReport | Notice

INTERRUPTED = "Interrupted. What is finished is kept; the next build goes on where this one stopped."


class Console(Protocol):
    """The interface of every style."""

    def on_event(self, event: Event) -> None:
        """A node began or ended, or there is something the reader must know."""

    def on_epoch(self, node: str, epoch: Epoch) -> None:
        """A training finished an epoch."""

    def finish(self, result: BuildResult) -> None:
        """All is done: say what became of it, and where the reports are."""

    def fail(self, error: XaiReportError) -> None:
        """The build could not be done at all."""

    def interrupt(self) -> None:
        """The reader stopped it."""


class QuietConsole:
    """Only what went wrong and what must be known, on standard error."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def on_event(self, event: Event) -> None:
        """Show notices, each once."""
        if not isinstance(event, NodeStarted | NodeReport):
            self._notice(event.text)

    def on_epoch(self, node: str, epoch: Epoch) -> None:
        """Say nothing."""

    def finish(self, result: BuildResult) -> None:
        """Show the failures."""
        for text in result.notices:
            self._notice(text)
        for line in failure_lines(result.reports):
            print(line, file=sys.stderr)

    def fail(self, error: XaiReportError) -> None:
        """Show the error."""
        print(f"Error: {error.message}", file=sys.stderr)

    def interrupt(self) -> None:
        """Say that nothing finished is lost."""
        print(INTERRUPTED, file=sys.stderr)

    def _notice(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._say_notice(text)

    def _say_notice(self, text: str) -> None:
        print(f"Note: {text}", file=sys.stderr)


class PlainConsole(QuietConsole):
    """One line per thing that happens, for logs and pipes.

    Parameters
    ----------
    why : bool
        Say for every node why it runs, or that it need not.
    """

    def __init__(self, why: bool = False) -> None:
        super().__init__()
        self._why = why

    def on_event(self, event: Event) -> None:
        """Print what began, how it ended, or the notice."""
        if isinstance(event, NodeStarted):
            self._line(f"[{event.number}/{event.total}] {event.name}")
            self._reasons(event.why)
        elif isinstance(event, NodeReport):
            self._report(event)
        else:
            super().on_event(event)

    def on_epoch(self, node: str, epoch: Epoch) -> None:
        """Print the epoch and its scores."""
        self._line(f"    {epoch_text(epoch)}")

    def finish(self, result: BuildResult) -> None:
        """Print the sum of it, the failures, and where the reports are."""
        super().finish(result)
        self._line(summary(result.reports))
        for name, page in (("Reports:", ".html"), ("PDF:    ", ".pdf")):
            pages = [path for path in result.pages if "".join(path.suffixes) == page]
            if pages:
                self._line(f"{name} {pages[0]}" + (f" and {len(pages) - 1} more" if len(pages) > 1 else ""))

    def _report(self, report: NodeReport) -> None:
        if report.status == "ran":
            self._line(f"    {report.name}: done in {duration(report.seconds)}")
        elif report.status == "failed" and report.failure:
            self._line(f"    {report.name}: failed: {report.failure.message}")
        elif report.status != "fresh" or self._why:
            self._line(f"{report.status}: {report.name}")
            self._reasons(report.why)
        if report.status == "restored":
            for path in report.published:
                self._line(f"    {path}")
        for path in report.kept:
            self._line(f"    {kept_text(path)}")

    def _reasons(self, why: Sequence[str]) -> None:
        if self._why:
            for reason in why:
                self._line(f"    because {reason}")

    def _say_notice(self, text: str) -> None:
        self._line(f"Note: {text}")

    def _line(self, text: str) -> None:
        print(text, flush=True)


class JsonConsole:
    """One JSON document on standard output when all is over, and nothing before."""

    def __init__(self) -> None:
        self._reports: list[NodeReport] = []
        self._notices: list[str] = []

    def on_event(self, event: Event) -> None:
        """Remember it."""
        if isinstance(event, NodeReport):
            self._reports.append(event)
        elif not isinstance(event, NodeStarted):
            self._notices.append(event.text)

    def on_epoch(self, node: str, epoch: Epoch) -> None:
        """Say nothing."""

    def finish(self, result: BuildResult) -> None:
        """Write the document."""
        self._write(
            "failed" if has_failed(result.reports) else "done", result.reports, result.notices, result.pages
        )

    def fail(self, error: XaiReportError) -> None:
        """Write the document with the error in it."""
        told = {
            "kind": type(error).__name__, "message": error.message, "expected": error.expected,
            "received": error.received, "where": error.where, "hint": error.hint,
        }  # fmt: skip
        self._write("error", self._reports, self._notices, error=told)

    def interrupt(self) -> None:
        """Write the document as far as it goes."""
        self._write("interrupted", self._reports, self._notices)

    def _write(
        self,
        status: str,
        reports: Sequence[NodeReport],
        notices: Sequence[str],
        pages: Sequence[object] = (),
        **more: object,
    ) -> None:
        document = {
            "status": status,
            **more,
            "nodes": [
                {
                    "name": report.name,
                    "stage": report.stage,
                    "status": report.status,
                    "seconds": round(report.seconds, 3),
                    "why": list(report.why),
                    "published": [str(path) for path in report.published],
                    "kept": [str(path) for path in report.kept],
                }
                for report in reports
            ],
            "failures": [
                {"node": report.name, "status": report.status, **_failure(report.failure)}
                for report in reports
                if report.status in ("failed", "skipped")
            ],
            "notices": list(dict.fromkeys(notices)),
            "pages": [str(page) for page in pages],
        }
        print(json.dumps(document, indent=2, ensure_ascii=False))


def _failure(failure: Failure | None) -> dict[str, str]:
    if failure is None:
        return {"stage": "", "message": "", "hint": ""}
    return {"stage": failure.stage, "message": failure.message, "hint": failure.hint}
