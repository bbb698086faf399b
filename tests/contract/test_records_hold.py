"""The committed records of real runs: as the schema says, and what their predictions give on a recount.

Everything that the published predictions determine is made again: every score and bound, also of subgroups,
of the clean part, and of pairs. Where lesions are resampled it takes those of all images; see ``EXTRAS``.
`pytest --update-golden` writes bounds anew, and nothing else: a score that moves is a fault.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rederived import DRAWN, Again, Extras, Place, at, differing
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from xaireport import load_results
from xaireport.results.assemble import write_results

ROOT = Path(__file__).parents[2]
RECORDS = sorted((ROOT / "docs" / "results").glob("*.results.json"))
EXTRAS = Path(os.environ.get("XAIREPORT_EXTRAS", ROOT.parent / "shared" / "data" / "ham10000_28_extras.npz"))
"""Lesions, age, sex and place of derma's images: published with HAM10000, and not with this project."""


def study(path: Path) -> str:
    return path.name.partition(".")[0]


@pytest.mark.parametrize("path", RECORDS, ids=study)
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


@pytest.mark.parametrize(
    "path",
    [
        # Ten thousand images, or six variants with 24 subgroups each: half a minute and a whole one.
        pytest.param(path, id=study(path), marks=[pytest.mark.slow] if study(path) != "adrenal3d" else [])
        for path in RECORDS
    ],
)
def test_a_record_can_be_made_again_from_its_predictions(path: Path, request: pytest.FixtureRequest) -> None:
    record = json.loads(path.read_text("utf-8"))
    table = pd.read_csv(path.with_name(f"{study(path)}.predictions.csv.gz"))
    grouped = record["data"]["splits"]["test"]["groups"] is not None
    extras = None
    if grouped and EXTRAS.is_file():
        extras = Extras.read(EXTRAS, "lesion_id", ("age", "sex", "localization"))
    again = Again(record, table, extras)
    wrong, moved = [], []
    for place, made in again.parts():
        for each in differing(at(record, place), made, again, place):
            may_move = each[-1] in DRAWN and each[0] != "comparisons"  # sentences quote those of pairs
            (moved if may_move else wrong).append((each, made))
            if may_move:
                renew(at(record, each[:-1]), at(made, each[len(place) : -1]))
    assert not [each for each, _ in wrong]
    if moved and request.config.getoption("--update-golden"):
        write_results(record, path)
    else:
        assert not [each for each, _ in moved]
    if grouped and extras is None:
        pytest.skip(f"scores hold; bounds need the lesions of the images: no {EXTRAS}")


def test_a_number_of_a_record_that_was_altered_is_found() -> None:
    """Each that is made again, one after the other, by a thousandth."""
    path = next(path for path in RECORDS if study(path) == "adrenal3d")
    record = json.loads(path.read_text("utf-8"))
    table = pd.read_csv(path.with_name("adrenal3d.predictions.csv.gz"))
    again = Again(record, table, None)
    altered = 0
    for place, made in again.parts():
        for each in numbers(at(record, place), made, place):
            holder, kept = at(record, each[:-1]), at(record, each)
            holder[each[-1]] = kept * 1.001 + 0.001
            assert list(differing(at(record, place), made, again, place)) == [each]
            holder[each[-1]] = kept
            altered += 1
    assert altered > 400


def numbers(stored: Any, made: Any, place: Place) -> Iterator[Place]:
    """Yield the places of all numbers that are in both."""
    if isinstance(made, dict | list):
        keys = range(len(made)) if isinstance(made, list) else made.keys() & stored.keys()
        for key in keys:
            yield from numbers(stored[key], made[key], (*place, key))
    elif isinstance(made, int | float) and not isinstance(made, bool):
        yield place


def renew(stored: dict[str, Any], made: dict[str, Any]) -> None:
    """Take over what rests on draws, and nothing else."""
    for key in DRAWN:
        if key in made:
            stored[key] = made[key]
        else:
            stored.pop(key, None)


def test_the_quantised_lineage_keeps_what_its_parent_has() -> None:
    """The bars that quantisation of derma was to meet, on the record."""
    variants = load_results(next(path for path in RECORDS if path.name.startswith("derma"))).data["variants"]
    accuracy = {name: one["scores"]["accuracy"]["value"] for name, one in variants.items()}
    assert variants["int8"]["size_ratio"] <= 0.30
    assert accuracy["qat"] >= accuracy["augmented"] - 0.010
    assert accuracy["dynamic"] >= accuracy["augmented"] - 0.005


