"""The package's front door: what it offers, and that opening it costs nothing."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

import xaireport
from xaireport.metrics.scores import evaluate
from xaireport.results.load import load_results

HEAVY = (
    "numpy",
    "pandas",
    "sklearn",
    "scipy",
    "tensorflow",
    "keras",
    "matplotlib",
    "jinja2",
    "pydantic",
    "typer",
)


def loaded_by(code: str) -> set[str]:
    """Modules that a fresh Python has loaded after ``code``, beyond those it starts with."""
    listed = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_the_package_imports_nothing_else() -> None:
    assert loaded_by("import xaireport") == {"xaireport"} | loaded_by("import __future__, typing")


def test_reading_results_needs_nothing_heavy() -> None:
    loaded = loaded_by("import xaireport.results.load, xaireport.results.assemble")
    assert "xaireport.results.load" in loaded
    assert not loaded & set(HEAVY)


def test_public_names_are_the_functions_themselves() -> None:
    assert xaireport.evaluate is evaluate
    assert xaireport.load_results is load_results


def test_every_public_name_can_be_had() -> None:
    for name in xaireport.__all__:
        if name != "__version__":
            assert callable(getattr(xaireport, name))
        assert name in dir(xaireport)


def test_the_version_is_the_distributions() -> None:
    try:
        installed = metadata.version("xaireport")
    except metadata.PackageNotFoundError:
        pytest.skip("xaireport is not installed: pip install -e .")
    assert xaireport.__version__ == installed


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        xaireport.nothing  # noqa: B018


def test_it_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "xaireport", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"xaireport {xaireport.__version__}\n"
