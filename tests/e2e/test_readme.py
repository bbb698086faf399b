"""README and the documents beside it, followed to the letter: each of their blocks is run as it stands.

One empty folder, an empty home, no network. The reader brings what README says they bring: data (`own_data`)
and a model (`own_model`). What is not run as it stands is in `APPENDED`, `LATER` and `RENAMED`.
"""

from __future__ import annotations

import ast
import csv
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import warnings
from enum import Enum, auto
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import project as small
import pytest
from typer.main import get_command

from xaireport.cli import app
from xaireport.study.load import load_study
from xaireport.study.rules import check_costs
from xaireport.study_schema import ExplainSettings

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
)


class Role(Enum):
    """What a reader does with a block."""

    MAKE = auto()
    COMMANDS = auto()
    STUDY = auto()
    PLUGIN = auto()
    PYTHON = auto()
    TREE = auto()
    MKDOCS = auto()
    MARKDOWN = auto()
    SPHINX = auto()
    MYST = auto()
    STYLE = auto()


ROLES = {
    "README.md": {
        "make demo": Role.MAKE,
        "xaireport list": Role.COMMANDS,
        "xaireport init mine": Role.COMMANDS,
        'data = "my.npz"': Role.STUDY,
        "[variants.small]": Role.STUDY,
        'headline = "balanced_accuracy"': Role.STUDY,
        'masks = "masks"': Role.STUDY,
        "# my_package/__init__.py": Role.PLUGIN,
        "import xaireport": Role.PYTHON,
        "reports/index.html": Role.TREE,
    },
    "CONTRIBUTING.md": {"make install": Role.MAKE},
    "docs/results/README.md": {"xaireport build derma": Role.COMMANDS},
    "docs/embedding.md": {
        "# mkdocs.yml": Role.MKDOCS,
        "# Which model, and why": Role.MARKDOWN,
        "Which model, and why": Role.SPHINX,
        "```{raw} html": Role.MYST,
        ".xaireport {": Role.STYLE,
    },
}
"""How each block begins; one that is not here fails the test."""

TRAINS = "it trains for minutes"
APPENDED = {
    "xaireport build --all": ("--dry-run", TRAINS),
    "xaireport build derma.augmented --data real --data-dir ~/data": ("--dry-run", TRAINS),
    "xaireport build derma --set augmented.train.class_weight=true --why": ("--dry-run", TRAINS),
    "xaireport build derma --data real --data-dir DIR --allow-random-backbone": ("--dry-run", TRAINS),
    "xaireport build docs/results/adrenal3d.toml --data real --data-dir DIR": ("--dry-run", TRAINS),
    "xaireport build cifar10 --epochs 10 --data real --data-dir DIR": ("--dry-run", TRAINS),
}
"""Commands that are not run as they stand: what is appended, and why."""

LATER = {
    "xaireport build mine.toml": "its study file is the blocks that come after it",
    "xaireport render --all": "dry runs leave nothing to render",
}
"""Commands that are run after all others, in this order, and why."""

RENAMED = {"reports/derma/": "reports/mine/", "variants.augmented.": "variants.small."}
"""In the Python block: the study that was built is the reader's own, since derma trains for minutes."""


class Block(NamedTuple):
    document: str
    role: Role | None
    text: str

    @property
    def lines(self) -> list[str]:
        """Commands, without what is said of them."""
        return [line.partition("#")[0].strip() for line in self.text.splitlines()]


def blocks(document: str) -> list[Block]:
    text = (ROOT / document).read_text("utf-8")
    found = re.findall(r"^ *(`{3,}|~{3,})[^\n]*\n(.*?)^ *\1 *$", text, re.MULTILINE | re.DOTALL)
    return [Block(document, role(document, inside), inside) for _, inside in found]


def role(document: str, text: str) -> Role | None:
    return next((what for start, what in ROLES.get(document, {}).items() if text.startswith(start)), None)


def of_role(*wanted: Role, document: str = "README.md") -> list[Block]:
    return [block for block in blocks(document) if block.role in wanted]


def commands(document: str) -> list[str]:
    return [line for block in of_role(Role.COMMANDS, document=document) for line in block.lines]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_is_known(document: str) -> None:
    found = blocks(document)
    for block in found:
        assert block.role is not None, f"a block that the test does not know:\n{block.text}"
    assert {block.role for block in found} == set(ROLES.get(document, {}).values()), "one that is gone"
    assert len(found) == len(ROLES.get(document, {}))
    for block in found:
        program = {Role.MAKE: "make ", Role.COMMANDS: "xaireport "}.get(block.role or Role.TREE, "")
        assert all(line.startswith(program) for line in block.lines)


