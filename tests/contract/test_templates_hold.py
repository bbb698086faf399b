"""What templates receive is a contract: every field is explained, documented, and nothing else is used.

`pytest --update-golden` writes docs/templates.md anew: read the diff.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, nodes

from xaireport import resources
from xaireport.report.document import blocks
from xaireport.report.writers.html import Here
from xaireport.report.writers.style import Inlined

DOCS = Path(__file__).parents[2] / "docs" / "templates.md"
PARTS = [each for name in blocks.__all__ if dataclasses.is_dataclass(each := getattr(blocks, name))]
FILES = resources.files("templates", first=resources.shipped("templates"))
BLOCKS = {each.kind: each for each in PARTS if f"blocks/{getattr(each, 'kind', '')}.html" in FILES}
KNOWN = {
    "page": blocks.Page,
    "section": blocks.Section,
    "here": Here,
    "style": Inlined,
    "script": Inlined,
}


def helps(kind: type) -> dict[str, tuple[str, str]]:
    """Field -> type and help, from the docstring; a property's from its own."""
    found: dict[str, tuple[str, str]] = {}
    text = inspect.cleandoc(kind.__doc__ or "").partition("Parameters\n----------\n")[2]
    for names, declared, told in re.findall(r"^(\w[\w, ]*) : (.+)\n((?:    .+\n?)+)", text, re.M):
        for name in names.split(", "):
            found[name] = (declared, " ".join(told.split()))
    for name, value in inspect.getmembers(kind):
        if isinstance(value, property):
            found[name] = ("str", " ".join((value.fget.__doc__ or "").split()))
        elif inspect.isfunction(value) and not name.startswith("_"):
            found[f"{name}(file)"] = ("", " ".join((value.__doc__ or "").split()))
    return found


def chapter(kind: type) -> str:
    template = f" · `blocks/{kind.kind}.html`" if getattr(kind, "kind", "") in BLOCKS else ""
    first = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("\n", " ")
    lines = [f"## {kind.__name__}{template}", "", first, "", "| field | type | |", "|---|---|---|"]
    for name, (declared, told) in helps(kind).items():
        lines.append(f"| `{name}` | {declared.replace('|', '/')} | {told} |")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", [*PARTS, Here, Inlined], ids=lambda kind: kind.__name__)
def test_every_field_is_explained(kind: Any) -> None:
    explained = helps(kind)
    assert explained
    for field in dataclasses.fields(kind):
        assert explained[field.name][1].endswith("."), field.name


def test_the_documentation_is_up_to_date(request: pytest.FixtureRequest) -> None:
    written_by_hand = DOCS.read_text("utf-8").partition("\n## ")[0]
    text = written_by_hand + "\n" + "\n".join(chapter(kind) for kind in (blocks.Page, Here, Inlined))
    text += "\n" + "\n".join(chapter(kind) for kind in PARTS if kind is not blocks.Page)
    if request.config.getoption("--update-golden"):
        DOCS.write_text(text, "utf-8")
    assert text == DOCS.read_text("utf-8")


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".html")])
def test_a_template_uses_nothing_that_is_not_promised(name: str) -> None:
    path = FILES[name]
    tree = Environment().parse(path.read_text("utf-8"))
    known = dict(KNOWN)
    if path.parent.name == "blocks":
        known["block"] = known["outer"] = BLOCKS[path.stem]
    used = [
        (node.node.name, node.attr)
        for node in tree.find_all(nodes.Getattr)
        if isinstance(node.node, nodes.Name)
    ]
    for root, attribute in used:
        if root in known and not (root == "block" and path.stem in ("details", "review")):
            assert hasattr(known[root], attribute) or attribute in {
                field.name for field in dataclasses.fields(known[root])
            }, f"{root}.{attribute}"
