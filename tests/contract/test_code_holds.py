"""What counts as the code of a stage: all that can change its result, and nothing else."""

from __future__ import annotations

import ast
import builtins
import importlib.metadata
import importlib.util
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import xaireport
from xaireport import resources
from xaireport.engine.code import LEFT_OUT, CodeHasher
from xaireport.engine.hashes import HashCache
from xaireport.engine.keys import key_of, key_parts
from xaireport.engine.node import Node
from xaireport.errors import ConfigError
from xaireport.pipeline import params
from xaireport.pipeline.builder import Builder
from xaireport.pipeline.graph import EVIDENCE_CODE, add_evidence, add_results
from xaireport.pipeline.inputs import needed_by_card
from xaireport.pipeline.pages import add_index, add_pages
from xaireport.pipeline.stages.given import given
from xaireport.study.load import load_study
from xaireport.study_schema import Recipe, Spec, StudySpec, VariantSpec
from xaireport.types.data import Located

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


def computed(module: ast.Module) -> Iterator[str]:
    """What a left-out module does beyond naming and annotating values.

    Another default or bound changes params, which are in the key; a function may do anything else.
    """
    imported = {
        alias.asname or alias.name
        for node in ast.walk(module)
        if isinstance(node, ast.Import | ast.ImportFrom) and getattr(node, "module", "") not in LEFT_OUT
        for alias in node.names
    } - KINDS
    for statement in module.body:
        yield from computed_by(statement, imported)


def computed_by(statement: ast.stmt, imported: set[str]) -> Iterator[str]:
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant(value=str())):
            return
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            for inner in statement.orelse:
                yield from computed_by(inner, imported)
        case ast.Assign(targets=targets, value=value):
            yield from (ast.unparse(each) for each in targets if not isinstance(each, ast.Name))
            yield from evaluated(value, imported)
        case ast.AnnAssign(annotation=annotation, value=value):
            for part in (annotation, *([value] if value else [])):
                yield from evaluated(part, imported)
        case ast.ClassDef(bases=bases, keywords=keywords, decorator_list=decorators):
            yield from (ast.unparse(each) for each in bases if not isinstance(each, ast.Name | ast.Attribute))
            yield from (ast.unparse(each) for each in keywords)  # a metaclass, arguments of __init_subclass__
            for decorator in decorators:
                if not re.fullmatch(
                    r"dataclass(\(((frozen|slots|kw_only)=True(, )?)*\))?", ast.unparse(decorator)
                ):
                    yield ast.unparse(decorator)
            for inner in statement.body:
                yield from computed_by(inner, imported)
        case _:
            yield ast.unparse(statement)


def evaluated(value: ast.expr, imported: set[str]) -> Iterator[str]:
    """What an annotation or a value calls, or refers to, that may be a function."""
    for node in ast.walk(value):
        match node:
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords) if name in MADE:
                yield from (ast.unparse(each) for each in arguments if not constant(each))
                for keyword in keywords:
                    factory = keyword.arg == "default_factory"
                    if not (ast.unparse(keyword.value) in BUILTINS if factory else constant(keyword.value)):
                        yield ast.unparse(keyword)
            case ast.Call() | ast.Lambda() | ast.NamedExpr() | ast.Await() | ast.Yield() | ast.YieldFrom():
                yield ast.unparse(node)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp() | ast.JoinedStr():
                yield ast.unparse(node)
            case ast.Name(id=name) if name in imported:
                yield name
            case ast.Name(id=name) if hasattr(builtins, name) and name not in BUILTINS:
                yield name


def constant(value: ast.expr) -> bool:
    """Whether it is spelled out, with nothing to look up."""
    return not any(isinstance(node, ast.Name | ast.Call | ast.Lambda) for node in ast.walk(value))