def own_data(folder: Path) -> None:
    """Write data of two classes as README asks for them, with groups, columns and masks beside them."""
    images, extras = {}, {}
    for seed, (split, n) in enumerate({"train": 32, "val": 12, "test": 12}.items()):
        rng = np.random.default_rng(seed)
        labels = np.arange(n) % 2
        pixels, masks = rng.integers(0, 156, (n, 12, 12, 3)), np.zeros((n, 12, 12), np.uint8)
        for image, mask, label in zip(pixels, masks, labels, strict=True):
            image[6 * label : 6 * label + 4] += 90
            mask[6 * label : 6 * label + 4] = 255
        images |= {f"{split}_images": pixels.astype(np.uint8), f"{split}_labels": labels}
        extras |= {
            f"{split}_lesion_id": np.array([f"{split}-{i // 2}" for i in range(n)]),
            f"{split}_age": rng.integers(20, 90, n),
            f"{split}_sex": rng.choice(["f", "m"], n),
            f"{split}_masks": masks,
        }
    np.savez(folder / "my.npz", **images)
    np.savez(folder / "my_extras.npz", **extras)


def own_model(folder: Path) -> None:
    """Save a model that takes pixels from 0 to 1 and gives probabilities, as README's block says of it."""
    from xaireport.nn.backend import import_keras

    keras = import_keras()
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Conv2D(6, 3, activation="relu", name="relu3"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "__array__", DeprecationWarning)
        model.save(folder / "my_model.keras")


def joined(texts: list[str]) -> str:
    """One study file of several pieces: keys and tables, each where TOML wants it."""
    tables: dict[str, list[str]] = {"": []}
    for text in texts:
        at = ""
        for line in text.splitlines():
            if line.startswith("["):
                at = line.partition("#")[0].strip()
                tables.setdefault(at, [])
            else:
                tables[at].append(line)
    return "\n".join(line for header, lines in tables.items() for line in (header, *lines)) + "\n"


