"""One build at a time per store. The kernel lets go of the lock when the process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from xaireport.errors import StoreError


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive ``flock`` on ``path``.

    Raises
    ------
    StoreError
        Another process holds it, or the file system knows no locks.
    """
    import fcntl

    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN):
                raise StoreError(
                    "a file system that can lock files", error, "Choose another folder.", str(path)
                ) from error
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise StoreError(
                "no other build in this folder",
                f"process {holder} is building",
                "Wait until it ends, or stop it; nothing is lost.",
                str(path.parent),
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
