"""Cursor in results.json: read by path, so that a number never parts from its key. It computes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from xaireport.errors import RenderError
from xaireport.report.document.blocks import Number, Quote

Step = str | int
SHORT = 12
"""Characters of a digest that are enough to recognise it."""


class Cursor:
    """A place in results.json.

    Parameters
    ----------
    results : mapping
        The whole of results.json.
    study : str
        Written beside each key on pages that draw on several studies; else empty.
    path : tuple of str or int
        The place.
    """

    def __init__(self, results: Mapping[str, Any], study: str = "", path: tuple[Step, ...] = ()) -> None:
        self.results = results
        self.study = study
        self.path = path

    def at(self, *steps: Step) -> Cursor:
        """Return a place further in."""
        return Cursor(self.results, self.study, self.path + steps)

    @property
    def value(self) -> Any:
        """What stands here.

        Raises
        ------
        RenderError
            Nothing does.
        """
        found: Any = self.results
        for step in self.path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                raise RenderError(
                    f"results.json with {self.key}", "none", "build again with this version"
                ) from None
        return found

    @property
    def key(self) -> str:
        """The dotted path."""
        return ".".join(str(step) for step in self.path)

    def get(self, *steps: Step, default: Any = None) -> Any:
        """Return the value further in; ``default`` where there is none."""
        found: Any = self.value
        for step in steps:
            inside = (isinstance(found, Mapping) and step in found) or (
                isinstance(found, list) and isinstance(step, int) and step < len(found)
            )
            if not inside:
                return default
            found = found[step]
        return found

    def each(self, *steps: Step) -> Iterator[Cursor]:
        """Yield the place of each element of a list, or of each value of a mapping, in order."""
        place = self.at(*steps)
        inside = place.value or ()
        yield from (
            place.at(step) for step in (inside if isinstance(inside, Mapping) else range(len(inside)))
        )

    def number(self, *steps: Step, form: str = "score") -> Number:
        """Return the number further in, null included."""
        place = self.at(*steps)
        value = place.value
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise RenderError(f"a number at {place.key}", repr(value))
        return Number(place.key, value, form, self.study)

    def score(self, *steps: Step, form: str = "score") -> Number:
        """Return the value of a stored score, with the reason where it has none."""
        place = self.at(*steps)
        number = place.number("value", form=form)
        return Number(number.key, number.value, form, self.study, str(place.get("reason", default="")))

    def quote(
        self, *steps: Step, role: Literal["text", "class", "code", "time"] = "text", short: bool = False
    ) -> Quote:
        """Return the words further in; anything but a string is written as JSON. ``short`` cuts a digest."""
        place = self.at(*steps)
        value = place.value
        words = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if short and len(words) > SHORT:
            return Quote(place.key, words[:SHORT] + "…", role, self.study, words)
        return Quote(place.key, words, role, self.study)

    def name(self, role: Literal["text", "class", "code", "time"] = "code") -> Quote:
        """Return the last step of this place itself: the name of a variant, a layer's setting."""
        return Quote(self.key, str(self.path[-1]), role, self.study)
