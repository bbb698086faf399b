"""The command line: what it hands over, what it prints, how it exits. The build itself is a stand-in here."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from xaireport.cli import app
from xaireport.engine.node import NodeReport, NodeStarted
from xaireport.errors import ConfigError, DataError, Failure, StoreError
from xaireport.pipeline import run as builds
from xaireport.pipeline.request import BuildRequest, BuildResult
from xaireport.study.find import select
from xaireport.study.load import load_study
from xaireport.types.models import Epoch

HEAVY = (
    "tensorflow",
    "keras",
    "numpy",
    "pandas",
    "matplotlib",
    "jinja2",
    "rich",
    "sklearn",
    "PIL",
    "weasyprint",
)
RAN = NodeReport("train derma.a seed 0", "train", "ran", 2.0, ("first time",))
FAILED = NodeReport(
    "train derma.a seed 0", "train", "failed", failure=Failure("train", "No luck", "try again")
)
PAGES = (Path("reports/index.html"), Path("reports/index.pdf"))
RESULT = BuildResult((RAN,), ("Demonstration on synthetic data.",), PAGES)

run = CliRunner().invoke


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def building(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Let the build give a result or raise, and keep what it was asked."""

    def behave(outcome: BuildResult | BaseException) -> list[Any]:
        asked: list[Any] = []

        def build(request: BuildRequest, listener: Any = None, on_epoch: Any = None) -> BuildResult:
            asked.append(request)
            listener(NodeStarted(RAN.name, "train", 1, 1, RAN.why))
            on_epoch(RAN.name, Epoch(1, 2, 1.0, {"loss": 0.5}))
            print("a library talks")
            if isinstance(outcome, BaseException):
                raise outcome
            for report in outcome.reports:
                listener(report)
            return outcome

        monkeypatch.setattr(builds, "build", build)
        return asked

    return behave


def test_the_stand_in_has_the_signature_of_the_build() -> None:
    assert list(inspect.signature(builds.build).parameters) == ["request", "listener", "on_epoch"]
    assert list(inspect.signature(builds.render).parameters) == [
        "targets",
        "all",
        "out",
        "dry_run",
        "listener",
        "formats",
        "force",
    ]
    assert list(inspect.signature(builds.clean).parameters) == ["everything"]


def test_every_option_reaches_the_build(building: Callable[..., list[Any]]) -> None:
    asked = building(RESULT)
    line = (
        "build derma cifar10.resnet --epochs 3 --max-minutes 1.5 --seed 7 --out x --data phantom "
        "--data-dir d --allow-random-backbone --set a.train.epochs=1 --set seed=2 --dry-run --force"
    )
    assert run(app, line.split()).exit_code == 0
    assert run(app, ["build", "--all"]).exit_code == 0
    assert asked == [
        BuildRequest(
            targets=("derma", "cifar10.resnet"),
            epochs=3,
            max_minutes=1.5,
            seed=7,
            out=Path("x"),
            data="phantom",
            data_dir=Path("d"),
            allow_random_backbone=True,
            overrides=("a.train.epochs=1", "seed=2"),
            dry_run=True,
            force=True,
        ),
        BuildRequest(all=True),
    ]


def test_plain_output_says_what_happens_and_where_the_reports_are(building: Callable[..., list[Any]]) -> None:
    building(RESULT)
    result = run(app, ["build", "--all"])
    assert result.exit_code == 0
    assert "[1/1] train derma.a seed 0" in result.stdout
    assert "epoch 1/2, loss 0.500" in result.stdout
    assert "Note: Demonstration on synthetic data." in result.stdout
    where = result.stdout.rstrip().splitlines()[-2:]
    assert where == [
        "Reports: reports/index.html",
        "PDF:     reports/index.pdf",
    ]
    assert "because" not in result.stdout
    assert "because first time" in run(app, ["build", "--all", "--why"]).stdout


def test_json_stands_alone_on_standard_output(building: Callable[..., list[Any]]) -> None:
    building(RESULT)
    result = run(app, ["build", "--all", "--json"])
    document = json.loads(result.stdout)
    assert document["status"] == "done"
    assert document["nodes"][0]["name"] == RAN.name
    assert document["pages"] == ["reports/index.html", "reports/index.pdf"]
    assert "a library talks" in result.stderr


