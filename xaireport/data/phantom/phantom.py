"""Phantom data: images drawn from a seed, in place of a data set that cannot be had. Draws nothing itself.

Every phantom has masks (what there is to be seen, and where) and groups (images of one subject), and a few
exact duplicates planted across splits. Only ``planted`` tells which: an audit has to find them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xaireport.data.sources.known import known
from xaireport.errors import DataError
from xaireport.files import write_atomic
from xaireport.types.data import Dataset, DatasetInfo

if TYPE_CHECKING:
    from xaireport.data.phantom.kit import Recipe

PLANTED = "phantom_planted.json"

_PHANTOMS = ("cifar10", "dermamnist", "fracturemnist3d")


def has_phantom(name: str) -> bool:
    """Whether ``phantom`` can draw a stand-in for the data set called ``name``."""
    return name in _PHANTOMS


def phantom(name: str, seed: int) -> Dataset:
    """Return the phantom of a data set; the same seed gives the same pixels.

    Parameters
    ----------
    name : str
        "dermamnist", "fracturemnist3d" or "cifar10".
    seed : int
        At least 0.

    Raises
    ------
    DataError
        If there is no phantom of that data set.
    """
    from xaireport.data.canonical import digest
    from xaireport.data.phantom.kit import draw

    splits = draw(_recipe(name), seed)
    facts = known(name)
    info = DatasetInfo(
        name=name,
        title=f"{facts.title} (phantom)",
        source="phantom",
        sha256=digest(splits),
        official=None,
        classes=facts.classes,
        task=facts.task,
        license="none needed: nobody's images",
        citation=f"drawn by xaireport from seed {seed}",
    )
    return Dataset(info, splits["train"], splits["val"], splits["test"])


def planted(name: str, seed: int) -> tuple[tuple[str, str], ...]:
    """Return the planted duplicates as pairs of ``sample_id``: a training image, its copy elsewhere."""
    from xaireport.data.phantom.kit import plan

    return plan(_recipe(name), seed).duplicates


def save_planted(name: str, seed: int, folder: Path) -> Path:
    """Write ``phantom_planted.json`` into ``folder``: what ``planted`` returns, for people alone."""
    import json

    path = folder / PLANTED
    pairs = [{"original": original, "copy": copy} for original, copy in planted(name, seed)]
    write_atomic(path, (json.dumps(pairs, indent=2) + "\n").encode(), durable=False)
    return path


def _recipe(name: str) -> Recipe:
    if name == "dermamnist":
        from xaireport.data.phantom.derma import RECIPE
    elif name == "fracturemnist3d":
        from xaireport.data.phantom.ribs import RECIPE
    elif name == "cifar10":
        from xaireport.data.phantom.objects import RECIPE
    else:
        raise DataError(
            f"a data set that has a phantom: {', '.join(_PHANTOMS)}",
            f"{name!r}, which has none",
            f"Use --data real: download it, or put {name}.npz into the folder given as --data-dir.",
        )
    return RECIPE
