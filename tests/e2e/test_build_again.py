"""A second build: nothing changed, nothing runs; one thing changed, exactly what depends on it runs."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path

import project as small
import pytest

STEPS = ("train", "predict", "evaluate", "explain")
OWN_PAGES = {
    *(f"{kind} {page}" for page in ("own", "all studies") for kind in ("html", "pdf")),
    *(
        f"{kind} own.{variant}"
        for variant in ("small", "weighted", "mine")
        for kind in ("html", "pdf", "md", "fragment")
    ),
    "manifest own",
    "publish own",
    "publish all studies",
}
MODULES = """
import json, sys
from xaireport.cli import main
try:
    main()
finally:
    print("MODULES " + json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""
KILLED_IN_EPOCH_2 = """
import os, signal
from xaireport.nn import checkpoint
save = checkpoint.save
def save_and_die(state, folder):
    save(state, folder)
    if state.epochs_run == 2:
        os.kill(os.getpid(), signal.SIGKILL)
checkpoint.save = save_and_die
from xaireport.cli import main
main()
"""


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def flip(path: Path, at: float = 0.5) -> None:
    """Change one byte, and nothing that a look at size and time would show."""
    times = path.stat()
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1))


def modules(stderr: str) -> set[str]:
    (line,) = (line for line in stderr.splitlines() if line.startswith("MODULES "))
    return set(json.loads(line.removeprefix("MODULES ")))


def test_nothing_changed_nothing_runs_and_nothing_heavy_is_imported(own_copy: Path) -> None:
    before = {name: sha256(own_copy / name) for name in small.files(own_copy)}
    done = small.xaireport(
        own_copy, "build", "tiny", "own", "--data", "phantom", "--json", program=MODULES
    )  # fmt: skip
    told = small.document(done)
    assert {node["status"] for node in told["nodes"]} == {"fresh"}
    assert len(told["nodes"]) > 30
    assert modules(done.stderr).isdisjoint(small.HEAVY)
    assert {name: sha256(own_copy / name) for name in small.files(own_copy)} == before
    working = small.xaireport(own_copy, "build", "own", "--json", program="import numpy\n" + MODULES)
    assert "numpy" in modules(working.stderr), "the look at sys.modules sees nothing"


def test_one_flipped_byte_runs_its_step_alone(own_copy: Path) -> None:
    flip(small.artefact(own_copy, "evaluate own.small seed 0") / "evaluation.json")
    told = small.build(own_copy, "own")
    assert small.by_status(told, "ran") == {"evaluate own.small seed 0"}
    assert small.by_status(told, "fresh") == {node["name"] for node in told["nodes"]} - {
        "evaluate own.small seed 0"
    }
    (node,) = (node for node in told["nodes"] if node["status"] == "ran")
    assert node["why"] == ["stored file changed or missing: evaluation.json"]
    assert small.by_status(small.build(own_copy, "own"), "ran", "restored") == set()


def test_flipped_bytes_in_every_kind_of_step_run_these_alone(own_copy: Path) -> None:
    """Each is made again with the same bytes, so that what rests on it stays."""
    flipped = {
        "data own": "dataset.npz",
        "train own.weighted seed 0": "model.keras",
        "predict own.weighted seed 0": "predictions.npz",
        "explain own.weighted": "maps.npz",
        "figures own": "assets/figures/variants/weighted/confusion.svg",
        "html own": "page.html",
        "pdf all studies": "page.pdf",
    }
    figures = small.artefact(own_copy, "figures own") / "assets" / "figures"
    flipped["figures own"] = f"assets/figures/{min(path.name for path in figures.glob('*.svg'))}"
    for node, file in flipped.items():
        flip(small.artefact(own_copy, node) / file)
    told = small.build(own_copy, "own")
    assert small.by_status(told, "ran") == set(flipped)
    assert small.by_status(told, "failed", "skipped", "restored") == set()
    assert small.by_status(small.build(own_copy, "own"), "fresh") == {n["name"] for n in told["nodes"]}


