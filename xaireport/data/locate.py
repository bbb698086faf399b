"""Decide where the data of a study come from: a local file, a download, or a phantom. Reads no data.

Runs while a build is planned, so it imports nothing heavy unless a download is really tried. A download that
failed is remembered in a small file and not tried again by mode ``auto``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from xaireport.data.phantom.phantom import has_phantom
from xaireport.data.sources.known import Known, known
from xaireport.errors import ConfigError, DataError
from xaireport.files import write_atomic
from xaireport.study_schema import StudySpec
from xaireport.types.data import DataMode, Located

if TYPE_CHECKING:
    from xaireport.data.sources.download import OnProgress


def locate(
    study: StudySpec,
    mode: DataMode,
    data_dir: Path | None,
    memory: Path,
    on_progress: OnProgress | None = None,
) -> Located:
    """Return where the data will be read from, downloading them where needed and possible.

    Parameters
    ----------
    study : StudySpec
        Names a known data set (``dataset``) or a file of its own (``data``, relative to the study file).
    mode : {"auto", "real", "phantom"}
        ``auto`` takes real data where they are or can be downloaded, else the phantom, with a notice.
        A study's own file is always real.
    data_dir : Path, optional
        Searched first, and where downloads go.
    memory : Path
        JSON file of downloads that failed.
    on_progress : callable, optional
        Called with bytes done and bytes in all while downloading.

    Raises
    ------
    ConfigError
        If the data set is unknown or has several labels per image, or ``data_dir`` is no folder.
    DataError
        If the data cannot be had.
    """
    if study.data:
        return _own(study, mode)
    if not study.dataset:
        raise ConfigError(
            "a `dataset` or a `data` file", "neither", "Name one in the study file.", study.name
        )
    facts = known(study.dataset, where=study.name)
    if mode == "phantom":
        return _phantom(facts)
    if data_dir is not None and not data_dir.is_dir():
        raise ConfigError("an existing folder", data_dir, "Make it, or leave --data-dir out.", "--data-dir")
    file = _find(facts, data_dir)
    if file is not None:
        return _real(file, facts)
    reason = _recall(memory).get(facts.name, "") if mode == "auto" else ""
    if not reason:
        file, reason = _fetch(facts, data_dir, memory, on_progress)
        if file is not None:
            return _real(file, facts)
    looked = " or ".join(str(place / facts.file) for place in _folders(facts, data_dir))
    received = f"no file {looked}, and {reason}"
    hint = f"Put the file there (from {facts.url})"
    hint += ", or use --data phantom." if has_phantom(facts.name) else "."
    if mode == "real" or not has_phantom(facts.name):
        raise DataError(f"the data of {facts.title}", received + _pickled(facts, data_dir), hint, study.name)
    return _phantom(
        facts,
        f"{facts.title}: phantom data, drawn from a seed, because there is {received}. "
        "Its results say nothing about real images. With --data real the download is tried again.",
    )


def _own(study: StudySpec, mode: DataMode) -> Located:
    if not study.classes:
        hint = 'Add classes = ["…", "…"], in the order of the labels.'
        raise ConfigError("class names beside `data`", "none", hint, f"{study.name}: classes")
    file = Path(study.folder) / Path(study.data).expanduser()
    if not file.is_file():
        raise DataError(
            "a data file",
            f"nothing at {file}",
            "Put it there, or name another: paths are relative to the study file.",
            f"{Path(study.folder) / study.name}.toml: data",
        )
    notice = f"{study.name}: its own file is used; there is no phantom of it." if mode == "phantom" else ""
    return Located("real", _with_extras(file, file.stem), "npz", notice)


def _phantom(facts: Known, notice: str = "") -> Located:
    if not has_phantom(facts.name):
        hint = f"Use --data real; the file is at {facts.url}."
        raise DataError("a data set that has a phantom", f"{facts.name}, which has none", hint)
    return Located("phantom", (), "phantom", notice)


def _real(file: Path, facts: Known) -> Located:
    return Located("real", _with_extras(file, facts.name), facts.loader)


def _with_extras(file: Path, name: str) -> tuple[Path, ...]:
    extras = file.with_name(f"{name}_extras.npz")
    return (file, extras) if extras.is_file() else (file,)


def _folders(facts: Known, data_dir: Path | None) -> tuple[Path, ...]:
    cache = Path.home() / facts.folder
    return (data_dir, cache) if data_dir is not None else (cache,)


def _find(facts: Known, data_dir: Path | None) -> Path | None:
    candidates = [data_dir / name for name in facts.other_files] if data_dir is not None else []
    candidates += [folder / facts.file for folder in _folders(facts, data_dir)]
    return next((file for file in candidates if file.is_file()), None)


def _pickled(facts: Known, data_dir: Path | None) -> str:
    """Say why a file that many have, such as the Python version of CIFAR-10, does not do."""
    there = [
        place for folder in _folders(facts, data_dir) for n in facts.pickles if (place := folder / n).exists()
    ]
    return f"; {there[0]} is a pickle, which is never read" if there else ""


def _fetch(
    facts: Known, data_dir: Path | None, memory: Path, on_progress: OnProgress | None
) -> tuple[Path | None, str]:
    from xaireport.data.sources.download import DownloadFailed, download

    target = _folders(facts, data_dir)[0] / facts.file
    failures = {name: reason for name, reason in _recall(memory).items() if name != facts.name}
    try:
        download(facts.url, facts.md5, target, on_progress)
    except DownloadFailed as problem:
        _remember(memory, failures | {facts.name: str(problem)})
        return None, str(problem)
    if memory.exists():
        _remember(memory, failures)
    return target, ""


def _recall(memory: Path) -> dict[str, str]:
    try:
        found = json.loads(memory.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # a damaged memory costs one more try, no more
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _remember(memory: Path, failures: dict[str, str]) -> None:
    text = json.dumps(failures, indent=2, sort_keys=True) + "\n"
    write_atomic(memory, text.encode(), durable=False)
