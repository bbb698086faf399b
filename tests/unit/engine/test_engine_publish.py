"""Published copies: complete, up to date, and never at the cost of somebody else's file."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xaireport.engine.scheduler import Engine, Input, Node


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def make(tmp_path):
    """A node that writes the given files, and publishes its whole artefact to out/."""

    def make(*names: str, name: str = "node", **options) -> Node:
        def run(context):
            for file in names:
                (context.out / file).parent.mkdir(parents=True, exist_ok=True)
                (context.out / file).write_text(f"content of {file}")

        options = {"publish": {"": tmp_path / "out"}, **options}
        return Node(name, "stage", {"names": names, "name": name}, {}, (), (), run, **options)

    return make


def test_files_that_are_no_longer_made_are_withdrawn_and_others_stay(tmp_path, make):
    engine = Engine(tmp_path / "store")
    engine.run([make("a.txt", "deep/er/b.txt", "deep/c.txt", "edited.txt")])
    (tmp_path / "out/own.txt").write_text("mine")
    (tmp_path / "out/deep/own.txt").write_text("mine")
    (tmp_path / "out/edited.txt").write_text("edited by hand")

    (report,) = engine.run([make("a.txt")])

    assert files(tmp_path / "out") == {"a.txt", "own.txt", "deep/own.txt", "edited.txt"}
    assert not (tmp_path / "out/deep/er").exists()
    assert report.published == ()
    assert (tmp_path / "out/edited.txt").read_text() == "edited by hand"


def test_the_folder_itself_stays_when_it_is_empty(tmp_path, make):
    engine = Engine(tmp_path / "store")
    engine.run([make("deep/a.txt")])
    engine.run([make()])
    assert list((tmp_path / "out").iterdir()) == []


def test_another_folder_leaves_the_first_alone(tmp_path, make):
    engine = Engine(tmp_path / "store")
    engine.run([make("a.txt")])
    (report,) = engine.run([make("b.txt", publish={"": tmp_path / "out 2"})])
    assert files(tmp_path / "out") == {"a.txt"}
    assert report.published == (tmp_path / "out 2/b.txt",)


@pytest.mark.parametrize("swap", [False, True])
def test_a_file_that_moves_to_another_node_stays(tmp_path, make, swap):
    engine = Engine(tmp_path / "store")
    engine.run([make("a.txt", "x.txt", name="one"), make("b.txt", name="two")])
    nodes = [make("a.txt", name="one"), make("b.txt", "x.txt", name="two")]
    engine.run(nodes[::-1] if swap else nodes)
    assert files(tmp_path / "out") == {"a.txt", "b.txt", "x.txt"}


def test_two_nodes_must_not_publish_one_file(tmp_path, make):
    reports = Engine(tmp_path / "store").run([make("a.txt", name="one"), make("a.txt", name="two")])
    assert [r.status for r in reports] == ["ran", "failed"]
    assert "'one' too" in reports[1].failure.message


def test_two_files_must_not_go_to_one_place(tmp_path, make):
    publish = {"": tmp_path / "out", "a.txt": tmp_path / "out/b.txt"}
    (report,) = Engine(tmp_path / "store").run([make("a.txt", "b.txt", publish=publish)])
    assert "one file per published path" in report.failure.message


def test_a_published_file_that_was_not_made(tmp_path, make):
    (report,) = Engine(tmp_path / "store").run([make("a.txt", publish={"b.txt": tmp_path / "b.txt"})])
    assert report.status == "failed"
    assert "b.txt" in report.failure.message


def test_an_edited_copy_is_somebodys_work(tmp_path, make):
    """It reaches neither the store nor the bin, and the build goes on with what is stored."""
    engine = Engine(tmp_path / "store")
    reader = Node(
        "reader", "reader", {}, {"a": Input("node", "a.txt")}, (), (),
        lambda context: (context.out / "copy.txt").write_text(context.inputs["a"].read_text()),
        {"copy.txt": tmp_path / "copy.txt"},
    )  # fmt: skip
    engine.run([make("a.txt")])
    (tmp_path / "out/a.txt").write_text("edited by hand")
    refused, after = engine.run([make("a.txt"), reader])
    assert (refused.status, after.status) == ("failed", "ran")
    assert "out/a.txt" in refused.failure.message
    assert (tmp_path / "out/a.txt").read_text() == "edited by hand"
    assert (tmp_path / "copy.txt").read_text() == "content of a.txt"

    dry, _ = Engine(tmp_path / "store", force=True).run([make("a.txt"), reader], dry_run=True)
    forced, _ = Engine(tmp_path / "store", force=True).run([make("a.txt"), reader])
    assert (dry.status, forced.status) == ("would restore", "restored")
    assert (tmp_path / "out/a.txt").read_text() == "content of a.txt"


def test_what_stands_in_for_something_better_yields_to_it(tmp_path, make):
    """Forced or not, a model of synthetic data never replaces one of real data; that replaces both."""
    place = tmp_path / "out/a.txt"

    def build(text: str, force: bool = False, **options):
        node = replace(make(**options), run=lambda context: (context.out / "a.txt").write_text(text))
        node = replace(node, params={"text": text})
        return Engine(tmp_path / "store", force=force).run([node])[0]

    assert build("phantom", stands_in=True).published == (place,)
    assert build("phantom, again", stands_in=True).published == (place,)
    assert build("real").published == (place,)
    for force in (False, True):
        report = build("phantom", force, stands_in=True)
        assert (report.status, report.published, report.kept) == ("fresh", (), (place,))
        assert place.read_text() == "real"
    assert build("real").kept == ()
    place.write_text("mine")
    assert build("phantom", True, stands_in=True).kept == (place,)
    assert build("real").status == "failed"
    assert place.read_text() == "mine"
    place.unlink()
    assert build("phantom", stands_in=True).published == (place,)


@pytest.mark.parametrize(
    "damage", [b"{ broken", b"[]", b'{"places": {"a": 5}, "staging": []}', b'{"places": {}}', None]
)
def test_without_its_records_nothing_is_removed_run_or_replaced(tmp_path, make, damage):
    engine = Engine(tmp_path / "store")
    engine.run([make("a.txt", "b.txt")])
    (entry,) = (tmp_path / "store" / "journal").iterdir()
    for file in (entry, *(tmp_path / "store" / name for name in ("hashes.json", "published.json"))):
        file.unlink() if damage is None else file.write_bytes(damage)
    before = files(tmp_path / "out")
    (report,) = engine.run([make("a.txt")])
    assert report.failure is None
    assert files(tmp_path / "out") == before
    (report,) = engine.run([make("a.txt", "b.txt")])
    assert report.status == "fresh"


def test_a_folder_of_an_artefact_as_input(tmp_path, make):
    def count(context):
        (context.out / "n.txt").write_text(str(len(list(context.inputs["maps"].iterdir()))))

    def nodes(*names: str) -> list[Node]:
        source = {"maps": Input(node="node", file="maps/")}
        return [make(*names, publish={}), Node("count", "count", {}, source, (), (), count)]

    engine = Engine(tmp_path / "store")
    statuses = [
        [r.status for r in engine.run(nodes(*names))]
        for names in (
            ("maps/a.txt", "maps/b.txt"),
            ("maps/a.txt", "maps/b.txt", "other.txt"),
            ("maps/a.txt",),
        )
    ]
    assert statuses == [["ran", "ran"], ["ran", "fresh"], ["ran", "ran"]]


def test_clean_keeps_what_the_last_runs_made(tmp_path, make):
    engine = Engine(tmp_path / "store")
    assert engine.clean() == engine.clean(keep_current=False)
    assert not (tmp_path / "store").exists()
    engine.run([make("old.txt", name="one")])
    engine.run([make("new.txt", name="one"), make("x.txt", name="two", publish={"x.txt": tmp_path / "x"})])
    stale = tmp_path / "store/tmp/leftover"
    stale.mkdir()

    cleaned = engine.clean()

    assert cleaned.artefacts == 1
    assert cleaned.size_bytes > len("content of old.txt")
    assert not stale.exists()
    now = [make("new.txt", name="one"), make("x.txt", name="two", publish={"x.txt": tmp_path / "x"})]
    assert [r.status for r in engine.run(now)] == ["fresh", "fresh"]

    assert engine.clean(keep_current=False).artefacts == 2
    assert files(tmp_path / "out") == {"new.txt"}
    again = engine.run(now)
    assert [(r.status, r.why) for r in again] == [("ran", ("stored result missing",))] * 2


def test_relative_paths_are_those_of_the_start(tmp_path, make, monkeypatch):
    from pathlib import Path

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    node = replace(make("a.txt"), publish={"": Path("out")})
    engine = Engine(Path("store"))
    engine.run([node])
    monkeypatch.chdir(tmp_path / "elsewhere")
    engine.run([replace(node, publish={})])
    assert files(tmp_path / "elsewhere") == set()
