"""What counts as the code of a stage: all that can change its result, and nothing else."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import xaireport
from xaireport import paths
from xaireport.engine.code import LEFT_OUT
from xaireport.engine.node import Node
from xaireport.errors import ConfigError
from xaireport.graph import Graph
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
