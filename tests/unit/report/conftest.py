"""Made-up studies on disk: drawn once."""

from __future__ import annotations

import pytest
from sample import Study, make_study


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("derma"))


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Few classes, so that printing it is quick."""
    folder = tmp_path_factory.mktemp("phantom")
    return make_study(folder, phantom=True, classes=("round", "square", "star"), counts=(30, 12, 40))


@pytest.fixture(scope="session")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """With two quantised children of ``augmented``."""
    return make_study(tmp_path_factory.mktemp("quantised"), quantised=True)
