"""From what was asked to a graph: dry runs, and trainings that go on. Whole builds are in tests/e2e."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xaireport.engine.node import NodeReport
from xaireport.engine.scheduler import Engine
from xaireport.errors import ConfigError, DataError, Failure, RenderError
from xaireport.pipeline import run
from xaireport.pipeline.builder import Builder
from xaireport.pipeline.graph import add_evidence
from xaireport.pipeline.request import BuildRequest, BuildResult, Notice
from xaireport.study.load import load_study
from xaireport.types.data import Located

RECORD = Path(__file__).parents[2] / "docs" / "results" / "derma.results.json"
MINE = """
data = "my.npz"
classes = ["a", "b"]

[variants.first]
architecture = "cnn2d"
options = { filters = [2], dropout = [0.1], dense = [4], dense_dropout = [0.1] }
train = { epochs = 3, batch_size = 8 }

[variants.second]
parent = "first"
train = { learning_rate = 0.01 }

[variants.second.phantom]
train = { epochs = 1 }
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a study of its own data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.toml").write_text(MINE)
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", 16), ("val", 8), ("test", 8)):
        arrays[f"{split}_images"] = rng.integers(0, 256, (n, 12, 12, 3), np.uint8)
        arrays[f"{split}_labels"] = np.arange(n) % 2
    np.savez(tmp_path / "models" / "my.npz", **arrays)
    return tmp_path


def dry(*targets: str, **more: Any) -> BuildResult:
    return run.build(BuildRequest(targets, dry_run=True, **more))


def names(result: BuildResult, stage: str) -> list[str]:
    return [report.name for report in result.reports if report.stage == stage]


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_a_variant_alone_is_built_alone_where_nothing_is_stored(here: Path) -> None:
    before = files(here)
    assert names(dry("mine.second"), "train") == ["train mine.second seed 0"]
    assert names(dry("mine"), "train") == ["train mine.first seed 0", "train mine.second seed 0"]
    assert files(here) == before


def test_all_is_every_study_there_is(here: Path) -> None:
    result = dry(all=True, data="phantom")
    assert {name.partition(" ")[2] for name in names(result, "data")} == {
        "mine", "derma", "cifar10", "fracture3d",
    }  # fmt: skip
    assert names(result, "page")[-2:] == ["html all studies", "pdf all studies"]
    assert not (here / "reports").exists()


def test_phantoms_are_trained_by_their_short_recipe_and_announced() -> None:
    heard: list[Any] = []
    result = run.build(BuildRequest(("derma",), data="phantom", dry_run=True), heard.append)
    (notice,) = result.notices
    assert "synthetic" in notice
    assert heard[0] == Notice(notice)


def test_own_data_have_no_phantom_and_keep_their_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    original = run.add_evidence

    def remember(builder: Builder, study: Any, located: Located, chosen: Any) -> Any:
        seen.append((study.variants["second"].train.epochs, located.source))
        return original(builder, study, located, chosen)

    monkeypatch.setattr(run, "add_evidence", remember)
    result = dry("mine", data="phantom")
    assert set(seen) == {(3, "real")}
    assert "no phantom" in result.notices[0]


def test_the_index_keeps_studies_that_were_built_before(here: Path) -> None:
    (here / "reports" / "earlier").mkdir(parents=True)
    (here / "reports" / "earlier" / "results.json").write_text("{}")
    engine_nodes: list[Any] = []
    original = Engine.run

    def remember(self: Engine, nodes: Any, **more: Any) -> Any:
        engine_nodes[:] = nodes
        return original(self, nodes, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Engine, "run", remember)
        dry("mine")
    index = next(node for node in engine_nodes if node.name == "html all studies")
    assert {"results/earlier", "results/mine"} <= index.inputs.keys()