@pytest.mark.parametrize(
    ("file", "node"),
    [
        ("reports/own/mine/card.pdf", "publish own"),
        ("reports/own/results.json", "publish own"),
        ("models/own/small/model.keras", "train own.small seed 0"),
    ],
)
def test_a_deleted_file_is_put_back_without_running_and_an_edited_one_stays_until_forced(
    own_copy: Path, file: str, node: str
) -> None:
    path = own_copy / file
    before = sha256(path)
    path.unlink()
    told = small.build(own_copy, "own")
    assert small.by_status(told, "restored") == {node}
    assert small.by_status(told, "fresh") == {n["name"] for n in told["nodes"]} - {node}
    assert sha256(path) == before

    flip(path)
    edited = sha256(path)
    told = small.build(own_copy, "own", code=1)
    # Of results that somebody edited the index says nothing but that.
    index = {f"{kind} all studies" for kind in ("html", "pdf", "publish")} if "results" in file else set()
    assert small.by_status(told, "failed") == {node}
    assert small.by_status(told, "fresh") == {n["name"] for n in told["nodes"]} - {node} - index
    assert told["failures"][0]["message"].endswith(f" a file from somewhere else: {file}.")
    assert sha256(path) == edited
    told = small.build(own_copy, "own", "--force")
    assert small.by_status(told, "restored") - index == {node}
    assert small.by_status(told, "failed") == set()
    assert sha256(path) == before


def test_an_edited_template_renders_only(own_copy: Path) -> None:
    small.print_titles_alone(own_copy)
    templates = own_copy / "templates"
    shipped = Path(small.__file__).parents[2] / "templates" / "screen.css"
    (templates / "screen.css").write_text(shipped.read_text() + "\n.edited-by-hand { color: red }\n")
    told = small.build(own_copy, "own")
    assert small.by_status(told, "ran") == OWN_PAGES
    assert small.by_status(told, "fresh") == {n["name"] for n in told["nodes"]} - OWN_PAGES
    assert "edited-by-hand" in (own_copy / "reports" / "own" / "mine" / "card.html").read_text("utf-8")
    (templates / "screen.css").write_text(shipped.read_text() + "\n.edited-again { color: red }\n")
    told = small.build(own_copy, "own", "--dry-run")
    last = {"manifest own", "publish own", "publish all studies"}
    assert small.by_status(told, "would run") == OWN_PAGES - last
    assert small.by_status(told, "may run") == last


def test_one_setting_runs_its_variant_and_the_others_stay_in_the_comparison(own_copy: Path) -> None:
    before = small.results(own_copy, "own")
    small.print_titles_alone(own_copy)
    told = small.build(own_copy, "own.weighted", "--set", "weighted.train.batch_size=12")
    chain = {f"{step} own.weighted" + (" seed 0" if step != "explain" else "") for step in STEPS}
    ran = small.by_status(told, "ran")
    # Its maps are held against its sibling's, and those against its own.
    trust = {"trust own.small", "trust own.weighted"}
    assert ran == chain | trust | {"comparison own", "results own", "figures own"} | OWN_PAGES
    assert small.by_status(told, "fresh") == {n["name"] for n in told["nodes"]} - ran
    (train,) = (node for node in told["nodes"] if node["name"] == "train own.weighted seed 0")
    assert train["why"] == ["changed: recipe.train.batch_size 8 → 12"]
    after = small.results(own_copy, "own")
    assert list(after["variants"]) == ["small", "weighted", "mine"]
    assert after["run"]["overrides"] == ["weighted.train.batch_size=12"]
    assert after["run"]["evidence_digest"] != before["run"]["evidence_digest"]
    for name in ("small", "mine"):
        assert after["variants"][name]["scores"] == before["variants"][name]["scores"]
    assert after["variants"]["weighted"]["changed_from_parent"] == {
        "train.batch_size": {"from": 8, "to": 12},
        "train.class_weight": {"from": False, "to": True},
    }