KINDS = {
    "Annotated",
    "Any",
    "BaseModel",
    "Callable",
    "ClassVar",
    "Literal",
    "Mapping",
    "Path",
    "errno",
    "ConfigDict",
    "Field",
    "field",
    "Failure",
    "XaiReportError",
}
"""Imported names that are types, say more of a field, or hold numbers: values of these compute nothing."""
BUILTINS = {"bool", "dict", "float", "int", "list", "object", "set", "str", "tuple"}
MADE = {"Field", "ConfigDict", "field", *(kind.__name__ for kind in Spec.__subclasses__())}
"""What the value of a field may call: what says more of the field, and settings that are all defaults."""
ALLOWED = {"xaireport.errors": ("__init__", "message")}
"""What a refusal says is in no artefact: how it is put together cannot change one."""


@pytest.mark.parametrize("module", sorted(LEFT_OUT))
def test_a_module_that_is_in_no_key_computes_nothing(module: str) -> None:
    allowed = ALLOWED.get(module, ())
    found = [
        text for text in computed(tree(source(module))) if not any(f"def {name}(" in text for name in allowed)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "x: Annotated[int, AfterValidator(f)]",
        "x: Annotated[int, f]",
        "x: Annotated[int, Field(gt=f)]",
        "x: Annotated[int, Field(gt=f())]",
        "X = Annotated[int, BeforeValidator(lambda x: x)]",
        "X = Annotated[int, f]",
        "x: make()",
        "x: int = make()",
        "x: int = f",
        "x = f",
        "x = (1, {'a': f})",
        "x = module.f",
        "x = sorted",
        "x: int = Field(default_factory=f)",
        "x: int = Field(default_factory=lambda: 1)",
        "x: int = Field(default_factory=module.f)",
        "x: int = field(default_factory=sorted)",
        "x: int = Field(f)",
        "x: int = module.Field(1)",
        "x = [y for y in (1, 2)]",
        "x = f'{1}'",
        "x = y = z[0] = 1",
        "x += 1",
        "def g(): ...",
        "class A:\n    def g(self): ...",
        "class A:\n    x = f",
        "class A:\n    class B(make()): ...",
        "class A(make()): ...",
        "class A(*bases): ...",
        "class A(B[f()]): ...",
        "class A(metaclass=M): ...",
        "class A(B, extra=1): ...",
        "@f\nclass A: ...",
        "@dataclass(frozen=f())\nclass A: ...",
        "@dataclass\n@total_ordering\nclass A: ...",
        "if TYPE_CHECKING:\n    import os\nelse:\n    def os(): ...",
        "if TYPE_CHECKING:\n    import os\nelif f():\n    x = 1",
        "if f():\n    x = 1",
        "f()",
        "try:\n    import a\nexcept ImportError:\n    a = 1",
        "for x in (1, 2): ...",
    ],
)
def test_what_could_compute_in_a_module_of_values_is_found(text: str) -> None:
    names = "from elsewhere import AfterValidator, BeforeValidator, f, make, total_ordering\nimport module\n"
    assert list(computed(ast.parse(names + text))), text


@pytest.mark.parametrize(
    "text",
    [
        "x: Annotated[int, Field(gt=0, le=2.5)] = 1",
        "x: dict[str, tuple[int, ...] | None] = Field(default_factory=dict)",
        "x: Callable[[Path], None] = field(default_factory=list)",
        "X = Literal['a', 'b']",
        "x: TrainSettings = TrainSettings()",
        "x = {errno.ENOSPC: ('a', 'b')}",
        "@dataclass(frozen=True)\nclass A(B):\n    'Doc.'\n    x: int = 1\n    'More.'",
        "if TYPE_CHECKING:\n    import os\nelse:\n    import os",
    ],
)
def test_values_and_their_kinds_compute_nothing(text: str) -> None:
    names = "from elsewhere import Annotated, Callable, Field, Literal, Path, field\nimport errno\n"
    assert list(computed(ast.parse(names + text))) == []


# Settings reach a stage through its params, whole


