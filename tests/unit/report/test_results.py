"""results.json: the numbers derived in it, what its schema refuses, and how it is written."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import results_case as case
from jsonschema import Draft202012Validator

from xaireport.data import canonical
from xaireport.engine.node import Context
from xaireport.errors import RenderError, StoreError
from xaireport.metrics.scores import evaluate
from xaireport.pipeline.stages import results as stage
from xaireport.results import derived
from xaireport.results.assemble import write_results
from xaireport.results.inputs import SeedRun, VariantEvidence
from xaireport.results.schema import check_results, schema
from xaireport.study.resolve import effective
from xaireport.study_schema import QuantiseSettings, StudySpec, VariantSpec
from xaireport.types.comparison import Agreement, ClassChange, Flip
from xaireport.types.data import Dataset, DatasetInfo, Split
from xaireport.types.device import (
    Calibration,
    Cost,
    Endpoint,
    FloatLayer,
    Latency,
    Operator,
    Quantisation,
    Sections,
    TensorKind,
    TFLiteFile,
)
from xaireport.types.evidence import Skipped
from xaireport.types.metrics import METRICS


@pytest.fixture
def results() -> dict[str, Any]:
    return case.results()


def test_the_schema_is_one_and_accepts_what_is_assembled(results: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema())
    check_results(results)
    check_results(case.results("phantom"))
    check_results(case.results(variants=(), failures=()))


def test_scores_are_named_alike_everywhere(results: dict[str, Any]) -> None:
    named = tuple(metric.name for metric in METRICS if not metric.needs)
    assert tuple(results["variants"]["baseline"]["scores"]) == named


def test_every_object_of_the_schema_is_closed() -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "properties" in node and node.get("type") == "object":
                assert node["additionalProperties"] is False
                assert set(node["required"]) <= set(node["properties"])
            for item in node.values():
                walk(item)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(schema())


def test_identity(results: dict[str, Any]) -> None:
    assert results["study"] == "derma"
    assert results["task"] == "Skin lesions"
    assert results["headline"]["score"] == "balanced_accuracy"
    assert results["headline"]["reason"]
    assert results["run"]["seed"] == 3
    assert results["run"]["overrides"] == ["augmented.train.epochs=2"]
    assert list(results["variants"]) == ["baseline", "augmented", "brought"]  # the study's order
    assert results["failed"] == [
        {
            "variant": "transfer",
            "stage": "train",
            "message": "Expected weights. Received: none.",
            "hint": "pass a path",
        }
    ]


def test_data_and_baselines(results: dict[str, Any]) -> None:
    assert results["data"]["splits"]["train"] == {"n": 8, "groups": 5, "per_class": [4, 3, 1]}
    assert results["data"]["splits"]["test"] == {"n": 4, "groups": None, "per_class": [3, 1, 0]}
    assert results["baselines"] == {"chance": 1 / 3, "no_information_rate": 3 / 4}


def test_a_confusion_matrix_in_shares_of_its_rows(results: dict[str, Any]) -> None:
    baseline = results["variants"]["baseline"]
    assert baseline["confusion"] == [[2, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert baseline["confusion_normalised"] == [[2 / 3, 1 / 3, 0], [1, 0, 0], [None, None, None]]


def test_undefined_scores_have_a_reason(results: dict[str, Any]) -> None:
    scar = results["variants"]["baseline"]["per_class"][2]
    assert scar["recall"] == {"value": None, "n": 0, "reason": "no test image"}
    accuracy = results["variants"]["baseline"]["scores"]["accuracy"]
    assert (accuracy["value"], accuracy["n"], accuracy["method"]) == (0.5, 4, "Wilson")
    assert accuracy["lo"] < 0.5 < accuracy["hi"]
    assert "lo" not in scar["recall"]


def test_the_most_frequent_errors_come_first() -> None:
    confusion = ((5, 3, 0, 2), (4, 1, 0, 0), (0, 0, 9, 0), (1, 1, 3, 0))
    assert derived.errors(confusion) == [
        {"y_true": 1, "y_pred": 0, "n": 4, "share": 4 / 5},
        {"y_true": 0, "y_pred": 1, "n": 3, "share": 3 / 10},
        {"y_true": 3, "y_pred": 2, "n": 3, "share": 3 / 5},
        {"y_true": 0, "y_pred": 3, "n": 2, "share": 2 / 10},
        {"y_true": 3, "y_pred": 0, "n": 1, "share": 1 / 5},
    ]


def test_the_reference_is_compared_with_scores_of_its_own_averaging(results: dict[str, Any]) -> None:
    variants = results["variants"]
    macro = {name: case.BASELINE.scores[f"macro_{name}"].value for name in ("f1", "precision")}
    assert variants["baseline"]["reference_difference"] == pytest.approx(
        {
            "accuracy": 0.5 - 0.7,
            "f1": macro["f1"] - 0.6,
            "precision": macro["precision"] - 0.5,
            "recall": None,
        }
    )
    weighted = case.SPECS["baseline"].reference.model_copy(update={"averaging": "weighted"})
    assert derived.from_reference(case.BASELINE, weighted)["f1"] == pytest.approx(0.5 - 0.6)
    assert variants["augmented"]["reference_difference"] == {
        "accuracy": pytest.approx(0.3),
        "f1": None,  # its averaging is not stated
        "precision": None,
        "recall": None,
    }
    assert variants["brought"]["reference_difference"] is None


def test_phantom_data_are_compared_with_no_reference() -> None:
    variants = case.results("phantom")["variants"]
    assert all(variant["reference_difference"] is None for variant in variants.values())
    assert variants["baseline"]["reference"]["accuracy"] == 0.7
    assert variants["augmented"]["parent_difference"]["accuracy"] == 0.5


def test_a_variant_is_compared_with_its_parent(results: dict[str, Any]) -> None:
    assert results["variants"]["baseline"]["parent_difference"] is None
    difference = results["variants"]["augmented"]["parent_difference"]
    # MCC of the baseline: (4 · 2 − (3 · 3 + 1 · 1)) / √((16 − 10)(16 − 10)) = −1/3
    assert difference == pytest.approx(
        {"accuracy": 0.5, "balanced_accuracy": 1 - 1 / 3, "weighted_f1": 0.5, "mcc": 1 + 1 / 3}
    )


def test_what_is_undefined_has_no_difference() -> None:
    constant = evaluate([0, 1], [[1.0, 0.0, 0.0]] * 2, case.CLASSES)
    parent = evaluate([0, 1], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], case.CLASSES)
    assert derived.from_parent(constant, parent)["mcc"] is None
    assert derived.from_parent(parent, constant)["mcc"] is None


def test_the_parent_that_failed_is_named_and_not_compared() -> None:
    variants = case.results(variants=case.VARIANTS[1:2])["variants"]
    assert variants["augmented"]["parent"] == "baseline"
    assert variants["augmented"]["parent_difference"] is None
    assert variants["augmented"]["changed_from_parent"] == {"train.class_weight": {"from": True, "to": False}}


def test_a_model_that_was_brought_has_no_training(results: dict[str, Any]) -> None:
    brought = results["variants"]["brought"]
    assert brought["training"] is None
    assert brought["settings"] == {"train": {}, "augment": {}, "options": {}}
    assert brought["heatmaps"] == {
        "skipped": {"what": "heatmaps", "reason": "no gradients", "hint": "use .keras"}
    }
    assert brought["examples"] == brought["common"] == []
    assert results["variants"]["baseline"]["settings"]["train"]["class_weight"] is True


def test_heatmaps_examples_and_runs(results: dict[str, Any]) -> None:
    variant = results["variants"]["augmented"]
    assert variant["heatmaps"] == {
        "method": "gradcam",
        "layer": "conv",
        "grid": [7, 7],
        "n": 4,
        "zero_maps": 1,
        "notes": [],
        "chosen_by": "",
        "choice_images": 0,
        "choices": [],
        "verdict": {
            "outcome": "untested",
            "sentence": "These heatmaps could not be tested, because the measurement failed.",
            "reasons": [],
        },
    }
    assert variant["examples"] == variant["common"]
    assert variant["examples"][0]["map"] == "assets/a/d1-map.jpg"
    assert variant["gallery"][0]["map"] == ""
    assert variant["layers"] == [
        {"name": "conv", "kind": "Conv2D", "shape": "(None, 26, 26, 8)", "parameters": 120}
    ]
    assert variant["training"]["history"]["val_loss"] == [1.1, 1.2]
    assert variant["runs"]["0"]["scores"] == variant["scores"]


# --- writing ------------------------------------------------------------------------------------------------


def test_written_results_come_back_the_same(results: dict[str, Any], tmp_path: Path) -> None:
    write_results(results, tmp_path / "a" / "results.json")
    write_results(case.results(), tmp_path / "b" / "results.json")
    text = (tmp_path / "a" / "results.json").read_bytes()
    assert json.loads(text) == results
    assert list(json.loads(text)["variants"]) == list(results["variants"])
    assert text == (tmp_path / "b" / "results.json").read_bytes()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["results.json"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema_version", "2.0"),
        ("headline.score", "accurracy"),
        ("run.evidence_digest", "abc"),
        ("run.created", "yesterday"),
        ("run.created", "2026-11-23T17:00:00"),
        ("data.source", "synthetic"),
        ("data.splits.test.n", -1),
        ("baselines.chance", 1.5),
        ("variants.baseline.scores.accuracy.value", "0.5"),
        ("variants.baseline.scores.accuracy", {"value": None, "n": 4}),
        ("variants.baseline.scores.another", {"value": 0.5, "n": 4}),
        ("variants.baseline.confusion.0.0", 1.5),
        ("variants.baseline.examples.0.outcome", "near"),
        ("variants.baseline.examples.0.p", 1.01),
        ("variants.baseline.heatmaps.skipped", {"what": "", "reason": "both", "hint": ""}),
        ("variants.baseline.another", 1),
        ("variants.baseline.runs.zero", {}),
        ("failed.0.stage", ""),
    ],
)
def test_the_schema_refuses(results: dict[str, Any], tmp_path: Path, key: str, value: Any) -> None:
    *steps, last = [int(step) if step.isdecimal() else step for step in key.split(".")]
    place: Any = results
    for step in steps:
        place = place[step]
    place[last] = value
    with pytest.raises(RenderError, match=r"results\.json: " + ".".join(map(str, steps[:2]))):
        write_results(results, tmp_path / "results.json")
    assert not list(tmp_path.iterdir())


LATER = (
    *("comparisons", "comparison", "data_audit", "methods", "card", "crosswalk"),
    *(f"variants.baseline.{key}" for key in ("calibration", "subgroups", "clean", "seed_spread")),
    *(f"run.machine.{key}" for key in ("processor", "instruction_set", "threads", "settings")),
    "run.made_on",
)
"""Keys that records of the first version do not have: these can still be read."""


def missing_keys() -> list[str]:
    found = []

    def walk(node: Any, key: str) -> None:
        if isinstance(node, dict) and key.count(".") < 3:
            for name, item in node.items():
                found.append(f"{key}{name}")
                walk(item, f"{key}{name}.")

    data = case.results()
    walk({name: item for name, item in data.items() if name != "variants"}, "")
    walk({"variants": {"baseline": data["variants"]["baseline"]}}, "")
    free = ("run.versions.", "variants.baseline.settings.train.", "variants.baseline.settings.augment.")
    optional = ("variants.baseline", "variants.baseline.runs.0", *LATER)
    return [
        key
        for key in found
        if not key.startswith(free)
        and key not in optional
        and key.rpartition(".")[2] not in {metric.name for metric in METRICS if not metric.always}
    ]


@pytest.mark.parametrize("key", missing_keys())
def test_no_key_may_be_missing(results: dict[str, Any], key: str) -> None:
    *steps, last = key.split(".")
    place: Any = results
    for step in steps:
        place = place[step]
    del place[last]
    with pytest.raises(RenderError):
        check_results(results)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_nan_is_written(results: dict[str, Any], tmp_path: Path, value: float) -> None:
    broken = copy.deepcopy(results)
    broken["variants"]["baseline"]["training"]["history"]["val_loss"][0] = value
    with pytest.raises(StoreError, match="finite"):
        write_results(broken, tmp_path / "results.json")
    assert not list(tmp_path.iterdir())


def quantised(name: str, **changes: Any) -> Any:
    """A child of ``baseline`` with everything that is known of a quantised file."""
    real, integer = Endpoint("float32", 0.0, 0), Endpoint("int8", 1 / 256, -128)
    file = TFLiteFile(
        900, (Operator("CONV_2D", "int8", "int8", 1),), (TensorKind("int8", 3, 700),),
        (FloatLayer("conv", "CONV_2D", "few weights"),), real, integer, Sections(600, 100, 200), "1.14.0",
    )  # fmt: skip
    spec = VariantSpec(
        name=name, parent="baseline", architecture="cnn2d", quantise=QuantiseSettings(mode="int8"),
        changed_from_parent={"quantise.mode": (None, "int8")},
    )  # fmt: skip
    flips = (Flip("d3", 0, 1, 0, 0.5, 0.4, "gained"), Flip("d4", 1, 0, 2, 0.8, 0.7, "neither"))
    facts: dict[str, Any] = {
        "training": None,
        "settings": effective(spec, trained=False),
        "heatmaps": Skipped("heatmaps", "no gradients"),
        "quantisation": Quantisation(
            "int8", file, Calibration(200, 8, "e" * 64), 0, (), ("convert",), 1.5, "TensorFlow 2.21.0", "INT8"
        ),
        "agreement": Agreement(4, 2, (ClassChange("nevus", 3, 2, 3, 1, 0),), flips),
        "cost": Cost(
            900, 0.25, 5000, (Latency(1, 1, 100, 0.2, 0.3, 0.5), Latency(32, 2, 100, 4.0, 5.0, 0.4))
        ),
    } | changes
    run = SeedRun(0, "b" * 64, "c" * 64, case.BASELINE.scores)
    return VariantEvidence(spec, case.MODEL, case.BASELINE, runs=(run,), **facts)


def test_a_quantised_variant_carries_its_file_its_cost_and_its_flips() -> None:
    parent = case.variant(
        "baseline", case.BASELINE, cost=Cost(3600, None, None, (Latency(1, 1, 100, 0.4, 0.6),))
    )
    found = case.results(variants=(parent, quantised("small")))
    check_results(found)
    small = found["variants"]["small"]
    assert small["parent"] == "baseline"
    assert (small["size_ratio"], small["latency_ratio"]) == (0.25, 0.5)
    assert small["agreement"] == {"value": 0.5, "n": 4, "same": 2}
    assert small["flip_counts"] == {"lost": 0, "gained": 1, "neither": 1}
    assert small["flips"][0] == {
        "sample_id": "d3", "y_true": 0, "from": 1, "to": 0, "p_from": 0.5, "p_to": 0.4, "effect": "gained",
    }  # fmt: skip
    assert small["quantisation"]["file"]["sections"] == {"weights": 600, "biases": 100, "other": 200}
    assert small["quantisation"]["calibration"]["n"] == 8
    assert small["settings"] == {
        "train": {}, "augment": {}, "options": {}, "quantise": {"mode": "int8", "calibration_images": 200},
    }  # fmt: skip
    assert found["pareto"] == {
        "score": "balanced_accuracy", "measured": ["baseline", "small"], "front": ["small"],
    }  # fmt: skip
    assert "quantisation" not in found["variants"]["baseline"]


def test_without_costs_there_is_no_front_and_no_ratio() -> None:
    found = case.results(variants=(quantised("small", cost=None),))
    check_results(found)
    assert "pareto" not in found
    assert "cost" not in found["variants"]["small"]
    assert found["variants"]["small"]["size_ratio"] is None


def test_equals_stand_on_the_front_together() -> None:
    points = {"one": (0.7, 900, 0.2), "two": (0.7, 900, 0.2), "slow": (0.7, 900, 0.3)}
    assert derived.pareto(points) == ["one", "two"]


def test_what_draws_and_prints_is_named_and_no_part_of_the_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: dict[str, str] = {}

    class Installed:
        def of(self, names: Iterable[str]) -> dict[str, str]:
            return {name: installed[name] for name in names}

    monkeypatch.setattr(stage, "Versions", Installed)
    monkeypatch.setattr(stage, "assemble", lambda study, data, variants, run, *rest: run)
    told = []
    monkeypatch.setattr(stage, "write_results", lambda run, file: told.append(run))
    images = np.zeros((2, 4, 4, 3), np.uint8)
    split = Split(images, np.array([0, 1]), np.array(["a", "b"]))
    info = DatasetInfo("toy", "Toy", "phantom", "0" * 64, None, ("a", "b"))
    canonical.save(Dataset(info, split, split, split), tmp_path)
    study = StudySpec(name="toy", variants={}).model_dump(mode="json")
    params = {
        "study": study, "seeds": {}, "code": [], "of_evidence": ["numpy"], "of_pages": ["weasyprint"],
        "python": "3.11.1",
    }  # fmt: skip

    def digest(python: str = "3.11.1", **versions: str) -> str:
        installed.update({"numpy": "2", "weasyprint": "60"} | versions)
        out = tmp_path / str(len(told))
        out.mkdir()
        stage.run(Context(out, {"data": tmp_path / "dataset.npz"}, {}, out), params | {"python": python})
        assert told[-1].versions == {"python": python, **installed}
        return str(told[-1].evidence_digest)

    first = digest()
    assert digest(weasyprint="61") == first
    assert digest(numpy="3") != first
    assert digest(python="3.11.2") != first
