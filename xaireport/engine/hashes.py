"""SHA-256 of files, remembered by what ``stat`` says of them. Knows nothing of artefacts or keys.

An entry is trusted while size, modification time, change time and inode are the same. One JSON file keeps
them between builds; it is a cache, so it may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from stat import S_ISREG
from typing import Any

from xaireport.engine.folders import list_files
from xaireport.errors import StoreError
from xaireport.files import write_atomic

# Of the file, and of what code.py derives from a source: each Python has a syntax tree of its own.
_DERIVED_BY = hashlib.sha256(Path(__file__).with_name("code.py").read_bytes()).hexdigest()
_VERSION = [2, *sys.version_info[:2], _DERIVED_BY]
# File times advance with the kernel's tick (up to 10 ms): two changes within one tick look the same.
_TICK_NS = 20_000_000


def sha256_of_files(files: Mapping[str, str]) -> str:
    """Hash of a folder, given the SHA-256 of each file in it by relative path."""
    listing = json.dumps(sorted(files.items()), separators=(",", ":"))
    return hashlib.sha256(listing.encode()).hexdigest()


def sha256_of_file(file: str) -> str:
    """Hash of a file's content, read now."""
    with Path(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class HashCache:
    """Hashes of files, and other facts derived from one file's content.

    Parameters
    ----------
    path : Path
        The JSON file; an unreadable or foreign one counts as empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts: dict[str, dict[str, list[Any]]] = {"files": {}, "code": {}}
        self._used: set[str] = set()
        self._changed = False
        self._newest_ns = 0
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            stored = json.loads(path.read_bytes())
            if stored["version"] == _VERSION:
                self._facts = {"files": dict(stored["files"]), "code": dict(stored["code"])}

    def sha256(self, file: str) -> str | None:
        """Return the SHA-256 of a file, or None where there is none."""
        digest: str | None = self.fact("files", file, sha256_of_file)
        return digest

    def sha256_of_path(self, path: Path) -> str | None:
        """Return the hash of a file, or of a folder (over its sorted relative files); None if absent."""
        return sha256_of_files(self.sha256_of_folder(path)) if path.is_dir() else self.sha256(str(path))

    def sha256_of_folder(self, folder: Path) -> dict[str, str]:
        """Return the SHA-256 of each file below a folder, by path relative to it."""
        hashes = {file: self.sha256(f"{folder}/{file}") for file in list_files(str(folder))}
        return {file: digest for file, digest in hashes.items() if digest is not None}

    def fact(self, kind: str, file: str, derive: Callable[[str], Any]) -> Any:
        """Return ``derive(file)``, from the cache while the file is the same; None where there is no file."""
        try:
            stat = os.stat(file)  # noqa: PTH116 - called thousands of times while planning
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:  # a link to itself is no file
                return None
            raise
        if not S_ISREG(stat.st_mode):
            return None
        stamp = _stamp(stat)
        facts = self._facts[kind]
        entry = facts.get(file)
        self._used.add(file)
        if entry is not None and entry[0] == stamp:
            return entry[1]
        value = derive(file)
        if time.time_ns() - stat.st_ctime_ns > _TICK_NS:
            facts[file] = [stamp, value]
        else:
            facts.pop(file, None)
        self._changed = True
        return value

    def remember(self, file: str, sha256: str) -> None:
        """Note the hash of a file that this process has just written."""
        stat = os.stat(file)  # noqa: PTH116
        self._facts["files"][file] = [_stamp(stat), sha256]
        self._used.add(file)
        self._newest_ns = max(self._newest_ns, stat.st_ctime_ns)
        self._changed = True

    def save(self) -> None:
        """Write the cache where it changed, without entries of files that are gone."""
        if not self._changed:
            return
        for facts in self._facts.values():
            for file in [f for f in facts if f not in self._used and not Path(f).exists()]:
                del facts[file]
        # Let the tick of the last file written pass, so that a later change of it cannot look the same.
        wait_ns = self._newest_ns + _TICK_NS - time.time_ns()
        if 0 < wait_ns <= _TICK_NS:
            time.sleep(wait_ns / 1e9)
        stored = {"version": _VERSION, **self._facts}
        # A cache that cannot be written costs time in the next build, and nothing else.
        with contextlib.suppress(StoreError):
            write_atomic(self._path, json.dumps(stored, separators=(",", ":")).encode(), durable=False)
        self._changed = False


def _stamp(stat: os.stat_result) -> str:
    return f"{stat.st_size}.{stat.st_mtime_ns}.{stat.st_ctime_ns}.{stat.st_ino}"
