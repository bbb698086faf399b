"""The cache of hashes: right before fast."""

from __future__ import annotations

import hashlib
import importlib.util
import time
from pathlib import Path

import pytest

import xaireport.engine.hashes as hashes
from xaireport.engine.hashes import HashCache, sha256_of_files


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(("age_s", "known"), [(0, "new"), (0.05, "old")])
def test_a_file_as_young_as_the_clocks_tick_is_read_again(tmp_path, monkeypatch, age_s, known):
    file, cache = tmp_path / "file", HashCache(tmp_path / "hashes.json")
    file.write_text("old")
    now_ns = file.stat().st_ctime_ns + round(age_s * 1e9)  # a clock of our own: machines stall
    monkeypatch.setattr(hashes.time, "time_ns", lambda: now_ns)
    assert cache.sha256(str(file)) == digest("old")
    monkeypatch.setattr(hashes, "_stamp", lambda stat: cache._facts["files"].get(str(file), ["same"])[0])
    file.write_text("new")  # as if within one tick: size and times are the same
    assert cache.sha256(str(file)) == digest(known)


def test_saving_lets_the_tick_of_the_last_file_pass(tmp_path):
    file, cache = tmp_path / "file", HashCache(tmp_path / "hashes.json")
    file.write_text("text")
    cache.remember(str(file), digest("text"))
    cache.save()
    assert time.time_ns() - file.stat().st_ctime_ns >= hashes._TICK_NS


def test_entries_outlive_the_process_while_their_files_do(tmp_path, monkeypatch):
    files = [tmp_path / name for name in ("kept", "deleted")]
    cache = HashCache(tmp_path / "hashes.json")
    for file in files:
        file.write_text("text")
        cache.remember(str(file), digest("text"))
    cache.save()
    files[1].unlink()
    (tmp_path / "another").write_text("x")
    later = HashCache(tmp_path / "hashes.json")
    later.remember(str(tmp_path / "another"), digest("x"))
    later.save()

    stored = (tmp_path / "hashes.json").read_text()
    assert "kept" in stored
    assert "deleted" not in stored
    monkeypatch.setattr(hashes, "sha256_of_file", lambda file: "read again")
    assert HashCache(tmp_path / "hashes.json").sha256(str(files[0])) == digest("text")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": 0, "files": {}, "code": {}}', "\x00"])
def test_a_cache_that_cannot_be_read_counts_as_empty(tmp_path, content):
    (tmp_path / "hashes.json").write_text(content)
    (tmp_path / "file").write_text("text")
    assert HashCache(tmp_path / "hashes.json").sha256(str(tmp_path / "file")) == digest("text")


def test_what_another_code_py_derived_is_not_used(tmp_path, monkeypatch):
    """Whatever it derives: nobody has to remember a number."""
    file = tmp_path / "file"
    file.write_text("text")
    monkeypatch.setattr(hashes.time, "time_ns", lambda: file.stat().st_ctime_ns + 10**9)

    def derived(by):
        package = tmp_path / by
        package.mkdir()
        (package / "code.py").write_text(by)
        (package / "hashes.py").write_bytes(Path(hashes.__file__).read_bytes())
        found = importlib.util.spec_from_file_location(f"hashes_of_{by}", package / "hashes.py")
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        cache = module.HashCache(tmp_path / "hashes.json")
        fact = cache.fact("code", str(file), lambda _: by)
        cache.save()
        return fact

    assert [derived("one"), derived("two")] == ["one", "two"]


def test_what_is_no_file_has_no_hash(tmp_path):
    cache = HashCache(tmp_path / "hashes.json")
    (tmp_path / "file").write_text("text")
    for path in (tmp_path, tmp_path / "absent", tmp_path / "file/inside"):
        assert cache.sha256(str(path)) is None


def test_a_folders_hash_is_of_its_relative_files(tmp_path):
    cache = HashCache(tmp_path / "hashes.json")
    for folder in ("a", "b"):
        (tmp_path / folder / "sub").mkdir(parents=True)
        (tmp_path / folder / "sub/y.txt").write_text("y")
        (tmp_path / folder / "x.txt").write_text("x")
    same = cache.sha256_of_path(tmp_path / "a")
    assert same == cache.sha256_of_path(tmp_path / "b")
    assert same == sha256_of_files({"x.txt": digest("x"), "sub/y.txt": digest("y")})
    (tmp_path / "b/sub/y.txt").rename(tmp_path / "b/sub/z.txt")
    assert cache.sha256_of_path(tmp_path / "b") != same
    assert cache.sha256_of_path(tmp_path / "absent") is None
