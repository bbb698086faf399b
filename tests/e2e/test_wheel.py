"""The wheel brings all that a build needs: templates, studies, tables."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import project as small
import pytest
from pypdf import PdfReader

ROOT = Path(__file__).parents[2]
WHERE = "import sys, xaireport; print(xaireport.__file__ or list(xaireport.__path__))"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel is installed into, without its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    for command in (
        ["build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        ["pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder / "site"), "@"],
    ):
        wheels = [str(path) for path in folder.glob("*.whl")]
        command = [part for each in command for part in (wheels if each == "@" else [each])]
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path


def test_the_wheel_holds_what_belongs_in_it_and_nothing_else(installed: Path) -> None:
    (wheel,) = installed.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    bundled = {name.removeprefix("xaireport/_bundled/") for name in names if "_bundled" in name}
    templates = {f"templates/{p.relative_to(ROOT / 'templates')}" for p in (ROOT / "templates").rglob("*.*")}
    studies = {f"models/{path.name}" for path in (ROOT / "models").glob("*.toml")}
    assert bundled == {name for name in templates if (ROOT / name).is_file()} | studies
    assert all(name.startswith("xaireport/") for name in names)
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "xaireport").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if "_bundled" not in name} == package
    assert "xaireport/py.typed" in names
    assert not [name for name in names if name.endswith((".keras", ".npz", ".pyc"))]


def test_from_an_empty_folder_studies_and_plans_come_from_the_wheel(installed: Path, empty: Path) -> None:
    site = str(installed / "site")
    where = small.xaireport(empty, program=WHERE, PYTHONPATH=site).stdout
    assert site in where
    listed = json.loads(small.xaireport(empty, "list", "--json", PYTHONPATH=site).stdout)["studies"]
    assert {study["name"] for study in listed} == {"derma", "cifar10", "fracture3d"}
    assert all(study["file"].startswith(site) for study in listed)
    told = small.build(empty, "--all", "--data", "phantom", "--dry-run", PYTHONPATH=site)
    assert len(small.by_status(told, "would run", "may run")) == len(told["nodes"]) > 40
    assert small.files(empty) == set()


@pytest.mark.slow
def test_a_build_from_the_wheel_in_an_empty_folder(installed: Path, empty: Path) -> None:
    site = str(installed / "site")
    told = small.build(
        empty, "derma.baseline", "--data", "phantom", "--epochs", "1",
        "--set", "baseline.options.filters=[4,4,4,4]", PYTHONPATH=site,
    )  # fmt: skip
    assert small.by_status(told, "failed", "skipped") == set()
    card = empty / "reports" / "derma" / "baseline"
    assert "CNN" in (card / "card.html").read_text("utf-8")
    assert len(PdfReader(card / "card.pdf").pages) > 1
    assert small.results(empty, "derma")["variants"]["baseline"]["training"]["epochs_run"] == 1
