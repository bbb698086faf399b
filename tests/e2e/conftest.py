"""The project of `project.py`, built once for all tests and all workers. Tests change copies only."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import project as small
import pytest


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The project after `xaireport build tiny own faulty`, and what the build said."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, told = shared / "project", shared / "project.json"
    with (shared / "project.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            small.write(folder)
            document = small.build(folder, "tiny", "own", "faulty", "--data", "phantom", code=1)
            told.write_text(json.dumps(document))
    return folder, json.loads(told.read_text())


@pytest.fixture(scope="session")
def project(built: tuple[Path, dict[str, Any]]) -> Path:
    """Only to be read."""
    return built[0]


@pytest.fixture
def own_copy(project: Path, tmp_path: Path) -> Path:
    """To be changed."""
    return small.copy(project, tmp_path / "copy")
