"""Pages as HTML: self-contained, safe with hostile names, complete where evidence is missing."""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from itertools import pairwise
from pathlib import Path

import pytest
from page_numbers import read
from rendering import render_card, render_comparison, render_index
from sample import CLASSES, COUNTS, Study, make_study

from xaireport.errors import ConfigError, RenderError
from xaireport.report import pages
from xaireport.report.document.phrases import DEMONSTRATION
from xaireport.report.writers import html

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "ورم ميلانيني",
    "🩺 $\\frac{1}{2}$ &amp;",
    "x" * 200,
    "{{ 7 * 7 }}",
    "  spaced, and & 100 %  ",
)


@pytest.fixture(scope="module")
def card(study: Study) -> str:
    return render_card(study.results, "augmented", study.folder)


def changed(study: Study, **variant_changes: object) -> dict:
    results = copy.deepcopy(study.results)
    results["variants"]["augmented"] |= variant_changes
    return results


def words(page: str) -> str:
    """The page's text, one space between words."""
    body = re.sub(r"<style>.*?</style>|<script>.*?</script>|<svg.*?</svg>", " ", page, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", "", body).replace("\u00a0", " ").split())


def test_nothing_is_requested_and_only_the_pages_own_script_runs(card):
    assert card.count("<script") == 1
    assert not re.search(r"""(?:src|href|url)\s*[=(]\s*["']?(?:https?:|//|file:)""", card)
    assert not re.search(r"<[^>]*\sstyle=", card)
    assert not re.search(r"<[^>]*\son\w+=", card)
    sources = re.findall(r'<img src="([^"]{0,30})', card)
    assert len(sources) > 50
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)


def test_the_content_security_policy_allows_exactly_the_one_style_sheet_and_the_one_script(card):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', card).group(1)
    assert policy.startswith("default-src 'none'; ")
    for kind in ("style", "script"):
        inline = re.search(rf"<{kind}>(.*?)</{kind}>", card, re.S).group(1)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
        assert card.count(f"<{kind}") == 1


def test_paper_and_fragments_hold_no_script_and_nothing_that_waits_for_one(study):
    for medium in ("paper", "fragment"):
        page = html.render(pages.card.card(study.results, "augmented"), study.folder, medium=medium, at="xr-")
        assert "<script" not in page
        assert 'class="layer"' not in page
        assert "<input" not in page
        assert read(page, {"derma": study.results}).problems == []


