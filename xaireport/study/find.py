"""Which studies there are, and which of them, and of their variants, a run is about. Checks none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xaireport import resources
from xaireport.errors import ConfigError
from xaireport.study.file import NAME, read_toml, table_at, unknown_name


@dataclass(frozen=True)
class Selection:
    """A study and the variants of it that this run is about, in the order of the file."""

    path: Path
    variants: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.path.stem


def discover() -> dict[str, Path]:
    """Return every study that is listed, and its file (those of ``./models`` before the shipped ones).

    The working folder itself is not searched: a TOML file there is most often no study (``pyproject.toml``).
    """
    here = Path.cwd()
    return {
        Path(name).stem: file.relative_to(here) if file.is_relative_to(here) else file
        for name, file in resources.files("models", "*.toml").items()
    }


def select(targets: Sequence[str], all: bool = False) -> tuple[Selection, ...]:
    """Turn what the reader asked for into studies and variants.

    Parameters
    ----------
    targets : sequence of str
        ``study``, ``study.variant``, or the path of a study file (ends in ``.toml``). A study that
        :func:`discover` does not find may lie in the working folder.
    all : bool
        Every study that :func:`discover` finds; with no targets.

    Returns
    -------
    tuple of Selection
        One per study, in the order asked for. A chosen variant does not bring its parents along.

    Raises
    ------
    ConfigError
        Nothing asked for, a name nobody knows, two files of one name, a file that cannot be read.
    """
    if all == bool(targets):
        raise ConfigError(
            "a study, a variant, or --all", "both" if all else "nothing", "`xaireport list` names all studies"
        )
    studies = discover()
    files: dict[str, Path] = {}
    chosen: dict[str, set[str]] = {}
    wanted = (
        [(path, "") for path in studies.values()] if all else [_locate(each, studies) for each in targets]
    )
    for path, variant in wanted:
        name = path.stem
        if files.setdefault(name, path).resolve() != path.resolve():
            raise ConfigError(
                f"one study called {name}", f"{files[name]} and {path}", "build one after the other"
            )
        known = variant_names(path)
        if variant and variant not in known:
            names = [f"{name}.{key}" for key in known]
            raise unknown_name("variant", f"{name}.{variant}", names, str(path))
        chosen.setdefault(name, set()).update([variant] if variant else known)
    return tuple(
        Selection(path, tuple(key for key in variant_names(path) if key in chosen[name]))
        for name, path in files.items()
    )


def variant_names(path: Path) -> tuple[str, ...]:
    """Return the names of a study's variants without checking what they say."""
    return tuple(table_at(read_toml(path), "variants", f"{path}: variants"))


def _locate(target: str, studies: Mapping[str, Path]) -> tuple[Path, str]:
    name, dot, variant = target.partition(".")
    if target.endswith(".toml"):
        path = Path(target)
        if path.is_file():
            return path, ""
        # A variant may be called "toml".
        if variant != "toml" or name not in studies or variant not in variant_names(studies[name]):
            raise ConfigError("a study file that exists", target, _instead(path, studies))
    if dot and not variant:
        raise ConfigError("study.variant", repr(target))
    here, listed = Path(f"{name}.toml"), studies.get(name)
    if NAME.fullmatch(name) and here.is_file():
        if listed is not None:
            raise ConfigError(
                f"one study called {name}", f"{here} and {listed}", f"name the file: `xaireport build {here}`"
            )
        return here, variant
    if listed is None:
        raise unknown_name("study", name, list(studies))
    return listed, variant


def _instead(path: Path, studies: Mapping[str, Path]) -> str:
    """Return what to do about a study file that is not there."""
    if path.stem in studies:
        return f"`xaireport build {path.stem}` takes {studies[path.stem]}"
    is_new = path == Path(path.name) and NAME.fullmatch(path.stem)
    return (
        f"`xaireport init {path.stem}` writes one" if is_new else "paths are relative to the working folder"
    )
