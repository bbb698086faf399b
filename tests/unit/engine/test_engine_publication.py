"""A publication: whole or as before, a seal only while it is true, nobody else's file replaced."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from dataclasses import replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xaireport.engine.scheduler import Engine, Input, Node, Publication
from xaireport.errors import ConfigError, StoreError
from xaireport.files import PART

SEAL = "manifest.json"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8", "replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file() or path.is_symlink()
    }


def make(name: str, contents: dict[str, str]) -> Node:
    def run(context):
        for file, text in contents.items():
            (context.out / file).parent.mkdir(parents=True, exist_ok=True)
            (context.out / file).write_text(text)

    return Node(name, "make", {"contents": contents}, {}, (), (), run)


def seal(inputs: dict[str, Input]) -> Node:
    """As the manifest of a study: the hash of every file."""

    def run(context):
        found = {}
        for label, path in context.inputs.items():
            inside = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
            for each in inside:
                name = label if each == path else f"{label}/{each.relative_to(path).as_posix()}"
                found[name] = sha256(each)
        (context.out / SEAL).write_text(json.dumps(found))

    return Node("seal", "seal", {}, inputs, (), (), run)


def report(
    home: Path, contents: dict[str, str], pictures: dict[str, str], **options
) -> list[Node | Publication]:
    """Two nodes, one of which makes a folder of pictures, their manifest and their publication."""
    made = {
        **{name: Input("pages", name, optional=True) for name in contents},
        "assets": Input("pictures", "assets", optional=True),
    }
    return [
        make("pages", contents),
        make("pictures", {f"assets/{name}": text for name, text in pictures.items()}),
        seal(made),
        Publication("publish it", home, {**made, SEAL: Input("seal", SEAL)}, SEAL, **options),
    ]


def is_true(home: Path) -> bool:
    """Whether the manifest names what lies there, or there is none."""
    if not (home / SEAL).exists():
        return True
    told = json.loads((home / SEAL).read_text())
    there = {name for name in files(home) if name != SEAL and not name.startswith(PART)}
    return told == {name: sha256(home / name) for name in there}


OLD = (
    {"card.html": "old card", "card.pdf": "old pdf", "gone.html": "no longer made"},
    {"a.jpg": "a", "b.jpg": "b"},
)
NEW = {"card.html": "new card", "card.pdf": "new pdf"}, {"a.jpg": "a", "c.jpg": "c"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "study"


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return Engine(tmp_path / "store")


def test_a_report_is_there_as_a_whole_and_nothing_else_is(engine, home):
    first = engine.run(report(home, *OLD))
    assert [each.status for each in first] == ["ran"] * 4
    assert is_true(home)
    assert [each.status for each in engine.run(report(home, *OLD))] == ["fresh"] * 4

    (home / "own.txt").write_text("mine")
    engine.run(report(home, *NEW))
    assert files(home).keys() == {"card.html", "card.pdf", "assets/a.jpg", "assets/c.jpg", SEAL, "own.txt"}
    assert not list(home.rglob(f"{PART}*"))


def test_a_deleted_file_is_put_back(engine, home):
    engine.run(report(home, *OLD))
    before = files(home)
    (home / "assets/a.jpg").unlink()
    dry = engine.run(report(home, *OLD), dry_run=True)
    assert [each.status for each in dry] == ["fresh", "fresh", "fresh", "would restore"]
    *_, last = engine.run(report(home, *OLD))
    assert (last.status, last.published) == ("restored", (home / "assets/a.jpg",))
    assert files(home) == before


@pytest.mark.parametrize(
    ("how", "place"),
    [
        *(("edited", place) for place in ("card.html", SEAL)),  # the old report has no other of the new one's
        *product(("foreign", "link", "folder"), ("card.html", "assets/c.jpg", SEAL)),
    ],
)
def test_what_is_not_ours_is_not_replaced_unless_forced(engine, home, tmp_path, place, how):
    """Whether the rest of an earlier report is there or not; and the rest of it stays as it was, too."""
    if how == "edited":
        engine.run(report(home, *OLD))
        assert (home / place).exists()
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    (home / place).parent.mkdir(parents=True, exist_ok=True)
    if how == "link":
        (home / place).symlink_to(precious)
    elif how == "folder":
        (home / place).mkdir()
        (home / place / "mine.txt").write_text("mine")
    else:
        (home / place).write_text("mine")
    before = files(home)

    dry = engine.run(report(home, *NEW), dry_run=True)
    *_, last = engine.run(report(home, *NEW))
    assert last.status == "failed"
    assert str(home / place) in last.failure.message
    assert ("--force" in last.failure.hint) == (how != "folder")
    assert files(home) == before
    assert dry[-1].status == "may run"  # what will be published is not known before it is made
    assert engine.run(report(home, *NEW), dry_run=True)[-1].status == "failed"

    *_, forced = Engine(tmp_path / "store", force=True).run(report(home, *NEW))
    assert precious.read_text() == "mine"
    if how == "folder":  # whose files would be lost
        assert forced.status == "failed"
        assert str(home / place) in forced.failure.message
        assert files(home) == before
        assert (home / place / "mine.txt").read_text() == "mine"
    else:
        assert forced.status in ("ran", "restored")
        assert {name: files(home)[name] for name in NEW[0]} == NEW[0]
        assert is_true(home)


def test_the_same_bytes_from_elsewhere_are_taken_as_they_are(engine, home, tmp_path):
    """A report that was copied together with its project, but without its store."""
    engine.run(report(home, *OLD))
    other = Engine(tmp_path / "another store")
    assert other.run(report(home, *OLD))[-1].status == "fresh"
    assert other.run(report(home, *NEW))[-1].status == "ran"


def test_two_folders_know_what_was_put_into_each(engine, home, tmp_path):
    for contents in (OLD, NEW, OLD):
        for place in (home, tmp_path / "elsewhere"):
            assert engine.run(report(place, *contents))[-1].failure is None
            assert is_true(place)


def test_what_is_only_read_where_it_lies_does_not_become_ours(engine, home):
    """Pages made again around results that somebody edited: the next build leaves these alone."""
    engine.run(report(home, *OLD))
    (home / "card.pdf").write_text("mine")

    def again(contents):
        steps = report(home, contents, OLD[1])
        *_, last = steps
        files = {**last.files, "card.pdf": Input(path=home / "card.pdf")}
        return [*steps[:2], seal({k: v for k, v in files.items() if k != SEAL}), replace(last, files=files)]

    contents = {"card.html": "another card", "gone.html": "no longer made"}
    assert engine.run(again(contents))[-1].failure is None
    assert is_true(home)
    assert "card.pdf" in engine.run(report(home, *OLD))[-1].failure.message
    assert (home / "card.pdf").read_text() == "mine"


def test_a_guard_has_the_last_word(engine, home, tmp_path):
    def guard(there: Path, coming: Path) -> None:
        if "old" in there.read_text() and "new" in coming.read_text():
            raise ConfigError("what is better", "what is worse")

    engine.run(report(home, *OLD))
    before = files(home)
    for force in (False, True):
        *_, last = Engine(tmp_path / "store", force=force).run(
            report(home, *NEW, guards={"card.html": guard})
        )
        assert last.status == "failed"
        assert "what is better" in last.failure.message
        assert files(home) == before


def test_later_nodes_read_what_is_published_or_still_lies_there(engine, home, tmp_path):
    def index(context):
        (context.out / "index.txt").write_text(context.inputs["card"].read_text())

    def steps(contents, **options):
        source = {"card": Input("publish it", "card.html")}
        return [*report(home, *contents, **options), Node("index", "index", {}, source, (), (), index)]

    def shown() -> str:
        records = (tmp_path / "store/artefacts/index").rglob("index.txt")
        return max(records, key=lambda path: path.stat().st_mtime_ns).read_text()

    def refuse(there, coming):
        raise ConfigError("no", "no")

    assert engine.run(steps(OLD))[-1].status == "ran"
    assert engine.run(steps(OLD), dry_run=True)[-1].status == "fresh"
    assert engine.run(steps(NEW), dry_run=True)[-1].status == "may run"
    refused = engine.run(steps(NEW, guards={"card.html": refuse}))
    assert [each.status for each in refused[-2:]] == ["failed", "fresh"]
    assert shown() == "old card"
    assert engine.run(steps(NEW))[-1].status == "ran"
    assert shown() == "new card"


class Killed(BaseException):
    """As a signal that cannot be caught: no clean-up of ours runs after it."""


def killed_at(
    monkeypatch: pytest.MonkeyPatch, home: Path, moment: int, error: BaseException | None
) -> list[int]:
    """Let the ``moment``-th change of anything below ``home`` or of the ledger be the last one."""
    count = [0]

    def watch(owner, name: str, below) -> None:
        real = getattr(owner, name)

        def call(*arguments, **more):
            if below(*arguments):
                count[0] += 1
                if count[0] >= moment:
                    raise error or Killed
            return real(*arguments, **more)

        monkeypatch.setattr(owner, name, call)

    def at_home(*arguments) -> bool:
        return any(str(home) in str(each) or "published.json" in str(each) for each in arguments[:2])

    watch(os, "replace", at_home)
    watch(Path, "unlink", at_home)
    watch(Path, "mkdir", at_home)
    watch(os, "fsync", lambda *_: False)
    import shutil

    watch(shutil, "copyfile", at_home)
    watch(shutil, "rmtree", at_home)
    return count


@pytest.mark.parametrize("code", [0, errno.ENOSPC, errno.EACCES])
def test_at_whatever_moment_it_ends_a_seal_is_true_and_the_next_build_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Killed, or refused by the disk, at each change of the disk in turn."""
    moment = 0
    while True:
        moment += 1
        folder = tmp_path / str(moment)
        home = folder / "reports" / "study"
        Engine(folder / "store").run(report(home, *OLD))
        before = files(home)
        Engine(folder / "store").run(report(home, *NEW)[:-1])  # made already: only publishing is watched
        with monkeypatch.context() as patch:
            error = OSError(code, os.strerror(code)) if code else None
            count = killed_at(patch, home, moment, error)
            with contextlib.suppress(Killed):
                *_, last = Engine(folder / "store").run(report(home, *NEW))
                assert (last.status == "failed") == (count[0] >= moment), moment
        assert is_true(home), moment
        whole = {**before}
        now = files(home)
        if (home / SEAL).exists():
            kept = {name: text for name, text in now.items() if not name.startswith(PART)}
            assert kept in (whole, {**NEW[0], "assets/a.jpg": "a", "assets/c.jpg": "c", SEAL: now[SEAL]})
        *_, last = Engine(folder / "store").run(report(home, *NEW))
        assert last.failure is None, (moment, last)
        assert is_true(home)
        assert (home / SEAL).exists()
        assert files(home).keys() == {*NEW[0], "assets/a.jpg", "assets/c.jpg", SEAL}, moment
        if count[0] < moment:
            break
    assert moment > 12, "the disk was hardly watched"