def test_headings_landmarks_and_anchors_are_in_order(card):
    levels = [int(level) for level in re.findall(r"<h(\d)", card)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = re.findall(r'\bid="([^"]+)"', card)
    assert len(ids) == len(set(ids))
    inside = [link[1:] for link in read(card, {"derma": {}}).links if link.startswith("#")]
    assert set(inside) <= set(ids)
    assert card.index("<header") < card.index('class="skip"') < card.index("<main")


def test_every_table_has_a_caption_and_scoped_heads_and_every_image_words(card):
    for table in re.findall(r"<table.*?</table>", card, re.S):
        assert "<caption>" in table
        assert all("scope=" in head for head in re.findall(r"<th\b[^>]*>", table))
    for image in re.findall(r"<img [^>]+>", re.sub(r'<div class="layer" hidden>.*?</div>', "", card)):
        assert re.search(r'alt="(Test image|Grad-CAM): true .+, predicted .+, p = [01]\.\d\d', image)


def test_all_sixteen_items_are_there_and_missing_ones_say_so(card):
    assert sorted(re.findall(r'title="item ([A-P]) of', card)) == list("ABCDEFGHIJKLMNOP")
    missing = re.findall(r'item ([A-P]) of[^>]+>[A-P]</span> <span class="state">missing', card)
    assert sorted(missing) == list("BHIJMNO")


def test_the_verdict_names_all_settings_that_differ_and_the_worst_class(card):
    text = words(card)
    for said in (
        "train.class_weight: on → off",
        "augment.rotation_degrees: 0 → 15",
        "options.schedule: none → cosine",
        "Recall is lowest for dermatofibroma",
        "12 of 2,004 maps show no positive evidence",
        "One training run",
    ):
        assert said in text


def test_scores_that_disagree_are_called_so(study):
    results = changed(study, parent_difference={"accuracy": 0.2, "balanced_accuracy": -0.03})
    text = words(render_card(results, "augmented", study.folder))
    assert (
        "Worse than CNN, baseline by balanced accuracy: −0.030. The scores disagree: by accuracy it is better"
        in text
    )


def test_no_better_than_guessing_is_said_first(study):
    results = copy.deepcopy(study.results)
    results["variants"]["baseline"]["scores"]["balanced_accuracy"]["value"] = 1 / 7
    assert "No better than guessing: balanced accuracy 0.143" in words(
        render_card(results, "baseline", study.folder)
    )


def test_accuracy_below_the_largest_class_is_said(study):
    text = words(render_card(study.results, "baseline", study.folder))
    assert "Accuracy is no better than always naming the largest class: 0.587 against 0.669." in text
    assert "Accuracy is no better" not in words(render_card(study.results, "augmented", study.folder))


NO_EVIDENCE = '<div class="blank">no positive evidence</div>'


def test_a_map_that_is_zero_everywhere_is_said_and_not_drawn(study):
    results = copy.deepcopy(study.results)
    results["variants"]["augmented"]["examples"][0] |= {"map": "", "overlay": "", "peak": ""}
    results["variants"]["augmented"]["common"][0] |= {"map": "", "overlay": "", "peak": ""}
    assert NO_EVIDENCE not in render_card(study.results, "augmented", study.folder)
    assert render_card(results, "augmented", study.folder).count(NO_EVIDENCE) == 1
    assert render_comparison(results, study.folder).count(NO_EVIDENCE) == 1


def test_phantom_data_say_so_and_are_never_compared_with_a_reference(phantom):
    pages = [
        render_card(phantom.results, "augmented", phantom.folder),
        render_comparison(phantom.results, phantom.folder),
        render_index([phantom.results]),
    ]
    for page in pages:
        assert f'<p class="banner">{DEMONSTRATION}</p>' in page
        assert f'data-demo="{DEMONSTRATION}"' in page
        assert "reference_difference" not in page
    assert "synthetic" not in render_card(
        phantom.results | {"data": phantom.results["data"] | {"source": "real"}}, "mine", phantom.folder
    )


def test_notes_of_data_and_training_are_shown_at_the_top(study):
    training = study.results["variants"]["augmented"]["training"] | {"notes": ["The backbone is random."]}
    page = render_card(changed(study, training=training), "augmented", study.folder)
    before_sections = page[: page.index("<section")]
    assert "The backbone is random." in before_sections
    assert "not the official release: another checksum" in before_sections


def test_hostile_names_are_text_everywhere(tmp_path):
    study = make_study(tmp_path, ("augmented",), classes=HOSTILE, counts=COUNTS)
    for page in (
        render_card(study.results, "augmented", study.folder),
        render_comparison(study.results, study.folder),
        render_index([study.results | {"title": "<b>bold</b>"}]),
    ):
        assert page.count("<script") == 1
        assert "onerror=alert(1)>" not in page.replace("&gt;", "")
        assert "<b>" not in page
        assert "49" not in re.findall(r"<bdi[^>]*>(\{\{[^<]*|49)</bdi>", page)
        assert (
            read(page, {"derma": study.results | {"title": "<b>bold</b>"}}).problems == []
            or "bold" not in page
        )
    found = read(render_card(study.results, "augmented", study.folder), {"derma": study.results})
    assert found.problems == []


def test_no_heatmaps_no_training_and_no_reference_are_said(study):
    text = words(render_card(study.results, "mine", study.folder))
    assert "No heatmaps: the model file has no gradients" in text
    assert "none here: the file was brought" in text
    assert "Learning curves" not in text
    assert "reference" not in text.lower().replace("reference standard", "")


def test_undefined_scores_are_a_dash_with_their_reason(study):
    results = copy.deepcopy(study.results)
    one = results["variants"]["augmented"]
    one["scores"]["auroc"] = {"value": None, "n": 2004, "reason": "one class only"}
    one["scores"]["balanced_accuracy"] = {"value": None, "n": 2004, "reason": "nothing to score"}
    one["parent_difference"] = None
    for row in one["per_class"]:
        for score in ("precision", "recall", "f1"):
            row[score] = {"value": None, "n": row["n"], "reason": "never predicted"}
    page = render_card(results, "augmented", study.folder)
    assert "The headline score, balanced accuracy, could not be computed: nothing to score." in words(page)
    assert (
        '<data value="" data-key="variants.augmented.scores.auroc.value" title="one class only">–</data>'
        in page
    )
    assert read(page, {"derma": results}).problems == []
    assert read(render_comparison(results, study.folder), {"derma": results}).problems == []


def test_two_classes(tmp_path):
    study = make_study(tmp_path, ("augmented",), classes=("benign", "malignant"), counts=(30, 5))
    for page in (
        render_card(study.results, "augmented", tmp_path),
        render_comparison(study.results, tmp_path),
    ):
        assert read(page, {"derma": study.results}).problems == []


def test_a_hundred_classes_are_drawn_and_not_tabled(tmp_path):
    names = tuple(f"kind {i}" for i in range(100))
    study = make_study(tmp_path, ("augmented",), classes=names, counts=(7,) * 99 + (0,))
    page = render_card(study.results, "augmented", tmp_path)
    assert read(page, {"derma": study.results}).problems == []
    assert 'class="matrix"' not in page
    assert "kind 99" in words(page)


def test_a_class_without_test_images(tmp_path):
    study = make_study(tmp_path, ("augmented",), classes=CLASSES, counts=(0, *COUNTS[1:]))
    page = render_card(study.results, "augmented", tmp_path)
    assert read(page, {"derma": study.results}).problems == []
    assert "no test image shows it" in words(page)


def test_one_variant_none_and_no_study(study):
    one = copy.deepcopy(study.results)
    one["variants"] = {"baseline": one["variants"]["baseline"]}
    assert "reaches balanced accuracy" in words(render_comparison(one, study.folder))
    one["variants"] = {}
    assert "No variant of this study was finished" in words(render_comparison(one, study.folder))
    assert "No study was built" in words(render_index([]))


def test_failures_are_listed(study):
    assert "broken failed at train: Expected 7 classes" in words(
        render_comparison(study.results, study.folder)
    )
    text = words(render_index([study.results]))
    assert "derma broken failed at train" in text


def test_the_same_images_stand_side_by_side(study):
    page = render_comparison(study.results, study.folder)
    sides = re.search(r'<table class="sides">.*?</table>', page, re.S).group()
    assert len(re.findall(r"<tr>", sides)) == 1 + 5
    assert len(re.findall(r"<td>", sides)) == 5 * 3


def test_a_variant_whose_parent_was_not_built_names_it_all_the_same(study):
    """As after `build derma.augmented` in an empty folder."""
    results = copy.deepcopy(study.results)
    del results["variants"]["baseline"]
    results["variants"]["augmented"]["parent_difference"] = None
    for page in (render_card(results, "augmented", study.folder), render_comparison(results, study.folder)):
        found = read(page, {"derma": results})
        assert not found.problems
        assert 'data-key="variants.augmented.parent">baseline<' in page
        assert "train.class_weight" in page


def test_links_between_pages(study):
    assert {"../../index.html", "../index.html"} <= set(
        read(render_card(study.results, "mine", study.folder), {"derma": study.results}).links
    )
    links = read(render_index([study.results]), {"derma": study.results}).links
    assert {"derma/index.html", "derma/mine/card.html"} <= set(links)


def test_what_is_missing_comes_last(study, quantised):
    from xaireport.report.pages.card import card

    for results, variant in ((study.results, "augmented"), (quantised.results, "int8")):
        states = [section.state == "missing" for section in card(results, variant).sections]
        assert states == sorted(states)
        assert any(states)


def test_a_missing_image_and_one_outside_the_folder_are_refused(study):
    for name in ("assets/none.jpg", "../secret.jpg", "/etc/secret.jpg"):
        results = copy.deepcopy(study.results)
        results["variants"]["augmented"]["gallery"][0]["image"] = name
        with pytest.raises(RenderError) as error:
            render_card(results, "augmented", study.folder)
        assert name in str(error.value)


def test_a_linked_assets_folder_is_followed(study, tmp_path):
    (tmp_path / "assets").symlink_to(study.folder / "assets")
    assert render_card(study.results, "mine", tmp_path) == render_card(study.results, "mine", study.folder)


def test_a_drawing_with_more_than_shapes_is_refused(phantom, tmp_path):
    import shutil

    shutil.copytree(phantom.folder, tmp_path / "s")
    drawing = tmp_path / "s/assets/figures/variants/mine/per-class.svg"
    drawing.write_text(drawing.read_text("utf-8").replace("</svg>", "<script>1</script></svg>"), "utf-8")
    with pytest.raises(RenderError, match="mine/per-class"):
        render_card(phantom.results, "mine", tmp_path / "s")


def test_an_unknown_variant_is_refused(study):
    with pytest.raises(RenderError, match=r"variants\.none"):
        render_card(study.results, "none", study.folder)


def test_a_users_template_overrides_its_namesake(study, tmp_path):
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks/tiles.html").write_text("<p>my tiles</p>")
    page = render_card(study.results, "mine", study.folder, tmp_path)
    assert "<p>my tiles</p>" in page
    assert "<h1" in page
    (tmp_path / "comparison").mkdir()
    (tmp_path / "comparison/section.html").write_text("<p>my section</p>")
    assert "<p>my section</p>" not in render_card(study.results, "mine", study.folder, tmp_path)
    assert "<p>my section</p>" in render_comparison(study.results, study.folder, tmp_path)


@pytest.mark.parametrize("broken", ["{{ nothing.here }}", "{% for %}"])
def test_a_broken_template_is_named(study, tmp_path, broken):
    (tmp_path / "page.html").write_text(broken)
    with pytest.raises(RenderError, match="templates that can be rendered"):
        render_card(study.results, "mine", study.folder, tmp_path)


def test_a_style_sheet_cannot_leave_its_element(study, tmp_path):
    (tmp_path / "screen.css").write_text("</style><script>1</script>")
    with pytest.raises(RenderError, match="style sheets and scripts without markup"):
        render_card(study.results, "mine", study.folder, tmp_path)


def test_a_templates_folder_that_is_not_there_is_refused(study, tmp_path):
    with pytest.raises(ConfigError, match="a folder with templates"):
        render_card(study.results, "mine", study.folder, tmp_path / "none")


def test_templates_say_safe_nowhere():
    from xaireport import resources

    for name, path in resources.files("templates", first=Path(resources.shipped("templates"))).items():
        if name.endswith(".html"):
            text = path.read_text("utf-8")
            assert "|safe" not in text.replace(" ", ""), name
            assert "autoescape" not in text, name


def test_rendering_imports_neither_matplotlib_nor_tensorflow_nor_numpy():
    import subprocess
    import sys

    code = (
        "import sys; from xaireport.report.pages.index import index;"
        "from xaireport.report.writers.html import render;"
        "render(index([]), None);"
        "heavy = 'matplotlib', 'tensorflow', 'numpy', 'pandas', 'weasyprint';"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "jinja2" not in vars(html)


def test_a_variant_of_which_everything_was_skipped(study, tmp_path):
    """Nothing could be computed, nothing explained, nothing shown: every format says so and none breaks."""
    from xaireport.report.figures.draw import draw
    from xaireport.report.pages.comparison import comparison
    from xaireport.report.writers.markdown import markdown

    results = copy.deepcopy(study.results)
    one = results["variants"]["mine"]
    nothing = {"value": None, "n": 0, "reason": "no test image"}
    one["scores"] = {name: dict(nothing) for name in one["scores"]}
    for row in one["per_class"]:
        row |= {"n": 0, **{score: dict(nothing) for score in ("precision", "recall", "f1")}}
    k = len(results["classes"])
    one |= {
        "confusion": [[0] * k for _ in range(k)],
        "confusion_normalised": [[None] * k for _ in range(k)],
        "gallery": [], "common": [], "examples": [], "errors": [], "runs": {}, "layers": [],
    }  # fmt: skip
    results["variants"] = {"mine": one}
    page = pages.card.card(results, "mine")
    for medium in ("screen", "paper", "fragment"):
        text = html.render(page, study.folder, medium=medium, at="xr-" if medium == "fragment" else "")
        assert read(text, {"derma": results}).problems == []
        assert "could not be computed" in words(text)
        assert "No heatmaps" in words(text)
    assert "could not be computed**: no test image" in markdown(page)
    assert read(html.render(comparison(results), study.folder), {"derma": results}).problems == []
    assert read(render_index([results]), {"derma": results}).problems == []
    draw(results, tmp_path)
    assert (tmp_path / "variants/mine/per-class.svg").is_file()
