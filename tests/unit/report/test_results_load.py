"""Reading results.json back: by key, and as a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import results_case as case

from xaireport import load_results
from xaireport.errors import ConfigError, RenderError, StoreError
from xaireport.results.assemble import write_results
from xaireport.results.load import Results
from xaireport.types.metrics import METRICS


@pytest.fixture
def loaded(tmp_path: Path) -> Results:
    write_results(case.results(), tmp_path / "results.json")
    return load_results(tmp_path / "results.json")


def test_the_folder_will_do(loaded: Results) -> None:
    assert load_results(str(loaded.path.parent)) == loaded


def test_every_leaf_is_found_by_its_key(loaded: Results) -> None:
    found = 0

    def walk(node: Any, key: str) -> None:
        nonlocal found
        if isinstance(node, dict):
            for name, item in node.items():
                walk(item, f"{key}.{name}" if key else name)
        elif isinstance(node, list):
            for index, item in enumerate(node):
                walk(item, f"{key}.{index}")
        else:
            found += 1
            assert loaded.value(key) is node

    walk(loaded.data, "")
    assert found > 300
    assert loaded.value("variants.augmented.scores.accuracy.value") == 1.0
    assert loaded.value("variants.augmented.changed_from_parent.train.class_weight.from") is True


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("variants.augmentd.scores", "variants has baseline, augmented, brought"),
        ("variants.baseline.confusion.0.3", r"confusion\.0 has 3 items"),
        ("variants.baseline.confusion.-1", "has 3 items"),
        ("study.name", "study has 'derma'"),
        ("", "the top has schema_version"),
    ],
)
def test_a_wrong_key_says_what_is_there(loaded: Results, key: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        loaded.value(key)


def test_one_row_per_variant(loaded: Results) -> None:
    frame = loaded.to_frame()
    assert list(frame["variant"]) == ["baseline", "augmented", "brought"]
    assert set(frame["source"]) == {"real"}
    assert set(frame["task"]) == {"Skin lesions"}
    assert list(frame["architecture"]) == ["cnn2d", "cnn2d", ""]
    for score in (metric.name for metric in METRICS if metric.always):
        expected = [loaded.value(f"variants.{name}.scores.{score}.value") for name in loaded.data["variants"]]
        assert list(frame[score]) == expected
        assert frame[score].dtype == "float64"
    assert list(frame["reference_accuracy"])[:2] == [0.7, 0.7]
    assert frame["difference_accuracy"][1] == pytest.approx(0.3)
    assert pd.isna(frame["epochs_run"][2])
    assert frame["epochs_run"][0] == 2
    # Whatever a row is given has a column.
    assert set(loaded._row("baseline", loaded.data["variants"]["baseline"])) == set(frame.columns)


def test_no_variant_is_an_empty_table(tmp_path: Path) -> None:
    write_results(case.results(variants=()), tmp_path / "results.json")
    frame = load_results(tmp_path).to_frame()
    assert frame.empty
    assert "balanced_accuracy" in frame.columns


def test_undefined_is_missing_in_the_table(tmp_path: Path) -> None:
    results = case.results()
    results["variants"]["brought"]["scores"]["mcc"] = {"value": None, "n": 4, "reason": "undefined"}
    write_results(results, tmp_path / "results.json")
    assert list(load_results(tmp_path).to_frame()["mcc"].isna()) == [False, False, True]


def test_what_is_not_there_or_not_json_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"No such file.*xaireport build"):
        load_results(tmp_path)
    (tmp_path / "results.json").write_text("{")
    with pytest.raises(StoreError, match="a JSON file"):
        load_results(tmp_path)


def test_results_of_another_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps(case.results() | {"schema_version": "2.0"}))
    with pytest.raises(RenderError, match=r"schema_version"):
        load_results(tmp_path)
