"""What goes wrong stays alone, says what to do, and leaves nothing half made."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from xaireport.engine.scheduler import Engine, Input, Node
from xaireport.errors import ConfigError, DataError, Failure, StoreError
from xaireport.files import PART


def make_node(name: str, run, inputs: dict[str, Input] | None = None, **options) -> Node:
    return Node(name, name, {}, inputs or {}, (), (), run, **options)


def write(text: str):
    return lambda context: (context.out / "file.txt").write_text(text)


def fail(context):
    (context.out / "half.txt").write_text("half")
    raise DataError("labels from 0 to 6", 9, "Check the file.", where="my.npz")


def nothing_unfinished(store: Path) -> bool:
    return not list((store / "tmp").iterdir()) and not list(store.rglob(f"{PART}*"))


def test_a_failure_stays_alone_and_optional_inputs_say_why(tmp_path):
    seen: dict[str, object] = {}

    def report(context):
        seen.update(inputs=set(context.inputs), failures=dict(context.failures))
        (context.out / "report.txt").write_text("x")

    nodes = [
        make_node("good", write("good")),
        make_node("bad", fail),
        make_node("after", write("after"), {"x": Input(node="bad")}),
        make_node(
            "report",
            report,
            {
                "good": Input(node="good", file="file.txt", optional=True),
                "bad": Input(node="bad", file="file.txt", optional=True),
                "after": Input(node="after", optional=True),
                "other": Input(node="good", file="other.txt", optional=True),
                "outside": Input(path=tmp_path / "absent.csv", optional=True),
            },
        ),
    ]
    engine = Engine(tmp_path / "store")
    reports = {r.name: r for r in engine.run(nodes)}

    assert [r.status for r in reports.values()] == ["ran", "failed", "skipped", "ran"]
    failure = Failure("bad", "Expected labels from 0 to 6. Received: 9. (my.npz)", "Check the file.")
    assert reports["bad"].failure == reports["after"].failure == failure
    assert seen["inputs"] == {"good"}
    assert seen["failures"].keys() == {"bad", "after", "other", "outside"}
    assert seen["failures"]["bad"] == seen["failures"]["after"] == failure
    assert "other.txt" in seen["failures"]["other"].message
    assert "absent.csv" in seen["failures"]["outside"].message
    assert str(tmp_path) not in str(seen["failures"])
    assert not (tmp_path / "store/artefacts/bad").exists()
    assert nothing_unfinished(tmp_path / "store")

    again = {r.name: r for r in engine.run(nodes)}
    assert [r.status for r in again.values()] == ["fresh", "failed", "skipped", "fresh"]

    nodes[1] = make_node("bad", write("mended"))
    mended = {r.name: r for r in engine.run(nodes)}
    assert [r.status for r in mended.values()] == ["fresh", "ran", "ran", "ran"]
    assert "changed: failure of input bad" in mended["report"].why


def test_a_missing_required_file_fails_its_node_only(tmp_path):
    nodes = [
        make_node("reader", write("x"), {"data": Input(path=tmp_path / "absent.npz")}),
        make_node("maker", write("x")),
        make_node("picky", write("x"), {"data": Input(node="maker", file="absent.txt")}),
    ]
    reader, maker, picky = Engine(tmp_path / "store").run(nodes)
    assert (reader.status, maker.status, picky.status) == ("failed", "ran", "failed")
    assert "absent.npz" in reader.failure.message
    assert "absent.txt" in picky.failure.message
    assert [r.status for r in Engine(tmp_path / "store").run(nodes, dry_run=True)] == [
        "failed",
        "fresh",
        "failed",
    ]


def test_an_unforeseen_error_goes_to_the_log_without_changing_paths(tmp_path):
    def crash(context):
        raise RuntimeError(f"cannot read {context.out}/weights")

    messages = set()
    for store in (tmp_path / "a/.store", tmp_path / "b/.store"):
        (report,) = Engine(store).run([make_node("crash", crash)])
        assert "in crash" in (store / "log.txt").read_text()
        assert "log.txt" in report.failure.hint
        messages.add((report.failure.message, report.failure.hint))
    assert messages == {("RuntimeError: cannot read weights", "The traceback is in .store/log.txt.")}


def test_an_interrupt_ends_the_build_and_keeps_what_was_finished(tmp_path):
    def interrupt(context):
        (context.checkpoint / "epoch").write_text("3")
        (context.out / "half.txt").write_text("half")
        raise KeyboardInterrupt

    nodes = [make_node("first", write("x")), make_node("second", interrupt)]
    engine = Engine(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        engine.run(nodes)
    assert nothing_unfinished(tmp_path / "store")

    epochs = []

    def resume(context):
        epochs.append((context.checkpoint / "epoch").read_text())

    assert [r.status for r in engine.run([nodes[0], replace(nodes[1], run=resume)])] == ["fresh", "ran"]
    assert epochs == ["3"]
    assert not list((tmp_path / "store/checkpoints/second").iterdir())


def test_loose_params_keep_the_checkpoint_others_do_not(tmp_path):
    folders = []

    def stop(context):
        folders.append(context.checkpoint)
        (context.checkpoint / "epoch").write_text("3")
        raise DataError("more time", "none")

    def train(epochs: int, minutes: float) -> Node:
        params = {"epochs": epochs, "limits": {"max_minutes": minutes}}
        return Node("t", "train", params, {}, (), (), stop, loose=("limits.max_minutes", "absent.key"))

    engine = Engine(tmp_path / "store")
    for node in (train(3, 1), train(3, 2), train(4, 1)):
        engine.run([node])
    assert folders[0] == folders[1] != folders[2]
    assert engine.clean().artefacts == 1  # the first is nobody's any more
    assert [folder.exists() for folder in folders] == [False, False, True]


def test_a_larger_allowance_goes_on_where_the_smaller_one_finished(tmp_path):
    seen = []

    def work(context):
        done = context.checkpoint / "done"
        seen.append(done.read_text() if done.exists() else "")
        done.write_text("epoch 3")
        (context.out / "model").write_text("m")

    def train(minutes: float) -> Node:
        return Node("t", "train", {"max_minutes": minutes}, {}, (), (), work, loose=("max_minutes",))

    engine = Engine(tmp_path / "store")
    assert [engine.run([train(minutes)])[0].status for minutes in (1, 1, 2)] == ["ran", "fresh", "ran"]
    assert seen == ["", "epoch 3"]
    assert engine.clean(keep_current=False).artefacts
    engine.run([train(2)])
    assert seen[-1] == ""


def test_an_input_that_changes_under_the_run_makes_no_artefact(tmp_path):
    data = tmp_path / "data.txt"
    data.write_text("before")

    def run(context):
        data.write_text("while running")

    node = make_node("train", run, {"data": Input(path=data)})
    (report,) = Engine(tmp_path / "store").run([node])
    assert report.status == "failed"
    assert "another 'data'" in report.failure.message
    assert not list((tmp_path / "store").rglob("record.json"))


@pytest.mark.parametrize("reserved", ["record.json", "link"])
def test_an_artefact_holds_regular_files_of_free_names(tmp_path, reserved):
    def run(context):
        if reserved == "link":
            (context.out / reserved).symlink_to("nowhere")
        else:
            (context.out / reserved).write_text("{}")

    (report,) = Engine(tmp_path / "store").run([make_node("odd", run)])
    assert report.status == "failed"
    assert reserved in report.failure.message
    assert nothing_unfinished(tmp_path / "store")


@pytest.mark.parametrize(
    "nodes",
    [
        [make_node("a", fail), make_node("a", fail)],
        [make_node("a", fail, {"x": Input(node="b")}), make_node("b", fail)],
        [make_node("a", fail, {"x": Input()})],
        [make_node("a/b", fail)],
    ],
)
def test_a_list_that_is_no_build(tmp_path, nodes):
    with pytest.raises(ConfigError):
        Engine(tmp_path / "store").run(nodes)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("params", [{"p": Path("x")}, {"p": float("nan")}, {"p": {1, 2}}])
def test_params_that_are_no_json_fail_their_node(tmp_path, params):
    (report,) = Engine(tmp_path / "store").run([replace(make_node("a", write("x")), params=params)])
    assert report.status == "failed"
    assert "JSON" in report.failure.message


def test_a_full_disk_under_a_node(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")

    def run(context):
        with Path("/dev/full").open("w") as file:
            file.write("x" * 100)

    (report,) = Engine(tmp_path / "store").run([make_node("a", run)])
    assert report.status == "failed"
    assert report.failure.message.startswith("Expected free space on the disk. Received: No space left")
    assert "Free some space" in report.failure.hint
    assert not (tmp_path / "store/log.txt").exists()


@pytest.mark.parametrize("name", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_a_disk_that_refuses_the_store_leaves_nothing_half_made(project, monkeypatch, name, code):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, name, refuse)
        reports = project.build()
    assert [r.status for r in reports.values()] == ["failed", "skipped", "skipped"]
    assert os.strerror(code) in reports["train"].failure.message
    assert reports["train"].failure.hint
    assert nothing_unfinished(project.store)
    assert not project.out.exists() or not [p for p in project.out.rglob("*") if p.is_file()]
    assert project.statuses() == ["ran", "ran", "ran"]


def test_a_disk_that_fills_up_while_publishing(project, monkeypatch):
    real = os.replace

    def refuse(source, target):
        if "out" in Path(target).parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        # what only could not be published is stored, and the next stage reads it
        assert project.statuses() == ["failed", "ran", "failed"]
    assert not [p for p in project.out.rglob("*") if p.is_file()]
    assert project.statuses() == ["restored", "fresh", "restored"]


def test_no_permission_to_write():
    folder = Path(tempfile.mkdtemp())
    user = os.geteuid()
    folder.chmod(0o555)
    try:
        if user == 0:
            os.seteuid(65534)  # root may write anywhere
        with pytest.raises(StoreError, match="permission to read and write"):
            Engine(folder / "store").run([make_node("a", fail)])
    finally:
        if user == 0:
            os.seteuid(0)
        folder.chmod(0o755)
        folder.rmdir()


def test_a_file_where_a_folder_is_needed(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="a folder"):
        Engine(tmp_path / "file/store").run([make_node("a", fail)])
    (report,) = Engine(tmp_path / "store").run(
        [make_node("a", write("x"), publish={"file.txt": tmp_path / "file/b.txt"})]
    )
    assert report.status == "failed"
    assert "move it away" in report.failure.hint
    assert (tmp_path / "file").read_text() == "x"


BUILD_THAT_HANGS = """
import sys, time
from pathlib import Path
from xaireport.engine.scheduler import Engine, Node

