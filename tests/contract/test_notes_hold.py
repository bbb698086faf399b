"""Every note has words, every word is some note's, and what the words hold is what the note says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import xaireport
from xaireport.results.notes import sentence, words
from xaireport.types.notes import Note

PACKAGE = Path(xaireport.__path__[0])


def notes() -> Iterator[tuple[str, set[str] | None]]:
    """Code and names of the values of every note that the package makes; None where the values are a name."""
    for file in PACKAGE.rglob("*.py"):
        module = ast.parse(file.read_text("utf-8"))
        for node in ast.walk(module):
            match node:
                case ast.Call(func=ast.Name(id="Note"), args=[ast.Constant(value=str(code)), *rest]):
                    match rest:
                        case []:
                            yield code, set()
                        case [ast.Dict(keys=keys)]:
                            yield code, {str(key.value) for key in keys if isinstance(key, ast.Constant)}
                        case _:
                            yield code, None
                case ast.Dict(values=values) if "_NO_IMAGE_OF" in ast.unparse(module):
                    for value in values:
                        if isinstance(value, ast.Constant) and value.value in words():
                            yield str(value.value), {"classes"}


def test_every_note_has_words_that_hold_what_it_says() -> None:
    found = list(notes())
    for code, values in found:
        held = {name for _, name, _, _ in Formatter().parse(words()[code]) if name}
        assert values is None or values == held, code
    assert {code for code, _ in found} == words().keys()


@pytest.mark.parametrize("value", ["{0}", "{x.__class__}", "100 %", "ü"])
def test_a_value_is_never_taken_for_words(value: str) -> None:
    assert sentence(Note("no_test_image_of", {"classes": [value, "b"]})) == f"No test image of: {value}, b."