@pytest.mark.parametrize(
    ("request_", "error", "words"),
    [
        (BuildRequest(), ConfigError, "--all"),
        (BuildRequest(("nobody",)), ConfigError, "nobody"),
        (BuildRequest(("mine",), overrides=("third.train.epochs=1",)), ConfigError, "third"),
        (BuildRequest(("derma",), data="real", data_dir=Path("nowhere")), ConfigError, "nowhere"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(
    here: Path, request_: BuildRequest, error: type[Exception], words: str
) -> None:
    before = files(here)
    with pytest.raises(error, match=words):
        run.build(request_)
    assert files(here) == before


def test_own_data_that_are_missing(here: Path) -> None:
    (here / "models" / "my.npz").unlink()
    with pytest.raises(DataError, match=r"my\.npz"):
        dry("mine")


def test_one_study_without_data_fails_alone(here: Path) -> None:
    (here / "models" / "my.npz").unlink()
    (failed,) = (report for report in dry(all=True, data="phantom").reports if report.status == "failed")
    assert failed.name == "data mine"
    assert failed.failure is not None
    assert "my.npz" in failed.failure.message
    assert "train derma.baseline seed 0" in names(dry(all=True, data="phantom"), "train")

    (here / "models" / "other.toml").write_text((here / "models" / "mine.toml").read_text())
    result = run.build(BuildRequest(("mine", "other")))
    assert {report.name for report in result.failed} == {"data mine", "data other"}
    index = (here / "reports" / "index.html").read_text("utf-8")
    assert "other" in index
    assert index.count("my.npz") == 2


@pytest.mark.parametrize("more", [{}, {"force": True}, {"dry_run": True}, {"data_dir": Path()}])
def test_synthetic_results_never_replace_real_ones(here: Path, more: dict[str, Any]) -> None:
    """Whoever put them there, and before any work is done."""
    place = here / "reports" / "derma" / "results.json"
    place.parent.mkdir(parents=True)
    place.write_bytes(RECORD.read_bytes())
    before = {path: path.read_bytes() for path in files(here)}
    for targets in (("derma",), ("derma.baseline",)):
        with pytest.raises(ConfigError, match=r"real data.*synthetic.*--out"):
            run.build(BuildRequest(targets, data="phantom", **more))
    assert {path: path.read_bytes() for path in files(here)} == before
    assert dry("derma", data="phantom", out=Path("elsewhere")).failed == ()


def test_of_several_studies_the_one_with_real_results_fails_alone_and_stays(here: Path) -> None:
    place = here / "reports" / "derma" / "results.json"
    place.parent.mkdir(parents=True)
    place.write_bytes(RECORD.read_bytes())
    result = dry("derma", "fracture3d", data="phantom")
    assert [report.name for report in result.failed] == ["data derma"]
    assert names(result, "train") == ["train fracture3d.cnn3d seed 0"]
    assert names(result, "publish") == ["publish fracture3d", "publish all studies"]


def test_what_will_not_be_replaced_is_said_before_the_work(here: Path) -> None:
    place = here / "reports" / "mine" / "results.json"
    place.parent.mkdir(parents=True)
    place.write_bytes(RECORD.read_bytes())
    (notice,) = dry("mine").notices
    assert str(place.relative_to(here)) in notice
    assert "--force" in notice
    assert dry("mine", force=True).notices == dry("mine", out=Path("elsewhere")).notices == ()


@pytest.mark.parametrize("force", [False, True])
def test_a_build_without_a_finished_variant_never_replaces_one_that_has_some(here: Path, force: bool) -> None:
    text = (
        MINE.partition("[variants.first]")[0]
        + """
[variants.gone]
path = "gone.keras"
pixel_scale = "0-1"
output = "probabilities"
"""
    )
    (here / "models" / "mine.toml").write_text(text)
    place = here / "reports" / "mine" / "results.json"
    place.parent.mkdir(parents=True)
    place.write_bytes(RECORD.read_bytes())
    (place.parent / "predictions.csv").write_text("mine")
    result = run.build(BuildRequest(("mine",), force=force))
    failed = {report.name: report.failure for report in result.failed if report.status == "failed"}
    assert "publish mine" in failed
    assert {path.name: path.read_bytes() for path in place.parent.iterdir()} == {
        "results.json": RECORD.read_bytes(), "predictions.csv": b"mine",
    }  # fmt: skip
    elsewhere = run.build(BuildRequest(("mine",), out=Path("elsewhere")))
    assert "publish mine" not in {report.name for report in elsewhere.failed}
    assert (here / "elsewhere" / "mine" / "manifest.json").is_file()


@pytest.mark.parametrize("name", ["../evil", "../../../evil", "/tmp/evil", "a/b", ".", "con", "x" * 65])
def test_a_variant_in_edited_results_never_becomes_a_path(here: Path, name: str) -> None:
    study = here / "reports" / "tiny"
    study.mkdir(parents=True)
    told = {"study": "tiny", "variants": {name: {}}}
    (study / "results.json").write_text(json.dumps(told))
    before = sorted(here.rglob("*"))
    with pytest.raises(RenderError, match="variant"):
        run.render(("tiny",), False, Path("reports"))
    assert sorted(here.rglob("*")) == before


def test_nothing_can_be_rendered_before_a_build() -> None:
    with pytest.raises(ConfigError, match="none so far"):
        run.render((), True, Path("reports"))
    with pytest.raises(ConfigError, match="mine"):
        run.render(("mine",), False, Path("reports"))


def test_failed_and_skipped_steps_are_failures() -> None:
    reports = [
        NodeReport("a", "train", "failed", failure=Failure("train", "no")),
        NodeReport("b", "predict", "skipped"),
        NodeReport("c", "data", "ran"),
        NodeReport("d", "data", "fresh"),
    ]
    assert [report.name for report in BuildResult(tuple(reports)).failed] == ["a", "b"]


@pytest.mark.tensorflow
def test_a_time_budget_is_kept_and_a_larger_one_goes_on(here: Path) -> None:
    """Through store and engine: the second training begins where the first had to stop."""
    study = load_study(here / "models" / "mine.toml")
    located = Located("real", (here / "models" / "my.npz",), "npz")

    def train(store: str, max_minutes: float | None) -> tuple[list[int], bytes]:
        told: list[int] = []
        builder = Builder(Path("reports"), max_minutes=max_minutes)
        add_evidence(builder, study, located, ["first"])
        wanted = [node for node in builder.nodes if node.stage in ("data", "train")]
        # Both stores publish to one place.
        engine = Engine(here / store, lambda epoch: told.append(epoch.number), force=True)
        reports = engine.run(wanted)
        assert [report.failure for report in reports] == [None, None]
        return told, (here / "models" / "mine" / "first" / "model.keras").read_bytes()

    whole, expected = train("undisturbed", None)
    stopped, unfinished = train("store", 1e-9)
    resumed, found = train("store", None)
    assert (whole, stopped, resumed) == ([1, 2, 3], [1], [2, 3])
    assert unfinished != expected
    assert found == expected
