"""The record of what the builds of a store have put where: how a file of theirs is told from anybody else's.

One JSON file. Without it every published file counts as somebody's, and is not replaced unasked.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from xaireport.files import write_atomic


@dataclass(frozen=True)
class Put:
    """One published file.

    Parameters
    ----------
    by : str
        The step that put it there.
    hashes : tuple of str
        SHA-256 of what was put; while a publication is under way those of the old and of the new file, since
        a kill may leave either.
    stands_in : bool
        It stands in for something better: never in its place.
    """

    by: str
    hashes: tuple[str, ...]
    stands_in: bool = False


class Ledger:
    """Places and what was put there; written whole at each change.

    Parameters
    ----------
    root : Path
        The store. Places are kept relative to it, so that a copied project does not reach into the original.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._path = root, root / "published.json"
        self._places: dict[str, Put] = {}
        self._staging: list[str] = []
        self._folders: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            stored = json.loads(self._path.read_bytes())
            self._places = {
                place: Put(put["by"], tuple(put["hashes"]), put["stands_in"])
                for place, put in stored["places"].items()
            }
            self._staging = list(stored["staging"])

    def put(self, place: str) -> Put | None:
        """Return what was put at an absolute path, or None."""
        return self._places.get(self._relative(place))

    def is_ours(self, place: str, digest: str) -> bool:
        """Whether a file of this content was put there."""
        put = self.put(place)
        return put is not None and digest in put.hashes

    def places_of(self, by: str) -> dict[str, Put]:
        """Return what a step put where, by absolute path."""
        return {self._absolute(place): put for place, put in self._places.items() if put.by == by}

    def staging(self) -> list[Path]:
        """Return the folders in which a publication was prepared that never ended."""
        return [Path(self._absolute(place)) for place in self._staging]

    def begin(self, by: str, coming: Mapping[str, str], staging: Path, stands_in: bool) -> None:
        """Note what is about to be put where, beside what was put there before."""
        for place, digest in coming.items():
            name = self._relative(place)
            before = self._places.get(name)
            hashes = dict.fromkeys((*(before.hashes if before else ()), digest))
            self._places[name] = Put(by, tuple(hashes), stands_in)
        self._staging.append(self._relative(str(staging)))
        self._write()

    def settle(self, by: str, put: Mapping[str, str], gone: Iterable[str], stands_in: bool) -> None:
        """Note what lies where now, and that nothing is under way any more."""
        before = dict(self._places), list(self._staging)
        for place in gone:
            self._places.pop(self._relative(place), None)
        for place, digest in put.items():
            self._places[self._relative(place)] = Put(by, (digest,), stands_in)
        self._staging = []
        if before != (self._places, self._staging):
            self._write()

    def _write(self) -> None:
        stored = {
            "places": {place: asdict(put) for place, put in sorted(self._places.items())},
            "staging": self._staging,
        }
        write_atomic(self._path, json.dumps(stored, ensure_ascii=False, separators=(",", ":")).encode())

    def _relative(self, place: str) -> str:
        folder, _, name = place.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = os.path.relpath(folder or "/", self._root)
        return f"{self._folders[folder]}/{name}"

    def _absolute(self, place: str) -> str:
        return os.path.normpath(f"{self._root}/{place}")
