"""Where templates, study files and plug-ins come from. It finds them; it loads none of them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import xaireport
from xaireport.errors import ConfigError

Kind = Literal["templates", "models"]


def folders(kind: Kind, first: Path | None = None) -> tuple[Path, ...]:
    """Folders that hold templates or studies; a file in an earlier one overrides its namesake in a later one.

    Parameters
    ----------
    kind : {"templates", "models"}
        What is wanted.
    first : Path, optional
        A folder named by the user, in place of ``./templates`` or ``./models``.

    Returns
    -------
    tuple of Path
        The user's folder where there is one, then the one that comes with the package: the repository's in an
        editable install, ``xaireport/_bundled`` in a wheel.

    Raises
    ------
    ConfigError
        A folder named by the user does not exist, or the package lacks its own.
    """
    if first is not None and not first.is_dir():
        raise ConfigError(f"a folder with {kind}", first, "name an existing folder")
    user = first if first is not None else Path.cwd() / kind
    found = [folder for folder in (user, shipped(kind)) if folder.is_dir()]
    return tuple(dict.fromkeys(folder.resolve() for folder in found))


def shipped(kind: Kind) -> Path:
    """Return the folder that comes with the package."""
    package = Path(xaireport.__file__ or "").parent if xaireport.__file__ else Path(xaireport.__path__[0])
    bundled = package / "_bundled" / kind
    if bundled.is_dir():
        return bundled
    repository = package.parent
    if (repository / "pyproject.toml").is_file() and (repository / kind).is_dir():
        return repository / kind
    raise ConfigError(f"{kind} inside the package", f"nothing at {bundled}", "install xaireport again")


def files(kind: Kind, pattern: str = "**/*", first: Path | None = None) -> dict[str, Path]:
    """Return relative name -> file, overrides applied, sorted by name.

    Parameters
    ----------
    kind, first
        As for `folders`.
    pattern : str
        A glob; hidden files are left out.
    """
    found: dict[str, Path] = {}
    for folder in folders(kind, first):
        for path in folder.glob(pattern):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not any(part.startswith(".") for part in Path(name).parts):
                found.setdefault(name, path)
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Declared:
    """A plug-in that an installed package declares: its name, where it is, and which package."""

    name: str
    module: str
    attribute: str
    distribution: str


@lru_cache(maxsize=1)
def plugins(group: str = "xaireport.plugins") -> tuple[Declared, ...]:
    """Return the entry points of a group, by name.

    Read from the ``entry_points.txt`` of installed packages (PyPA specification "Entry points"), since
    ``importlib.metadata`` takes longer to import than a build with nothing to do may last.
    """
    found: dict[str, Declared] = {}
    for entry in sys.path:
        with contextlib.suppress(OSError):  # an archive, or a folder that is not there
            for folder in sorted(Path(entry or ".").iterdir()):
                if folder.suffix == ".dist-info":
                    for name, module, attribute in _entry_points(folder / "entry_points.txt", group):
                        distribution = folder.name.partition("-")[0]
                        found.setdefault(name, Declared(name, module, attribute, distribution))
    return tuple(found[name] for name in sorted(found))


def _entry_points(file: Path, group: str) -> Iterator[tuple[str, str, str]]:
    try:
        text = file.read_text("utf-8")
    except OSError:
        return
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line.strip() == f"[{group}]"
        elif inside and "=" in line:
            name, _, target = line.partition("=")
            module, _, attribute = target.partition("[")[0].strip().partition(":")
            yield name.strip(), module.strip(), attribute.strip()
