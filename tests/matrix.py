"""The tests on other Pythons and with other versions: `make test-matrix`. Standard library only.

Two runs leave TensorFlow out and the tests that need it: one with the newest versions on the newest Python,
one with the lowest that pyproject.toml allows on the lowest Python. Then the unit tests run on each Python
that .venv does not have, those of TensorFlow included. The environments are kept in .venv-matrix/ until
pyproject.toml changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".venv-matrix"
SUPPORTED = ("3.11", "3.12", "3.13")
HEAVY = {
    "tensorflow", "keras", "tf-keras", "tf-keras-vis", "ai-edge-litert", "tensorflow-model-optimization",
}  # fmt: skip
ASK = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2], sys.version_info.releaselevel)"
VERSIONS = """
import json, platform
from importlib.metadata import version
print(json.dumps([platform.python_version(), version("numpy"), version("scipy")]))
"""


def candidates() -> Iterator[Path]:
    """Where an interpreter may be; pyenv's own folders too, since its shims run one version alone."""
    yield Path(getattr(sys, "_base_executable", sys.executable))  # the one that .venv was made with
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for version in SUPPORTED:
        folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", "/usr/local/bin"]
        yield from (Path(folder) / f"python{version}" for folder in folders if folder)
        yield from sorted(pyenv.glob(f"{version}.*/bin/python{version}"), reverse=True)


def interpreters() -> dict[str, Path]:
    """The first Python of each version that runs and can make an environment."""
    found: dict[str, Path] = {}
    for path in candidates():
        if not path.is_file():
            continue
        told = subprocess.run([path, "-c", ASK], capture_output=True, text=True, check=False)
        version, _, level = told.stdout.strip().partition(" ")
        if told.returncode == 0 and level == "final" and version in SUPPORTED:
            found.setdefault(version, path)
    return found


def dependencies(project: dict[str, object]) -> list[str]:
    """The direct dependencies of the package but for those of its neural networks."""
    return [each for each in project["dependencies"] if name_of(each) not in HEAVY]  # type: ignore[attr-defined]


def name_of(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower()  # type: ignore[index]


def lowest(requirement: str) -> str:
    """The same package, at the lower bound of the requirement."""
    bound = re.search(r">=\s*([0-9.]+)", requirement)
    assert bound, (
        f"Expected a lower bound. Received: {requirement}. (pyproject.toml) Hint: write >= a version."
    )
    return f"{name_of(requirement)}=={bound[1]}"


def environment(name: str, python: Path, *installs: Sequence[str]) -> Path:
    """Return the interpreter of an environment, made anew if pyproject.toml or its recipe has changed."""
    folder, stamp = HOME / name, HOME / name / "recipe.sha256"
    recipe = json.dumps([str(python), installs, (ROOT / "pyproject.toml").read_text("utf-8")])
    digest = hashlib.sha256(recipe.encode()).hexdigest()
    inside = folder / "bin" / "python"
    if stamp.is_file() and stamp.read_text("utf-8") == digest:
        return inside
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([python, "-m", "venv", folder], check=True)
    pip = [
        inside,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "-q",
        "install",
        "--no-compile",
    ]  # most is never imported
    subprocess.run([*pip, "-U", "pip"], check=True)  # groups need pip 25.1
    for install in installs:
        subprocess.run([*pip, *install], cwd=ROOT, check=True)
    stamp.write_text(digest, "utf-8")
    return inside


def run(name: str, python: Path, *arguments: str) -> tuple[bool, str]:
    """Run tests, and say what ran on what and how many passed."""
    print(f"\n== {name}", flush=True)
    report = HOME / f"{re.sub('[^a-z0-9.]+', '-', name.lower())}.xml"
    report.unlink(missing_ok=True)
    workers = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    command = [python, "-m", "pytest", "-q", *workers, f"--junitxml={report}", *arguments]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    told = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=True).stdout
    versions = "Python {}, NumPy {}, SciPy {}".format(*json.loads(told))
    if not report.is_file():
        return False, f"{name}: {versions}: pytest ended with {code} and no report"
    suites = ET.parse(report).getroot().iter("testsuite")
    total = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in suites:
        for key in total:
            total[key] += int(suite.get(key, 0))
    bad = total["failures"] + total["errors"]
    passed = total["tests"] - bad - total["skipped"]
    ends = f", {bad} FAILED" if bad else ""
    good = code == 0 and passed > 0
    line = f"{name}: {versions}: {passed} passed, {total['skipped']} skipped{ends}"
    return good, line if good or bad else f"{line}, pytest ended with {code}"


def main(only: Sequence[str] = ()) -> int:
    """Run all, or those of these folders in .venv-matrix/; whatever fails, end with one line for each."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    light, found = dependencies(project), interpreters()
    own = "{}.{}".format(*sys.version_info[:2])
    versions = sorted(found, key=lambda each: int(each.split(".")[1]))
    ours, tests = ["--no-deps", "-e", "."], ["--group", "test"]
    planned = [
        (
            "Light, newest", versions[-1], "light-newest",
            ([*light, *tests], ours), ("-m", "not slow and not tensorflow", "tests/unit", "tests/contract"),
        ),
        (
            "Light, lowest", versions[0], "light-lowest",
            ([*map(lowest, light), *tests], ours),
            # Old versions warn of what the newest versions of their own dependencies give up.
            (
                "-W", "ignore::DeprecationWarning",
                "-m", "not slow and not tensorflow", "tests/unit", "tests/contract",
            ),
        ),
        *(
            (
                f"{what}, {version}", version, version,
                (["-e", ".", *tests],), ("-m", f"not slow{and_so}", "tests/unit"),
            )
            for version in versions if version != own
            for what, and_so in [
                # The newest Python has run the others by then.
                ("Unit tests that need TensorFlow", " and tensorflow")
                if version == versions[-1] else ("All unit tests", "")
            ]
        ),
    ]  # fmt: skip
    good, lines = True, []
    # A Python that is not found, or is that of .venv, is no mistake: the last lines say which did not run.
    if unknown := set(only) - {folder for _, _, folder, *_ in planned} - set(SUPPORTED):
        print(f"Expected some of {', '.join(each[2] for each in planned)}. Received: {', '.join(unknown)}.")
        return 2
    chosen = [each for each in planned if not only or each[2] in only]
    ran = {version for _, version, *_ in chosen} | {own}
    for name, version, folder, installs, arguments in chosen:
        try:
            ok, line = run(name, environment(folder, found[version], *installs), *arguments)
        except subprocess.CalledProcessError as error:
            ok, line = False, f"{name}: Python {version}: not installed ({' '.join(map(str, error.cmd))})"
        good, lines = good and ok, [*lines, line]
    lines += [f"{version}: not run" for version in SUPPORTED if version not in ran]
    print("", *lines, sep="\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
