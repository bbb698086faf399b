"""Pages in a real browser: the reviewer's desk by mouse and keys, colours, print, no scripts, axe-core."""

from __future__ import annotations

import copy
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browsing
import pytest
from rendering import render_card, render_comparison, render_index
from sample import COUNTS, Study, make_study
from test_html import HOSTILE

pytestmark = pytest.mark.skipif(bool(browsing.missing()), reason=browsing.missing() or "all is there")
PAGES = ("card", "plain", "small", "volumes", "comparison", "hostile", "many", "index")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing.chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(study: Study, phantom: Study, quantised: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages")
    hostile = make_study(made / "h", classes=HOSTILE, counts=COUNTS)
    many = make_study(made / "m", classes=[f"kind {i}" for i in range(100)], counts=(7,) * 99 + (0,))
    volumes = copy.deepcopy(study.results)
    volumes["data"]["input_shape"] = [28, 28, 28, 1]
    for each in volumes["variants"]["augmented"]["examples"]:
        shown = ["axial 3", "coronal 9", "sagittal 14"]
        each |= {"slices": shown, "montage": each["overlay"], "montage_slices": ["axial 0", "axial 4"]}
    pages = {
        "card": render_card(phantom.results, "augmented", phantom.folder),
        "plain": render_card(study.results, "mine", study.folder),
        "small": render_card(quantised.results, "int8", quantised.folder),
        "volumes": render_card(volumes, "augmented", study.folder),
        "comparison": render_comparison(study.results, study.folder),
        "hostile": render_card(hostile.results, "augmented", hostile.folder),
        "many": render_card(many.results, "augmented", many.folder),
        "index": render_index([study.results, phantom.results | {"study": "other"}]),
    }
    for name, page in pages.items():
        (made / f"{name}.html").write_text(page, "utf-8")
    return made


@pytest.fixture
def opened(browser: Any, folder: Path) -> Iterator[Any]:
    """Open a page in a window of its own; anything it logs or asks for fails the test."""
    contexts = []

    def open_page(name: str, **options: Any) -> Any:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 1000}, **options})
        contexts.append(context)
        page = context.new_page()
        page.problems = []
        page.on("console", lambda message: page.problems.append(message.text))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("dialog", lambda dialog: page.problems.append(f"dialog {dialog.message}"))
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith(("data:", "blob:", f"file://{folder}"))
                else page.problems.append(asked.url)
            ),
        )
        page.goto(f"file://{folder}/{name}.html")
        return page

    yield open_page
    problems = [problem for context in contexts for page in context.pages for problem in page.problems]
    for context in contexts:
        context.close()
    assert problems == []


def count(page: Any) -> str:
    return str(page.locator(".count").first.inner_text())


def tool(page: Any, name: str) -> Any:
    return page.locator(".tools label").filter(has=page.get_by_text(name, exact=True)).locator("select")


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(opened: Any, name: str) -> None:
    """In light and in dark colours, of which the second differ in nothing else."""
    page = opened(name, color_scheme="light", bypass_csp=True)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")

    def both() -> list[str]:
        page.emulate_media(color_scheme="light")
        found = browsing.violations(page)
        page.emulate_media(color_scheme="dark")
        return found + browsing.violations(page, colours_only=True)

    assert both() == []
    if page.locator(".enlarge").count():
        page.locator(".enlarge").first.click()
        page.keyboard.press("d")
        assert both() == []


def test_axe_would_find_something(opened: Any) -> None:
    page = opened("card", bypass_csp=True)
    page.evaluate("document.querySelector('img').removeAttribute('alt')")
    assert [one for one in browsing.violations(page) if one.startswith("image-alt")]
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.querySelector('h1').style.color = 'rgb(60, 60, 60)'")
    (found,) = browsing.violations(page, colours_only=True)
    assert found.startswith("color-contrast")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [320, 700, 1024])
