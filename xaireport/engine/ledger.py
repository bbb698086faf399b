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
    home : str
        The folder that it was put in or below, relative to the store: a study may have several reports.
    contents : mapping of str to bool
        SHA-256 of what was put -> whether it stands in for something better. While a publication is under way
        those of the old and of the new file, since a kill may leave either.
    """

    by: str
    home: str
    contents: Mapping[str, bool]


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
        self._of_step: dict[tuple[str, str], set[str]] = {}
        try:
            content = self._path.read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return  # any other refusal ends the build: what cannot be read now must not be written anew
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            stored = json.loads(content)
            places = {
                place: Put(put["by"], put["home"], dict(put["contents"]))
                for place, put in stored["places"].items()
            }
            self._places, self._staging = places, list(stored["staging"])
        for place, put in self._places.items():
            self._of_step.setdefault((put.by, put.home), set()).add(place)

    def put(self, place: str) -> Put | None:
        """Return what was put at an absolute path, or None."""
        return self._places.get(self._relative(place))

    def home(self, folder: Path) -> str:
        """Return a folder as `Put.home` has it."""
        return self._relative(str(folder))

    def places_of(self, by: str, home: str) -> dict[str, Put]:
        """Return what a step put where for one home, by absolute path."""
        return {
            self._absolute(place): self._places[place] for place in sorted(self._of_step.get((by, home), ()))
        }

    def staging(self) -> list[Path]:
        """Return the folders in which a publication was prepared that never ended."""
        return [Path(self._absolute(place)) for place in self._staging]

    def begin(self, by: str, home: str, coming: Mapping[str, str], staging: Path, *, stands_in: bool) -> None:
        """Note what is about to be put where, beside what was put there before."""
        for place, digest in coming.items():
            name = self._relative(place)
            before = self._places.get(name)
            self._set(name, Put(by, home, {**(before.contents if before else {}), digest: stands_in}))
        self._staging.append(self._relative(str(staging)))
        self._write()

    def settle(
        self, by: str, home: str, put: Mapping[str, str], gone: Iterable[str], *, stands_in: bool
    ) -> None:
        """Note what lies where now, and that nothing is under way any more."""
        changes: dict[str, Put | None] = {self._relative(place): None for place in gone}
        changes |= {
            self._relative(place): Put(by, home, {digest: stands_in}) for place, digest in put.items()
        }
        changes = {place: each for place, each in changes.items() if self._places.get(place) != each}
        for place, each in changes.items():
            self._set(place, each)
        if changes or self._staging:
            self._staging = []
            self._write()

    def _set(self, place: str, put: Put | None) -> None:
        """Note what lies at a place, None where nothing does any more."""
        if (before := self._places.pop(place, None)) is not None:
            self._of_step[before.by, before.home].discard(place)
        if put is not None:
            self._places[place] = put
            self._of_step.setdefault((put.by, put.home), set()).add(place)

    def _write(self) -> None:
        stored = {
            "places": {place: asdict(put) for place, put in sorted(self._places.items())},
            "staging": self._staging,
        }
        write_atomic(self._path, json.dumps(stored, separators=(",", ":")).encode())

    def _relative(self, place: str) -> str:
        folder, _, name = place.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = os.path.relpath(folder or "/", self._root)
        return f"{self._folders[folder]}/{name}"

    def _absolute(self, place: str) -> str:
        return os.path.normpath(f"{self._root}/{place}")