def shipped_nodes() -> dict[str, Node]:
    builder = Builder(Path("reports"))
    for file in sorted(resources.shipped("models").glob("*.toml")):
        study = load_study(file)
        chosen = list(study.variants)
        add_evidence(builder, study, Located("phantom", (), "phantom"), chosen)
        add_results(builder, study, chosen)
    return {node.name: node for node in builder.nodes if isinstance(node, Node)}


TOLD = {each.stage: each for each in params.Params.__subclasses__()}


def test_every_field_of_its_parameters_is_in_the_key_of_a_node() -> None:
    nodes = shipped_nodes()
    assert {node.stage for node in nodes.values()} == TOLD.keys() - {"page", "manifest"}
    for node in nodes.values():
        given(TOLD[node.stage], node.params)


@pytest.mark.parametrize("stage", TOLD)
def test_a_parameter_that_is_misspelt_or_left_out_is_refused(stage: str) -> None:
    kind = TOLD[stage]
    table = next((node.params for node in shipped_nodes().values() if node.stage == stage), {})
    with pytest.raises(ConfigError, match="mispelt"):
        given(kind, {**table, "mispelt": 1})
    for name in kind.model_fields:
        with pytest.raises(ConfigError, match=name):
            given(kind, {key: value for key, value in table.items() if key != name})


def test_a_stage_is_told_its_own_parameters_and_no_others() -> None:
    found = set()
    for file in (PACKAGE / "pipeline" / "stages").glob("*.py"):
        calls = {
            ast.unparse(node.args[0])
            for node in ast.walk(tree(file))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "given"
        }
        assert calls <= {f"params.{kind.__name__}" for stage, kind in TOLD.items() if stage == file.stem}, (
            file
        )
        found |= calls
    silent = {"Agreement", "Figures", "Manifest"}  # they have none
    assert found == {f"params.{kind.__name__}" for kind in TOLD.values()} - {
        f"params.{each}" for each in silent
    }
    assert not any(getattr(params, name).model_fields for name in silent)


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


# Packages that a step uses are in its key by their versions


NOT_ITS_OWN = {
    ("", "pydantic"): "it checks settings, which are in params as they come out of it",
    ("html", "tinycss2"): "only fragments have their style sheet taken apart",
    ("pdf", "tinycss2"): "only fragments have their style sheet taken apart",
}
"""Distributions that a step's modules import and its key does not name, of steps whose names begin so."""


@cache
def importers() -> dict[str, set[str]]:
    """The functions of `nn/backend.py` that import by a computed name, and what they import."""
    functions = {
        each.name: each
        for each in tree(PACKAGE / "nn" / "backend.py").body
        if isinstance(each, ast.FunctionDef) and each.name.startswith("import_")
    }

    def of(name: str) -> set[str]:
        calls = [node for node in ast.walk(functions[name]) if isinstance(node, ast.Call)]
        return {
            module
            for call in calls
            for module in (
                [ast.literal_eval(call.args[0])]
                if ast.unparse(call.func) == "_import"
                else of(ast.unparse(call.func))
                if ast.unparse(call.func) in functions
                else []
            )
        }

    found = {name: of(name) for name in functions}
    assert all(found.values())
    return found


@cache
def foreign(module: str) -> set[str]:
    """The top-level names that a module imports from elsewhere, in functions too, and by computed names."""
    whole = tree(source(module))
    typing = {
        id(node)
        for block in ast.walk(whole)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    found = set()
    for node in ast.walk(whole):
        if id(node) in typing:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module)
            if node.module == "xaireport.nn.backend":
                for alias in node.names:
                    found |= importers().get(alias.name, set())
    tops = {name.partition(".")[0] for name in found}
    return tops - {"xaireport"} - sys.stdlib_module_names


def canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def whole_graph() -> list[Node]:
    builder = Builder(Path("reports"))
    results = {}
    for file in sorted(resources.shipped("models").glob("*.toml")):
        study = load_study(file)
        chosen = list(study.variants)
        add_evidence(builder, study, Located("phantom", (), "phantom"), chosen)
        made = add_results(builder, study, chosen)
        results[study.name] = made["results"]
        add_pages(builder, study.name, {name: needed_by_card(study, name) for name in chosen}, made)
    add_index(builder, results)
    return [node for node in builder.nodes if isinstance(node, Node)]


