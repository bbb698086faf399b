"""Every number on every page stands in results.json; and the check that says so can fail."""

from __future__ import annotations

import pytest
from page_numbers import agrees, quoted, read, resolve
from rendering import render_card, render_comparison, render_index

from xaireport.results.schema import check_results

FAILURE = {
    "study": "cifar10",
    "variant": "resnet",
    "stage": "train",
    "message": "Expected 10 classes. Received: 3.",
    "hint": "Look at <log>.",
}


def test_the_sample_is_a_valid_results_json(study, phantom):
    check_results(study.results)
    check_results(phantom.results)


@pytest.mark.parametrize("name", ["baseline", "augmented", "mine"])
def test_every_number_of_a_card_has_its_key(study, name):
    found = read(render_card(study.results, name, study.folder), {"derma": study.results})
    assert found.problems == []
    assert found.unkeyed == []
    keys = {key for key, _ in found.numbers}
    assert {f"variants.{name}.scores.balanced_accuracy.value", f"variants.{name}.confusion.4.5"} <= keys


def test_every_number_of_a_comparison_has_its_key(study):
    found = read(render_comparison(study.results, study.folder), {"derma": study.results})
    assert found.problems == []
    assert found.unkeyed == []
    for name in study.results["variants"]:
        assert f"variants.{name}.scores.accuracy.value" in {key for key, _ in found.numbers}


def test_every_number_of_the_index_has_its_key(study, phantom):
    other = {**phantom.results, "study": "shapes"}
    found = read(render_index([study.results, other], [FAILURE]), {"derma": study.results, "shapes": other})
    assert found.problems == []
    assert found.unkeyed == ["cifar10 resnet", "train", FAILURE["message"], FAILURE["hint"]]


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ("<p>About 3 images</p>", "from nowhere"),
        ("<td>0.5</td>", "from nowhere"),
        ('<data value="0.5" data-key="a">0.6</data>', "printed '0.6'"),
        ('<data value="0.51" data-key="a">0.5</data>', "printed '0.5'"),
        ('<data value="0.5" data-key="b">0.5</data>', "no such key"),
        ('<bdi class="quote" data-key="c">melanoma</bdi>', "printed 'melanoma'"),
    ],
)
def test_the_check_finds_what_is_wrong(html, problem):
    found = read(html, {"one": {"a": 0.5, "c": "nevus"}})
    assert len(found.problems) == 1
    assert problem in found.problems[0]


def test_the_check_lets_pass_what_is_right():
    number = '<data value="0.5" data-key="a">0.500</data>'
    html = f'<p>F1 is {number} for <bdi class="quote" data-key="c">class 7</bdi></p>'
    assert read(html, {"one": {"a": 0.5, "c": "class 7"}}).problems == []


@pytest.mark.parametrize(
    ("text", "value", "right"),
    [
        ("0.742", 0.74188, True),
        ("0.741", 0.74188, False),
        ("2,004", 2004, True),
        ("2,005", 2004, False),
        ("−0.031", -0.0312, True),
        ("0.031", -0.0312, False),
        ("38\u00a0%", 0.3812, True),
        ("39\u00a0%", 0.3812, False),
        ("1.90\u00a0MB", 1_899_000, True),
        ("12.6\u00a0min", 754.25, True),
        ("–", None, True),
        ("0", None, False),
    ],
)
def test_printed_numbers_are_compared_with_the_stored_ones(text, value, right):
    assert agrees(text, value) is right


def test_keys_with_dots_are_followed():
    results = {"changed": {"train.epochs": {"from": 3}}, "v.1": {"n": [4, 5]}}
    assert resolve(results, "changed.train.epochs.from") == 3
    assert resolve(results, "v.1.n.1") == 5
    with pytest.raises(KeyError):
        resolve(results, "v.2")


def test_quotations_are_the_stored_words():
    assert quoted("nevus", "nevus", "classes.0")
    assert quoted("0123456789ab…", "0123456789abcdef", "run.digest")
    assert quoted("train.epochs", {"from": 1}, "variants.a.changed.train.epochs")
    assert not quoted("n…", "nevus", "classes.0")
    assert not quoted("epoch", {"from": 1}, "variants.a.changed.train.epochs")
