"""Catalogue of metrics: what a score is called, what it is of, which way is better. It computes none.

A new one is an entry here and its arithmetic in `xaireport.metrics`; tests/contract/test_metrics_hold.py
holds both sets equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One score of a set of predictions.

    Parameters
    ----------
    name : str
        Its key in results.json.
    label : str
        Its name for readers.
    of : {"confusion", "probabilities"}
        What it is computed from: which image is called what, or how probable each class is.
    higher_is_better : bool
        Which way is better.
    headline : bool
        Whether a study may be judged by it.
    needs : {"", "ordinal", "cost_matrix"}
        What a study has to state for it.
    always : bool
        Whether every record has had it from the first.
    is_distance : bool
        Whether it is zero only if probabilities are right to the last digit and images are without number.
    """

    name: str
    label: str
    of: Literal["confusion", "probabilities"]
    higher_is_better: bool = True
    headline: bool = False
    needs: Literal["", "ordinal", "cost_matrix"] = ""
    always: bool = False
    is_distance: bool = False


METRICS = (
    Metric("balanced_accuracy", "balanced accuracy", "confusion", headline=True, always=True),
    Metric("accuracy", "accuracy", "confusion", headline=True, always=True),
    Metric("macro_precision", "precision, macro", "confusion", headline=True, always=True),
    Metric("macro_recall", "recall, macro", "confusion", headline=True, always=True),
    Metric("macro_f1", "F1, macro", "confusion", headline=True, always=True),
    Metric("weighted_precision", "precision, weighted", "confusion", headline=True, always=True),
    Metric("weighted_recall", "recall, weighted", "confusion", headline=True, always=True),
    Metric("weighted_f1", "F1, weighted", "confusion", headline=True, always=True),
    Metric("mcc", "Matthews correlation", "confusion", headline=True, always=True),
    Metric("auroc", "AUROC", "probabilities", headline=True, always=True),
    Metric("average_precision", "average precision", "probabilities"),
    Metric("kappa_weighted", "weighted kappa", "confusion", headline=True, needs="ordinal"),
    Metric("expected_cost", "expected cost", "confusion", higher_is_better=False, needs="cost_matrix"),
    Metric("log_loss", "log loss", "probabilities", higher_is_better=False, always=True),
    Metric("nll", "log loss", "probabilities", higher_is_better=False),
    Metric("brier", "Brier score", "probabilities", higher_is_better=False),
    Metric("brier_skill", "Brier skill", "probabilities"),
    Metric("ece", "ECE, top class", "probabilities", higher_is_better=False, is_distance=True),
    Metric("ece_classwise", "ECE, class-wise", "probabilities", higher_is_better=False, is_distance=True),
    Metric("no_information_rate", "no-information rate", "confusion"),
)
"""In the order in which readers meet them."""

HUB_NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "f1",
    "weighted_f1": "f1",
    "mcc": "matthews_correlation",
    "auroc": "roc_auc",
}
"""Names in the Hugging Face Hub's list of metrics, where it has one; apart, since only cards print them."""
