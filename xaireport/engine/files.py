"""Small file operations: atomic writes, listings, removal, and clear words for a disk that refuses."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from xaireport.errors import StoreError

_REFUSALS = {
    errno.ENOSPC: ("free space on the disk", "Free some space, or move the store; then build again."),
    errno.EDQUOT: ("free space within the quota", "Free some space, or move the store; then build again."),
    errno.EACCES: ("permission to read and write", "Check the owner and the mode of the folder."),
    errno.EPERM: ("permission to read and write", "Check the owner and the mode of the folder."),
    errno.EROFS: ("a file system that can be written", "Choose another folder."),
    errno.ENOTDIR: ("a folder", "A file lies where a folder is needed: move it away."),
    errno.EEXIST: ("a folder", "A file lies where a folder is needed: move it away."),
    errno.EISDIR: ("a file", "A folder lies where a file is needed: move it away."),
}


def as_store_error(error: OSError) -> StoreError | None:
    """Return the refusal of a disk in plain words, or None where it is another kind of error."""
    if error.errno not in _REFUSALS:
        return None
    expected, hint = _REFUSALS[error.errno]
    return StoreError(expected, error.strerror or error, hint, where=str(error.filename or ""))


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Turn a disk's refusal inside the block into a `StoreError`."""
    try:
        yield
    except OSError as error:
        clear = as_store_error(error)
        if clear is None:
            raise
        raise clear from error


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a whole file or nothing; ``durable`` also waits for the disk."""
    with replacing(path) as part, part.open("wb") as file:
        file.write(data)
        if durable:
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to, moved into place when the block ends well.

    Its name depends on ``path`` alone, so that what a kill leaves behind is overwritten the next time.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        os.replace(part, path)  # noqa: PTH105 - one name to patch in tests of a full disk
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


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
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all in it; one that is not there is fine."""
    import shutil  # takes a while to import, and a build with nothing to do removes nothing

    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
