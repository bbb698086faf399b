"""What counts as the code of a stage: all that can change its result, and nothing else."""

from __future__ import annotations

import ast
import importlib.util
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import xaireport
from xaireport import paths
from xaireport.engine.code import LEFT_OUT, CodeHasher
from xaireport.engine.hashes import HashCache
from xaireport.engine.keys import key_of, key_parts
from xaireport.engine.node import Node
from xaireport.errors import ConfigError
from xaireport.graph import EVIDENCE_CODE, Graph
from xaireport.graph import STAGES as EVIDENCE
from xaireport.spec import Conversion, DataSpec, ExplainSettings, Recipe, Spec, StudySpec, VariantSpec
from xaireport.stages.given import given
from xaireport.study import load_study
from xaireport.types import Located

PACKAGE = Path(xaireport.__path__[0])
MODULES = sorted(PACKAGE.rglob("*.py"))


def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))


def names(file: Path) -> str:
    return str(file.relative_to(PACKAGE))


# Modules that are in no key


def source(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


def computed(statement: ast.stmt) -> Iterator[str]:
    """What a statement of a left-out module does beyond naming and annotating values."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
            return
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return
        case ast.Assign() | ast.AnnAssign():
            # Another default or bound changes params, which are in the key; a call may do anything else.
            for node in ast.walk(statement.value) if statement.value else ():
                if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] not in MADE:
                    yield ast.unparse(node)
                if isinstance(
                    node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
                ):
                    yield ast.unparse(node)
        case ast.ClassDef():
            for inner in statement.body:
                yield from computed(inner)
        case _:
            yield ast.unparse(statement)


MADE = {"Field", "ConfigDict", "field", *(kind.__name__ for kind in Spec.__subclasses__())}
"""What the value of a field may call: what says more of the field, and settings that are all defaults."""
ALLOWED = {"xaireport.errors": ("__init__", "message")}
"""What a refusal says is in no artefact: how it is put together cannot change one."""


@pytest.mark.parametrize("module", sorted(LEFT_OUT))
def test_a_module_that_is_in_no_key_computes_nothing(module: str) -> None:
    allowed = ALLOWED.get(module, ())
    found = [
        text
        for statement in tree(source(module)).body
        for text in computed(statement)
        if not any(f"def {name}(" in text for name in allowed)
    ]
    assert found == []


# Settings reach a stage through its params, whole


def shipped_nodes() -> dict[str, Node]:
    graph = Graph(Path("reports"))
    for file in sorted(paths.shipped("models").glob("*.toml")):
        study = load_study(file)
        chosen = list(study.variants)
        graph.evidence(study, Located("phantom", (), "phantom"), chosen)
        graph.results(study, chosen)
    return {node.name: node for node in graph.nodes}


READ = {
    "data": (DataSpec, "study"),
    "train": (Recipe, "recipe"),
    "quantise": (Conversion, "conversion"),
    "explain": (ExplainSettings, "explain"),
}


def test_every_field_that_a_stage_reads_of_a_study_is_in_its_params() -> None:
    nodes = shipped_nodes()
    for stage, (kind, key) in READ.items():
        chosen = [node for node in nodes.values() if node.stage == stage]
        assert chosen
        for node in chosen:
            given(kind, node.params[key])
    for node in nodes.values():
        if node.stage == "results":
            given(StudySpec, {**node.params["study"], "folder": ""})


def test_stages_read_settings_whole_or_not_at_all() -> None:
    """Validated by hand, a table may lack a field; its default is in no key."""
    for file in MODULES:
        if file.parent.name == "stages" and file.name != "given.py":
            assert "model_validate" not in file.read_text("utf-8"), names(file)


@pytest.mark.parametrize(
    ("table", "absent"),
    [
        ({"architecture": "cnn2d"}, "options, train, augment"),
        ({**Recipe().model_dump(), "train": {"epochs": 3}}, r"train\.batch_size, train\.optimizer"),
    ],
)
def test_a_field_left_to_its_default_is_refused(table: dict[str, Any], absent: str) -> None:
    with pytest.raises(ConfigError, match=absent):
        given(Recipe, table)


def test_a_field_left_to_its_default_is_refused_inside_a_table_of_tables() -> None:
    study = StudySpec(name="s", variants={"a": VariantSpec(name="a")}).model_dump(mode="json")
    given(StudySpec, study)
    del study["variants"]["a"]["augment"]["zoom"]
    with pytest.raises(ConfigError, match=r"variants\.a\.augment\.zoom"):
        given(StudySpec, study)


def test_quantisation_aware_training_is_told_how_to_train() -> None:
    told = {
        name: node.params["conversion"] for name, node in shipped_nodes().items() if node.stage == "quantise"
    }
    tuned = told["quantise derma.qat"]["fine_tuning"]
    assert tuned["optimizer"] == "adam"
    assert {each["fine_tuning"] is None for name, each in told.items() if each["mode"] != "qat"} == {True}


# Which change of which file makes which stage run again


STAGES = sorted(
    file.stem
    for file in (PACKAGE / "stages").glob("*.py")
    if any(isinstance(each, ast.FunctionDef) and each.name == "run" for each in tree(file).body)
)
Closures = dict[str, dict[str, str]]


CACHE = HashCache(Path("absent.json"))


def closures() -> Closures:
    hasher = CodeHasher(CACHE)
    return {stage: hasher.closure([f"xaireport.stages.{stage}"]) for stage in STAGES}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, bytes]:
    """The files of a copy of the package, and what they hold."""
    root = tmp_path_factory.mktemp("copy") / "xaireport"
    shutil.copytree(PACKAGE, root, ignore=shutil.ignore_patterns("__pycache__"))
    return {file: file.read_bytes() for file in root.rglob("*") if file.is_file()}


@pytest.fixture
def copy(sources: dict[Path, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package's source once more, to be edited; what is hashed is the copy."""
    root = next(file.parent for file in sources if file.parent.name == "xaireport")
    monkeypatch.setattr(xaireport, "__path__", [str(root)])
    yield root
    for file, content in sources.items():
        if file.read_bytes() != content:
            file.write_bytes(content)


@pytest.fixture
def before(copy: Path) -> Closures:
    return closures()


def touched(before: Closures) -> set[str]:
    """The stages whose code is another than before."""
    return {stage for stage, closure in closures().items() if closure != before[stage]}


def edit(file: Path, change: Callable[[str], str]) -> None:
    text = file.read_text("utf-8")
    assert change(text) != text, file
    file.write_text(change(text), "utf-8")


def reworded(text: str) -> str:
    """Source with every string of every error another."""
    module = ast.parse(text)
    for node in ast.walk(module):
        if isinstance(node, ast.Raise):
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    part.value += " in other words"
    return ast.unparse(module)


def documented(text: str) -> str:
    """Source with a comment, and other words in the docstring of the module and of all it holds."""
    module = ast.parse(text)
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            old = ast.get_docstring(node, clean=False)
            new = ast.Expr(ast.Constant(f"{old} Said otherwise."))
            node.body[: old is not None] = [new]
    return "# A comment.\n" + ast.unparse(ast.fix_missing_locations(module))


@pytest.mark.parametrize("change", [reworded, documented], ids=["errors", "documentation"])
def test_words_that_no_artefact_holds_make_nothing_run(
    copy: Path, before: Closures, change: Callable[[str], str]
) -> None:
    changed = 0
    for file in copy.rglob("*.py"):
        text = file.read_text("utf-8")
        changed += "raise " in text
        file.write_text(change(text), "utf-8")
    assert changed > 60
    assert touched(before) == set()


DATA_FILES = {
    "data/medmnist.json": {"data"},
    "report/methods.toml": {"results"},
    "report/crosswalk.toml": {"results"},
    "report/results_schema.json": {"results"},
    "cli/study_template.toml": set(),  # what `xaireport new` copies: no stage reads it
}


def test_every_data_file_of_the_package_is_known() -> None:
    found = {names(file) for file in PACKAGE.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    others = {name for name in found if not name.endswith(".py") and not name.startswith("_bundled/")}
    assert others == DATA_FILES.keys()


@pytest.mark.parametrize("name", DATA_FILES)
def test_a_data_file_is_code_of_what_names_it(copy: Path, before: Closures, name: str) -> None:
    edit(copy / name, lambda text: text + "\n")
    assert touched(before) == DATA_FILES[name]


def test_two_class_names_swapped_make_the_data_anew(copy: Path, before: Closures) -> None:
    swap = {"melanoma": "melanocytic nevi", "melanocytic nevi": "melanoma"}
    edit(
        copy / "data" / "medmnist.json",
        lambda text: re.sub('"(melanoma|melanocytic nevi)"', lambda found: f'"{swap[found[1]]}"', text),
    )
    assert touched(before) == {"data"}  # what follows reads its files, which are others then


def test_another_default_of_a_study_is_seen_in_params_and_not_in_code(copy: Path, before: Closures) -> None:
    edit(copy / "spec.py", lambda text: text.replace("1e-3", "2e-3"))
    assert touched(before) == set()


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("Cost", {"cost", "results"}),
        ("Reliability", {"evaluate", "results"}),
        ("TrainingRecord", {"train", "quantise", "results"}),
        ("Comparisons", {"pairs", "results"}),
        ("Trust", {"trust", "results"}),
        ("DataAudit", {"audit", "results"}),
    ],
)
def test_a_new_field_is_code_of_what_imports_its_type(
    copy: Path, before: Closures, name: str, stages: set[str]
) -> None:
    (file,) = (each for each in copy.glob("types/*.py") if f"class {name}:" in each.read_text("utf-8"))
    edit(
        file,
        lambda text: re.sub(
            rf'(class {name}:\n    """.*?"""\n)', r"\1    another: int\n", text, flags=re.DOTALL
        ),
    )
    assert touched(before) == stages


