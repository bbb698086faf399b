"""What each style of console prints, and where."""

from __future__ import annotations

import doctest
import io
import json
import sys
from pathlib import Path

import pytest

from xaireport.cli import choose_console, console
from xaireport.cli import text as console_text
from xaireport.cli.console import Console, JsonConsole, PlainConsole, QuietConsole
from xaireport.cli.terminal import TerminalConsole
from xaireport.engine.node import NodeReport, NodeStarted
from xaireport.errors import ConfigError, Failure
from xaireport.pipeline.request import BuildResult, Notice
from xaireport.types.models import Epoch

PHANTOM = Notice("Demonstration on synthetic data.")
STARTED = NodeStarted("train derma.a seed 0", "train", 2, 5, ("changed: train.epochs 20 → 30",))
FRESH = NodeReport("data derma", "data", "fresh")
RAN = NodeReport("train derma.a seed 0", "train", "ran", 75.0)
RESTORED = NodeReport("card derma.a", "render", "restored", published=(Path("reports/derma/a/card.pdf"),))
FAILED = NodeReport(
    "explain derma.a", "explain", "failed", 1.0, failure=Failure("explain", "No [grid] here", "see the log")
)
SKIPPED = NodeReport("card derma.a", "render", "skipped", failure=FAILED.failure)
EPOCH = Epoch(3, 20, 6.0, {"loss": 1.25, "accuracy": 0.5, "val_loss": 1.5, "val_accuracy": 0.25, "lr": 1e-3})
PAGES = (Path("reports/index.html"), Path("reports/index.pdf"), Path("reports/derma/index.html"))
GOOD = BuildResult((FRESH, RAN), (PHANTOM.text,), PAGES)
BAD = BuildResult((FRESH, FAILED, SKIPPED), (), PAGES)


def told(shown: Console, *events: NodeStarted | NodeReport | Notice, result: BuildResult = GOOD) -> None:
    for event in events:
        shown.on_event(event)
        if isinstance(event, NodeStarted):
            shown.on_epoch(event.name, EPOCH)
    shown.finish(result)


def test_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    told(PlainConsole(), PHANTOM, FRESH, STARTED, RAN, RESTORED)
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "Note: Demonstration on synthetic data.",
        "[2/5] train derma.a seed 0",
        "    epoch 3/20, loss 1.250, accuracy 0.500, val. loss 1.500, val. accuracy 0.250, at most 34 s left",
        "    train derma.a seed 0: done in 1 min 15 s",
        "restored: card derma.a",
        "    reports/derma/a/card.pdf",
        "2 steps: 1 unchanged, 1 ran.",
        "Reports: reports/index.html and 1 more",
        "PDF:     reports/index.pdf",
    ]
    assert err == ""


def test_why_is_said_of_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    told(PlainConsole(why=True), FRESH, STARTED, NodeReport("b", "s", "would run", why=("first time",)))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "fresh: data derma"
    assert lines[1:3] == ["[2/5] train derma.a seed 0", "    because changed: train.epochs 20 → 30"]
    assert lines[4:6] == ["would run: b", "    because first time"]


def test_failures_end_up_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    told(PlainConsole(), FAILED, SKIPPED, result=BAD)
    out, err = capsys.readouterr()
    assert "explain derma.a: failed: No [grid] here" in out
    assert "skipped: card derma.a" in out
    assert "Reports: reports/index.html" in out  # the others were made
    assert err.splitlines() == [
        "Failed: explain derma.a: No [grid] here Hint: see the log",
        "Not made for that reason: card derma.a",
    ]


def test_quiet_says_only_what_must_be_known(capsys: pytest.CaptureFixture[str]) -> None:
    told(QuietConsole(), PHANTOM, FRESH, STARTED, RAN)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "Note: Demonstration on synthetic data.\n"  # once, though told twice
    told(QuietConsole(), FAILED, SKIPPED, result=BAD)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Failed: explain derma.a")


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    shown = JsonConsole()
    told(shown, PHANTOM, FRESH, STARTED, FAILED, SKIPPED, result=BAD)
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["status"] == "failed"
    assert [node["status"] for node in document["nodes"]] == ["fresh", "failed", "skipped"]
    assert document["failures"][0] == {
        "node": "explain derma.a",
        "status": "failed",
        "stage": "explain",
        "message": "No [grid] here",
        "hint": "see the log",
    }
    assert document["pages"] == [str(page) for page in PAGES]


def test_json_of_an_error_and_of_an_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    shown = JsonConsole()
    shown.on_event(PHANTOM)
    shown.on_event(RAN)
    shown.fail(ConfigError("a study", "'x'", "see list", "here"))
    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["error"]["received"]) == ("error", "'x'")
    shown.interrupt()
    document = json.loads(capsys.readouterr().out)
    assert document["status"] == "interrupted"
    assert document["nodes"][0]["seconds"] == 75.0
    assert document["notices"] == [PHANTOM.text]


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_style_follows_options_and_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(choose_console(as_json=True, quiet=True), JsonConsole)
    assert type(choose_console(quiet=True)) is QuietConsole
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert type(choose_console()) is PlainConsole
    monkeypatch.setattr(sys, "stdout", Screen())
    assert type(choose_console()) is TerminalConsole
    assert type(choose_console(quiet=True)) is QuietConsole


def test_the_terminal_shows_the_node_the_epoch_and_keeps_what_matters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "160")
    shown = choose_console()
    shown.on_event(PHANTOM)
    shown.on_event(STARTED)
    shown.on_epoch(STARTED.name, EPOCH)
    shown._progress.refresh()  # type: ignore[attr-defined]
    moving = screen.getvalue()
    assert STARTED.name in moving
    assert "epoch 3/20, loss 1.250" in moving
    assert "34 s left" in moving
    assert "2/5" in moving
    shown.on_event(RAN)
    shown.on_event(FAILED)
    shown.finish(BAD)
    kept = screen.getvalue()
    assert "done in 1 min 15 s" in kept
    assert "No [grid] here" in kept  # brackets are no markup
    assert "Reports: reports/index.html" in kept
    assert "Failed: explain derma.a" in capsys.readouterr().err


def test_an_interrupted_terminal_gets_its_cursor_back(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    shown = choose_console()
    shown.on_event(STARTED)
    shown.interrupt()
    assert screen.getvalue().count("\x1b[?25l") == screen.getvalue().count("\x1b[?25h") == 1


@pytest.mark.parametrize("module", [console, console_text])
def test_docstrings(module: object) -> None:
    assert not doctest.testmod(module).failed  # type: ignore[arg-type]
