"""Whole files or none: the one atomic write of the program, and plain words for a disk that refuses."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from xaireport.errors import OTHER_REFUSAL, REFUSALS, StoreError

PART = ".part-"
"""How the name of a file begins that is not whole yet."""


def as_store_error(error: OSError) -> StoreError | None:
    """Return the refusal of a disk in plain words, or None where it is another kind of error."""
    if error.errno not in REFUSALS:
        return None
    expected, hint = REFUSALS[error.errno]
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


def write_atomic(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Put ``content`` at ``path`` in one step: a reader sees the old file or the new one, never a part.

    Parameters
    ----------
    path : Path
        Its folder is made where there is none.
    content : bytes
        All of the file.
    durable : bool
        Wait until the content is on the disk, so that a power cut leaves the old file or the new one.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    try:
        with replacing(path, durable=durable) as part:
            part.write_bytes(content)
    except OSError as error:
        expected, hint = REFUSALS.get(error.errno or 0, OTHER_REFUSAL)
        raise StoreError(expected, error.strerror or error, hint, str(path)) from error


@contextlib.contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give an empty file beside ``path`` to write to, and move it into place when the block ends well.

    Its name is drawn at random and made exclusively: nobody can have put a link there beforehand, and two
    writers never share it. It ends as ``path`` does, since some libraries tell the format by that.

    Raises
    ------
    OSError
        As the system says it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder: a rename cannot cross disks.
    part = path.with_name(f"{PART}{os.urandom(8).hex()}{path.suffix}")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    try:
        yield part
        if durable:
            with part.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(part, path)  # noqa: PTH105 - one name to patch in tests of a full disk
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def remove_parts(folder: Path) -> None:
    """Remove what a kill left half written in ``folder``, where nobody else writes now."""
    for part in folder.glob(f"{PART}*"):
        if not part.is_dir() or part.is_symlink():
            part.unlink(missing_ok=True)
