"""Names of nodes, labels of inputs and names of files stand once: elsewhere they are imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import xaireport
from xaireport.pipeline import names, params
from xaireport.types import artefacts, labels

PACKAGE = Path(xaireport.__path__[0])
PIPELINE = sorted(
    file for file in (PACKAGE / "pipeline").rglob("*.py") if file.name not in ("names.py", "params.py")
)
FILES = {text for name, text in vars(artefacts).items() if name.isupper()} - {
    artefacts.ASSETS_FOLDER,
    artefacts.AUDIT_FOLDER,
}
LABELS = {text for name, text in vars(labels).items() if name.isupper()}
STEPS = {each.stage for each in params.Params.__subclasses__()} | {"publish"}


def spelled(module: ast.Module) -> Iterator[str]:
    """Strings of a module that are a name which is to be imported."""
    docstrings = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        match node:
            case ast.Constant(value=str(text)) if text in FILES and id(node) not in docstrings:
                yield text
            case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]) if text.rstrip() in STEPS:
                yield ast.unparse(node)
            case ast.Subscript(
                value=ast.Attribute(attr="inputs" | "failures"), slice=ast.Constant(value=text)
            ):
                yield str(text)
            case ast.Call(
                func=ast.Attribute(attr="get", value=ast.Attribute(attr="inputs" | "failures")),
                args=[ast.Constant(value=text), *_],
            ):
                yield str(text)
            case ast.Compare(left=ast.Constant(value=text), comparators=[ast.Attribute(attr="inputs")]):
                yield str(text)
            case ast.Dict(keys=keys, values=values):
                yield from (
                    key.value
                    for key, value in zip(keys, values, strict=True)
                    if isinstance(key, ast.Constant)
                    and key.value in LABELS
                    and ast.unparse(value).startswith(("Input(", "optional("))
                )


@pytest.mark.parametrize("file", PIPELINE, ids=lambda file: file.stem)
def test_a_name_is_imported_and_not_spelt_again(file: Path) -> None:
    assert list(spelled(ast.parse(file.read_text("utf-8")))) == []


@pytest.mark.parametrize(
    "text",
    [
        "x = folder / 'results.json'",
        "f'train {study}.{variant}'",
        "context.inputs['data']",
        "context.inputs.get('parent')",
        "context.failures['data']",
        "'data' in context.inputs",
        "{'data': Input(a, b)}",
        "{'data': optional(a, b)}",
    ],
)
def test_a_name_that_is_spelt_again_is_found(text: str) -> None:
    assert list(spelled(ast.parse(text)))


def test_each_name_of_a_node_begins_with_its_stage_and_no_two_are_alike() -> None:
    made = {
        names.data("s"), names.audit("s"), names.train("s", "v", 0), names.quantise("s", "v"),
        names.predict("s", "v", 0), names.evaluate("s", "v", 0), names.agreement("s", "v"),
        names.comparison("s"), names.explain("s", "v"), names.trust("s", "v"), names.cost("s"),
        names.results("s"), names.figures("s"), names.manifest("s"),
    }  # fmt: skip
    assert {name.partition(" ")[0] for name in made} == STEPS - {"page", "publish"}


def test_no_two_files_and_no_two_labels_are_alike() -> None:
    for module in (artefacts, labels):
        found = [text for name, text in vars(module).items() if name.isupper()]
        assert len(found) == len(set(found))