def test_a_file_that_changes_while_it_is_put_there_is_found_when_it_is_read_back(engine, home, monkeypatch):
    real = os.replace

    def spoil(source, target):
        real(source, target)
        if str(target).endswith("card.pdf"):
            Path(target).write_text("spoilt")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", spoil)
        *_, last = engine.run(report(home, *OLD))
    assert last.status == "failed"
    assert "card.pdf" in last.failure.message
    assert not (home / SEAL).exists()


NAMES = st.sampled_from(["card.html", "card.pdf", "index.html", "deep/page.html"])
CONTENTS = st.dictionaries(NAMES, st.sampled_from(["one", "two"]), min_size=1)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CONTENTS, st.booleans()), min_size=1, max_size=4))
def test_any_sequence_of_builds_and_edits_loses_nothing_of_ones_own(tmp_path_factory, builds):
    """Every build either publishes exactly its files, or leaves the folder as it was."""
    folder = tmp_path_factory.mktemp("sequence")
    home, engine = folder / "out", Engine(folder / "store")
    for contents, edits in builds:
        mine: dict[str, str] = {}
        if edits and (home / "card.html").exists():
            (home / "card.html").write_text("mine")
            mine = {"card.html": "mine"}
        before = files(home) if home.exists() else {}
        *_, last = engine.run(report(home, contents, {"a.jpg": "a"}))
        now = files(home)
        if last.status == "failed":
            assert mine
            assert now == before
            (home / "card.html").unlink()
        else:
            ours = {name: text for name, text in now.items() if name not in (SEAL, "assets/a.jpg")}
            assert ours == {**mine, **contents} if "card.html" not in contents else ours == contents
            if not mine:
                assert is_true(home)
            elif "card.html" not in contents:
                (home / "card.html").unlink()


