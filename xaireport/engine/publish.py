"""Copies of stored files where people look for them. Never removes a file that it did not put there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from xaireport.engine.files import replacing
from xaireport.engine.hashes import HashCache
from xaireport.engine.store import Record
from xaireport.errors import StoreError


def destinations(publish: Mapping[str, Path], record: Record) -> dict[str, str]:
    """Absolute destination -> file of the artefact.

    Raises
    ------
    StoreError
        The artefact has no such file, or two files go to one place.
    """
    found: dict[str, str] = {}
    for source, place in publish.items():
        target = os.path.abspath(place)  # noqa: PTH100 - takes out "..", follows no links
        whole_folder = not source or source.endswith("/")
        if not whole_folder and source not in record.outputs:
            raise StoreError("a file to publish", f"none called {source} among {sorted(record.outputs)}")
        pairs = (
            {f"{target}/{file}": f"{source}{file}" for file in record.select(source) or {}}
            if whole_folder
            else {target: source}
        )
        for destination in pairs.keys() & found.keys():
            raise StoreError("one file per published path", f"two for {destination}")
        found |= pairs
    return found


def outdated(wanted: Mapping[str, str], record: Record, cache: HashCache) -> list[str]:
    """Destinations that are missing or differ from the artefact."""
    return [place for place, file in wanted.items() if cache.sha256(place) != record.outputs[file]]


def copy(wanted: Mapping[str, str], record: Record, places: list[str], cache: HashCache) -> None:
    """Copy to each of ``places``; each appears whole or not at all."""
    if not places:
        return
    import shutil  # takes a while to import, and a build with nothing to do copies nothing

    for place in places:
        path = Path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            shutil.copyfile(record.folder / wanted[place], part)
        cache.remember(place, record.outputs[wanted[place]])


def withdraw(published: Mapping[str, str], folders: list[str], cache: HashCache) -> None:
    """Remove files published earlier, and the folders this leaves empty.

    Only files below ``folders`` whose content is still what was published; an edited one is somebody's work.

    Parameters
    ----------
    published : mapping of str to str
        Absolute path -> SHA-256 of what was put there.
    folders : list of str
        Absolute paths; they themselves stay.
    """
    for place, digest in published.items():
        home = next((folder for folder in folders if place.startswith(f"{folder}/")), None)
        if home is None or cache.sha256(place) != digest:
            continue
        path = Path(place)
        path.unlink()
        with contextlib.suppress(OSError):  # the first folder that is not empty ends the climb
            for parent in path.parents:
                if str(parent) == home:
                    break
                parent.rmdir()


def published_folders(publish: Mapping[str, Path]) -> list[str]:
    """Absolute destinations of whole folders."""
    return [
        os.path.abspath(place)  # noqa: PTH100
        for source, place in publish.items()
        if not source or source.endswith("/")
    ]
