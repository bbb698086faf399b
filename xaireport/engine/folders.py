"""Folders as the store uses them: listings, removal, and waiting for the disk."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def list_files(folder: str) -> list[str]:
    """All files below ``folder``, as sorted paths relative to it, with forward slashes."""
    found: list[str] = []
    pending = [""]
    while pending:
        prefix = pending.pop()
        with os.scandir(f"{folder}/{prefix}") as entries:
            for entry in entries:
                if entry.is_dir():
                    pending.append(f"{prefix}{entry.name}/")
                else:
                    found.append(f"{prefix}{entry.name}")
    return sorted(found)


def sync_folders(folder: Path) -> None:
    """Wait until the names in ``folder`` and everything below it are on the disk."""
    for place, _, _ in os.walk(folder):
        sync_folder(Path(place))


def sync_folder(folder: Path) -> None:
    """Wait until the names in ``folder`` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all in it; one that is not there is fine."""
    import shutil  # takes a while to import, and a build with nothing to do removes nothing

    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