def test_a_type_counts_with_every_type_that_it_holds(before: Closures) -> None:
    """As the interpreter resolves the annotations, whatever the syntax tree looks like."""
    import dataclasses
    import typing

    from xaireport import types

    def held(kind: Any) -> Iterator[type]:
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            yield kind
            for inner in typing.get_type_hints(kind, localns={"np": Any, "NDArray": list}).values():
                yield from held(inner)
        for inner in typing.get_args(kind):
            yield from held(inner)

    for name in ("Trust", "DataAudit", "Evaluation", "Comparisons", "Quantisation", "Dataset", "Pictures"):
        for kind in held(getattr(types, name)):
            assert f"{kind.__module__}: {kind.__qualname__}" in before["results"], (name, kind)


HEATMAPS = ("nn.gradients", "nn.keras_classifier", "nn.runtime", "nn.vis", "nn.tflite.head",
            "nn.tflite.classifier", "nn.tflite.shuffle", "explain", "report")  # fmt: skip


@pytest.mark.parametrize("stage", ["train", "quantise", "predict", "evaluate", "cost"])
def test_what_makes_heatmaps_is_no_code_of_what_needs_none(before: Closures, stage: str) -> None:
    found = {module.removeprefix("xaireport.") for module in before[stage]}
    assert not {module for module in found if f"{module}.".startswith(tuple(f"{name}." for name in HEATMAPS))}
    assert "nn.flat" not in found or stage == "predict"  # its summary lists the layers of the flat copy


