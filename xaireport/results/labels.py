"""Names and phrases of the sentences that results.json holds: evidence. Those of pages are ``phrases``."""

from __future__ import annotations

from typing import Any

from xaireport.results.numerals import text
from xaireport.types.metrics import METRICS

_METRICS = {metric.name: metric for metric in METRICS}


def score_name(score: str) -> str:
    """Return a score's name for readers."""
    return _METRICS[score].label if score in _METRICS else score.replace("_", " ")


def is_lower_better(score: str) -> bool:
    """Return whether less of a score is better."""
    return score in _METRICS and not _METRICS[score].higher_is_better


def rank(score: str) -> int:
    """Return the place of a score in the order in which readers meet them; unknown ones are last."""
    return list(_METRICS).index(score) if score in _METRICS else len(_METRICS)


def sentence_case(words: str) -> str:
    """Return the words with their first letter raised."""
    return words[:1].upper() + words[1:]


def leading_scores(headline: str) -> list[str]:
    """Return the scores that sentences and tables of differences name, the headline first."""
    return list(dict.fromkeys((headline, "balanced_accuracy", "accuracy")))


def setting_text(value: Any) -> str:
    """Return the value of a setting in words: on, off, none, a number, or what stands there."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return text(value, "plain") if isinstance(value, int | float) else str(value)
