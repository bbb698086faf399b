"""What the pages of a phantom build weigh, how long they take to write, and to open in Chromium."""

from __future__ import annotations

import copy
import json
import re
import shutil
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

MB = 1e6
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def pages(folder: Path, xaireport: Callable[..., float]) -> Iterator[tuple[str, float, str, float | None]]:
    """Yield name, value, unit and bar; ``xaireport`` runs the command line and returns seconds."""
    templates = folder / "templates"
    templates.mkdir()
    # Other style sheets each time: every page is made again.
    (templates / "matrix.css").write_text("/* one */\n")
    yield "render --all --format html", xaireport("render", "--all", "--format", "html"), "s", 6.0
    (templates / "matrix.css").write_text("/* two */\n")
    yield "render --all (8 cards, 3 comparisons, index)", xaireport("render", "--all"), "s", 40.0
    shutil.rmtree(templates)
    xaireport("render", "--all")
    reports = folder / "reports"
    for suffix in ("html", "pdf"):
        largest = max(path.stat().st_size for path in reports.rglob(f"*.{suffix}"))
        yield f"largest {suffix} page", largest / MB, "MB", 3.0
    yield "card without heatmaps, pictures and typeface counted", _bare(reports, True) / 1e3, "kB", 150.0
    yield "the same without pictures and typeface", _bare(reports, False) / 1e3, "kB", None
    yield from _paint(reports)


def _bare(reports: Path, with_embedded: bool) -> int:
    """Bytes of the derma card of a variant that has no heatmaps."""
    from xaireport.report.pages.card import card
    from xaireport.report.writers.html import render

    results = copy.deepcopy(json.loads((reports / "derma/results.json").read_text("utf-8")))
    bare = {
        "heatmaps": {"skipped": {"what": "heatmaps", "reason": "none", "hint": ""}},
        "examples": [],
        "common": [],
    }
    results["variants"]["augmented"] |= bare
    page = render(card(results, "augmented"), reports / "derma")
    return len(page if with_embedded else re.sub(r"data:[^\"]*base64,[^\"]*", "", page))


def _paint(reports: Path) -> Iterator[tuple[str, float, str, float | None]]:
    """First paint of the heaviest page from disk, and what any page asks for beyond itself."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    every = sorted(reports.rglob("*.html"), key=lambda path: path.stat().st_size)
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        times = []
        for _ in range(5):
            page.goto(every[-1].as_uri())
            while (painted := page.evaluate(PAINT)) is None:
                page.wait_for_timeout(20)
            times.append(painted)
        yield "first paint of the largest page", statistics.median(times) / 1e3, "s", 1.0
        asked.clear()
        for path in every:
            page.goto(path.as_uri())
        outside = [url for url in asked if not url.startswith(("data:", "file:"))]
        files = [url for url in asked if url.startswith("file:")]
        yield "requests beyond the pages themselves", float(len(outside) + len(files) - len(every)), "", 0.0
        browser.close()