@pytest.mark.parametrize("name", ["nn/gradients.py", "nn/vis.py", "nn/tflite/head.py", "explain/cam.py"])
def test_what_makes_heatmaps_is_code_of_what_looks_at_them(copy: Path, before: Closures, name: str) -> None:
    edit(copy / name, lambda text: f"{text}\n_MORE = 1\n")
    also = {"results"} if name == "explain/cam.py" else set()
    assert touched(before) == {"explain", "trust"} | also


PRESENTATION = ("charts", "comparison", "document", "evidence", "figures", "format", "formats", "html",
                "images", "inline", "markdown", "pages", "pdf", "plotting", "plugins", "sections", "style",
                "summary", "svg", "verdict", "words")  # fmt: skip


def test_how_a_page_looks_is_no_code_of_the_evidence(before: Closures) -> None:
    found = {module.removeprefix("xaireport.report.").split(".")[0] for module in before["results"]}
    assert not found & set(PRESENTATION)
    assert {"pairs", "labels", "numerals"} <= found


@pytest.mark.parametrize(
    ("name", "change", "stages"),
    [
        ("words", lambda text: text.replace("✓", "✔").replace("✗", "✘"), set()),
        ("format", lambda text: text.replace("ms", "msec"), set()),
        ("labels", lambda text: text.replace("balanced accuracy", "mean recall"), {"results"}),
        ("numerals", lambda text: text.replace("value, 3", "value, 4"), {"results"}),
    ],
)
def test_another_tick_keeps_the_evidence_and_another_word_in_its_sentences_does_not(
    copy: Path, before: Closures, name: str, change: Callable[[str], str], stages: set[str]
) -> None:
    edit(copy / "report" / f"{name}.py", change)
    assert touched(before) & set(EVIDENCE) == stages


def test_the_evidence_digest_hashes_the_stages_whose_code_is_tested_here() -> None:
    assert tuple(f"xaireport.stages.{stage}" for stage in EVIDENCE) == EVIDENCE_CODE


def test_types_are_definitions_alone() -> None:
    """What counts by name must not depend on a statement that has none."""
    for file in (PACKAGE / "types").glob("*.py"):
        for statement in tree(file).body:
            assert isinstance(
                statement, ast.Import | ast.ImportFrom | ast.Expr | ast.Assign | ast.AnnAssign | ast.ClassDef
            ) or (isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"), names(
                file
            )


