"""The state of a training after an epoch, on disk: enough to go on as if nothing had happened.

Keras' ``BackupAndRestore`` keeps the model and the optimiser only. Early stopping, learning-rate reduction,
the history and the time spent belong to the state as well; random numbers do not, since each epoch's are
derived from (seed, epoch).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from xaireport.files import remove_parts, replacing

Arrays = list[NDArray[Any]]
_FILE = "epoch.npz"


@dataclass
class TrainingState:
    """What a training knows at the end of an epoch."""

    epochs_run: int = 0
    seconds: float = 0.0
    stopped_by: str = ""
    history: dict[str, list[float]] = field(default_factory=dict)
    callbacks: dict[str, dict[str, float | int | None]] = field(default_factory=dict)
    weights: Arrays = field(default_factory=list)
    optimizer: Arrays = field(default_factory=list)
    best_weights: Arrays = field(default_factory=list)


_ARRAYS = ("weights", "optimizer", "best_weights")
_FACTS = ("epochs_run", "seconds", "stopped_by", "history", "callbacks")


def save(state: TrainingState, folder: Path) -> None:
    """Write ``state`` atomically; a kill leaves the previous epoch's."""
    arrays = {f"{kind}/{i}": a for kind in _ARRAYS for i, a in enumerate(getattr(state, kind))}
    facts = json.dumps({name: getattr(state, name) for name in _FACTS})
    with replacing(folder / _FILE, durable=True) as part:
        np.savez(part, facts=np.array(facts), **arrays)


def load(folder: Path) -> TrainingState | None:
    """Read the state; None where there is none, or where the file is damaged (training starts afresh)."""
    remove_parts(folder)
    try:
        # By its path NumPy would leave a damaged file open.
        with (folder / _FILE).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            state = TrainingState(**json.loads(str(stored["facts"])))
            for kind in _ARRAYS:
                names = sorted((n for n in stored.files if n.startswith(f"{kind}/")), key=_index)
                setattr(state, kind, [stored[name] for name in names])
    except (FileNotFoundError, BadZipFile, ValueError, EOFError, KeyError):
        return None
    return state


def _index(name: str) -> int:
    return int(name.rpartition("/")[2])
