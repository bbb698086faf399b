"""What a build leaves: the pages, the numbers behind them, the files."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import re
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import page_numbers
import project as small
import pytest
import verapdf_tool
from pypdf import PdfReader
from sklearn import metrics

import xaireport
from xaireport.files import PART

DEMONSTRATION = "Demonstration on synthetic data"
CARDS = {"tiny": ["cnn"], "own": ["small", "weighted", "mine"], "faulty": ["whole"]}
PAGES = ["index", *CARDS, *(f"{study}/{variant}" for study, names in CARDS.items() for variant in names)]


def stem(page: str) -> str:
    return {0: page, 1: f"{page}/card"}[page.count("/")] if page not in CARDS else f"{page}/index"


def html(project: Path, page: str) -> str:
    return (project / "reports" / f"{stem(page)}.html").read_text("utf-8")


def pdf(project: Path, page: str) -> list[str]:
    """Text of each page of paper, white space made one."""
    reader = PdfReader(project / "reports" / f"{stem(page)}.pdf")
    return [" ".join(paper.extract_text().split()) for paper in reader.pages]


def studies_of(project: Path, page: str) -> dict[str, Any]:
    names = CARDS if page == "index" else [page.partition("/")[0]]
    return {name: small.results(project, name) for name in names}


TOMORROW = """
import datetime, time
clock = time.time
time.time = lambda: clock() + 86400 * 400
class Later(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(time.time(), tz)
datetime.datetime = Later
from xaireport.cli import main
main()
"""
SKIPPED = (
    ("evaluate", " seed 0"),
    ("explain", ""),
    ("trust", ""),
    *((kind, "") for kind in ("html", "pdf", "md", "fragment")),
)


def test_one_variant_failed_and_the_others_did_not(built: tuple[Path, dict[str, Any]]) -> None:
    project, told = built
    assert told["status"] == "failed"
    assert small.by_status(told, "failed") == {"predict faulty.damaged seed 0"}
    assert small.by_status(told, "skipped") == {f"{step} faulty.damaged" + suffix for step, suffix in SKIPPED}
    shared = small.by_status(told, "fresh", "restored")
    assert shared == {"audit faulty"}  # of the same data and classes as own's
    assert (
        small.by_status(told, "ran")
        == {node["name"] for node in told["nodes"]} - small.by_status(told, "failed", "skipped") - shared
    )
    failure = next(each for each in told["failures"] if each["status"] == "failed")
    assert "a complete Keras 3 model file" in failure["message"]
    (kept,) = small.results(project, "faulty")["failed"]
    assert (kept["variant"], kept["message"]) == ("damaged", failure["message"])
    for page in ("index", "faulty"):
        assert "damaged" in html(project, page)
        assert "a complete Keras 3 model file" in " ".join(html(project, page).split())
    assert not (project / "reports" / "faulty" / "damaged").exists()


def test_exactly_these_files_are_there(project: Path) -> None:
    found = small.files(project / "reports")
    assert {name for name in found if name.split("/")[1:2] != ["assets"]} == {
        *(f"{stem(page)}.{kind}" for page in PAGES for kind in ("html", "pdf")),
        *(f"{stem(page)}.{kind}" for page in PAGES if "/" in page for kind in ("md", "fragment.html")),
        *(
            f"{study}/{name}"
            for study in CARDS
            for name in ("results.json", "predictions.csv", "manifest.json")
        ),
    }
    assert {name for name in small.files(project / "models") if not name.endswith(".toml")} == {
        "tiny/cnn/model.keras", "own/small/model.keras", "own/weighted/model.keras",
    }  # fmt: skip
    assert not [name for name in small.files(project) if PART in name or name.endswith(".tmp")]


@pytest.mark.parametrize("study", CARDS)
def test_results_keep_the_contract(project: Path, study: str) -> None:
    found = small.results(project, study)
    schema = json.loads((Path(xaireport.__path__[0]) / "results/results_schema.json").read_text())
    jsonschema.validate(found, schema, format_checker=jsonschema.FormatChecker())
    assert {"schema_version", "study", "classes", "run", "data", "variants"} <= found.keys()
    assert {"evidence_digest", "seed", "versions", "created"} <= found["run"].keys()
    assert {"name", "source", "sha256", "official", "splits"} <= found["data"].keys()
    assert found["data"]["source"] == ("phantom" if study == "tiny" else "real")
    assert list(found["variants"]) == CARDS[study]
    several = len(CARDS[study]) > 1
    assert bool(found["comparisons"]) == several
    assert ("skipped" in found["comparison"]) != several
    assert {"groups", "exact_duplicates", "near_duplicates", "group_leakage"} <= found["data_audit"].keys()
    assert found["methods"]
    for variant in found["variants"].values():
        assert {
            "parent", "changed_from_parent", "architecture", "parameters", "size_bytes", "training", "scores",
            "per_class", "confusion", "reference", "heatmaps", "examples", "runs",
        } <= variant.keys()  # fmt: skip
        assert set(variant["scores"]) == {
            "accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1",
            "weighted_precision", "weighted_recall", "weighted_f1", "mcc", "log_loss", "auroc",
            "average_precision", "brier", "brier_skill", "nll", "ece", "ece_classwise", "no_information_rate",
        }  # fmt: skip
        assert all({"value", "n"} <= score.keys() for score in variant["scores"].values())
        for one in variant["per_class"]:
            assert {"specificity", "npv", "lr_plus", "auroc", "average_precision"} <= one.keys()
        assert variant["calibration"]["bins"]
        assert (
            sum(each["n"] for each in variant["calibration"]["bins"]) == found["data"]["splits"]["test"]["n"]
        )
        assert {"method", "layer", "grid", "zero_maps"} <= variant["heatmaps"].keys()
        assert list(variant["runs"]) == ["0"]
        for example in variant["examples"]:
            assert {"sample_id", "y_true", "y_pred", "p", "outcome", "image", "map"} <= example.keys()


def test_trained_variants_say_how_and_the_brought_one_that_it_was_not(project: Path) -> None:
    variants = small.results(project, "own")["variants"]
    training = variants["small"]["training"]
    assert {"epochs_run", "seconds", "stopped_by", "history"} <= training.keys()
    assert all(len(values) == training["epochs_run"] for values in training["history"].values())
    assert {"loss", "val_loss", "accuracy", "val_accuracy"} <= training["history"].keys()
    assert variants["mine"]["training"] is None
    assert variants["weighted"]["parent"] == "small"
    assert variants["weighted"]["changed_from_parent"] == {"train.class_weight": {"from": False, "to": True}}
    for name in ("small", "weighted"):
        file = project / "models" / "own" / name / "model.keras"
        assert variants[name]["size_bytes"] == file.stat().st_size
        assert variants[name]["runs"]["0"]["model_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("study", CARDS)
def test_scores_follow_from_the_predictions(project: Path, study: str) -> None:
    """Recomputed from predictions.csv, as anybody could."""
    found = small.results(project, study)
    classes = found["classes"]
    rows: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (project / "reports" / study / "predictions.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows[f"{row['variant']} {row['split']}"].append(row)
    for name, variant in found["variants"].items():
        test = rows[f"{name} test"]
        splits = found["data"]["splits"]
        assert (len(test), len(rows[f"{name} val"])) == (splits["test"]["n"], splits["val"]["n"])
        y_true, y_pred = ([row[key] for row in test] for key in ("y_true", "y_pred"))
        names = classes if y_true[0] in classes else [str(k) for k in range(len(classes))]
        assert variant["confusion"] == metrics.confusion_matrix(y_true, y_pred, labels=names).tolist()
        scores = {key: score["value"] for key, score in variant["scores"].items()}
        assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(y_true, y_pred))
        one_class_only = len(set(y_pred)) == 1
        mcc = None if one_class_only else pytest.approx(metrics.matthews_corrcoef(y_true, y_pred))
        assert scores["mcc"] == mcc
        f1 = metrics.f1_score(y_true, y_pred, labels=names, average="weighted", zero_division=0)
        assert scores["weighted_f1"] == pytest.approx(f1)


@pytest.mark.parametrize("variant", ["mine", "whole"])
def test_a_brought_model_is_asked_as_it_was_declared(project: Path, variant: str) -> None:
    from xaireport.nn.backend import import_keras

    study, file, scale = {
        "mine": ("own", "logits", 255.0), "whole": ("faulty", "probabilities", 1.0)
    }[variant]  # fmt: skip
    images = small.stripes()["test_images"].astype(np.float32) / scale
    given = import_keras().saving.load_model(project / "data" / f"{file}.keras")(images).numpy()
    exp = np.exp(given - given.max(axis=1, keepdims=True)) if file == "logits" else given
    expected = exp / exp.sum(axis=1, keepdims=True)
    with np.load(small.artefact(project, f"predict {study}.{variant} seed 0") / "predictions.npz") as stored:
        np.testing.assert_allclose(stored["test_y_prob"], expected, atol=1e-5)


def test_a_trained_model_takes_raw_pixels_and_holds_no_optimiser(project: Path) -> None:
    from xaireport.nn.backend import import_keras

    model = import_keras().saving.load_model(project / "models" / "own" / "small" / "model.keras")
    assert getattr(model, "optimizer", None) is None
    answers = model(small.stripes()["test_images"].astype(np.float32)).numpy()
    with np.load(small.artefact(project, "predict own.small seed 0") / "predictions.npz") as stored:
        np.testing.assert_allclose(answers, stored["test_y_prob"], atol=1e-5)


@pytest.mark.parametrize("page", PAGES)
def test_every_number_of_a_page_is_a_stored_one_and_in_the_pdf(project: Path, page: str) -> None:
    found = page_numbers.read(html(project, page), studies_of(project, page))
    assert found.problems == []
    assert len(found.numbers) > 10
    assert not page_numbers.missing_from_pdf(found, " ".join(pdf(project, page)))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_phantom_data_says_so(project: Path, page: str) -> None:
    papers = pdf(project, page)
    assert all(papers)
    if page.startswith("tiny"):
        assert DEMONSTRATION in html(project, page)
        assert [DEMONSTRATION in paper for paper in papers] == [True] * len(papers)
    elif page != "index":
        assert DEMONSTRATION not in html(project, page)
        assert not any(DEMONSTRATION in paper for paper in papers)


def test_the_index_names_every_variant_and_which_data_are_a_phantom(project: Path) -> None:
    text = html(project, "index")
    for study, variants in CARDS.items():
        assert f'href="{study}/index.html"' in text
        assert all(f'href="{study}/{variant}/card.html"' in text for variant in variants)
    assert "phantom" in text


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_lead_somewhere(project: Path, page: str) -> None:
    folder = (project / "reports" / f"{stem(page)}.html").parent
    text = html(project, page)
    for link in page_numbers.read(text, studies_of(project, page)).links:
        if "://" not in link and not link.startswith(("#", "data:")):
            assert (folder / link.partition("#")[0]).exists(), link
    assert "http" not in "".join(part.partition('"')[0] for part in text.split('src="')[1:])


@pytest.mark.parametrize("study", CARDS)
def test_every_picture_named_in_the_results_is_there(project: Path, study: str) -> None:
    folder = project / "reports" / study
    named = 0
    for variant in small.results(project, study)["variants"].values():
        for example in [*variant["examples"], *variant["gallery"], *variant["common"]]:
            for kind in ("image", "map", "overlay"):
                if example.get(kind):
                    assert (folder / example[kind]).stat().st_size > 100
                    named += 1
    assert named > 10


def test_common_examples_show_the_same_images_in_every_variant(project: Path) -> None:
    variants = small.results(project, "own")["variants"].values()
    shown = [[example["sample_id"] for example in variant["common"]] for variant in variants]
    assert shown[0]
    assert shown[0] == shown[1] == shown[2]


def test_no_sentence_compares_a_phantom_with_a_reference(project: Path) -> None:
    assert small.results(project, "tiny")["variants"]["cnn"]["reference_difference"] is None
    difference = small.results(project, "own")["variants"]["small"]["reference_difference"]
    accuracy = small.results(project, "own")["variants"]["small"]["scores"]["accuracy"]["value"]
    assert math.isclose(difference["accuracy"], accuracy - 0.5, abs_tol=1e-12)


def test_results_open_through_the_public_door(project: Path) -> None:
    frame = xaireport.load_results(project / "reports" / "own" / "results.json").to_frame()
    assert list(frame["variant"]) == CARDS["own"]


def test_list_gives_the_paths_of_the_trained_files(project: Path) -> None:
    listed = json.loads(small.xaireport(project, "list", "--json").stdout)["studies"]
    models = {
        f"{study['name']}.{variant['name']}": variant["models"]
        for study in listed
        for variant in study["variants"]
        if study["name"] in CARDS
    }
    assert models["own.small"] == ["models/own/small/model.keras"]
    assert models["own.mine"] == ["models/../data/logits.keras"]
    assert {study["name"] for study in listed} >= {"tiny", "own", "faulty", "derma", "cifar10", "fracture3d"}
    for files in models.values():
        assert files
        assert all((project / file).is_file() for file in files)


@pytest.mark.parametrize("study", CARDS)
def test_the_manifest_names_every_file_with_its_hash(project: Path, study: str) -> None:
    folder = project / "reports" / study
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert manifest["evidence_digest"] == small.results(project, study)["run"]["evidence_digest"]
    listed = {file["path"]: file for file in manifest["files"]}
    assert set(listed) == small.files(folder) - {"manifest.json"}
    for name, file in listed.items():
        content = (folder / name).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


def test_every_pdf_is_archival_and_accessible(project: Path, tmp_path: Path) -> None:
    if lacking := verapdf_tool.missing():
        pytest.skip(lacking)
    pages = sorted((project / "reports").rglob("*.pdf"))
    assert len(pages) == len(PAGES)
    assert verapdf_tool.validate(pages, tmp_path) == []


def test_the_markdown_card_is_one_that_the_hub_can_read(project: Path) -> None:
    from huggingface_hub import ModelCard

    for page in PAGES:
        study, _, variant = page.partition("/")
        if not variant:
            continue
        text = (project / "reports" / f"{stem(page)}.md").read_text("utf-8")
        told = ModelCard(text).data
        scores = small.results(project, study)["variants"][variant]["scores"]
        found = {(one.metric_type, one.metric_name): one.metric_value for one in told.eval_results}
        assert found["accuracy", "accuracy"] == scores["accuracy"]["value"]
        assert found["roc_auc", "AUROC"] == scores["auroc"]["value"]
        assert told.model_name == f"{study}.{variant}"
        folder = (project / "reports" / stem(page)).parent
        for file in re.findall(r"\]\(<([^>#]+)>\)", text):
            assert (folder / file).resolve().is_file(), file
        assert (DEMONSTRATION in text) == (study == "tiny")


def test_the_same_evidence_in_another_folder_on_another_day_gives_the_same_bytes(
    project: Path, tmp_path: Path
) -> None:
    """Two renders; the second where neither store nor date is the first's."""
    shutil.copytree(project / "reports", tmp_path / "far" / "reports")
    kinds = (".html", ".pdf", ".md", "manifest.json")
    pages = {name for name in small.files(project / "reports") if name.endswith(kinds)}
    assert len(pages) > 20
    for name in pages:
        (tmp_path / "far" / "reports" / name).unlink()
    (tmp_path / "far" / "home").mkdir()
    done = small.xaireport(tmp_path / "far", "render", "--all", "--json", program=TOMORROW, TZ="Asia/Tokyo")
    assert small.by_status(small.document(done), "failed", "skipped") == set()
    for name in pages:
        ours, theirs = (root / "reports" / name for root in (project, tmp_path / "far"))
        assert ours.read_bytes() == theirs.read_bytes(), name
