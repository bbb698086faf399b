"""The committed records of real runs: as the schema says, and what their predictions give on a recount."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from xaireport import load_results

RECORDS = sorted((Path(__file__).parents[2] / "docs" / "results").glob("*.results.json"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name.partition(".")[0])
def test_a_record_can_be_counted_again(path: Path) -> None:
    results = load_results(path)
    assert results.data["data"]["source"] == "real"
    table = pd.read_csv(path.with_name(path.name.replace("results.json", "predictions.csv.gz")))
    test = table[table["split"] == "test"].set_index("sample_id")
    for name, variant in results.data["variants"].items():
        rows = test[test["variant"] == name]
        scores = {key: score["value"] for key, score in variant["scores"].items()}
        assert scores["accuracy"] == pytest.approx(accuracy_score(rows["y_true"], rows["y_pred"]))
        balanced = balanced_accuracy_score(rows["y_true"], rows["y_pred"])
        assert scores["balanced_accuracy"] == pytest.approx(balanced)
        if "agreement" in variant:
            parent = test[test["variant"] == variant["parent"]]["y_pred"].reindex(rows.index)
            assert variant["agreement"]["value"] == pytest.approx((parent == rows["y_pred"]).mean())
            flipped = set(rows.index[parent != rows["y_pred"]])
            assert {flip["sample_id"] for flip in variant["flips"]} == flipped


def test_the_quantised_lineage_keeps_what_its_parent_has() -> None:
    """The bars that quantisation of derma was to meet, on the record."""
    variants = load_results(next(path for path in RECORDS if path.name.startswith("derma"))).data["variants"]
    accuracy = {name: one["scores"]["accuracy"]["value"] for name, one in variants.items()}
    assert variants["int8"]["size_ratio"] <= 0.30
    assert accuracy["qat"] >= accuracy["augmented"] - 0.010
    assert accuracy["dynamic"] >= accuracy["augmented"] - 0.005