def caught(module: ast.Module) -> Iterator[str]:
    """Where a module does more with one of our errors than raise it again, or ask where it happened."""
    for handler in ast.walk(module):
        if isinstance(handler, ast.ExceptHandler) and re.search(
            r"Error|Exception", ast.unparse(handler.type or handler)
        ):
            raised = {id(n) for r in ast.walk(handler) if isinstance(r, ast.Raise) for n in ast.walk(r)}
            places = {
                id(n.value) for n in ast.walk(handler) if isinstance(n, ast.Attribute) and n.attr == "where"
            }
            for node in ast.walk(handler):
                if isinstance(node, ast.Name) and node.id == handler.name and id(node) not in raised | places:
                    yield f"{ast.unparse(handler.type or handler)}, line {node.lineno}"


FOREIGN = {
    "study/file.py": "pydantic's and the decoder's",
    "study/overrides.py": "the TOML parser's, told to whoever typed --set: no stage reads it",
    "data/download.py": "of requests",
    "nn/zoo.py": "Keras'",
    "nn/opening.py": "Keras'",
    "nn/tflite/aware.py": "TensorFlow's",
    "report/html.py": "Jinja's",
}
"""Modules that look into the errors of a library, which is in the key by its version."""


def test_no_word_of_an_error_reaches_an_artefact() -> None:
    """The words of errors are in no key, so nothing that a stage stores may hold them."""
    for file in MODULES:
        name = names(file)
        if not name.startswith(("cli/", "engine/", "pipeline.py")):  # they tell them to people
            found = list(caught(tree(file)))
            assert bool(found) == (name in FOREIGN), (name, found)


# Files that a module reads are beside it, under a name that its source spells out


OWN_FOLDER = {
    "paths.py": "finds templates and shipped studies: the first are inputs of every page, the second go "
    "into params",
    "engine/code.py": "finds the source that it hashes",
    "nn/tflite/cost.py": "runs a module of its own as a script: it imports it, so it is code",
}
"""Modules that ask where the package lies in another way, and why that is no hole."""
ASKS = {"__file__", "__path__"}
FINDERS = ("importlib.resources", "importlib.util", "pkgutil", "inspect")


def asks_where_it_lies(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in ASKS
        case ast.Import(names=imported):
            return any(each.name.startswith(FINDERS) for each in imported)
        case ast.ImportFrom(module=module, names=imported):
            asked = {f"{module}.{each.name}" for each in imported} - {"inspect.signature", "inspect.cleandoc"}
            return any(each.startswith(FINDERS) for each in asked)
    return False


def test_every_file_that_a_module_reads_beside_it_has_a_literal_name() -> None:
    for file in MODULES:
        module = tree(file)
        beside = {
            id(name)
            for node in ast.walk(module)
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "with_name"
            if (named := re.fullmatch(r"Path\(__file__\)\.with_name\('([^']+)'\)", ast.unparse(node)))
            and (file.parent / named[1]).is_file()
            for name in ast.walk(node)
        }
        asks = [ast.unparse(n) for n in ast.walk(module) if asks_where_it_lies(n) and id(n) not in beside]
        assert bool(asks) == (names(file) in OWN_FOLDER), (names(file), asks)


def test_templates_are_inputs_of_every_page() -> None:
    study = load_study(paths.shipped("models") / "derma.toml")
    graph = Graph(Path("reports"))
    chosen = list(study.variants)
    graph.evidence(study, Located("phantom", (), "phantom"), chosen)
    graph.pages(study.name, {name: {} for name in chosen}, graph.results(study, chosen))
    folder = paths.shipped("templates")
    pages = [
        node for node in graph.nodes if "xaireport.report.html" in "".join(node.code) or node.stage == "page"
    ]
    assert pages
    for node in pages:
        assert any(each.path and each.path.is_relative_to(folder) for each in node.inputs.values()), node.name


# The table in docs/cache.md


def test_neither_the_machine_nor_its_environment_is_in_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def keys() -> dict[str, str]:
        return {name: key_of(key_parts(node, {}, {}, {}, {})) for name, node in shipped_nodes().items()}

    first = keys()
    for variable in ("TF_ENABLE_ONEDNN_OPTS", "CUDA_VISIBLE_DEVICES", "TZ", "LANG", "SOURCE_DATE_EPOCH"):
        monkeypatch.setenv(variable, "0")
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    monkeypatch.setattr("platform.machine", lambda: "another")
    assert keys() == first


def test_every_row_of_the_documented_table_names_the_test_that_holds_it() -> None:
    root = PACKAGE.parent
    text = (root / "docs" / "cache.md").read_text("utf-8")
    rows = re.findall(r"^\| .* \| .* \| `(.+?)::(\w+)` \|$", text, re.MULTILINE)
    assert len(rows) == len([line for line in text.splitlines() if line.startswith("|")]) - 2 > 20
    for file, name in rows:
        assert f"def {name}(" in (root / file).read_text("utf-8"), (file, name)