def test_every_package_that_the_code_of_a_step_imports_is_in_its_key() -> None:
    installed = importlib.metadata.packages_distributions()
    hasher = CodeHasher(CACHE)
    excused, seen = set(), set()
    for node in whole_graph():
        kind = node.name.partition(" ")[0]
        named = {canonical(package) for package in node.packages}
        if (kind, node.packages, node.code) in seen:
            continue
        seen.add((kind, node.packages, node.code))
        modules = {each.partition(":")[0] for each in hasher.closure(node.code)}
        for module in sorted(modules):
            for top in foreign(module):
                ours = {canonical(each) for each in installed.get(top, [top])}
                excuses = {(prefix, each) for prefix in ("", kind) for each in ours} & NOT_ITS_OWN.keys()
                excused |= excuses
                assert ours & named or excuses, (node.name, module, top)
    assert {kind for kind, *_ in seen} >= {*EVIDENCE, "figures", "html", "pdf", "md", "fragment"}
    assert excused == NOT_ITS_OWN.keys()


DRAW = {"pillow"}
"""Packages of a step that make its pictures: the evidence digest does without them."""


def test_the_evidence_names_the_versions_that_are_in_its_key() -> None:
    computing = {
        package
        for node in whole_graph()
        if node.stage in EVIDENCE and node.stage != "results"
        for package in node.packages
    }
    for node in whole_graph():
        if node.stage == "results":
            told, drawing = set(node.params["of_evidence"]), set(node.params["of_pages"])
            assert told | drawing <= set(node.packages)
            assert computing - told == DRAW
            assert drawing.isdisjoint(told)
            assert node.params["python"] == platform.python_version()


def test_computed_imports_of_packages_are_seen_as_well() -> None:
    assert importers()["import_tf_keras"] == {"tensorflow", "tf_keras"}
    assert {"tf_keras", "tensorflow_model_optimization"} <= {
        top for file in (PACKAGE / "nn" / "tflite").glob("*.py") for top in foreign(dotted(file))
    }


# Which words about the data a step may read