# Several reports of one store, and what lies beside them


def published(engine: Engine, *homes: Path) -> None:
    for home in homes:
        assert engine.run(report(home, *OLD))[-1].failure is None


@pytest.mark.parametrize("inner", ["demo", "study", "a/b"])
@pytest.mark.parametrize("first", ["outer", "inner"])
def test_a_report_below_another_is_left_alone(engine, home, inner, first):
    below = home / inner
    order = (home, below) if first == "outer" else (below, home)
    published(engine, *order)
    before = files(below)
    assert engine.run(report(home, *NEW))[-1].failure is None
    assert files(below) == before
    assert is_true(below)


def test_a_file_of_another_report_is_not_replaced(engine, home, tmp_path):
    """As when a build is told to write its index into the folder of a study."""
    published(engine, home)
    before = files(home)

    def index(folder):
        made = {"card.html": Input("other", "card.html")}
        return [make("other", {"card.html": "the index"}), Publication("publish all", folder, made)]

    assert "card.html" in engine.run(index(home))[-1].failure.message
    assert files(home) == before
    assert engine.run(index(home / ".." / "study"))[-1].failure is not None
    assert engine.run(index(home.parent))[-1].failure is None
    forced = Engine(tmp_path / "store", force=True)
    assert forced.run(index(home))[-1].failure is None
    assert (home / "card.html").read_text() == "the index"


