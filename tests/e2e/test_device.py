"""Quantised variants through the real command line: their files, their pages, and one that cannot be made."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import project as small
import pytest
from page_numbers import read
from sklearn.metrics import confusion_matrix

from xaireport.nn.backend import import_keras


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("quantised") / "project"
    small.write(folder)
    small.print_titles_alone(folder)  # pages of quantised variants on paper: unit/report/test_quantised.py
    small.write_device_models(folder / "data")
    (folder / "models" / "device.toml").write_text(small.QUANTISED)
    # Asked for is a child: its parent comes along, and what was not asked for does not.
    first = small.build(folder, "device.int8")
    assert {"train device.small seed 0", "quantise device.int8"} <= small.by_status(first, "ran")
    assert not [node["name"] for node in first["nodes"] if "qat" in node["name"]]
    return folder, small.build(folder, "device", code=1)


def test_what_cannot_be_converted_fails_alone_and_by_name(built: tuple[Path, dict[str, Any]]) -> None:
    folder, told = built
    assert small.by_status(told, "failed") == {"quantise device.odd8"}
    assert "Received: Tan in layer tan." in json.dumps(told)  # as `model.summary()` calls it
    found = small.results(folder, "device")
    assert list(found["variants"]) == ["small", "int8", "qat", "device", "odd"]
    assert [one["variant"] for one in found["failed"]] == ["odd8"]
    assert "Received: Tan in layer tan." in (folder / "reports" / "device" / "index.html").read_text("utf-8")
    assert (
        "cost" not in found["variants"]["odd"]
    )  # its float file cannot be made either, and that is no failure


def test_files_pages_and_figures_are_there(built: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = built
    found = small.results(folder, "device")
    for name in ("int8", "qat"):
        file = folder / "models" / "device" / name / "model.tflite"
        one = found["variants"][name]
        assert file.stat().st_size == one["size_bytes"] == one["quantisation"]["file"]["size_bytes"]
        assert one["size_ratio"] == one["size_bytes"] / found["variants"]["small"]["cost"]["tflite_bytes"]
        assert one["latency_ratio"] > 0
        assert one["quantisation"]["file"]["float_layers"] == []
        maps, parent = one["heatmaps"], found["variants"]["small"]["heatmaps"]
        assert (maps["method"], parent["method"]) == ("gradcam-hybrid", "gradcam")
        assert (maps["layer"], maps["chosen_by"]) == (parent["layer"], "parent")
        assert maps["grid"] == parent["grid"]
        assert maps["verdict"]["outcome"] in ("pass", "fail")
        assert maps["drift"]["other"] == "small"
        assert "drift" in {reason["criterion"] for reason in maps["verdict"]["reasons"]}
        for moved in maps["drift"]["moved"]:
            for key in ("image", "overlay", "overlay_other"):
                assert (folder / "reports" / "device" / moved[key]).is_file()
        assert one["examples"]
        for kind in ("html", "pdf"):
            assert (folder / "reports" / "device" / name / f"card.{kind}").is_file()
    assert (found["variants"]["qat"]["training"] or {})["epochs_run"] == 1
    assert found["variants"]["int8"]["training"] is None
    assert set(found["pareto"]["measured"]) == {"small", "int8", "qat"}
    listed = small.xaireport(folder, "list").stdout
    assert "models/device/int8/model.tflite" in listed


def test_fewer_calibration_images_than_asked_for_are_said(built: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = built
    card = (folder / "reports" / "device" / "int8" / "card.html").read_text("utf-8")
    assert "Calibrated on all 48 training images: 200 were asked for." in card
    assert "≈" in card


def test_flips_are_those_of_the_predictions(built: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = built
    found = small.results(folder, "device")
    table = pd.read_csv(folder / "reports" / "device" / "predictions.csv")
    table = table[table["split"] == "test"].set_index("sample_id")
    called = {name: rows["y_pred"] for name, rows in table.groupby("variant")}
    for name in ("int8", "qat"):
        one = found["variants"][name]
        differ = called["small"] != called[name].reindex(called["small"].index)
        assert {flip["sample_id"] for flip in one["flips"]} == set(called["small"].index[differ])
        assert one["agreement"]["value"] == pytest.approx(1 - np.mean(differ))


def test_a_brought_tflite_file_is_evaluated_as_it_is(built: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = built
    device = small.results(folder, "device")["variants"]["device"]
    assert device["size_bytes"] == (folder / "data" / "device.tflite").stat().st_size
    assert "cost" not in device
    assert "quantisation" not in device
    made_from = import_keras().saving.load_model(folder / "data" / "probabilities.keras")
    data = small.stripes()
    called = made_from(data["test_images"].astype(np.float32)).numpy().argmax(axis=1)
    assert device["confusion"] == confusion_matrix(data["test_labels"], called).tolist()


def test_every_number_on_the_pages_stands_in_the_results(built: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = built
    reports = folder / "reports" / "device"
    for page in (reports / "index.html", reports / "int8" / "card.html", reports / "qat" / "card.html"):
        found = read(page.read_text("utf-8"), {"device": small.results(folder, "device")})
        assert found.problems == [], page


def test_nothing_is_done_twice(built: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = built
    again = small.build(folder, "device", code=1)
    assert not small.by_status(again, "ran")
    assert small.by_status(again, "failed") == {"quantise device.odd8"}


def test_a_damaged_tflite_file_is_refused(built: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    for name in ("models", "data", "home"):
        (tmp_path / name).mkdir()
    shutil.copy(built[0] / "data" / "stripes.npz", tmp_path / "data")
    whole = (built[0] / "data" / "device.tflite").read_bytes()
    (tmp_path / "data" / "device.tflite").write_bytes(whole[:300])
    head, (variant,) = (
        small.QUANTISED.partition("\n[")[0],
        re.findall(r"^\[variants\.device\]\n(?:.+\n)+", small.QUANTISED, re.MULTILINE),
    )
    (tmp_path / "models" / "cut.toml").write_text(f"{head}\n{variant}")
    told = small.build(tmp_path, "cut", code=1)
    assert "predict cut.device seed 0" in small.by_status(told, "failed")
    assert "a complete TFLite file" in json.dumps(told)
