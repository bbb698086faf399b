"""Versions of installed distributions, read from folder names.

``importlib.metadata`` takes longer to import than a whole plan may, and parses a file per package; the name
of a ``*.dist-info`` folder says the same (PyPA specification "Recording installed projects"). Packages inside
archives are not seen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

NOT_INSTALLED = "not installed"
# One library, several distributions: whichever is there counts.
_ALSO_CALLED = {
    "tensorflow": ("tensorflow_cpu", "tensorflow_macos", "tensorflow_rocm", "tf_nightly", "tf_nightly_cpu")
}


class Versions:
    """What is installed on ``sys.path``, listed once."""

    def __init__(self) -> None:
        self._table: dict[str, str] | None = None

    def of(self, names: Iterable[str]) -> dict[str, str]:
        """Return distribution -> version; ``NOT_INSTALLED`` where there is none."""
        return {name: self._version(_normalised(name)) for name in sorted(names)}

    def _version(self, name: str) -> str:
        if self._table is None:
            self._table = _installed()
        for candidate in (name, *_ALSO_CALLED.get(name, ())):
            if candidate in self._table:
                return self._table[candidate]
        return NOT_INSTALLED


def _normalised(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").lower()


def _installed() -> dict[str, str]:
    table: dict[str, str] = {}
    for entry in sys.path:
        try:
            names = os.listdir(entry or ".")  # noqa: PTH208 - names are all that is needed
        except OSError:
            continue  # an archive, or a folder that is not there
        for folder in names:
            stem, _, kind = folder.rpartition(".")
            if kind in ("dist-info", "egg-info"):
                name, _, version = stem.partition("-")
                table.setdefault(_normalised(name), version)
    return table