@pytest.mark.parametrize("path", ["x/../study", "../study", "./study", "../reports/study"])
def test_an_edit_stays_ones_own_whatever_the_way_to_it(engine, home, monkeypatch, path):
    """A step reads a report where it lies, by another name of the same folder."""
    published(engine, home)
    (home.parent / "x").mkdir()
    monkeypatch.chdir(home if path.startswith("../study") else home.parent)
    (home / "card.pdf").write_text("mine")
    away = Path(path)
    steps = report(away, OLD[0], OLD[1])
    *_, last = steps
    sources = {**last.files, "card.pdf": Input(path=away / "card.pdf")}
    again = [*steps[:2], seal({k: v for k, v in sources.items() if k != SEAL}), replace(last, files=sources)]
    assert engine.run(again)[-1].failure is None
    assert "card.pdf" in engine.run(report(home, *NEW))[-1].failure.message
    assert (home / "card.pdf").read_text() == "mine"


@pytest.mark.parametrize("name", ["../evil/card.md", "../../evil", "a/../../../evil"])
def test_nothing_is_put_outside_the_folder(engine, home, name):
    published(engine, home)
    before = files(home.parent)
    steps = [make("bad", {"card": "text"}), Publication("publish bad", home, {name: Input("bad", "card")})]
    for dry in (False, True):
        assert "below the report" in engine.run(steps, dry_run=dry)[-1].failure.message
    assert files(home.parent) == before


