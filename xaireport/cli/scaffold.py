"""`xaireport init`: a commented study file to fill in. Never overwrites one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import count
from pathlib import Path

from xaireport.errors import ConfigError
from xaireport.files import write_atomic
from xaireport.study.file import check_name
from xaireport.study.find import discover

TEMPLATE = Path(__file__).with_name("study_template.toml")


def write(name: str) -> Path:
    """Write a study file for somebody's own data and model into the working folder.

    Parameters
    ----------
    name : str
        Name of the study: of the file, and later of the report's folder.

    Returns
    -------
    Path
        The new file.

    Raises
    ------
    ConfigError
        The name cannot be a folder everywhere, or a study of that name exists.
    StoreError
        The folder cannot be written to.
    """
    check_name(name, "study", "")
    path, listed = Path(f"{name}.toml"), discover()
    existing = _existing(path, listed)
    if existing is not None:
        numbered = (Path(f"{name}-{n}.toml") for n in count(2))
        free = next(each for each in numbered if _existing(each, listed) is None)
        raise ConfigError(
            "a name that no study has yet",
            repr(name),
            f"take another: `xaireport init {free.stem}`",
            str(existing),
        )
    write_atomic(path, TEMPLATE.read_bytes())
    return path


def _existing(path: Path, listed: Mapping[str, Path]) -> Path | None:
    """Return what stands in the way of a study file of that name, itself included."""
    return path if os.path.lexists(path) else listed.get(path.stem)
