"""Files where people look for them: put there together, checked, and never at the cost of somebody else's.

A publication is prepared in a folder beside its places. Only when all of it is there, the old seal (a study's
manifest) is removed, the files are moved, what lies there is read back, and the new seal is put last: while
a seal is there, it is true, at whatever moment a build is killed or a disk is full.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xaireport.engine.folders import remove_tree, sync_folder
from xaireport.engine.hashes import HashCache, sha256_of_file
from xaireport.engine.ledger import Ledger
from xaireport.engine.node import Guard, Node, Publication
from xaireport.engine.plan import Found
from xaireport.engine.store import Record
from xaireport.errors import StoreError
from xaireport.files import PART

SHOWN = 3
"""Names in a message."""


@dataclass(frozen=True)
class Files:
    """What is to lie where.

    Parameters
    ----------
    by : str
        The step that publishes it.
    home : Path
        A folder on the same disk: all is prepared in it.
    is_report : bool
        It is one of several that a step may have, each with its home. What is another's is not replaced.
    sources : mapping of str to (Path, str)
        Absolute place -> the file to put there and its SHA-256. A file that is its own place only has to be
        what it was when it was read.
    seal : str
        The place that is put last and removed first; empty for none.
    guards : mapping of str to Guard
        By place.
    stands_in : bool
        These files stand in for better ones: where others lie, they yield.
    folders : tuple of str
        Files put below them earlier, and no longer wanted, are removed.
    """

    by: str
    home: Path
    is_report: bool
    sources: Mapping[str, tuple[Path, str]]
    seal: str = ""
    guards: Mapping[str, Guard] = field(default_factory=dict)
    stands_in: bool = False
    folders: tuple[str, ...] = ()


@dataclass(frozen=True)
class Change:
    """What differs between what is to lie there and what does."""

    places: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    yielding: tuple[str, ...] = ()
    """Places left to the better file that lies there."""

    @property
    def is_none(self) -> bool:
        """Whether all is as it should be."""
        return not (self.places or self.gone)


def files_of_node(node: Node, record: Record) -> Files:
    """Return what a node publishes of its artefact.

    Raises
    ------
    StoreError
        The artefact has no such file, or two files go to one place.
    """
    found: dict[str, tuple[Path, str]] = {}
    for source, place in node.publish.items():
        target = os.path.abspath(place)  # noqa: PTH100 - takes out "..", follows no links
        whole_folder = not source or source.endswith("/")
        if not whole_folder and source not in record.outputs:
            raise StoreError("a file to publish", f"none called {source} among {sorted(record.outputs)}")
        inside = record.select(source) or {} if whole_folder else {}
        names = {f"/{file}": f"{source}{file}" for file in inside} if whole_folder else {"": source}
        pairs = {
            f"{target}{name}": (record.folder / file, record.outputs[file]) for name, file in names.items()
        }
        for destination in pairs.keys() & found.keys():
            raise StoreError("one file per published path", f"two for {destination}")
        found |= pairs
    folders = published_folders(node.publish)
    homes = [*map(Path, folders), *(Path(place).parent for place in found), Path()]
    return Files(node.name, homes[0], False, found, stands_in=node.stands_in, folders=folders)


def files_of_publication(publication: Publication, found: Mapping[str, Found]) -> Files:
    """Return what a publication consists of, given where each of its inputs lies.

    Raises
    ------
    StoreError
        A file of it would lie outside its home.
    """
    home = os.path.abspath(publication.home)  # noqa: PTH100
    sources: dict[str, tuple[Path, str]] = {}
    for name, each in found.items():
        if each.files is None:
            sources[f"{home}/{name}"] = each.path, each.sha256
        else:
            sources |= {f"{home}/{name}/{file}": (each.path / file, sha) for file, sha in each.files.items()}
    for place in sources:
        if os.path.abspath(place) != place:  # noqa: PTH100
            raise StoreError("files below the report's folder", f"one at {place}", where=home)
    guards = {f"{home}/{name}": guard for name, guard in publication.guards.items()}
    seal = f"{home}/{publication.seal}" if publication.seal else ""
    return Files(publication.name, Path(home), True, sources, seal, guards, folders=(home,))


def lying(files: Files) -> Record:
    """Return what lies at the places once they are published, as later steps may read it."""
    below = f"{files.home}/"
    return Record(
        files.home, "", {place.removeprefix(below): sha for place, (_, sha) in files.sources.items()}
    )


class Publisher:
    """Puts files where people look for them, for the builds of one store.

    Parameters
    ----------
    root : Path
        The store.
    cache : HashCache
        Tells what lies at a place.
    force : bool
        Whether files that no build of this store put there may be replaced.
    """

    def __init__(self, root: Path, cache: HashCache, force: bool = False) -> None:
        self._ledger, self._cache, self._force = Ledger(root), cache, force

    def clear(self) -> None:
        """Remove what a killed build had prepared. Call under the lock."""
        for folder in self._ledger.staging():
            if folder.name.startswith(PART):
                remove_tree(folder)

    def is_foreign(self, place: str, by: str, home: Path, is_report: bool = True) -> bool:
        """Whether something lies at an absolute path that no build of this store put there for the same."""
        found, put = self._cache.sha256(place), self._ledger.put(place)
        is_ours = (
            put is not None
            and found in put.contents
            and (not is_report or (put.by, put.home) == (by, self._ledger.home(home)))
        )
        return os.path.lexists(place) and not is_ours

    def change(self, files: Files) -> Change:
        """Say what publishing would change, and refuse what must stay.

        Raises
        ------
        StoreError
            A file lies there that no build of this store put there, or a guard's refusal.
        """
        lying = {
            place: (found, digest)
            for place, (_, digest) in files.sources.items()
            if (found := self._cache.sha256(place)) != digest
        }
        if folders := [place for place in lying if os.path.isdir(place) and not os.path.islink(place)]:  # noqa: PTH112, PTH114
            raise StoreError("a file, or nothing", "a folder", "Move it away.", folders[0])
        foreign = [place for place in lying if self.is_foreign(place, files.by, files.home, files.is_report)]
        yielding: list[str] = []
        if files.stands_in:
            yielding = [
                place
                for place, (found, _) in lying.items()
                if place in foreign
                or (found and (put := self._ledger.put(place)) and not put.contents.get(found, False))
            ]
        elif foreign and not self._force:
            raise _taken(foreign)
        places = [place for place in lying if place not in yielding]
        for place, guard in files.guards.items():
            if place in places and lying[place][0] is not None:
                guard(Path(place), files.sources[place][0])
        gone = [
            place
            for place, put in self._ledger.places_of(files.by, self._ledger.home(files.home)).items()
            if place not in files.sources
            and any(place.startswith(f"{folder}/") for folder in files.folders)
            and self._cache.sha256(place) in put.contents
        ]
        return Change(tuple(places), tuple(gone), tuple(yielding))

    def publish(self, files: Files) -> Change:
        """Bring all places up to date, or leave them as they are; return what was done.

        Raises
        ------
        StoreError
            As `change`; or a file that was put there is another one when it is read back. Then there is no
            seal.
        OSError
            A disk that refuses. Before all files are prepared nothing was changed; after it there is no seal.
        """
        change = self.change(files)
        kept = {place: digest for place, (_, digest) in files.sources.items() if place not in change.yielding}
        if not change.is_none:
            self._move(files, change, kept)
        # What was only read where it lies is not ours for that: somebody may have edited it.
        put = {
            place: digest
            for place, digest in kept.items()
            if os.path.abspath(files.sources[place][0]) != place  # noqa: PTH100 - "--out x/../reports"
        }
        home = self._ledger.home(files.home)
        self._ledger.settle(files.by, home, put, change.gone, stands_in=files.stands_in)
        return change

    def standing(self, files: Files) -> Record | None:
        """Return what lies there after a publication was refused: a sealed report of ours, or None."""
        is_sealed = files.seal and self._cache.sha256(files.seal) is not None
        if not is_sealed or any(self.is_foreign(place, files.by, files.home) for place in files.guards):
            return None
        below = f"{files.home}/"
        found = {place.removeprefix(below): self._cache.sha256(place) for place in files.sources}
        return Record(files.home, "", {name: digest for name, digest in found.items() if digest})

    def _move(self, files: Files, change: Change, kept: Mapping[str, str]) -> None:
        files.home.mkdir(parents=True, exist_ok=True)
        staging = files.home / f"{PART}{os.urandom(8).hex()}"
        coming = {place: kept[place] for place in change.places}
        home = self._ledger.home(files.home)
        self._ledger.begin(files.by, home, coming, staging, stands_in=files.stands_in)
        try:
            staging.mkdir()
            prepared = {place: staging / str(i) for i, place in enumerate(change.places)}
            for place, part in prepared.items():
                _copy(files.sources[place][0], part)
                Path(place).parent.mkdir(parents=True, exist_ok=True)
            _check_disk(staging, {Path(place).parent for place in change.places})
            if files.seal:
                Path(files.seal).unlink(missing_ok=True)
            for place in change.places:
                if place != files.seal:
                    _put(prepared[place], place)
            for place in change.gone:
                _remove(Path(place), files.folders)
            for place, digest in kept.items():
                if place != files.seal and sha256_of_file(place) != digest:
                    raise StoreError(
                        "files that stay as they were put", "another one", "Build again.", where=place
                    )
            for folder in dict.fromkeys(Path(place).parent for place in change.places):
                sync_folder(folder)
            if files.seal:
                if files.seal not in prepared:  # it was right already, and had to go while files moved
                    prepared[files.seal] = staging / "seal"
                    _copy(files.sources[files.seal][0], prepared[files.seal])
                _put(prepared[files.seal], files.seal)
        finally:
            with contextlib.suppress(OSError):
                remove_tree(staging)
        for place, digest in kept.items():
            self._cache.remember(place, digest)


def _check_disk(staging: Path, folders: Collection[Path]) -> None:
    """Refuse folders that lie on another disk, since nothing can be moved there in one step."""
    disk = staging.stat().st_dev
    for folder in folders:
        if folder.stat().st_dev != disk:
            raise StoreError(
                "all folders of a report on one disk",
                "one on another",
                "Move it back, or choose another folder with --out.",
                str(folder),
            )


def _put(part: Path, place: str) -> None:
    os.replace(part, place)  # noqa: PTH105 - one name to patch in tests of a full disk


def _copy(source: Path, part: Path) -> None:
    import shutil  # takes a while to import, and a build with nothing to do copies nothing

    shutil.copyfile(source, part)
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def _remove(path: Path, folders: tuple[str, ...]) -> None:
    """Remove a file, and the folders this leaves empty; ``folders`` themselves stay."""
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # the first folder that is not empty ends the climb
        for parent in path.parents:
            if str(parent) in folders:
                break
            parent.rmdir()


def _taken(places: list[str]) -> StoreError:
    more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
    here = Path.cwd()
    shown = (Path(place) for place in places[:SHOWN])
    named = ", ".join(str(each.relative_to(here) if each.is_relative_to(here) else each) for each in shown)
    return StoreError(
        "places that are free, or hold what an earlier build put there for the same",
        f"{'a file' if len(places) == 1 else 'files'} from somewhere else: {named}{more}",
        "Move them away, choose another folder with --out, or replace them with --force.",
    )


def published_folders(publish: Mapping[str, Path]) -> tuple[str, ...]:
    """Absolute destinations of whole folders."""
    return tuple(
        os.path.abspath(place)  # noqa: PTH100
        for source, place in publish.items()
        if not source or source.endswith("/")
    )