def typed(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of a document as a shell would, with what `APPENDED` says."""
    first, *arguments = shlex.split(f"{line} {APPENDED.get(line, ('', ''))[0]}")
    assert first == "xaireport"
    home = folder / "home"
    return small.xaireport(folder, *(re.sub("^~", str(home), argument) for argument in arguments))


class Followed(NamedTuple):
    folder: Path
    done: dict[str, subprocess.CompletedProcess[str]]
    untouched: subprocess.CompletedProcess[str]
    first_block: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """The folder after all that README says was done in it."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "home" / "data").mkdir(parents=True)
    (folder / "home" / "data" / "dermamnist.npz").touch()  # dry runs look whether it is there
    done = {line: typed(folder, line) for line in commands("README.md") if line not in LATER}
    own_data(folder)
    own_model(folder)
    untouched = small.xaireport(folder, "build", "mine.toml", "--dry-run")
    studies = [block.text for block in of_role(Role.STUDY)]
    (folder / "mine.toml").write_text(studies[0], "utf-8")
    first_block = small.xaireport(folder, "build", "mine.toml", "--dry-run")
    (folder / "mine.toml").write_text(joined(studies), "utf-8")
    for line in LATER:
        done[line] = typed(folder, line)
    return Followed(folder, done, untouched, first_block)


def worked(done: subprocess.CompletedProcess[str]) -> bool:
    return done.returncode == 0 or print(done.stdout + done.stderr) is not None


@pytest.mark.parametrize("line", commands("README.md"))
def test_a_command_works(followed: Followed, line: str) -> None:
    assert worked(followed.done[line])


def test_no_exception_is_out_of_date() -> None:
    lines = {line for document in DOCUMENTS for line in commands(document)}
    assert lines.issuperset(APPENDED)
    assert lines.issuperset(LATER)


def test_init_leads_to_what_comes_next(followed: Followed) -> None:
    lines = commands("README.md")
    then = lines[lines.index("xaireport init mine") + 1]
    assert followed.done["xaireport init mine"].stdout == f"Wrote mine.toml. Fill it in, then: {then}\n"
    assert worked(followed.untouched), "with the files that it names, the file that init wrote is a study"
    assert worked(followed.first_block)


def test_every_setting_is_one(followed: Followed) -> None:
    """What the blocks state reaches the study, and what they comment out can be stated too."""
    texts = [block.text for block in of_role(Role.STUDY)]
    path = followed.folder / "all.toml"
    path.write_text(joined(texts), "utf-8")
    study = load_study(path)
    assert (study.headline, study.margin, study.family) == ("balanced_accuracy", 0.02, "parents")
    assert (study.groups, study.columns, study.masks) == ("lesion_id", ("age", "sex"), "masks")
    assert study.variants["mine"].explain.layer == "relu3"
    path.write_text(joined([re.sub(r"^# (\w+ = )", r"\1", text, flags=re.M) for text in texts]), "utf-8")
    more = load_study(path)
    check_costs(more, len(more.classes), "all.toml")
    assert more.ordinal
    assert more.cost_matrix
    (listed,) = re.findall("^# methods: (.*)$", "".join(texts), re.MULTILINE)
    assert tuple(listed.split(", ")) == get_args(ExplainSettings.model_fields["method"].annotation)
    path.unlink()


def test_every_setting_reaches_the_report(followed: Followed) -> None:
    found = small.results(followed.folder, "mine")
    assert found["failed"] == []
    assert found["variants"]["mine"]["heatmaps"]["method"] == "hirescam"
    assert found["variants"]["mine"]["heatmaps"]["energy_in_mask"]["value"] > 0
    assert {each["column"] for each in found["variants"]["mine"]["subgroups"]} >= {"age", "sex"}
    assert found["variants"]["small"]["quantisation"]["mode"] == "int8"


def tree() -> dict[str, str]:
    """Each path that README promises -> what is said of it."""
    paths: dict[str, str] = {}
    (block,) = of_role(Role.TREE)
    for line in re.sub(r"\n +", " ", block.text).splitlines():
        (first, *endings), said = line.partition("  ")[0].split(), line.partition("  ")[2].strip()
        beside = re.findall(r"\b\w+(?:\.fragment)?\.(?:md|html)\b", said)
        for name in (first, *(str(Path(first).with_suffix(ending)) for ending in endings)):
            paths[name] = said
        paths |= {str(Path(first).with_name(name)): said for name in beside}
    return paths


def test_the_files_are_those_that_readme_names(followed: Followed) -> None:
    promised = set()
    for path in tree():
        if path == "models/<study>/<variant>/model.keras":
            continue  # of a variant that is trained here: test_outputs.py looks at those
        variants = ("small",) if path.endswith(".tflite") else ("mine", "small")
        promised |= {path.replace("<study>", "mine").replace("<variant>", name) for name in variants}
    folders = tuple(path for path in promised if path.endswith("/"))
    there = small.files(followed.folder) - {"mine.toml", "my.npz", "my_extras.npz", "my_model.keras"}
    assert {path for path in there if not path.startswith(folders)} == promised - set(folders)
    for path in folders:
        assert any((followed.folder / path).rglob("*")), path


def predicted(folder: Path, study: str, variant: str) -> np.ndarray[Any, Any]:
    """Probabilities of the test images as predictions.csv has them."""
    with (folder / "reports" / study / "predictions.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if (row["variant"], row["split"]) == (variant, "test")]
    names = [name for name in rows[0] if name.startswith("p_")]
    return np.array([[float(row[name]) for name in names] for row in rows])


def test_a_quantised_file_takes_raw_pixels_and_gives_probabilities(followed: Followed) -> None:
    from ai_edge_litert.interpreter import Interpreter

    said = tree()["models/<study>/<variant>/model.tflite"]
    assert said.endswith(
        "raw pixels in, probabilities out, as integers by the file's own scales where it is int8"
    )
    interpreter = Interpreter(str(followed.folder / "models/mine/small/model.tflite"))
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    (scale_in, zero_in), (scale_out, zero_out) = taken["quantization"], given["quantization"]
    answers = []
    with np.load(followed.folder / "my.npz") as data:
        for image in data["test_images"]:
            stored = np.clip(np.round(image[None] / scale_in) + zero_in, -128, 127)
            interpreter.set_tensor(taken["index"], stored.astype(taken["dtype"]))
            interpreter.invoke()
            answers.append((interpreter.get_tensor(given["index"])[0].astype(float) - zero_out) * scale_out)
    found = predicted(followed.folder, "mine", "small")
    assert np.ptp(found) > 0.01
    assert (taken["dtype"], given["dtype"]) == (np.int8, np.int8)
    np.testing.assert_allclose(np.array(answers), found, atol=scale_out)


def test_python_reads_the_report(followed: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(followed.folder)
    (block,) = of_role(Role.PYTHON)
    text = block.text
    for name, ours in RENAMED.items():
        assert name in text
        text = text.replace(name, ours)
    names: dict[str, Any] = {}
    shown = []
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Expr):
            shown.append(eval(ast.unparse(statement), names))
        else:
            exec(ast.unparse(statement), names)
    score, frame = shown
    assert 0 <= score <= 1
    assert list(frame["variant"]) == ["mine", "small"]


def test_the_plug_in_makes_its_section(followed: Followed, tmp_path: Path) -> None:
    (block,) = of_role(Role.PLUGIN)
    declared = re.findall(r'^# (\S+); .*entry-points\."(.+?)"\] (\w+ = ".+?")$', block.text, re.MULTILINE)
    ((file, group, entry),) = declared
    site = tmp_path / "site"
    (site / file).parent.mkdir(parents=True)
    (site / file).write_text(block.text, "utf-8")
    (site / "my_package-1.0.dist-info").mkdir()
    (site / "my_package-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my_package\nVersion: 1.0\n"
    )
    (site / "my_package-1.0.dist-info" / "entry_points.txt").write_text(
        f"[{group}]\n{entry.replace(chr(34), '')}\n"
    )
    shutil.copytree(followed.folder / "reports", tmp_path / "reports")  # without the store: hence --force
    path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH"))))
    assert worked(small.xaireport(tmp_path, "render", "mine", "--format", "html", "--force", PYTHONPATH=path))
    for variant in ("mine", "small"):
        page = (tmp_path / "reports" / "mine" / variant / "card.html").read_text("utf-8")
        seen = " ".join(re.sub("<[^>]+>", "", page).split())
        assert "My own section" in seen
        assert "Classes: a and others." in seen


def test_make_has_these_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        named = {line.split()[1] for block in of_role(Role.MAKE, document=document) for line in block.lines}
        named |= set(re.findall(r"`make ([a-z-]+)`", (ROOT / document).read_text("utf-8")))
        assert named <= targets, document


@pytest.mark.parametrize("document", DOCUMENTS)
def test_options_named_in_the_text_exist(document: str) -> None:
    program: Any = get_command(app)
    known = {"pytest": {"--update-golden"}, "xaireport": {"--help"}}
    for command in program.commands.values():
        known["xaireport"] |= {option for each in command.params for option in each.opts}
    for span in re.findall(r"`([^`\n]+)`", (ROOT / document).read_text("utf-8")):
        program_name = span.split()[0]
        if program_name in known:
            assert set(re.findall(r"--[a-z-]+", span)) <= known[program_name], span
    assert "--update-golden" in (ROOT / "tests" / "conftest.py").read_text()


def test_the_commands_behind_the_records_are_understood(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs" / "results", tmp_path / "docs" / "results")
    for folder in ("home", "DIR"):
        (tmp_path / folder).mkdir()
    for name in ("dermamnist", "adrenalmnist3d", "cifar10"):
        (tmp_path / "DIR" / f"{name}.npz").touch()  # dry runs look whether it is there
    for line in commands("docs/results/README.md"):
        done = typed(tmp_path, line)
        assert worked(done)
        assert "phantom" not in done.stdout


LACKING = [name for name in ("material", "furo", "sphinx") if importlib.util.find_spec(name) is None]


@pytest.mark.skipif(bool(LACKING), reason=f"documentation sites need {', '.join(LACKING)}: make install")
def test_a_fragment_stands_where_the_page_says(followed: Followed, tmp_path: Path) -> None:
    document = "docs/embedding.md"
    pages = {block.role: block.text.replace("derma/augmented", "mine/small") for block in blocks(document)}
    shutil.copytree(followed.folder / "reports", tmp_path / "reports")
    (tmp_path / "docs").mkdir()
    theme = "site_name: Site\ntheme: {name: material, font: false}\n"
    (tmp_path / "mkdocs.yml").write_text(theme + pages[Role.MKDOCS])
    (tmp_path / "docs" / "index.md").write_text(pages[Role.MARKDOWN])
    (tmp_path / "conf.py").write_text('html_theme = "furo"\nexclude_patterns = ["reports", "docs", "site"]\n')
    (tmp_path / "index.rst").write_text(pages[Role.SPHINX])
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    for made in ("mkdocs build --quiet --strict -d site", "sphinx -q -W -b html . sphinx"):
        subprocess.run([sys.executable, "-m", *made.split()], check=True, cwd=tmp_path, env=quiet)
    for site in ("site", "sphinx"):
        assert 'id="xr-mine.small.' in (tmp_path / site / "index.html").read_text("utf-8")
    ((_, file),) = re.findall(r"^:(file): (.*)$", pages[Role.MYST], re.MULTILINE)
    assert (tmp_path / file).is_file()
    sheet = (ROOT / "templates" / "fragment.css").read_text("utf-8")
    assert all(f"  {name}:" in sheet for name in re.findall(r"--[a-z]+", pages[Role.STYLE]))