def dotted(file: Path) -> str:
    return ".".join(("xaireport", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def words_read(module: ast.Module) -> Iterator[str]:
    """Of what is said about a data set, all but how many classes there are.

    Their number is in the file of arrays as well, their names in a file of their own.
    """
    counted = {
        id(node.args[0])
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "len" and node.args
    }
    parents = {id(child): node for node in ast.walk(module) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and node.attr == "info" and isinstance(node.ctx, ast.Load):
            parent = parents[id(node)]
            if id(parent) not in counted:
                yield ast.unparse(parent) if isinstance(parent, ast.Attribute) else ast.unparse(node)


def test_a_step_reads_no_word_about_the_data_that_is_not_its_input() -> None:
    """Arrays are opened together with what is said about them, whatever the inputs are."""
    hasher = CodeHasher(CACHE)
    checked = set()
    for node in shipped_nodes().values():
        files = {each.file for each in node.inputs.values()}
        if node.stage == "data" or "dataset.json" in files or node.stage in checked:
            continue
        checked.add(node.stage)
        modules = {each.partition(":")[0] for each in hasher.closure(node.code)}
        if "xaireport.data.canonical" not in modules:
            continue
        for module in modules - {"xaireport.data.canonical"}:
            found = {text.rpartition(".info")[2] for text in words_read(tree(source(module)))}
            assert found <= ({".classes"} if "classes.json" in files else set()), (node.name, module)
    assert checked >= {"train", "quantise", "predict", "trust", "audit", "explain", "evaluate", "agreement"}


# Which change of which file makes which stage run again


STAGES = sorted(
    file.stem
    for file in (PACKAGE / "pipeline" / "stages").glob("*.py")
    if any(isinstance(each, ast.FunctionDef) and each.name == "run" for each in tree(file).body)
)
EVIDENCE = [code.rpartition(".")[2] for code in EVIDENCE_CODE]
Closures = dict[str, dict[str, str]]


CACHE = HashCache(Path("absent.json"))


def closures() -> Closures:
    hasher = CodeHasher(CACHE)
    return {stage: hasher.closure([f"xaireport.pipeline.stages.{stage}"]) for stage in STAGES}


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


def errors(module: ast.Module) -> Iterator[ast.AST]:
    """What is raised, and errors that are made elsewhere."""
    for node in ast.walk(module):
        made = isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2].endswith("Error")
        if made or isinstance(node, ast.Raise):
            yield node


def reworded(text: str) -> str:
    """Source with every string of every error another."""
    module = ast.parse(text)
    for error in errors(module):
        for part in ast.walk(error):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                part.value += " in other words"
    return ast.unparse(module)


def hinted(text: str) -> str:
    """Source in which every error that is called says one thing more."""
    module = ast.parse(text)
    for error in errors(module):
        call = error.exc if isinstance(error, ast.Raise) else error
        if isinstance(call, ast.Call):
            call.args.append(ast.Constant("Do something else."))
            call.keywords.append(ast.keyword("hint", ast.parse("f'{call!r}'", mode="eval").body))
    return ast.unparse(ast.fix_missing_locations(module))


class Formatted(ast.NodeTransformer):
    """Strings become f-strings that convert a value, and f-strings strings."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return (
            ast.parse('f"{self!r} of {text:>3}"', mode="eval").body if isinstance(node.value, str) else node
        )

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        return ast.parse('"a word" if text else "another"', mode="eval").body


def formatted(text: str) -> str:
    """Source with the strings of every error made in another way."""
    module = ast.parse(text)
    for error in errors(module):
        Formatted().generic_visit(error)
    return ast.unparse(ast.fix_missing_locations(module))


def documented(text: str) -> str:
    """Source with a comment, and other words in the docstring of the module and of all it holds."""
    module = ast.parse(text)
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            old = ast.get_docstring(node, clean=False)
            new = ast.Expr(ast.Constant(f"{old} Said otherwise."))
            node.body[: old is not None] = [new]
    return "# A comment.\n" + ast.unparse(ast.fix_missing_locations(module))


@pytest.mark.parametrize("change", [reworded, hinted, formatted, documented])
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


def test_what_is_said_of_a_refusal_makes_nothing_run(copy: Path, before: Closures) -> None:
    module = tree(copy / "errors.py")
    tables = [node for node in module.body if isinstance(node, ast.Assign)]
    assert {ast.unparse(node.targets[0]) for node in tables} == {"REFUSALS", "OTHER_REFUSAL"}
    for part in (part for table in tables for part in ast.walk(table)):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            part.value += " in other words"
    (copy / "errors.py").write_text(ast.unparse(module), "utf-8")
    assert touched(before) == set()


DATA_FILES = {
    "data/sources/medmnist.json": {"data"},
    "results/methods.toml": {"results"},
    "results/notes.toml": {"results"},
    "results/crosswalk.toml": {"results"},
    "results/results_schema.json": {"results"},
    "cli/study_template.toml": set(),  # what `xaireport new` copies: no stage reads it
}


def test_every_data_file_of_the_package_is_known() -> None:
    found = {names(file) for file in PACKAGE.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    others = {name for name in found if not name.endswith(".py") and not name.startswith("_bundled/")}
    assert others - {"py.typed"} == DATA_FILES.keys()  # that one is read by type checkers alone


@pytest.mark.parametrize("name", DATA_FILES)
def test_a_data_file_is_code_of_what_names_it(copy: Path, before: Closures, name: str) -> None:
    edit(copy / name, lambda text: text + "\n")
    assert touched(before) == DATA_FILES[name]


def test_two_class_names_swapped_make_the_data_anew(copy: Path, before: Closures) -> None:
    swap = {"melanoma": "melanocytic nevi", "melanocytic nevi": "melanoma"}
    edit(
        copy / "data" / "sources" / "medmnist.json",
        lambda text: re.sub('"(melanoma|melanocytic nevi)"', lambda found: f'"{swap[found[1]]}"', text),
    )
    assert touched(before) == {"data"}  # what follows reads its files, which are others then


def test_another_default_of_a_study_is_seen_in_params_and_not_in_code(copy: Path, before: Closures) -> None:
    edit(copy / "study_schema.py", lambda text: text.replace("1e-3", "2e-3"))
    assert touched(before) == set()


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("Cost", {"cost", "results"}),
        ("Reliability", {"evaluate", "results"}),
        ("TrainingRecord", {"train", "quantise", "results"}),
        ("Comparisons", {"comparison", "results"}),
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

    from xaireport.types.audit import DataAudit
    from xaireport.types.comparison import Comparisons
    from xaireport.types.data import Dataset
    from xaireport.types.device import Quantisation
    from xaireport.types.evidence import Evaluation
    from xaireport.types.pictures import Pictures
    from xaireport.types.trust import Trust

    def held(kind: Any) -> Iterator[type]:
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            yield kind
            for inner in typing.get_type_hints(kind, localns={"np": Any, "NDArray": list}).values():
                yield from held(inner)
        for inner in typing.get_args(kind):
            yield from held(inner)

    for stored in (Trust, DataAudit, Evaluation, Comparisons, Quantisation, Dataset, Pictures):
        for kind in held(stored):
            assert f"{kind.__module__}: {kind.__qualname__}" in before["results"], (stored, kind)


HEATMAPS = (
    "nn.classifier", "nn.keras.classifier", "nn.keras.gradients", "nn.keras.tf_keras_vis",
    "nn.tflite.classifier", "nn.tflite.head_gradients", "nn.tflite.shuffle", "explain", "report",
)  # fmt: skip


@pytest.mark.parametrize("stage", ["train", "quantise", "predict", "evaluate", "cost"])
def test_what_makes_heatmaps_is_no_code_of_what_needs_none(before: Closures, stage: str) -> None:
    for name in HEATMAPS:  # none has moved away
        path = PACKAGE / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name
    found = {module.removeprefix("xaireport.") for module in before[stage]}
    assert not {module for module in found if f"{module}.".startswith(tuple(f"{name}." for name in HEATMAPS))}
    assert (
        "nn.keras.flatten" not in found or stage == "predict"
    )  # its summary lists the layers of the flat copy


@pytest.mark.parametrize(
    "name",
    [
        "nn/keras/gradients.py",
        "nn/keras/tf_keras_vis.py",
        "nn/tflite/head_gradients.py",
        "explain/methods/cam.py",
    ],
)
def test_what_makes_heatmaps_is_code_of_what_looks_at_them(copy: Path, before: Closures, name: str) -> None:
    edit(copy / name, lambda text: f"{text}\n_MORE = 1\n")
    also = {"results"} if name == "explain/methods/cam.py" else set()
    assert touched(before) == {"explain", "trust"} | also


def test_how_a_page_looks_is_no_code_of_the_evidence(before: Closures) -> None:
    assert not [module for module in before["results"] if f"{module}.".startswith("xaireport.report.")]
    assert {f"xaireport.results.{name}" for name in ("comparisons", "labels", "numerals")} <= set(
        before["results"]
    )


@pytest.mark.parametrize(
    ("name", "change", "stages"),
    [
        ("report/document/phrases.py", lambda text: text.replace("✓", "✔").replace("✗", "✘"), set()),
        ("report/document/format.py", lambda text: text.replace("ms", "msec"), set()),
        ("types/metrics.py", lambda text: text.replace("balanced accuracy", "mean recall"), {"results"}),
        ("types/metrics.py", lambda text: text.replace("roc_auc", "auroc_at_the_hub"), set()),
        ("types/explainers.py", lambda text: text.replace("Grad-CAM", "GradCAM"), set()),
        ("results/labels.py", lambda text: text.replace("none", "nothing"), {"results"}),
        ("results/numerals.py", lambda text: text.replace("value, 3", "value, 4"), {"results"}),
    ],
)
def test_another_tick_keeps_the_evidence_and_another_word_in_its_sentences_does_not(
    copy: Path, before: Closures, name: str, change: Callable[[str], str], stages: set[str]
) -> None:
    edit(copy / name, change)
    assert touched(before) & set(EVIDENCE) == stages


def test_the_evidence_digest_hashes_the_stages_whose_code_is_tested_here() -> None:
    assert set(EVIDENCE) == set(STAGES) - {"figures", "manifest", "page"}
    assert tuple(f"xaireport.pipeline.stages.{stage}" for stage in EVIDENCE) == EVIDENCE_CODE


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
    """Where a module does more with an error than raise it again, or ask where it happened.

    Whatever is caught: `except _UNREADABLE as problem` says nothing of whose errors these are.
    """
    for handler in ast.walk(module):
        if isinstance(handler, ast.ExceptHandler) and handler.name:
            raised = {id(n) for r in ast.walk(handler) if isinstance(r, ast.Raise) for n in ast.walk(r)}
            places = {
                id(n.value) for n in ast.walk(handler) if isinstance(n, ast.Attribute) and n.attr == "where"
            }
            for node in ast.walk(handler):
                if isinstance(node, ast.Name) and node.id == handler.name and id(node) not in raised | places:
                    yield f"{ast.unparse(handler.type or handler)}, line {node.lineno}"


FOREIGN = {
    "study/file.py": "pydantic's and the decoder's",
    "pipeline/stages/given.py": "pydantic's: where, none of its words",
    "study/overrides.py": "the TOML parser's, told to whoever typed --set: no stage reads it",
    "data/sources/download.py": "of requests",
    "data/locate.py": "our own, of what is fetched before a build: no stage reads it",
    "nn/zoo.py": "Keras'",
    "nn/keras/opening.py": "Keras'",
    "nn/tflite/qat.py": "TensorFlow's",
    "report/writers/html.py": "Jinja's",
    "files.py": "the system's, told by its number",
}
"""Modules that look into the errors of a library, which is in the key by its version."""


def test_no_word_of_an_error_reaches_an_artefact() -> None:
    """The words of errors are in no key, so nothing that a stage stores may hold them."""
    for file in MODULES:
        name = names(file)
        if not name.startswith(("cli/", "engine/", "pipeline/run.py")):  # they tell them to people
            found = list(caught(tree(file)))
            assert bool(found) == (name in FOREIGN), (name, found)


@pytest.mark.parametrize("kind", ["ValueError", "_UNREADABLE", "KINDS[0]", "(a, b)", "a.Failed", "Exception"])
@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("store(str(problem))", True),
        ("return problem.args", True),
        ("raise StoreError(problem) from problem", False),
        ("note(problem.where)", False),
        ("pass", False),
    ],
)
def test_an_error_is_looked_after_whatever_it_is_called(kind: str, body: str, found: bool) -> None:
    text = f"def f():\n    try:\n        g()\n    except {kind} as problem:\n        {body}\n"
    assert bool(list(caught(ast.parse(text)))) is found


# Files that a module reads are beside it, under a name that its source spells out


OWN_FOLDER = {
    "resources.py": "finds templates and shipped studies: the first are inputs of every page, the second go "
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
    study = load_study(resources.shipped("models") / "derma.toml")
    builder = Builder(Path("reports"))
    chosen = list(study.variants)
    add_evidence(builder, study, Located("phantom", (), "phantom"), chosen)
    add_pages(builder, study.name, {name: {} for name in chosen}, add_results(builder, study, chosen))
    folder = resources.shipped("templates")
    pages = [node for node in builder.nodes if isinstance(node, Node) and node.stage == "page"]
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
