"""The forms of numbers in the sentences that results.json holds: they are evidence, and so is how they round.

The forms of pages are in ``format``; they may change without a result being another.
"""

from __future__ import annotations

from collections.abc import Callable

DASH = "–"
MINUS = "−"

Value = int | float | None


def fixed(value: float, digits: int) -> str:
    """Write a number with so many digits after the point."""
    return f"{value:,.{digits}f}".replace("-", MINUS)


def _signed(value: float) -> str:
    text = f"{value:+.3f}"
    return "±0.000" if float(text) == 0 else text.replace("-", MINUS)


def _plain(value: float) -> str:
    text = f"{value:.12g}"
    if "e" in text:  # a learning rate of 3e-05 is 0.00003 to readers
        from decimal import Decimal

        text = format(Decimal(text), "f")
    return text.replace("-", MINUS)


FORMS: dict[str, Callable[[float], str]] = {
    "score": lambda value: fixed(value, 3),
    "signed": _signed,
    "percent": lambda value: f"{fixed(100 * value, 0)}\u00a0%",
    "count": lambda value: fixed(value, 0),
    "plain": _plain,
}


def text(value: Value, form: str) -> str:
    """Write ``value`` in a form of `FORMS`; an en dash where there is none."""
    return DASH if value is None else FORMS[form](value)
