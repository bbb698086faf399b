"""Notes of what somebody would otherwise wonder about, as codes: their words are made in ``results``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Note:
    """A note.

    Parameters
    ----------
    code : str
        Which; ``results/notes.toml`` has its words.
    values : mapping of str to str, int, float or sequence of str
        What the words hold.
    """

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)