def test_no_page_is_wider_than_its_window(opened: Any, name: str, width: int) -> None:
    page = opened(name, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_images_can_be_filtered_and_sorted(opened: Any) -> None:
    page = opened("card")
    assert count(page) == "18 of 18 shown, 0 marked."
    tool(page, "Class").select_option("square")
    assert count(page).startswith("6 of 18")
    assert page.locator(".class:visible").count() == 1
    tool(page, "Outcome").select_option("miss")
    assert count(page).startswith("2 of 18")
    tool(page, "Outcome").select_option("mistaken for star")
    assert count(page).startswith("2 of 18")
    tool(page, "Outcome").select_option("mistaken for round")
    assert count(page).startswith("0 of 18")
    tool(page, "Outcome").select_option("all")
    tool(page, "Order").select_option("least confident first")
    chances = page.locator(".picture[data-p]:visible").evaluate_all("all => all.map(one => +one.dataset.p)")
    assert chances == sorted(chances)
    tool(page, "Order").select_option("as printed")
    assert page.locator(".picture[data-p]:visible").first.get_attribute("data-sample") == "test-00010"


def test_image_and_map_are_layers_and_the_slider_fades_the_map(opened: Any) -> None:
    page = opened("card")
    top = page.locator(".class .stack img:nth-child(2)").first
    assert top.evaluate("one => getComputedStyle(one).opacity") == "0.5"
    page.locator(".tools input[type=range]").fill("20")
    assert top.evaluate("one => getComputedStyle(one).opacity") == "0.2"
    base = page.locator(".class .stack img:first-child").first
    assert base.get_attribute("src") == page.locator(".class .picture img").first.get_attribute("src")


def test_a_review_by_mouse_survives_a_reload_and_is_exported(opened: Any) -> None:
    page = opened("card")
    page.locator(".enlarge").nth(4).click()
    dialog = page.locator("dialog[open]")
    assert dialog.locator(".h2").inner_text() == "round, called square"
    dialog.get_by_role("button", name="disagree").click()
    assert dialog.get_by_role("button", name="✗ disagree").get_attribute("aria-pressed") == "true"
    dialog.get_by_label("Comment").fill('=looks at "the edge",\nnot the thing')
    dialog.get_by_role("button", name="next").click()
    dialog.get_by_role("button", name="✓ agree").click()
    dialog.get_by_role("button", name="close").click()
    page.locator(".tools input[type=text]").fill("A. Reviewer")
    page.reload()
    assert count(page) == "18 of 18 shown, 2 marked."
    assert page.locator(".chip:visible").all_inner_texts() == ["✗ disagree, comment", "✓ agree"]
    tool(page, "Review").select_option("disagree")
    assert count(page).startswith("1 of 18")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export JSON").click()
    told = json.loads(Path(download.value.path()).read_text("utf-8"))
    assert download.value.suggested_filename == "derma-augmented-review.json"
    assert (told["format"], told["reviewer"], told["study"]) == ("xaireport-review/1", "A. Reviewer", "derma")
    assert len(told["evidence_digest"]) == 64
    first, second = told["images"]
    assert (first["sample_id"], first["y_true"], first["y_pred"]) == ("test-00004", "round", "square")
    assert (first["mark"], second["mark"]) == ("disagree", "agree")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    rows = list(
        csv.DictReader(io.StringIO(Path(download.value.path()).read_bytes().decode("utf-8"), newline=""))
    )
    assert [row["mark"] for row in rows] == ["disagree", "agree"]
    assert rows[0]["comment"] == '\'=looks at "the edge",\nnot the thing'
    assert float(rows[0]["p"]) == first["p"]


def test_a_review_by_keyboard_alone(opened: Any) -> None:
    page = opened("card")
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "enlarge":
            break
    focused = "document.activeElement.closest('figure')?.dataset.sample"
    assert page.evaluate(focused) == "test-00000"
    page.keyboard.press("u")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == "test-00001"
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("a")
    assert "test-00002" in page.locator("dialog[open] p").inner_text()
    page.keyboard.press("Escape")
    # A dialog tells of its end in a task of its own; before that, focus is where it was when it was opened.
    page.wait_for_function(f"{focused} !== 'test-00001'", timeout=5000)
    assert page.evaluate(focused) == "test-00002"
    assert page.locator(".chip:visible").all_inner_texts() == ["? unclear", "✓ agree"]
    page.keyboard.press("a")  # the same key takes a mark back
    assert count(page) == "18 of 18 shown, 1 marked."


def test_the_same_image_is_compared_across_variants(opened: Any) -> None:
    page = opened("comparison")
    assert count(page).startswith("15 of 15")
    page.locator("td .enlarge").first.click()
    assert page.locator("dialog[open] .siblings button").count() == 3
    page.keyboard.press("ArrowDown")
    current = page.locator("dialog[open] .siblings [aria-current]")
    assert current.inner_text().startswith("augmented")
    page.keyboard.press("ArrowRight")
    assert "test-00301 · augmented" in page.locator("dialog[open] p").inner_text()
    page.keyboard.press("Escape")
    page.get_by_role("checkbox", name="mine").uncheck()
    assert count(page).startswith("10 of 15")
    assert page.locator("table.sides thead th:visible").count() == 3
    tool(page, "Outcome").select_option("miss")
    assert page.locator("table.sides tbody tr:visible").count() < 5


def test_marks_are_shared_between_the_pages_of_one_study(opened: Any, study: Study) -> None:
    page = opened("comparison")
    page.locator("td .enlarge").first.focus()
    page.keyboard.press("a")
    assert count(page).endswith("1 marked.")
    key = f"xaireport/review/derma/{study.results['run']['evidence_digest']}"
    assert "baseline/test-00300" in json.loads(page.evaluate("key => localStorage.getItem(key)", key))


def test_colours_follow_the_system_the_switch_and_the_memory(opened: Any) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = "rgb(251, 251, 249)", "rgb(20, 24, 27)"
    page = opened("index", color_scheme="dark")
    assert page.evaluate(paper) == dark
    page.get_by_label("light").check()
    assert page.evaluate(paper) == light
    page.reload()
    assert page.evaluate(paper) == light
    ink = page.evaluate("getComputedStyle(document.body).color")
    page.get_by_label("dark").check()
    assert page.evaluate("getComputedStyle(document.body).color") != ink


def test_drawings_follow_the_colours(opened: Any) -> None:
    page = opened("card", color_scheme="dark")
    text = page.locator(".drawing svg text").first
    assert text.evaluate("one => getComputedStyle(one).fill") == page.evaluate(
        "getComputedStyle(document.body).color"
    )


@pytest.mark.parametrize("name", PAGES)
def test_without_scripts_nothing_is_missing(opened: Any, name: str) -> None:
    plain = opened(name, java_script_enabled=False)
    scripted = opened(name)
    hidden = plain.locator("main [hidden]:not(.layer)")
    assert hidden.count() == 0
    assert plain.locator(".tools, .enlarge, dialog").count() == 0
    shown = plain.locator("section").all_inner_texts()
    assert len(shown) == scripted.locator("section").count() > 1
    assert all(text.strip() for text in shown)


def test_the_colour_switch_needs_no_script(opened: Any) -> None:
    page = opened("index", java_script_enabled=False)
    page.get_by_label("dark").check()
    assert (
        page.locator("body").screenshot()
        != opened("index", java_script_enabled=False).locator("body").screenshot()
    )


def test_print_shows_all_and_no_tools(opened: Any) -> None:
    page = opened("card")
    tool(page, "Class").select_option("square")
    page.emulate_media(media="print")
    assert page.locator(".picture[data-p]:visible").count() == 18
    assert page.locator(".tools:visible, .theme:visible, .enlarge:visible").count() == 0
    closed = page.locator("details:not([open])")
    assert closed.count() > 0
    inside = closed.first.locator(":scope > :not(summary)").first
    assert inside.is_visible()


def test_links_lead_to_every_section_class_figure_and_image(opened: Any) -> None:
    page = opened("card")
    for link in page.locator("a[href^='#']").evaluate_all("all => all.map(one => one.hash.slice(1))"):
        assert page.evaluate("id => Boolean(document.getElementById(id))", link), link
    assert page.locator(".class .h3[id]").count() == page.locator(".class").count() == 3
    assert page.locator("figure.drawing:not([id])").count() == 0
    assert page.locator("figure.picture[data-sample]:not([id])").count() == 0
    page.goto(page.url + "#image-test-00021")
    assert page.locator("#image-test-00021").is_visible()


def test_the_contents_stay_in_view_and_name_the_section(opened: Any) -> None:
    for width in (1440, 800):
        page = opened("card", viewport={"width": width, "height": 900})
        page.locator("#section-c").evaluate("one => one.scrollIntoView()")
        for _ in range(50):  # not wait_for_function, which the page's policy forbids to evaluate strings
            if page.evaluate("document.querySelector('.toc [aria-current]')?.hash") == "#section-c":
                break
            page.wait_for_timeout(100)
        else:
            pytest.fail("the contents never named the section")
        box = page.locator(".toc").bounding_box()
        assert 0 <= box["y"] < 200


def test_hostile_names_are_shown_and_do_nothing(opened: Any) -> None:
    page = opened("hostile")
    page.locator(".enlarge").nth(5).click()
    page.keyboard.press("a")
    title = page.locator("dialog[open] .h2").inner_text()
    assert HOSTILE[0] in title
    assert page.evaluate("document.querySelectorAll('script').length") == 1
