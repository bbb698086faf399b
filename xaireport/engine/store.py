"""Content-addressed artefacts: written whole, found by key, checked by content. Publishing is publish.py's.

``artefacts/<stage>/<key>/`` holds a node's files and ``record.json``. An artefact is made in ``tmp/`` and
renamed into place, so one that is there is complete.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from xaireport.engine.folders import list_files, remove_tree, sync_folders
from xaireport.engine.hashes import HashCache, sha256_of_file, sha256_of_files
from xaireport.engine.keys import Parts, is_whole
from xaireport.engine.machine import machine
from xaireport.engine.node import Made
from xaireport.errors import StoreError
from xaireport.files import remove_parts, write_atomic

RECORD = "record.json"
JOURNAL = "journal"
_KEY_LENGTH = 24  # hex digits of a key in a folder name


@dataclass(frozen=True)
class Record:
    """A finished artefact: its folder, the key it was made under, the SHA-256 of each file, who made it."""

    folder: Path
    key: str
    outputs: dict[str, str]
    made: Made | None = None
    _hashes: dict[str, str | None] = field(default_factory=dict, compare=False, repr=False)

    def select(self, file: str) -> dict[str, str] | None:
        """Hashes of a file, of a folder (relative to it), or with ``""`` of all; None where there is none."""
        if not file:
            return self.outputs
        if file in self.outputs:
            return {file: self.outputs[file]}
        prefix = file.rstrip("/") + "/"
        inside = {
            f.removeprefix(prefix): digest for f, digest in self.outputs.items() if f.startswith(prefix)
        }
        return inside or None

    def sha256(self, file: str) -> str | None:
        """Content hash of what `select` finds."""
        if file in self.outputs:
            return self.outputs[file]
        if file not in self._hashes:  # a folder may be read by many
            selected = self.select(file)
            self._hashes[file] = None if selected is None else sha256_of_files(selected)
        return self._hashes[file]


@dataclass(frozen=True)
class Cleaned:
    """What was removed: number of artefacts and checkpoints, and their size in bytes."""

    artefacts: int
    size_bytes: int


class Store:
    """The folder of a build's results.

    Parameters
    ----------
    root : Path
        Made when first written to.
    cache : HashCache
        Tells whether a stored file is still what was stored.
    """

    def __init__(self, root: Path, cache: HashCache) -> None:
        self.root = root
        self._cache = cache

    def open(self) -> None:
        """Make the folders, and remove what a killed build left unfinished. Call under the lock."""
        if (self.root / "tmp").exists() and os.listdir(self.root / "tmp"):  # noqa: PTH208
            remove_tree(self.root / "tmp")
        for name in ("artefacts", "checkpoints", "tmp"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for folder in (self.root, self.root / JOURNAL):
            remove_parts(folder)

    def find(self, stage: str, key: str) -> tuple[Record | None, tuple[str, ...]]:
        """Return the artefact if it is there and intact, else None and the files that are not."""
        folder = self._folder("artefacts", stage, key)
        try:
            stored = json.loads((folder / RECORD).read_bytes())
            outputs = {file: str(facts["sha256"]) for file, facts in stored["outputs"].items()}
            made = Made(str(stored["node"]), stored.get("machine"))
            intact = stored["key"] == key
        except FileNotFoundError:
            return None, ((RECORD,) if folder.exists() else ())
        except (ValueError, KeyError, TypeError, AttributeError):
            intact, outputs, made = False, {}, None
        if not intact:
            return None, (RECORD,)
        base = str(folder)
        broken = tuple(
            file for file, digest in outputs.items() if self._cache.sha256(f"{base}/{file}") != digest
        )
        return (None, broken) if broken else (Record(folder, key, outputs, made), ())

    def parts(self, stage: str, key: str) -> Parts | None:
        """Return what an artefact's key was made of, None where the store does not know it any more."""
        try:
            stored: Parts = json.loads((self._folder("artefacts", stage, key) / RECORD).read_bytes())["parts"]
            return stored if is_whole(stored) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def temporary(self) -> Path:
        """Make an empty folder that a later build removes, if this one does not."""
        folder = self.root / "tmp" / os.urandom(8).hex()
        folder.mkdir(parents=True)
        return folder

    def checkpoint(self, stage: str, key: str) -> Path:
        """Where an unfinished node keeps what a resumption needs; not made here."""
        return self._folder("checkpoints", stage, key)

    def commit(self, made: Path, *, node: str, stage: str, key: str, parts: Parts, seconds: float) -> Record:
        """Turn a folder made by `temporary` into the artefact of ``key``, replacing a broken one."""
        outputs: dict[str, dict[str, Any]] = {}
        for file in list_files(str(made)):
            if file == RECORD:
                raise StoreError("any other file name in an artefact", RECORD, "The store writes it.", node)
            path = made / file
            if not path.is_file():
                raise StoreError("regular files in an artefact", file, where=node)
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
            outputs[file] = {"sha256": sha256_of_file(str(path)), "size": path.stat().st_size}
        told = asdict(machine())
        record = {
            "node": node, "key": key, "parts": parts, "outputs": outputs, "seconds": round(seconds, 3),
            "machine": told,
        }  # fmt: skip
        write_atomic(made / RECORD, json.dumps(record, ensure_ascii=False, indent=1).encode())
        sync_folders(made)
        folder = self._folder("artefacts", stage, key)
        folder.parent.mkdir(parents=True, exist_ok=True)
        if folder.exists():
            broken = self.temporary()
            folder.rename(broken / "broken")
            remove_tree(broken)
        made.rename(folder)
        digests = {file: str(facts["sha256"]) for file, facts in outputs.items()}
        for file, digest in digests.items():
            self._cache.remember(f"{folder}/{file}", digest)
        return Record(folder, key, digests, Made(node, told))

    def prune(self, kind: str, keep: set[str]) -> Cleaned:
        """Remove the ``artefacts`` or ``checkpoints`` that ``keep`` (``stage/key`` or keys) does not name."""
        names = {entry.rpartition("/")[2][:_KEY_LENGTH] for entry in keep}
        count = size = 0
        for folder in self._folders(kind):
            if folder.name not in names:
                size += sum((folder / file).lstat().st_size for file in list_files(str(folder)))
                remove_tree(folder)
                count += 1
        return Cleaned(count, size)

    def _folders(self, kind: str) -> Iterator[Path]:
        for stage in sorted((self.root / kind).iterdir()):
            if stage.is_dir():
                yield from (folder for folder in sorted(stage.iterdir()) if folder.is_dir())

    def _folder(self, kind: str, stage: str, key: str) -> Path:
        return self.root / kind / stage / key[:_KEY_LENGTH]
