"""The one atomic write: whole or not at all, under a name that nobody can know beforehand."""

from __future__ import annotations

import ast
import os
import re
import threading
from pathlib import Path

import pytest

import xaireport
from xaireport.errors import StoreError
from xaireport.files import PART, remove_parts, replacing, write_atomic

PACKAGE = Path(xaireport.__path__[0])
MAY_RENAME = {"files.py", "engine/publish.py", "engine/store.py"}
"""The atomic write; a publication's files and a store's folders, which are prepared as a whole first."""

MOVES = {"os.replace", "os.rename", "os.renames", "shutil.move", "tempfile.mkstemp"}


def renames(source: str) -> list[int]:
    """Lines on which something is moved into place, or a temporary file is named."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        # str.replace takes two, Path.replace one; os.replace is called by its module.
        of_path = node.func.attr in ("replace", "rename") and len(node.args) == 1 and not node.keywords
        owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
        of_module = f"{owner}.{node.func.attr}" in MOVES
        if of_path or of_module:
            found.append(node.lineno)
    return found


def test_nothing_else_moves_files_into_place() -> None:
    others = {
        path.relative_to(PACKAGE).as_posix(): lines
        for path in sorted(PACKAGE.rglob("*.py"))
        if (lines := renames(path.read_text("utf-8")))
    }
    assert others.keys() == MAY_RENAME, others


def test_names_are_random_exclusive_and_keep_the_ending(tmp_path: Path) -> None:
    seen = set()
    for _ in range(50):
        with replacing(tmp_path / "map.npz") as part:
            assert part.parent == tmp_path
            assert re.fullmatch(rf"{re.escape(PART)}[0-9a-f]{{16}}\.npz", part.name)
            assert part.read_bytes() == b""
            seen.add(part.name)
            part.write_bytes(b"x")
    assert len(seen) == 50
    assert [path.name for path in tmp_path.iterdir()] == ["map.npz"]


def test_a_link_in_the_way_is_replaced_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    precious = tmp_path / "precious.txt"
    precious.write_text("mine")
    (tmp_path / "card.html").symlink_to(precious)
    write_atomic(tmp_path / "card.html", b"new")
    assert (precious.read_text(), (tmp_path / "card.html").read_text()) == ("mine", "new")
    # Even a name that was guessed is not written through.
    monkeypatch.setattr(os, "urandom", lambda n: b"\0" * n)
    (tmp_path / f"{PART}{'00' * 8}.html").symlink_to(precious)
    with pytest.raises(StoreError):
        write_atomic(tmp_path / "card.html", b"newer")
    assert (precious.read_text(), (tmp_path / "card.html").read_text()) == ("mine", "new")


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
def test_what_fails_on_the_way_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "a.json").write_text("old")

    def fail() -> None:
        with replacing(tmp_path / "a.json") as part:
            part.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.json": "old"}


def test_writers_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    contents = [bytes([i]) * 200_000 for i in range(8)]
    threads = [threading.Thread(target=write_atomic, args=(path, content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_made_and_its_mode_is_that_of_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    write_atomic(path, b"x", durable=False)
    plain = tmp_path / "plain.txt"
    plain.write_bytes(b"x")
    assert path.stat().st_mode == plain.stat().st_mode


def test_what_a_kill_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / f"{PART}0123456789abcdef.json").write_text("half")
    (tmp_path / "journal.json").write_text("whole")
    remove_parts(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["journal.json"]
