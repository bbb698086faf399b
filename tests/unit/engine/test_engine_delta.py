"""For every kind of change: exactly these stages run, and the engine says why."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

import xaireport.engine.code
import xaireport.engine.hashes
from xaireport.engine.scheduler import Engine, NodeReport, NodeStarted

FRESH = ["fresh", "fresh", "fresh"]


def flip_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


def change_param(project):
    project.params = {"train": {"epochs": 30}, "note": "a"}


def add_param(project):
    project.params = {"train": {"epochs": 20, "decay": 0.1}, "note": "a"}


def change_input(project):
    (project.root / "data.txt").write_text("PIXELS, others")


def change_template(project):
    (project.root / "templates/partials/table.html").write_text("<th>")


def rename_template(project):
    (project.root / "templates/card.html").rename(project.root / "templates/cards.html")
    shutil.copy(project.root / "templates/cards.html", project.root / "templates/card.html")


def change_code(project):
    (project.root / "toypkg/train.py").write_text("def train():\n    return 3\n")


def change_imported_code(project):
    (project.root / "toypkg/layers.py").write_text("def dense():\n    return 4\n")


def change_package_init(project):
    (project.root / "toypkg/__init__.py").write_text("setting = 1\n")


def change_comment(project):
    path = project.root / "toypkg/train.py"
    path.write_text('"""New words."""\n# and more\n' + path.read_text().replace("train():", "train(  ):"))


def change_unrelated_code(project):
    (project.root / "toypkg/unrelated.py").write_text("x = 2\n")


def change_version(project):
    (project.root / "site/gadget-1.0.dist-info").rename(project.root / "site/gadget-2.0.dist-info")


def break_model(project):
    flip_byte(project.artefact("train") / "model.txt")


def delete_stored(project):
    (project.artefact("predict") / "predictions.txt").unlink()


def delete_artefact(project):
    shutil.rmtree(project.artefact("predict"))


def break_record(project):
    (project.artefact("predict") / "record.json").write_text('{"key": ')


def delete_published(project):
    (project.out / "assets/small/two.svg").unlink()


def add_stray_file(project):
    (project.artefact("train") / ".DS_Store").write_text("x")


@pytest.mark.parametrize(
    ("change", "statuses", "why"),
    [
        (lambda project: None, FRESH, {}),
        (change_param, ["ran", "ran", "ran"], {"train": "changed: train.epochs 20 → 30"}),
        (add_param, ["ran", "fresh", "fresh"], {"train": "changed: train.decay (none) → 0.1"}),
        (
            change_input,
            ["ran", "ran", "ran"],
            {"train": "changed: input data", "predict": "changed: input model"},
        ),
        (change_template, ["fresh", "fresh", "ran"], {"render": "changed: input templates"}),
        (rename_template, ["fresh", "fresh", "ran"], {"render": "changed: input templates"}),
        (change_code, ["ran", "fresh", "fresh"], {"train": "code changed: toypkg.layers"}),
        (change_imported_code, ["ran", "fresh", "fresh"], {"train": "code changed: toypkg.layers"}),
        (change_package_init, ["ran", "ran", "fresh"], {"predict": "code changed: toypkg"}),
        (change_comment, FRESH, {}),
        (change_unrelated_code, FRESH, {}),
        (change_version, ["ran", "fresh", "fresh"], {"train": "version changed: gadget 1.0 → 2.0"}),
        (break_model, ["ran", "fresh", "fresh"], {"train": "stored file changed or missing: model.txt"}),
        (
            delete_stored,
            ["fresh", "ran", "fresh"],
            {"predict": "stored file changed or missing: predictions.txt"},
        ),
        (delete_artefact, ["fresh", "ran", "fresh"], {"predict": "stored result missing"}),
        (break_record, ["fresh", "ran", "fresh"], {"predict": "stored file changed or missing: record.json"}),
        (delete_published, ["fresh", "fresh", "restored"], {}),
        (add_stray_file, FRESH, {}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_exactly_what_a_change_concerns_is_made_again(project, take_snapshot, change, statuses, why):
    assert project.statuses() == ["ran", "ran", "ran"]
    published = take_snapshot(project.out)
    change(project)

    preview = project.build(dry_run=True)
    reports = project.build()

    assert [report.status for report in reports.values()] == statuses
    assert project.ran == [stage for stage, report in reports.items() if report.status == "ran"]
    for stage, line in why.items():
        assert line in reports[stage].why
    assert all(report.why for report in reports.values() if report.status != "fresh")
    foreseen = {
        "fresh": {"fresh", "may run"},
        "ran": {"would run", "may run"},
        "restored": {"would restore"},
    }
    assert all(preview[stage].status in foreseen[report.status] for stage, report in reports.items())
    assert [report.status for report in project.build().values()] == FRESH
    after = take_snapshot(project.out)
    assert after.keys() == published.keys()
    if statuses[2] == "restored":
        written = {str(path.relative_to(project.out)) for path in reports["render"].published}
        assert {name: value[0] for name, value in after.items()} == {n: v[0] for n, v in published.items()}
        assert {name for name in after if after[name] != published[name]} == written
        assert len(written) == 1
        assert preview["render"].published == reports["render"].published


def test_going_back_to_an_earlier_setting_runs_nothing(project):
    project.build()
    change_param(project)
    project.build()
    project.params = {"note": "a", "train": {"epochs": 20}}

    reports = project.build()

    assert project.ran == []
    assert reports["train"].status == "restored"  # the published model is the other one's
    assert (project.out / "models/model.txt").read_text() == "pixels after 20 epochs"


def test_early_cut_off(project):
    project.build()
    project.params["note"] = "b"  # in the key, without effect on the bytes

    assert [r.status for r in project.build(dry_run=True).values()] == ["would run", "may run", "may run"]
    assert project.statuses() == ["ran", "fresh", "fresh"]


def test_a_second_run_reads_no_content(project, monkeypatch):
    time.sleep(0.05)  # files younger than a tick of the clock are not trusted
    project.build()

    def refuse(*_):
        raise AssertionError("hashed again")

    monkeypatch.setattr(xaireport.engine.hashes, "sha256_of_file", refuse)
    monkeypatch.setattr(xaireport.engine.code, "_analyse", refuse)
    assert project.statuses() == FRESH


def test_dry_run_changes_nothing(project, take_snapshot):
    assert project.statuses(dry_run=True) == ["would run", "would run", "would run"]
    assert not project.store.exists()
    assert not project.out.exists()

    project.build()
    change_code(project)
    delete_published(project)
    before = take_snapshot(project.root)
    assert project.statuses(dry_run=True) == ["would run", "may run", "may run"]
    assert take_snapshot(project.root) == before


def test_two_folders_give_the_same_keys(tmp_path, make_project, monkeypatch):
    keys = []
    for name in ("first", "second folder"):
        with monkeypatch.context():
            project = make_project(tmp_path / name)
            project.build()
            keys.append(sorted(p.parent.name for p in project.store.rglob("record.json")))
    assert len(keys[0]) == 3
    assert keys[0] == keys[1]


def test_the_name_is_no_part_of_the_key(project):
    from dataclasses import replace

    first = project.nodes()[0]
    project.build([first])
    assert project.build([replace(first, name="another name")])["train"].status == "fresh"


def test_a_copied_project_is_fresh_and_leaves_the_original_alone(tmp_path, make_project):
    project = make_project(tmp_path / "original")
    project.build()
    shutil.copytree(project.root, tmp_path / "copy")  # other inodes and times
    copy = type(project)(tmp_path / "copy")
    (copy.out / "card.html").unlink()

    assert copy.statuses() == ["fresh", "fresh", "restored"]
    change_template(copy)
    copy.galleries = ("one",)
    assert copy.statuses() == ["fresh", "fresh", "ran"]
    assert not (copy.out / "assets/small/two.svg").exists()
    assert (project.out / "assets/small/two.svg").exists()


def test_same_size_and_time_but_another_inode_is_noticed(project):
    time.sleep(0.05)
    project.build()
    data = project.root / "data.txt"
    stat = data.stat()
    other = project.root / "other.txt"
    other.write_text("voxels")
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(data)

    assert project.statuses() == ["ran", "ran", "ran"]


def test_listener_hears_each_event_in_order(project):
    project.build()
    change_template(project)
    events: list[NodeReport | NodeStarted] = []

    Engine(project.store).run(project.nodes(), listener=events.append)

    assert [type(event).__name__ for event in events] == ["NodeReport"] * 2 + ["NodeStarted", "NodeReport"]
    started, report = events[2:]
    assert (started.name, started.number, started.total) == ("render toy", 3, 3)
    assert started.why == report.why == ("changed: input templates",)
    assert report.seconds > 0
