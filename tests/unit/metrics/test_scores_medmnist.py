"""Accuracy and AUROC are those of MedMNIST's own evaluator (its package installed, its dependencies not)."""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from xaireport.metrics.scores import evaluate


@pytest.fixture(scope="module")
def evaluator() -> dict[str, Callable[..., float]]:
    """``getAUC`` and ``getACC`` alone: importing the module would import PyTorch."""
    try:
        distribution = metadata.distribution("medmnist")
    except metadata.PackageNotFoundError:
        pytest.skip("the package medmnist is not installed: pip install --no-deps medmnist")
    tree = ast.parse(Path(str(distribution.locate_file("medmnist/evaluator.py"))).read_text(encoding="utf-8"))
    wanted = ("getAUC", "getACC")
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in wanted]
    names: dict[str, Any] = {"np": np, "roc_auc_score": roc_auc_score, "accuracy_score": accuracy_score}
    exec(compile(tree, "medmnist/evaluator.py", "exec"), names)
    return {name: names[name] for name in wanted}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("task", "n_classes"),
    [("multi-class", 7), ("multi-class", 3), ("ordinal-regression", 5), ("binary-class", 2)],
)
def test_equal_to_the_evaluator(
    evaluator: dict[str, Callable[..., float]], task: str, n_classes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    y_true = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, 200)])
    y_prob = rng.dirichlet(np.ones(n_classes), len(y_true)).astype(np.float32)
    y_prob[::9] = 1 / n_classes  # ties, and exactly the threshold of the binary case
    scores = evaluate(y_true, y_prob, [str(index) for index in range(n_classes)]).scores
    labels = y_true[:, None]  # as the .npz holds them
    assert scores["accuracy"].value == pytest.approx(evaluator["getACC"](labels, y_prob, task), abs=1e-15)
    assert scores["auroc"].value == pytest.approx(evaluator["getAUC"](labels, y_prob, task), abs=1e-12)
