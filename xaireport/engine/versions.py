"""Versions of installed distributions, read from folder names.

``importlib.metadata`` parses a file per package and takes longer to import than a whole plan may; the name
of a ``*.dist-info`` folder says the same (PyPA specification "Recording installed projects").
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

NOT_INSTALLED = "not installed"


def _normalised(name: str) -> str:
    return name.replace("-", "_").replace(".", "_").lower()


class Versions:
    """What is installed on ``sys.path``, listed once."""

    def __init__(self) -> None:
        self._table: dict[str, str] | None = None

    def of(self, names: Iterable[str]) -> dict[str, str]:
        """Return distribution -> version; ``NOT_INSTALLED`` where there is none."""
        return {name: self._version(name) for name in sorted(names)}

    def _version(self, name: str) -> str:
        if self._table is None:
            self._table = _installed()
        key = _normalised(name)
        if key not in self._table:
            self._table[key] = _from_metadata(name)
        return self._table[key]


def _installed() -> dict[str, str]:
    table: dict[str, str] = {}
    for entry in sys.path:
        try:
            names = os.listdir(entry or ".")  # noqa: PTH208 - names are all that is needed
        except OSError:
            continue  # an archive, or a folder that is not there
        for folder in names:
            if folder.endswith(".dist-info"):
                name, _, version = folder.removesuffix(".dist-info").partition("-")
                table.setdefault(_normalised(name), version)
    return table


def _from_metadata(name: str) -> str:
    """Ask the slow way for what has no folder of the usual name: eggs, archives."""
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return NOT_INSTALLED