def failing(steps: list[Node | Publication], which: str) -> list[Node | Publication]:
    def fail(context):
        raise ConfigError("a template that is whole", "half of one")

    return [replace(step, run=fail, params={"v": 2}) if step.name == which else step for step in steps]


@pytest.mark.parametrize("which", ["pages", "pictures"])
def test_a_page_that_fails_takes_no_old_one_away(engine, home, which):
    published(engine, home)
    before = files(home)
    last = engine.run(failing(report(home, *NEW), which))[-1]
    assert last.status == "failed"
    assert f"`{which}` failed" in last.failure.message
    assert "stays as it is" in last.failure.hint
    assert files(home) == before
    assert is_true(home)
    for name in [*OLD[0], *(f"assets/{each}" for each in OLD[1])]:  # as the hint says
        (home / name).unlink()
    (home / "assets").rmdir()
    assert engine.run(failing(report(home, *NEW), which))[-1].failure is None
    assert is_true(home)
    assert engine.run(report(home, *NEW))[-1].failure is None
    assert is_true(home)


def test_a_folder_on_another_disk_is_refused_before_the_seal_is_gone(engine, home, monkeypatch):
    published(engine, home)
    before = files(home)
    real = Path.stat

    def stat(self, **options):
        found = real(self, **options)
        if self != home / "assets":
            return found
        return SimpleNamespace(st_dev=found.st_dev + 1, st_mode=found.st_mode)

    monkeypatch.setattr(Path, "stat", stat)
    last = engine.run(report(home, *NEW))[-1]
    monkeypatch.undo()
    assert "one disk" in last.failure.message
    assert str(home / "assets") in last.failure.message
    assert files(home) == before


@pytest.mark.parametrize("way", ["loop", "long"])
def test_a_name_that_leads_nowhere_is_refused_in_plain_words(engine, home, tmp_path, way):
    if way == "loop":
        home.mkdir(parents=True)
        (home / "card.html").symlink_to("card.html")
    else:
        home = tmp_path / ("r" * 300)
    for dry in (False, True):
        engine.run(report(home, *NEW), dry_run=dry)
        last = engine.run(report(home, *NEW), dry_run=dry)[-1]
        assert last.status == "failed"
        assert last.failure.message.startswith("Expected ")
        assert "log.txt" not in last.failure.hint
    if way == "loop":
        assert (home / "card.html").is_symlink()
        assert engine.is_foreign("publish it", home, "card.html")


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '{"node": "page"}', '{"node": 1, "finished": 2, "begun": 3}']
)
def test_nothing_is_cleaned_by_a_journal_that_cannot_be_read(engine, home, tmp_path, text):
    published(engine, home)
    entries = sorted((tmp_path / "store" / "journal").iterdir())
    before = files(tmp_path / "store" / "artefacts")
    for entry in entries:
        whole = entry.read_text()
        entry.write_text(text)
        with pytest.raises(StoreError, match=re.escape(entry.name)):
            engine.clean()
        assert files(tmp_path / "store" / "artefacts") == before
        entry.write_text(whole)
    for entry in entries:
        entry.write_text(text)
    assert engine.run(report(home, *OLD))[-1].failure is None
    assert engine.run(report(home, *NEW))[-1].failure is None
    engine.clean()  # each has been written anew
    assert engine.run(report(home, *NEW))[-1].status == "fresh"


@pytest.mark.parametrize("content", [b"", b'{"node": "x", "finished": "make/k", "begun": ""}'])
def test_what_a_kill_leaves_of_an_entry_is_no_entry(engine, home, tmp_path, content):
    """Killed before or after the write, before the rename."""
    published(engine, home)
    part = tmp_path / "store" / "journal" / f"{PART}0123456789abcdef.json"
    part.write_bytes(content)
    engine.clean()
    part.write_bytes(content)
    assert engine.run(report(home, *OLD))[-1].status == "fresh"
    assert not part.exists()


