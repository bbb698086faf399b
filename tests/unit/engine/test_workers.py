"""Steps in processes of their own: the same results, order and errors as without."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import workers_steps

from xaireport.engine import machine
from xaireport.engine.node import Input, Node
from xaireport.engine.scheduler import Engine


def nodes(*does: str, given: Path | None = None, **more: Any) -> list[Node]:
    inputs = {"given": Input(path=given)} if given else {}

    def node(i: int, do: str) -> Node:
        params = {"do": do, "i": i}
        return Node(
            f"n{i}", "step", params, inputs, (), (), lambda context: workers_steps.run(context, params),
            apart="workers_steps",
        )  # fmt: skip

    return [node(i, do) for i, do in enumerate(does)]


def written(root: Path) -> list[str]:
    return sorted(path.read_text() for path in root.glob("artefacts/step/*/pid.txt"))


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 2)


def test_several_run_elsewhere_with_their_inputs(tmp_path: Path) -> None:
    given = tmp_path / "given.txt"
    given.write_text("words")
    reports = Engine(tmp_path / "store").run(nodes("work", "work", "work", given=given))
    assert [report.status for report in reports] == ["ran"] * 3
    found = written(tmp_path / "store")
    assert len(found) == 3
    processes = {text.split()[0] for text in found}
    assert str(os.getpid()) not in processes
    assert len(processes) <= 2
    assert all("{'given': 'words'} {}" in text for text in found)
    again = Engine(tmp_path / "store").run(nodes("work", "work", "work", given=given))
    assert [report.status for report in again] == ["fresh"] * 3
    assert not list((tmp_path / "store" / "tmp").iterdir())


def test_one_alone_runs_here(tmp_path: Path) -> None:
    Engine(tmp_path / "store").run(nodes("work"))
    assert written(tmp_path / "store")[0].startswith(f"{os.getpid()} ")


def test_on_one_core_all_run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cores", lambda: 1)
    Engine(tmp_path / "store").run(nodes("work", "work"))
    assert all(text.startswith(f"{os.getpid()} ") for text in written(tmp_path / "store"))


def test_failures_stay_alone_and_keep_their_words(tmp_path: Path) -> None:
    reports = Engine(tmp_path / "store").run(nodes("refuse", "work", "break", "die", "work", "work"))
    assert [report.status for report in reports] == ["failed", "ran", "failed", "failed", "ran", "ran"]
    refused, broken, died = (report.failure for report in reports if report.failure)
    assert (refused.message, refused.hint) == ("Expected a page. Received: none. (page.html)", "write one")
    assert "ValueError: broken" in broken.message
    assert "one that ended with 3" in died.message
    assert not list((tmp_path / "store" / "tmp").iterdir())


def test_what_waits_for_a_failed_one_is_not_begun(tmp_path: Path) -> None:
    first, second, third = nodes("refuse", "work", "work")
    inputs = {"n0": Input("n0", "pid.txt")}
    waits = Node("waits", "step", {"do": "work"}, inputs, (), (), third.run, apart="workers_steps")
    reports = Engine(tmp_path / "store").run([first, second, third, waits])
    assert [report.status for report in reports] == ["failed", "ran", "ran", "skipped"]


def test_a_later_one_whose_file_is_missing_fails_alone(tmp_path: Path) -> None:
    first, second, third = nodes("work", "work", "work")
    inputs = {"given": Input(path=tmp_path / "none.txt")}
    lacks = Node("lacks", "step", {"do": "work"}, inputs, (), (), third.run, apart="workers_steps")
    reports = Engine(tmp_path / "store").run([first, second, lacks])
    assert [report.status for report in reports] == ["ran", "ran", "failed"]
    assert reports[2].failure is not None
    assert "none.txt" in reports[2].failure.message
