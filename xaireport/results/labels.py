"""Names and phrases of the sentences that results.json holds: evidence. Those of pages are ``phrases``."""

from __future__ import annotations

from typing import Any

from xaireport.results.numerals import text

SCORES: dict[str, str] = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "macro_precision": "precision, macro",
    "macro_recall": "recall, macro",
    "macro_f1": "F1, macro",
    "weighted_precision": "precision, weighted",
    "weighted_recall": "recall, weighted",
    "weighted_f1": "F1, weighted",
    "mcc": "Matthews correlation",
    "auroc": "AUROC",
    "average_precision": "average precision",
    "kappa_weighted": "weighted kappa",
    "expected_cost": "expected cost",
    "log_loss": "log loss",
    "nll": "log loss",
    "brier": "Brier score",
    "brier_skill": "Brier skill",
    "ece": "ECE, top class",
    "ece_classwise": "ECE, class-wise",
    "no_information_rate": "no-information rate",
}
LOWER_IS_BETTER = frozenset({"log_loss", "nll", "brier", "ece", "ece_classwise", "expected_cost"})


def score_name(score: str) -> str:
    """Return a score's name for readers."""
    return SCORES.get(score, score.replace("_", " "))


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
