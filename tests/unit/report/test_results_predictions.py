"""predictions.csv gives back what was predicted, and the same bytes each time."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xaireport import evaluate
from xaireport.errors import StoreError
from xaireport.results.predictions import Predictions, write_csv

CLASSES = ["benign, plain", "melanoma"]


def block(variant: str, y_prob: list[list[float]], seed: int = 0) -> Predictions:
    n = len(y_prob)
    ids = np.array([f"00{index}" for index in range(n)])
    return Predictions(variant, seed, "test", ids, np.arange(n) % 2, np.array(y_prob, np.float32))


def test_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "new" / "predictions.csv"
    write_csv(path, [block("a", [[0.75, 0.25], [0.1, 0.9]]), block("b", [[0, 1]], seed=3)], CLASSES)
    assert path.read_text() == (
        'variant,seed,split,sample_id,y_true,y_pred,"p_benign, plain",p_melanoma\n'
        "a,0,test,000,0,0,0.75,0.25\n"
        "a,0,test,001,1,1,0.100000001,0.899999976\n"
        "b,3,test,000,0,1,0,1\n"
    )


def test_no_prediction_leaves_the_header(tmp_path: Path) -> None:
    write_csv(tmp_path / "predictions.csv", [], CLASSES)
    text = (tmp_path / "predictions.csv").read_text()
    assert text == 'variant,seed,split,sample_id,y_true,y_pred,"p_benign, plain",p_melanoma\n'


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1, width=32))
def test_every_float32_comes_back(tmp_path_factory: pytest.TempPathFactory, p: float) -> None:
    path = tmp_path_factory.getbasetemp() / "one.csv"
    write_csv(path, [block("a", [[p, 1 - p]])], CLASSES)
    assert np.float32(pd.read_csv(path)["p_benign, plain"][0]) == np.float32(p)


def test_scores_can_be_recomputed_from_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y_prob = rng.dirichlet(np.ones(2), 100).astype(np.float32)
    given_ = block("a", y_prob.tolist())
    write_csv(tmp_path / "predictions.csv.gz", [given_], CLASSES)
    frame = pd.read_csv(tmp_path / "predictions.csv.gz", dtype={"sample_id": str})
    probabilities = frame[[f"p_{label}" for label in CLASSES]].to_numpy(np.float32)
    assert np.array_equal(probabilities, y_prob)
    assert list(frame["sample_id"]) == list(given_.sample_id)
    expected, found = (
        evaluate(given_.y_true, y_prob, CLASSES),
        evaluate(frame["y_true"], probabilities, CLASSES),
    )
    assert found == expected
    assert math.isclose((frame["y_true"] == frame["y_pred"]).mean(), expected.scores["accuracy"].value)


def test_compressed_or_not_the_bytes_are_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [block("a", [[0.75, 0.25], [0.1, 0.9]])]
    write_csv(tmp_path / "predictions.csv", rows, CLASSES)
    write_csv(tmp_path / "one.csv.gz", rows, CLASSES)
    monkeypatch.setattr("time.time", lambda: 2e9)
    write_csv(tmp_path / "another.csv.gz", rows, CLASSES)
    one = (tmp_path / "one.csv.gz").read_bytes()
    assert one == (tmp_path / "another.csv.gz").read_bytes()
    assert gzip.decompress(one) == (tmp_path / "predictions.csv").read_bytes()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([block("a", [[0.2, 0.3, 0.5]])], r"y_prob of shape \(1, 2\).*predictions of a"),
        (
            [Predictions("a", 0, "test", np.array(["x"]), np.arange(2), np.zeros((1, 2), np.float32))],
            "y_true",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, rows: list[Predictions], message: str) -> None:
    with pytest.raises(StoreError, match=message):
        write_csv(tmp_path / "predictions.csv", rows, CLASSES)
    assert not list(tmp_path.iterdir())