def test_every_score_of_a_record_has_its_interval_or_says_why_not() -> None:
    for path in RECORDS:
        for variant in load_results(path).data["variants"].values():
            for name, score in variant["scores"].items():
                assert {"lo", "hi", "level", "method"} <= score.keys() or score.get("reason"), (path, name)
                assert score["lo"] <= score["value"] <= score["hi"], (path, name)


def test_the_audit_of_ham10000_is_on_record() -> None:
    """Its split by image puts one lesion on both sides."""
    audit = load_results(next(path for path in RECORDS if path.name.startswith("derma"))).data["data_audit"]
    leak = audit["group_leakage"]
    assert (leak["test_images"], leak["test_images_or_val"], leak["of"]) == (747, 816, 2004)
    assert (leak["clean_n"], leak["clean_n_strict"]) == (1257, 1188)


def test_the_pairs_of_a_record_can_be_counted_again() -> None:
    for path in RECORDS:
        results = load_results(path).data
        if "skipped" in results["comparison"]:
            continue
        table = pd.read_csv(path.with_name(path.name.replace("results.json", "predictions.csv.gz")))
        test = table[table["split"] == "test"]
        right = test.assign(right=test["y_true"] == test["y_pred"]).pivot_table(
            index="sample_id", columns="variant", values="right", aggfunc="first"
        )
        for pair in results["comparison"]["discordant"]:
            a, b = right[pair["a"]].astype(bool), right[pair["b"]].astype(bool)
            assert (pair["only_a"], pair["only_b"]) == ((a & ~b).sum(), (b & ~a).sum())


def met(heatmaps: dict[str, Any], quantised: bool) -> dict[str, bool]:
    """Whether each criterion of the verdict is met, from the stored intervals and the written thresholds."""
    found = {}
    energy = heatmaps["energy_in_mask"]
    if "skipped" not in energy:
        bounds = [energy["controls"][name]["difference"]["lo"] for name in ("chance", "centre")]
        found["energy_in_mask"] = min(bounds) > 0
    for areas in (heatmaps["deletion"], heatmaps["deletion"]["second"]):
        found[f"deletion, {areas['baseline']}"] = areas["controls"]["random"]["difference"]["hi"] < 0
    found["randomisation"] = heatmaps["randomisation"]["hi"] < 0.5
    found["wrong_class"] = heatmaps["wrong_class"]["hi"] < 0.9
    if quantised:
        found["drift"] = heatmaps["drift"]["occlusion"]["lo"] > 0.5
    return found


def test_every_verdict_of_a_record_follows_from_its_numbers() -> None:
    for path in RECORDS:
        for name, variant in load_results(path).data["variants"].items():
            heatmaps = variant["heatmaps"]
            expected = met(heatmaps, quantised="quantisation" in variant)
            verdict = heatmaps["verdict"]
            told = {reason["criterion"]: reason["outcome"] for reason in verdict["reasons"]}
            assert {key: value == "pass" for key, value in told.items() if value != "untested"} == expected, (
                name
            )
            assert verdict["outcome"] == ("pass" if all(expected.values()) else "fail"), name
            randomised = heatmaps["randomisation"]
            assert randomised["seeds"] >= 5
            decisive = randomised["steps"][randomised["decisive"]]["correlation"]
            assert [randomised[key] for key in ("value", "lo", "hi")] == [
                decisive[key] for key in ("value", "lo", "hi")
            ]


def test_every_variant_of_derma_has_maps_drift_and_a_verdict() -> None:
    variants = load_results(next(path for path in RECORDS if path.name.startswith("derma"))).data["variants"]
    assert len(variants) == 6
    for name, variant in variants.items():
        heatmaps = variant["heatmaps"]
        assert heatmaps["n"] == 2004
        assert heatmaps["verdict"]["outcome"] in ("pass", "fail"), name
        assert heatmaps["drift"]["occlusion"]["value"] is not None
        is_small = name in ("dynamic", "int8", "qat")
        assert heatmaps["method"] == ("gradcam-hybrid" if is_small else "gradcam")
        if is_small:
            assert heatmaps["drift"]["other"] == "augmented"
            assert heatmaps["layer"] == variants["augmented"]["heatmaps"]["layer"]
        energy = heatmaps["energy_in_mask"]
        assert energy["lo"] <= energy["value"] <= energy["hi"]
        assert energy["chance"] == energy["controls"]["chance"]["value"]
