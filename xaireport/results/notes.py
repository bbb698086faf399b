"""Notes as sentences; their words are in ``notes.toml``."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from xaireport.types.notes import Note


@cache
def words() -> dict[str, str]:
    """Return the words of each code, with the values that they hold in braces."""
    found: dict[str, str] = tomllib.loads(Path(__file__).with_name("notes.toml").read_text(encoding="utf-8"))
    return found


def sentence(note: Note) -> str:
    """Return a note in words; values that are lists with commas between.

    >>> sentence(Note("no_test_image_of", {"classes": ["a", "b"]}))
    'No test image of: a, b.'
    """
    values = {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        for name, value in note.values.items()
    }
    return words()[note.code].format(**values)
