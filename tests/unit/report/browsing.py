"""Chromium for tests: Debian's, driven by Playwright, with axe-core beside it."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")


def missing() -> str:
    """Say what is not there and how to install it; '' when all is."""
    for package in ("playwright", "axe_playwright_python"):
        if importlib.util.find_spec(package) is None:
            return f"browser tests need {package.replace('_', '-')}: make install"
    if not any(shutil.which(name) for name in NAMES):
        return "browser tests need Chromium: apt-get install chromium"
    return ""


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser, closed afterwards."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, NAMES)))
    with sync_playwright() as playwright:
        # Root has no sandbox of its own, and CI runs as root.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def violations(page: Any, within: str = "html", colours_only: bool = False) -> list[str]:
    """What axe-core objects to, best practices included. The page's policy must have been bypassed."""
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin
    page.evaluate((Path(spec.origin).parent / "axe.min.js").read_text("utf-8"))
    asked: dict[str, Any] = {"resultTypes": ["violations"]}
    if colours_only:
        asked["runOnly"] = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
    found = page.evaluate("([where, asked]) => axe.run(where, asked)", [within, asked])["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]} {node['failureSummary']}"
        for one in found
        for node in one["nodes"]
    ]
