"""Quantised variants on the pages: their file, its cost, and how far it agrees with its parent."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from page_numbers import missing_from_pdf, read
from pypdf import PdfReader
from rendering import render_card, render_comparison, render_index
from sample import Study

from xaireport.report.figures.charts import lineage, tradeoff
from xaireport.report.writers.pdf import write_pdf
from xaireport.results.schema import check_results


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split()).replace("\u00a0", " ")


def pages(quantised: Study) -> dict[str, str]:
    return {
        "int8": render_card(quantised.results, "int8", quantised.folder),
        "dynamic": render_card(quantised.results, "dynamic", quantised.folder),
        "augmented": render_card(quantised.results, "augmented", quantised.folder),
        "comparison": render_comparison(quantised.results, quantised.folder),
        "index": render_index([quantised.results]),
    }


def test_the_sample_is_as_results_are(quantised: Study) -> None:
    check_results(quantised.results)


def test_every_number_has_its_place_in_the_results(quantised: Study) -> None:
    for name, page in pages(quantised).items():
        found = read(page, {"derma": quantised.results})
        assert found.problems == [], name
        assert len(found.numbers) > 20


def test_the_same_numbers_stand_on_paper(quantised: Study, tmp_path) -> None:
    for name in ("int8", "comparison"):
        page = pages(quantised)[name]
        write_pdf(page, tmp_path / "page.pdf", [])
        text = " ".join(paper.extract_text() for paper in PdfReader(tmp_path / "page.pdf").pages)
        assert not missing_from_pdf(read(page, {"derma": quantised.results}), text), name


def test_the_verdict_says_what_it_gave_and_took(quantised: Study) -> None:
    text = words(pages(quantised)["int8"])
    assert "0.26 × the bytes and 0.29 × the time of its parent as a float32 TFLite file" in text
    assert "98.5 % of the 2,004 test images are called as CNN, augmented calls them" in text
    assert "15 became wrong , 15 became right, and 0 are wrong either way" in text
    assert "Made from CNN, augmented : quantise.mode : none → int8 ." in text


def test_the_card_tells_how_the_file_is_made(quantised: Study) -> None:
    text = words(pages(quantised)["int8"])
    assert "int8 , scale 1 , zero point −128" in text
    assert "No operator computes in floating point." in text
    assert "150 training images of 200 asked for" in text
    assert text.count("Calibrated on all 150 training images: 200 were asked for.") == 2  # at the top, too
    assert "TFLite runtime 1.14.0 or later, operators TFLITE_BUILTINS_INT8" in text
    other = words(pages(quantised)["dynamic"])
    assert "it has 864 weights, too few" in other
    assert "No operator computes" not in other


def test_where_full_integer_is_not_smaller_it_is_said(quantised: Study) -> None:
    made = pages(quantised)
    said = "CNN, int8 is not smaller than CNN, dynamic : 709.1 kB against 701.4 kB"
    assert said in words(made["int8"])
    assert said in words(made["comparison"])
    assert "not smaller" not in words(made["dynamic"])
    quantised.results["variants"]["dynamic"]["cost"]["tflite_bytes"] += 10**6
    try:
        assert "not smaller" not in words(render_comparison(quantised.results, quantised.folder))
    finally:
        quantised.results["variants"]["dynamic"]["cost"]["tflite_bytes"] -= 10**6


def test_images_that_changed_sides_are_listed_up_to_a_limit(quantised: Study) -> None:
    page = pages(quantised)["int8"]
    table = page[page.index("Images that changed sides") :]
    assert len(re.findall(r"test-000\d\d", table[: table.index("</table>")])) == 20
    assert "the others are in results.json" in table
    assert "the others are in results.json" not in pages(quantised)["dynamic"]


def test_a_card_without_heatmaps_claims_none(quantised: Study) -> None:
    text = words(pages(quantised)["int8"])
    assert "no positive evidence" not in text
    assert "No heatmaps:" in text
    rows = words(pages(quantised)["comparison"])
    assert "no heatmap" in rows


def test_the_comparison_weighs_size_and_time(quantised: Study) -> None:
    text = words(pages(quantised)["comparison"])
    assert "no other beats: CNN, augmented ; CNN, int8 ." in text
    assert "Beaten in one and no better in the others: CNN, baseline ; CNN, dynamic ." in text
    assert "best trade-off" in text
    assert "cnn2d , int8" in text
    assert "cnn2d , int8" in words(pages(quantised)["index"])


def test_without_costs_nothing_is_weighed(study: Study) -> None:
    text = words(render_comparison(study.results, study.folder))
    assert "Accuracy, size and time" not in text
    assert "no other beats" not in text


def test_costs_without_a_score_to_weigh_them_against(quantised: Study) -> None:
    results = {key: value for key, value in quantised.results.items() if key != "pareto"}
    text = words(render_comparison(results, quantised.folder))
    assert "What each variant costs where it runs" in text
    assert "no other beats" not in text


def test_a_variant_measured_on_its_own_is_said_to_be(quantised: Study) -> None:
    text = words(pages(quantised)["augmented"])
    assert "100 runs or more of each on its own." in text
    assert "ratio to the parent" not in text


def test_the_drawings_show_every_variant(quantised: Study) -> None:
    names = [one["title"] for one in quantised.results["variants"].values()]
    drawn = lineage(quantised.results)
    texts = [text.get_text() for text in drawn.axes[0].texts]
    assert set(names) <= set(texts)
    chart = tradeoff(quantised.results)
    assert [len(axis.lines) for axis in chart.axes] == [4 + 2, 4 + 2]  # a mark each, a ring for the front
    sizes = sorted(float(line.get_xdata()[0]) for line in chart.axes[0].lines)
    assert sizes[0] == pytest.approx(0.7014)
    assert chart.axes[0].get_ylim() == chart.axes[1].get_ylim()


def test_whether_it_may_replace_its_parent_is_said_first(quantised: Study) -> None:
    def verdict(results: dict[str, Any], variant: str) -> str:
        page = render_card(results, variant, quantised.folder)
        return words(
            page[
                page.index('<div class="verdict">') : page.index(
                    "</div>", page.index('<div class="verdict">')
                )
            ]
        )

    text = verdict(quantised.results, "int8")
    assert text.index("of its parent as a float32") < text.index("Better than guessing")
    assert verdict(quantised.results, "augmented").startswith("Better than guessing")
    worthless = copy.deepcopy(quantised.results)
    worthless["variants"]["int8"]["scores"]["balanced_accuracy"]["value"] = 1 / 7
    assert verdict(worthless, "int8").startswith("No better than guessing")
