"""`xaireport init`: a commented study file to fill in. Never overwrites one."""

from __future__ import annotations

from pathlib import Path

from xaireport.errors import ConfigError
from xaireport.files import write_atomic
from xaireport.study import discover
from xaireport.study.file import check_name

TEMPLATE = Path(__file__).with_name("study_template.toml")


def write(name: str, folder: Path = Path("models")) -> Path:
    """Write a study file for somebody's own data and model.

    Parameters
    ----------
    name : str
        Name of the study: of the file, and later of the report's folder.
    folder : Path
        Where studies lie.

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
    path = folder / f"{name}.toml"
    existing = path if path.exists() else discover().get(name)
    if existing is not None:
        raise ConfigError(
            "a name that no study has yet", repr(name), "choose another, or edit the file", str(existing)
        )
    write_atomic(path, TEMPLATE.read_bytes())
    return path
