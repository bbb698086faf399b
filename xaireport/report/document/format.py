"""How a stored number becomes text. One function per form; the value itself is never changed.

Every form keeps one number and at most one unit, so that the text can be read back and checked.
"""

from __future__ import annotations

from collections.abc import Callable

from xaireport.results import numerals
from xaireport.results.numerals import DASH, Value, fixed


def _scaled(value: float, units: tuple[tuple[float, str, int], ...]) -> str:
    """Text in the largest unit that leaves at least one; ``units`` is (size, name, digits), largest first."""
    for size, name, digits in units:
        if abs(value) >= size:
            return f"{fixed(value / size, digits)}\u00a0{name}"
    size, name, digits = units[-1]
    return f"{fixed(value / size, digits)}\u00a0{name}"


FORMS: dict[str, Callable[[float], str]] = {
    **numerals.FORMS,
    "probability": lambda value: fixed(value, 2),
    "fine": lambda value: f"{fixed(100 * value, 1)}\u00a0%",
    "ratio": lambda value: f"{fixed(value, 2)}\u00a0×",
    "ms": lambda value: f"{fixed(value, 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1)}\u00a0ms",
    "brightness": lambda value: fixed(value, 1),
    "size": lambda value: _scaled(value, ((1e9, "GB", 2), (1e6, "MB", 2), (1e3, "kB", 1), (1, "B", 0))),
    "duration": lambda value: _scaled(value, ((3600, "h", 1), (60, "min", 1), (1, "s", 1))),
}


def text(value: Value, form: str) -> str:
    """Write ``value`` in a form of `FORMS`; an en dash where there is none.

    >>> text(0.74188, "score"), text(-0.0312, "signed"), text(2004, "count"), text(None, "score")
    ('0.742', '−0.031', '2,004', '–')
    >>> text(3e-05, "plain"), text(0.0711, "ms"), text(12.34, "ms"), text(0.264, "ratio")
    ('0.00003', '0.071\xa0ms', '12.3\xa0ms', '0.26\xa0×')
    """
    return DASH if value is None else FORMS[form](value)
