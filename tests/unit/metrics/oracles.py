"""SciPy's bootstrap and scikit-learn's Brier score, in words that all their supported versions understand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import stats
from sklearn.metrics import brier_score_loss

GENERATOR = "rng" if "rng" in inspect.signature(stats.bootstrap).parameters else "random_state"
"""What SciPy calls its generator: it was renamed in 1.15."""


def percentile_bootstrap(
    data: Sequence[Any], statistic: Callable[..., Any], seed: int = 1, **settings: Any
) -> tuple[float, float]:
    """Return bounds of a 95 % interval."""
    generator = {GENERATOR: np.random.default_rng(seed)}
    found = stats.bootstrap(data, statistic, method="percentile", **settings, **generator)
    return found.confidence_interval.low, found.confidence_interval.high


def brier(y_true: Any, y_prob: Any) -> float:
    """Return what scikit-learn says of each class against all others, summed; of two classes of one."""
    n_classes = np.shape(y_prob)[1]
    each = [
        brier_score_loss(np.asarray(y_true) == k, np.asarray(y_prob)[:, k], pos_label=True)
        for k in range(n_classes)
    ]
    return float(each[1] if n_classes == 2 else sum(each))