@pytest.mark.parametrize("way", ["file", "refused"])
def test_a_journal_that_cannot_be_listed_is_not_taken_for_an_empty_one(
    engine, home, tmp_path, monkeypatch, way
):
    published(engine, home)
    folder, before = tmp_path / "store" / "journal", files(tmp_path / "store" / "artefacts")
    if way == "file":
        folder.rename(tmp_path / "elsewhere")
        folder.write_text("somebody's")
    else:
        real = os.listdir

        def refuse(path="."):
            if Path(path) == folder:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return real(path)

        monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(StoreError):
        engine.clean()
    assert files(tmp_path / "store" / "artefacts") == before


@pytest.mark.parametrize("key", ["params", "inputs", "code", "versions", "failures", "stage", "python"])
def test_a_damaged_record_fails_no_step_that_only_explains_itself(engine, tmp_path, key):
    engine.run([make("one", {"x.txt": "1"})])
    (record,) = (tmp_path / "store").rglob("record.json")
    stored = json.loads(record.read_text())
    stored["parts"][key] = 5
    record.write_text(json.dumps(stored))
    other = [make("one", {"x.txt": "2"})]
    assert engine.run(other, dry_run=True)[0].status == "would run"
    assert engine.run(other)[0].status == "ran"


def test_one_study_built_does_not_let_the_results_of_another_be_cleaned(engine, tmp_path):
    """Its own entry alone is written anew; what the others rest on nobody knows still."""
    mine, other = (make(name, {"page.html": name}) for name in ("mine", "other"))
    engine.run([mine, other])
    for entry in (tmp_path / "store" / "journal").iterdir():
        entry.write_text("{")
    engine.run([mine])
    with pytest.raises(StoreError, match="other"):
        engine.clean()
    assert [each.status for each in engine.run([mine, other])] == ["fresh", "fresh"]
    assert engine.clean().artefacts == 0


def test_a_ledger_that_may_not_be_read_is_not_written_anew(engine, home, tmp_path, monkeypatch):
    published(engine, home)
    ledger = tmp_path / "store" / "published.json"
    before = ledger.read_bytes()
    real = Path.read_bytes

    def refused(self):
        if self.name == "published.json":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return real(self)

    monkeypatch.setattr(Path, "read_bytes", refused)
    with pytest.raises(StoreError, match="permission"):
        engine.run(report(home, *NEW))
    monkeypatch.undo()
    assert ledger.read_bytes() == before


def test_names_that_are_no_text_do_no_harm(engine, tmp_path):
    home = tmp_path / os.fsdecode(b"o\xff")
    for contents in (OLD, NEW):
        assert engine.run(report(home, *contents))[-1].failure is None
    assert is_true(home)


@pytest.mark.parametrize("moment", ["before the move", "after it"])
def test_a_stand_in_is_told_from_the_better_file_after_a_kill(tmp_path, monkeypatch, moment):
    """A real model replaces a phantom's; the build is killed; another phantom build comes by."""
    place = tmp_path / "models" / "model"

    def steps(text, stands_in):
        node = replace(make("train", {"model": text}), publish={"model": place}, stands_in=stands_in)
        return [node]

    engine = Engine(tmp_path / "store")
    engine.run(steps("phantom", True))
    real = os.replace

    def killed(source, target, **options):
        if str(target) == str(place):
            if moment == "after it":
                real(source, target, **options)
            raise Killed
        return real(source, target, **options)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(Killed):
        engine.run(steps("real", False))
    monkeypatch.undo()
    engine.run(steps("another phantom", True))
    assert place.read_text() == ("another phantom" if moment == "before the move" else "real")