def test_a_dry_run_changes_nothing(own_copy: Path) -> None:
    def all_files() -> dict[str, tuple[int, str]]:
        found = (path for path in own_copy.rglob("*") if path.is_file() and "home" not in path.parts)
        return {str(path): (path.stat().st_mtime_ns, sha256(path)) for path in found}

    (own_copy / "reports" / "own" / "mine" / "card.pdf").unlink()
    before = all_files()
    told = small.build(own_copy, "own", "--set", "weighted.train.batch_size=12", "--dry-run")
    assert all_files() == before
    assert "train own.weighted seed 0" in small.by_status(told, "would run")
    assert "predict own.weighted seed 0" in small.by_status(told, "may run")
    assert "train own.small seed 0" in small.by_status(told, "fresh")
    assert small.by_status(told, "ran", "restored") == set()


def test_killed_in_another_folder_and_built_again_gives_the_same(project: Path, tmp_path: Path) -> None:
    """Same weights and same predictions.csv as the undisturbed build, though every path is another."""
    folder = tmp_path / "elsewhere"
    for part in ("models", "data"):
        (folder / part).mkdir(parents=True)
        for path in (project / part).iterdir():
            if path.is_file():
                (folder / part / path.name).write_bytes(path.read_bytes())
    small.print_titles_alone(folder)
    killed = small.xaireport(folder, "build", "own", program=KILLED_IN_EPOCH_2)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not list(folder.glob("models/own/*/model.keras"))
    assert not (folder / "reports").exists()
    told = small.build(folder, "own")
    (train,) = (node for node in told["nodes"] if node["name"] == "train own.small seed 0")
    assert train["status"] == "ran"
    for name in ("models/own/small/model.keras", "models/own/weighted/model.keras"):
        assert sha256(folder / name) == sha256(project / name)
    file = "reports/own/predictions.csv"
    assert sha256(folder / file) == sha256(project / file)
    ours, theirs = small.results(folder, "own"), small.results(project, "own")
    assert ours["run"]["evidence_digest"] == theirs["run"]["evidence_digest"]
    history = [each["variants"]["small"]["training"]["history"] for each in (ours, theirs)]
    assert history[0] == history[1]


def test_render_needs_no_study_file_and_no_tensorflow(own_copy: Path) -> None:
    (own_copy / "models").rename(own_copy / "gone")
    (own_copy / "data").rename(own_copy / "gone" / "data")
    before = {path.name: sha256(path) for path in (own_copy / "reports" / "faulty").glob("*.html")}
    (own_copy / "reports" / "faulty" / "whole" / "card.html").unlink()
    done = small.xaireport(own_copy, "render", "faulty", "--json", program=MODULES)
    told = small.document(done)
    assert small.by_status(told, "ran") == {
        *(f"{kind} {page}" for page in ("faulty", "all studies") for kind in ("html", "pdf")),
        *(f"{kind} faulty.whole" for kind in ("html", "pdf", "md", "fragment")),
        "manifest faulty",
        "publish faulty",
    }
    assert modules(done.stderr).isdisjoint({"tensorflow", "keras", "matplotlib", "seaborn"})
    assert "jinja2" in modules(done.stderr)
    assert {p.name: sha256(p) for p in (own_copy / "reports" / "faulty").glob("*.html")} == before
    again = small.document(small.xaireport(own_copy, "render", "faulty", "--json"))
    assert {node["status"] for node in again["nodes"]} == {"fresh"}


def test_damaged_results_are_named(own_copy: Path) -> None:
    small.print_titles_alone(own_copy)
    index = [sha256(own_copy / "reports" / f"index.{kind}") for kind in ("html", "pdf")]
    (own_copy / "reports" / "faulty" / "results.json").write_text("{")
    done = small.xaireport(own_copy, "render", "faulty")
    assert done.returncode == 1
    (line,) = (line for line in done.stderr.splitlines() if line)
    assert line.startswith("Error: Expected results as a build writes them.")
    assert "reports/faulty/results.json" in line
    told = small.document(small.xaireport(own_copy, "render", "own", "--json"), code=1)
    *failures, last = [each for each in told["failures"] if each["status"] == "failed"]
    assert [each["node"] for each in failures] == ["html all studies", "pdf all studies"]
    assert all("faulty/results.json" in each["message"] for each in failures)
    assert last["node"] == "publish all studies"  # it stays as it was
    assert index == [sha256(own_copy / "reports" / f"index.{kind}") for kind in ("html", "pdf")]