def quick(context):
    (context.out / "file.txt").write_text("done")

def hang(context):
    (context.out / "half.txt").write_text("half")
    seen = context.checkpoint / "epochs"
    seen.write_text((seen.read_text() if seen.exists() else "") + "1")
    if len(seen.read_text()) < 2:
        print("running", flush=True)
        time.sleep(60)
    (context.out / "epochs.txt").write_text(seen.read_text())

root = Path(sys.argv[1])
nodes = [
    Node("quick", "quick", {}, {}, (), (), quick),
    Node("hang", "hang", {}, {}, (), (), hang, {"": root / "out"}),
]
print([report.status for report in Engine(root / "store").run(nodes)], flush=True)
"""


def test_a_killed_build_leaves_nothing_half_made_frees_the_lock_and_resumes(tmp_path):
    script = tmp_path / "build.py"
    script.write_text(BUILD_THAT_HANGS)
    command = [sys.executable, str(script), str(tmp_path)]
    store = tmp_path / "store"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "running\n"
            with pytest.raises(StoreError, match=f"process {process.pid} is building"):
                Engine(store).run([make_node("a", write("x"))])
            with pytest.raises(StoreError):
                Engine(store).clean()
            assert Engine(store).run([make_node("a", write("x"))], dry_run=True)[0].status == "would run"
        finally:
            process.kill()
    assert [p.parent.parent.name for p in store.rglob("record.json")] == ["quick"]
    assert [p.name for p in (store / "checkpoints").rglob("*") if p.is_file()] == ["epochs"]
    assert not (tmp_path / "out").exists()

    resumed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert resumed.stdout == "['fresh', 'ran']\n"
    assert (tmp_path / "out/epochs.txt").read_text() == "11"
    assert nothing_unfinished(store)
    assert not [p for p in (store / "checkpoints").rglob("*") if p.is_file()]
