"""Evidence on the pages: verdict, differences with intervals, calibration, subgroups, audit, methods."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import evidence_case as case
import pytest
from page_numbers import missing_from_pdf, read
from pypdf import PdfReader
from rendering import render_card, render_comparison

from xaireport.report.writers.pdf import write_pdf
from xaireport.results.comparisons import ALPHA
from xaireport.results.derived import seed_spread
from xaireport.results.schema import check_results
from xaireport.study_schema import Statements
from xaireport.types.evidence import Score


def words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split()).replace("\u00a0", " ")


def section(page: str, letter: str) -> str:
    start = page.index(f'id="section-{letter}"')
    return words(page[start : page.index("</section>", start)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evidence")


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    return case.build(folder)


@pytest.fixture(scope="module")
def card(results: dict[str, Any], folder: Path) -> str:
    return render_card(results, "augmented", folder)


@pytest.fixture(scope="module")
def page(results: dict[str, Any], folder: Path) -> str:
    return render_comparison(results, folder)


def test_every_number_has_its_place_in_the_results(
    results: dict[str, Any], card: str, page: str, folder: Path
) -> None:
    for html in (card, page, render_card(results, "baseline", folder)):
        found = read(html, {"derma": results})
        assert found.problems == []
        assert len(found.numbers) > 100


def test_the_same_numbers_stand_on_paper(
    results: dict[str, Any], card: str, page: str, tmp_path: Path
) -> None:
    for html in (card, page):
        write_pdf(html, tmp_path / "page.pdf", [])
        text = " ".join(paper.extract_text() for paper in PdfReader(tmp_path / "page.pdf").pages)
        assert not missing_from_pdf(read(html, {"derma": results}), text)


def test_the_sections_are_no_longer_missing(card: str) -> None:
    states = dict(re.findall(r'<section id="section-(\w)" class="(\w+)"', card))
    assert {states[letter] for letter in "hijn"} == {"made"}
    assert states["b"] == "missing"


def test_the_verdict_names_the_leak_and_the_score_without_it(results: dict[str, Any], card: str) -> None:
    leak = results["data_audit"]["group_leakage"]
    clean = results["variants"]["augmented"]["clean"]["train"]
    assert 0 < leak["test_images"] < leak["test_images_or_val"]
    said = words(card)
    assert (
        f"{leak['test_images']} of the 240 test images show a group (patient, lesion) that is also in the "
        f"training split ( {leak['test_images_or_val']} counting validation)" in said
    )
    score = clean["scores"]["balanced_accuracy"]
    assert clean["n"] == results["data_audit"]["clean_test"]["clean_n"]
    assert f"without these balanced accuracy is {score['value']:.3f}" in said


def test_the_verdict_calls_better_only_what_its_interval_shows(
    results: dict[str, Any], card: str, folder: Path
) -> None:
    assert "Better than CNN by balanced accuracy: +" in words(card)
    assert "Worse than CNN by balanced accuracy: −" in words(render_card(results, "worse", folder))
    assert "By balanced accuracy it is no worse, within the margin of 0.05 ." in words(card)
    assert "It is not shown to be no worse , by a margin of 0.05 ." in words(
        render_card(results, "worse", folder)
    )
    level = json.loads(json.dumps(results))
    for row in level["comparisons"]:
        row["lo"], row["hi"] = -0.1, 0.1
    assert "Not told apart from CNN by balanced accuracy: +" in words(render_card(level, "augmented", folder))


def test_a_comparison_is_a_sentence_with_every_setting_that_differs(results: dict[str, Any]) -> None:
    row = next(
        row
        for row in results["comparisons"]
        if (row["a"], row["b"], row["score"]) == ("augmented", "baseline", "balanced_accuracy")
    )
    assert row["sentence"].startswith(
        f"“CNN, augmented” gains {row['difference']:.3f} balanced accuracy "
        f"(95\u00a0% interval {row['lo']:.3f} to {row['hi']:.3f}) and "
    )
    assert "; 2 settings differ: augment.zoom 0 → 0.2, train.class_weight on → off." in row["sentence"]
    assert row["sentence"].endswith("it is no worse than CNN within the margin of 0.05.")
    assert row["changed"] == ["augment.zoom", "train.class_weight"]
    assert row["non_inferior"] is True
    assert row["margin"] == 0.05
    same = next(row for row in results["comparisons"] if row["a"] == "worse" and row["b"] == "baseline")
    assert "; no setting differs." in same["sentence"]


def test_only_accuracy_has_a_test_and_the_study_counts_what_it_tells_apart(results: dict[str, Any]) -> None:
    rows = results["comparisons"]
    assert len(rows) == 3 * 4
    assert all((row["p_mcnemar"] is not None) == (row["score"] == "accuracy") for row in rows)
    adjusted = [row["p_holm"] for row in rows if row["score"] == "accuracy"]
    whole = results["comparison"]
    assert whole["told_apart"] == sum(p <= ALPHA for p in adjusted)
    assert whole["family_size"] == 3
    assert f"{whole['told_apart']} of 3 pairs are told apart by accuracy" in whole["sentence"]
    assert whole["sentence"].startswith("Balanced accuracy puts “CNN, augmented” first, CNN second.")


def test_the_comparison_shows_all_pairs_parents_first(page: str) -> None:
    said = words(page)
    table = said[said.index("Differences on the same test images") :]
    order = [
        table.index(pair) for pair in ("augmented against CNN", "Worse against CNN ", "Worse against CNN,")
    ]
    assert order == sorted(order)
    assert "< 0.001" in table
    assert "McNemar's exact test of accuracy, adjusted after Holm over 3 comparisons" in table


def test_calibration_says_which_way_and_applies_nothing(results: dict[str, Any], card: str) -> None:
    fitted = results["variants"]["augmented"]["calibration"]["temperature"]
    said = section(card, "h")
    assert fitted["n"] == 80
    assert f"after a temperature of {fitted['value']:.2f} , fitted on 80 validation images" in said
    assert "it is not applied to any number of this card" in said
    bins = results["variants"]["augmented"]["calibration"]["bins"]
    assert sum(each["n"] for each in bins) == 240
    drawing = card[card.index("Reliability diagram of") :]
    assert f">{max(each['n'] for each in bins)}<" in drawing


def test_subgroups_have_counts_intervals_and_what_is_missing(results: dict[str, Any], card: str) -> None:
    said = section(card, "j")
    levels = results["variants"]["augmented"]["subgroups"]
    for column in ("age", "sex"):
        assert sum(each["n"] for each in levels if each["column"] == column) == 240
    assert {each["level"] for each in levels if each["column"] == "sex"} == {"female", "male", "missing"}
    unknown = next(each for each in levels if each["column"] == "sex" and each["missing"])
    assert unknown["n"] < 20
    assert not unknown["scores"]
    assert f"missing {unknown['n']} – fewer than 20 images: not scored" in said


def test_the_audit_is_on_card_and_comparison(results: dict[str, Any], card: str, page: str) -> None:
    for html in (card, page):
        said = words(html)
        assert "across train and test 1" in said
        assert "Copies in the data" in said
        assert "the same pixels: train train-7 , test test-5" in said
        assert "The largest class has" in said
    assert "data:image/jpeg" in card[card.index("What it looks like") :]


def test_methods_state_formulas_numbers_and_seed(card: str) -> None:
    said = section(card, "n")
    for part in (
        "TP/(TP+FP)", "10,000 bootstrap resamples, seed 0", "15 bins", "Fewer than 20 images",
        "lies above −0.05", "doi:10.1007/BF02295996", "groups (patients, lesions)", "all pairs of variants",
    ):  # fmt: skip
        assert part in said, part
    assert "Weighted kappa" not in said
    assert "Expected cost" not in said


def test_without_groups_it_says_so(tmp_path: Path) -> None:
    results = case.build(tmp_path, grouped=False, margin=None, family="parents")
    card = render_card(results, "augmented", tmp_path)
    assert read(card, {"derma": results}).problems == []
    assert results["data_audit"]["group_leakage"]["skipped"]["reason"]
    assert "images, which are treated as independent" in section(card, "n")
    assert "no worse, by the margin" not in section(card, "i")
    assert results["comparison"]["family_size"] == 2
    assert "over the declared family: each variant with its parent" in section(card, "n")
    assert "1 of the 240 test images have a copy or look-alike in the training split" in words(card)


def test_one_variant_alone_is_not_compared_and_says_so(tmp_path: Path) -> None:
    results = case.build(tmp_path, alone=True)
    assert results["comparisons"] == []
    assert results["comparison"]["skipped"]["what"] == "comparison"
    card = render_card(results, "augmented", tmp_path)
    assert "only one variant was finished" in section(card, "i")
    assert "only one variant was finished" in words(render_comparison(results, tmp_path))
    assert "Paired comparison" not in section(card, "n")


def test_pairs_of_variants_that_are_not_shown_are_left_out(results: dict[str, Any]) -> None:
    from xaireport.metrics.comparison import Answers, compare
    from xaireport.results.comparisons import comparisons

    data = case.dataset()
    answers = {
        name: Answers(data.test.sample_id, data.test.labels, case.probabilities(data.test.labels, 0.3, i))
        for i, name in enumerate(case.SPECS)
    }
    pairs = [("augmented", "baseline"), ("worse", "baseline")]
    found = compare(answers, pairs, ["balanced_accuracy", "accuracy"])
    rows = comparisons(case.study(), found, {}, {"augmented": 0.5, "baseline": 0.4})
    assert {(row["a"], row["b"]) for row in rows["comparisons"]} == {("augmented", "baseline")}


def test_several_seeds_give_mean_and_spread(results: dict[str, Any], card: str, folder: Path) -> None:
    assert "One training run" in words(card)
    runs = [{"accuracy": Score(value, 10), "mcc": Score(None, 10, "why")} for value in (0.5, 0.7, 0.9)]
    spread = seed_spread(runs)
    assert spread == {
        "accuracy": {"runs": 3, "mean": pytest.approx(0.7), "sd": pytest.approx(0.2), "min": 0.5, "max": 0.9}
    }
    assert seed_spread(runs[:1]) is None
    several = json.loads(json.dumps(results))
    shown = several["variants"]["augmented"]
    shown["seed_spread"] = spread
    shown["runs"] |= {"1": {**shown["runs"]["0"], "seed": 1}}
    check_results(several)
    html = render_card(several, "augmented", folder)
    assert read(html, {"derma": several}).problems == []
    said = section(html, "e")
    assert "Accuracy 3 0.700 0.200 0.500 0.900" in said
    assert "One training run" not in said


def test_each_heatmap_measure_stands_beside_its_control(card: str, results: dict[str, Any]) -> None:
    text = section(card, "l")
    found = results["variants"]["augmented"]["heatmaps"]
    assert found["verdict"]["sentence"] in text.replace(" %", "\u00a0%")
    assert found["verdict"]["outcome"] == "fail"
    text = re.sub(r" ([.,;)])", r"\1", text)
    for said in (
        "chance 0.2",
        "a blob in the middle 0.4",
        "to the blob −",
        "random maps 0.5",
        "maps of another image 0.31",
        "once all weights are random 0.420",
        "Rank correlation once all layers down to conv3 are random, over 5 randomisations",
        "chosen on 80 validation images",
        "+0.012",
        "+0.071",
        "3 of 240 maps show no positive evidence",
        "Layer by layer",
        "Where it looks elsewhere than CNN",
        "correlation −0.310",
    ):
        assert said in text, said
    measures = text[text.index("Measures of the heatmaps") : text.index("Layer by layer")]
    assert (measures.count(" pass"), measures.count(" fail")) == (4, 1)
    assert f"n {found['deletion']['n']}"


def test_a_verdict_is_as_large_when_it_fails(results: dict[str, Any], folder: Path) -> None:
    tones = {}
    for name, outcome in (("baseline", "pass"), ("augmented", "fail")):
        page = render_card(results, name, folder)
        sentence = results["variants"][name]["heatmaps"]["verdict"]["sentence"]
        assert results["variants"][name]["heatmaps"]["verdict"]["outcome"] == outcome
        at = page.index(sentence[:40])
        tones[outcome] = page[page.rindex("<p", 0, at) : at].split(">")[0]
        assert re.search(rf"Can they be trusted\? They {outcome} ?\.", words(page))
    assert tones == {
        "pass": '<p class="notice good" role="note"',
        "fail": '<p class="notice bad" role="note"',
    }


def test_the_comparison_sets_the_verdicts_side_by_side(results: dict[str, Any], folder: Path) -> None:
    text = words(render_comparison(results, folder))
    assert "Can the heatmaps be trusted?" in text
    rows = text[text.index("Whether the heatmaps can be trusted") :]
    assert "CNN Grad-CAM pass +0.2" in rows
    assert "CNN, augmented Grad-CAM fail +0.1" in rows
    assert "CNN, augmented looks elsewhere than CNN" in rows


def test_the_methods_print_every_threshold(card: str) -> None:
    text = section(card, "n")
    assert "below 0.5 once the explained layer is random" in text
    assert "below 0.9 with the map of another class" in text
    assert "at least 5 cells per axis" in text


def test_what_people_state_is_printed_and_what_they_do_not_is_missing(tmp_path: Path) -> None:
    said = Statements(
        intended_use="To <b>compare</b> variants", risks="A missed melanoma", responsible="A. Mustermann"
    )
    results = case.build(tmp_path, card=said)
    card = render_card(results, "augmented", tmp_path)
    use = section(card, "b")
    assert "To <b>compare</b> variants" in unescape(use)
    assert "<b>compare</b>" not in card
    assert "Users missing" in use
    assert "Responsible A. Mustermann" in section(card, "a")
    assert "Reference standard missing" in section(card, "c")
    assert results["task"]
    assert "Task missing" not in section(card, "a")
    assert "Task missing" in section(render_card(results | {"task": ""}, "augmented", tmp_path), "a")
    assert re.search(r'item B of[^>]+>B</span>(?! <span class="state">missing)', card)
    assert "Nobody has stated limits" in section(card, "m")
