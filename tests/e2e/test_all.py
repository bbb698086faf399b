"""What `make demo` builds: every shipped study on phantom data. Slow."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import project as small
import pytest
import verapdf_tool
from pypdf import PdfReader
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

pytestmark = pytest.mark.slow

VARIANTS = {
    "fracture3d": ["cnn3d"],
    "derma": ["baseline", "augmented", "transfer", "dynamic", "int8", "qat"],
    "cifar10": ["resnet"],
}
CNNS = ["fracture3d.cnn3d", "derma.baseline", "derma.augmented", "cifar10.resnet"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    (folder / "home").mkdir()
    told = small.build(folder, "--all", "--data", "phantom")
    assert small.by_status(told, "failed", "skipped") == set()
    return folder


def test_eight_variants_with_all_their_evidence(demo: Path) -> None:
    for study, variants in VARIANTS.items():
        found = small.results(demo, study)
        assert sorted(found["variants"]) == sorted(variants)
        assert found["data"]["source"] == "phantom"
        assert found["failed"] == []
        for name, variant in found["variants"].items():
            assert variant["reference"]["source"] == "project brief"
            assert variant["reference_difference"] is None
            assert all(0 <= variant["scores"][key]["value"] <= 1 for key in ("accuracy", "auroc"))
            assert {example["y_true"] for example in variant["examples"]} == set(range(len(found["classes"])))
            for kind in ("html", "pdf"):
                assert (demo / "reports" / study / name / f"card.{kind}").is_file()
            suffix = "tflite" if "quantisation" in variant else "keras"
            assert (demo / "models" / study / name / f"model.{suffix}").is_file()


def test_the_transfer_model_says_that_it_is_none(demo: Path) -> None:
    training = small.results(demo, "derma")["variants"]["transfer"]["training"]
    assert any("random weights" in note for note in training["notes"])
    text = (demo / "reports" / "derma" / "transfer" / "card.html").read_text("utf-8")
    assert "random weights" in " ".join(text.split())


def test_every_page_says_that_the_data_are_synthetic(demo: Path) -> None:
    pages = sorted((demo / "reports").rglob("*.pdf"))
    assert len(pages) == 1 + 3 + 8
    for path in pages:
        for paper in PdfReader(path).pages:
            assert "Demonstration on synthetic data" in " ".join(paper.extract_text().split()), path


def test_every_pdf_is_archival_and_accessible(demo: Path, tmp_path: Path) -> None:
    if lacking := verapdf_tool.missing():
        pytest.skip(lacking)
    assert verapdf_tool.validate(sorted((demo / "reports").rglob("*.pdf")), tmp_path) == []


def pixels_only(folder: Path) -> float:
    """Balanced accuracy of a logistic regression on the pixels."""
    with np.load(folder / "dataset.npz") as stored:
        parts: dict[str, Any] = {
            split: (stored[f"{split}_images"], stored[f"{split}_labels"]) for split in ("train", "test")
        }
    x, y = parts["train"]
    model = LogisticRegression(C=0.01, max_iter=200, class_weight="balanced")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x.reshape(len(x), -1) / 255.0, y)
    x, y = parts["test"]
    return float(balanced_accuracy_score(y, model.predict(x.reshape(len(x), -1) / 255.0)))


@pytest.mark.parametrize("label", CNNS)
def test_a_network_sees_more_than_pixels_tell(demo: Path, label: str) -> None:
    study, _, variant = label.partition(".")
    scores = small.results(demo, study)["variants"][variant]["scores"]
    assert scores["balanced_accuracy"]["value"] >= pixels_only(small.artefact(demo, f"data {study}")) + 0.10


def test_a_second_build_runs_nothing(demo: Path) -> None:
    told = small.build(demo, "--all", "--data", "phantom")
    assert {node["status"] for node in told["nodes"]} == {"fresh"}
    document = json.loads((demo / "reports" / "derma" / "results.json").read_text("utf-8"))
    assert list(document["variants"]) == VARIANTS["derma"]
