"""Read ``.npz`` files that somebody else made, without trusting them. Knows no data set and no splits."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import DataError

# What NumPy and zipfile raise on files that are truncated, damaged, encrypted, pickled or no archives at all.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    OSError,
    RuntimeError,
    MemoryError,
)


class Npz:
    """An open ``.npz`` archive; each array is read when it is asked for, and nothing is ever unpickled.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    DataError
        If the file is missing, truncated, a pickle, or not an archive of arrays.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._stream = path.open("rb")
        except FileNotFoundError:
            raise DataError("a file", f"nothing at {path}", "Check the path.") from None
        except OSError as problem:
            raise _unreadable(path, problem) from problem
        try:
            opened = np.load(self._stream, allow_pickle=False)
        except _UNREADABLE as problem:
            self._stream.close()  # np.load does so itself only where it succeeds
            raise _unreadable(path, problem) from problem
        if not isinstance(opened, np.lib.npyio.NpzFile):
            self._stream.close()
            raise DataError(
                "an .npz archive of named arrays", "a single .npy array", "Write it with np.savez.", str(path)
            )
        self._file = opened
        self.names: tuple[str, ...] = tuple(opened.files)

    def __enter__(self) -> Npz:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._stream.close()

    def read(self, name: str) -> NDArray[Any]:
        """Return the array called ``name``.

        Raises
        ------
        DataError
            If there is no such array, or it is truncated or holds Python objects.
        """
        if name not in self.names:
            raise DataError(
                f"an array named {name!r}", ", ".join(self.names) or "no arrays", "", str(self.path)
            )
        try:
            # By the member's whole name: asked for "x.npy", NumPy would rather give the array called "x".
            member = f"{name}.npy"
            array = self._file[member if member in self._file else name]
        except _UNREADABLE as problem:
            raise _unreadable(self.path, problem, name) from problem
        if not isinstance(array, np.ndarray):
            raise DataError(f"an array in {name!r}", "a file that is not a NumPy array", "", str(self.path))
        return array


def _unreadable(path: Path, problem: BaseException, name: str = "") -> DataError:
    place = f"{path}: {name}" if name else str(path)
    if "pickle" in str(problem):
        return DataError(
            "arrays of numbers or text",
            "pickled Python objects, which could run code and are never loaded",
            "Save the arrays with a plain dtype (uint8, int64, str), not object.",
            place,
        )
    return DataError(
        "a complete .npz archive",
        f"{type(problem).__name__}: {problem}",
        "The file may be truncated or not an .npz; fetch or write it again.",
        place,
    )
