"""Shared by all tests: golden files, and how to write them anew (`pytest --update-golden`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden and bounds in docs/results anew"
    )


NEED_TENSORFLOW = ("unit/nn", "e2e")
"""Folders whose tests all need it; elsewhere a test says so itself."""


FIRST = ("test_build_again.py", "test_device.py", "test_readme.py", "test_outputs.py")
"""The longest files. The first of them builds what others wait for; the second needs nothing of it."""


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(FIRST)))
    folders = [Path(__file__).parent / folder for folder in NEED_TENSORFLOW]
    for item in items:
        if any(folder in item.path.parents for folder in folders):
            item.add_marker(pytest.mark.tensorflow)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the golden file of that name, or write it."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        assert path.is_file(), f"no golden file {name}: run pytest --update-golden"
        assert text == path.read_text("utf-8")

    return check
