"""Cells that several tables share: a score, a score with its interval, a difference with its interval."""

from __future__ import annotations

from xaireport.report.document.blocks import Cell, Number, Tone
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import difference, interval, lean, signed_interval


def value_cell(score: Cursor) -> Cell:
    """Return a score, or a dash; beneath, why there is none, or what went into it as nought."""
    number: Number = score.score()
    return Cell((number,), (score.quote("reason"),) if number.reason else ())


def score_cell(score: Cursor, tone: Tone = "") -> Cell:
    """Return a score, and beneath it its interval or why it has none."""
    cell = value_cell(score)
    return Cell(cell.text, interval(score) or cell.below, tone)


def difference_cell(place: Cursor, key: str, score: str) -> Cell:
    """Return a stored difference, its interval beneath; coloured only where that leaves out zero.

    Parameters
    ----------
    place : Cursor
        Holds the difference under ``key``, and ``lo``, ``hi`` and ``reason`` where there are any.
    key : str
        "value" or "difference".
    score : str
        Whose difference: says which way is better.
    """
    below = signed_interval(place) or ((place.quote("reason"),) if place.get("reason") else ())
    if place.get(key) is None:
        return Cell(("–",), below)
    shown = difference(place, key, score=score)
    return Cell((shown,) if leaning(place, key, score) else shown.text, below)


def leaning(place: Cursor, key: str, score: str) -> Tone:
    """Return which way a stored difference leans; none where it has no interval, or one that holds zero."""
    lo, hi = place.get("lo"), place.get("hi")
    return "" if lo is None or lo <= 0 <= hi else lean(place.get(key), score)