def test_a_failed_step_exits_with_1_after_the_others(building: Callable[..., list[Any]]) -> None:
    building(BuildResult((FAILED,), (), PAGES))
    result = run(app, ["build", "--all"])
    assert result.exit_code == 1
    assert "Failed: train derma.a seed 0: No luck Hint: try again" in result.stderr
    assert "Reports: reports/index.html" in result.stdout
    assert run(app, ["build", "--all", "--json"]).exit_code == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a study", "'x'", "see list"), 2),
        (DataError("a file", "none"), 1),
        (StoreError("a lock", "another build"), 1),
    ],
)
def test_exit_codes_tell_before_and_after(
    building: Callable[..., list[Any]], error: Exception, code: int
) -> None:
    building(error)
    result = run(app, ["build", "--all"])
    assert result.exit_code == code
    assert result.stderr.splitlines()[-1] == f"Error: {error}"
    assert "Traceback" not in result.output
    told = run(app, ["build", "--all", "--json"])
    assert told.exit_code == code
    assert json.loads(told.stdout)["error"]["message"] == str(error)


def test_interrupted(building: Callable[..., list[Any]]) -> None:
    building(KeyboardInterrupt())
    result = run(app, ["build", "--all"])
    assert result.exit_code == 130
    assert result.stderr.splitlines() == [
        "Interrupted. What is finished is kept; the next build goes on where this one stopped."
    ]


def test_a_bug_is_not_hidden(building: Callable[..., list[Any]]) -> None:
    building(ZeroDivisionError("a bug"))
    assert isinstance(run(app, ["build", "--all"]).exception, ZeroDivisionError)


@pytest.mark.parametrize(
    "line",
    [
        "build derma --epochs 0",
        "build derma --epochs many",
        "build derma --seed -1",
        "build derma --max-minutes 0",
        "build derma --max-minutes nan",
        "build derma --data imaginary",
        "build derma --colour blue",
        "biuld",
        "build",
        "build derma --all",
        "build drma --data phantom",
        "build derma.baselin --data phantom",
        "build derma --data phantom --set baselin.train.epochs=3",
        "build derma --data phantom --set baseline.train.epochs=x",
        "build missing.toml",
    ],
)
def test_mistakes_before_any_work_exit_with_2_and_leave_nothing(line: str, tmp_path: Path) -> None:
    result = run(app, line.split())
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_render(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(builds, "render", lambda *arguments: asked.append(arguments) or RESULT)
    assert run(app, ["render", "derma", "--out", "x"]).exit_code == 0
    assert run(app, ["render", "--all", "--dry-run", "--json"]).exit_code == 0
    assert [arguments[:4] for arguments in asked] == [
        (("derma",), False, Path("x"), False),
        ((), True, Path("reports"), True),
    ]


@pytest.mark.parametrize(
    ("line", "formats"),
    [
        ("", ()),
        ("--format html", ("html",)),
        ("--format html,pdf", ("html", "pdf")),
        ("--format html --format pdf", ("html", "pdf")),
        ("--format html,md --format pdf", ("html", "md", "pdf")),
    ],
)
def test_every_format_that_is_asked_for_is_written(
    monkeypatch: pytest.MonkeyPatch, line: str, formats: tuple[str, ...]
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(builds, "render", lambda *arguments: asked.append(arguments) or RESULT)
    assert run(app, ["render", "derma", *line.split()]).exit_code == 0
    assert asked[0][5] == formats


def test_clean_in_a_folder_without_a_store() -> None:
    result = run(app, ["clean", "--everything"])
    assert (result.exit_code, result.stdout) == (0, "Removed 0 stored results (0.0 MB).\n")


def test_list_names_variants_and_trained_files(tmp_path: Path) -> None:
    trained = tmp_path / "models/derma/augmented/model.keras"
    trained.parent.mkdir(parents=True)
    trained.write_bytes(b"")
    text = run(app, ["list"]).stdout
    assert re.search(r"derma.baseline +cnn2d +CNN +not trained yet", text)
    assert re.search(r"derma.int8 +cnn2d, int8 +CNN, full integer +not made yet", text)
    assert "models/derma/augmented/model.keras" in text
    document = json.loads(run(app, ["list", "--json"]).stdout)
    derma = next(study for study in document["studies"] if study["name"] == "derma")
    assert [v["name"] for v in derma["variants"]] == [
        "baseline",
        "augmented",
        "transfer",
        "dynamic",
        "int8",
        "qat",
    ]
    assert derma["variants"][1]["models"] == ["models/derma/augmented/model.keras"]
    assert derma["variants"][1]["parent"] == "baseline"


def test_list_names_a_broken_study_and_shows_the_others(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/broken.toml").write_text("x = \n")
    result = run(app, ["list", "--json"])
    assert result.exit_code == 2
    assert "models/broken.toml" in result.stderr
    assert len(json.loads(result.stdout)["studies"]) >= 3


def test_init_writes_a_study_that_loads_and_never_overwrites(tmp_path: Path) -> None:
    result = run(app, ["init", "lab"])
    path = tmp_path / "lab.toml"
    assert result.exit_code == 0
    assert result.stdout == "Wrote lab.toml. Fill it in, then: xaireport build lab.toml\n"
    mine = load_study(path).variants["mine"]
    assert (mine.path, mine.pixel_scale, mine.output) == ("my_model.keras", "0-1", "probabilities")
    path.write_text("# mine\n")
    for name in ("lab", "derma", "My Lab", "../lab"):
        refused = run(app, ["init", name])
        assert refused.exit_code == 2
        assert refused.stderr.startswith("Error: Expected")
    assert path.read_text() == "# mine\n"
    assert [each.name for each in tmp_path.iterdir()] == ["lab.toml"]


def test_a_file_in_the_working_folder_is_not_listed(tmp_path: Path) -> None:
    """A TOML file there is most often no study."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    (tmp_path / "broken.toml").write_text("x = \n")
    run(app, ["init", "lab"])
    listed = json.loads(run(app, ["list", "--json"]).stdout)["studies"]
    assert {study["name"] for study in listed} == {"cifar10", "derma", "fracture3d"}


HINTS = {
    "build lab.toml": "init lab",
    "init derma": "init derma-2",
    "init begun": "init begun-2",
    "build derma.toml": "build derma",
    "build both": "build both.toml",
    "build both.mine": "build both.toml",
    "build": "list",
    "render derma": "build derma",
    "render derma begun --out there": "build derma begun --out there",
    "render --all": "build --all",
}
"""What is typed -> the command that the answer names."""


@pytest.fixture
def selecting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a build find its studies and read them, and do nothing with them."""

    def build(request: BuildRequest, *_: Any) -> BuildResult:
        for each in select(request.targets, request.all):
            load_study(each.path)
        return BuildResult(())

    monkeypatch.setattr(builds, "build", build)


@pytest.mark.usefixtures("selecting")
@pytest.mark.parametrize("typed", HINTS)
def test_the_command_that_a_hint_names_works(typed: str, tmp_path: Path) -> None:
    """In a folder where two studies were begun, one of them in models/ as well, and nothing was built."""
    for name in ("begun", "both"):
        run(app, ["init", name])
    (tmp_path / "models").mkdir()
    shutil.copy(tmp_path / "both.toml", tmp_path / "models")
    result = run(app, typed.split())
    assert result.exit_code == 2
    (command,) = re.findall("Hint: .*`xaireport ([^`]+)`", result.stderr)
    assert command == HINTS[typed]
    assert run(app, command.split()).exit_code == 0


def test_what_init_comments_out_is_valid_too(tmp_path: Path) -> None:
    run(app, ["init", "lab"])
    path = tmp_path / "lab.toml"
    head, tables = path.read_text().split("# A model trained here")
    code = [line.removeprefix("# ") for line in tables.splitlines() if line.startswith(("# [", "# "))]
    settings = [line for line in code if line.startswith("[") or " = " in line]
    path.write_text(head + "\n" + "\n".join(settings))
    loaded = load_study(path)
    assert loaded.variants["augmented"].changed_from_parent["augment.rotation_degrees"] == (0, 15.0)
    assert loaded.variants["baseline"].reference is not None


def modules_after(*arguments: str) -> set[str]:
    code = (
        "import sys\nfrom xaireport.cli import app\n"
        f"try:\n    app({list(arguments)!r})\nexcept SystemExit as end:\n    assert end.code == 0, end.code\n"
        "print('\\n' + ' '.join(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("line", ["--help", "--version", "build --help", "list", "list --json", "init lab"])
def test_nothing_heavy_is_imported(line: str) -> None:
    loaded = modules_after(*line.split())
    assert "xaireport.cli" in loaded
    assert loaded.isdisjoint(HEAVY)
    if "--help" in line or "--version" in line:
        assert "xaireport.pipeline.run" not in loaded
        assert "xaireport.study" not in loaded


def test_a_real_ctrl_c_ends_in_one_line(tmp_path: Path) -> None:
    code = (
        # A process started in the background inherits that interrupts are ignored.
        "import signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from xaireport.pipeline import run\nfrom xaireport.cli import app\n"
        "def build(*_):\n    print('ready', flush=True)\n    time.sleep(60)\n"
        "run.build = build\napp(['build', '--all'])"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGINT)
        try:
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert err.splitlines() == [
        "Interrupted. What is finished is kept; the next build goes on where this one stopped."
    ]
