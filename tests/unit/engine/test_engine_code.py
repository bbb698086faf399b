"""Which modules count as a node's code, and which changes of their text do."""

from __future__ import annotations

import subprocess
import sys
from modulefinder import ModuleFinder
from pathlib import Path

import pytest

from xaireport.engine.code import LEFT_OUT, CodeHasher
from xaireport.engine.hashes import HashCache
from xaireport.errors import ConfigError, StoreError

PACKAGE = {
    "__init__.py": "def lazy():\n    from zoopkg import huge\n",
    "huge.py": "",
    "train.py": (
        "from __future__ import annotations\n"
        "import os, numpy, zoopkg.plain\n"
        "from typing import TYPE_CHECKING\n"
        "from zoopkg.nn import layers, CONSTANT\n"
        "from zoopkg.nn.deep import *\n"
        "if TYPE_CHECKING:\n    from zoopkg import only_types\n"
        "def fit():\n"
        "    from .inside import helper\n"
        "    try:\n        import zoopkg.absent\n    except ImportError:\n        pass\n"
    ),
    "plain.py": "class A:\n    from zoopkg import in_class\n",
    "in_class.py": "",
    "only_types.py": "",
    "inside.py": "from . import sibling\nhelper = 1\n",
    "sibling.py": "import zoopkg.train\n",
    "stranger.py": "",
    "nn/__init__.py": "CONSTANT = 1\n",
    "nn/layers.py": "from ..up import here\nfrom .. import upper\n",
    "nn/deep/__init__.py": "from .er import x\n",
    "nn/deep/er.py": "x = 1\n",
    "up.py": "here = 1\n",
    "upper.py": "",
}
EXPECTED = {
    "zoopkg", "zoopkg.train", "zoopkg.plain", "zoopkg.in_class", "zoopkg.inside", "zoopkg.sibling",
    "zoopkg.nn", "zoopkg.nn.layers", "zoopkg.nn.deep", "zoopkg.nn.deep.er", "zoopkg.up", "zoopkg.upper",
}  # fmt: skip


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in PACKAGE.items():
        path = tmp_path / "zoopkg" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "zoopkg"


def closure(*roots: str) -> dict[str, str]:
    return CodeHasher(HashCache(Path("absent.json"))).closure(roots)


def test_the_closure_is_what_the_modules_import(package):
    assert closure("zoopkg.train").keys() == EXPECTED


def test_the_closure_agrees_with_the_standard_librarys_finder(package):
    script = package.parent / "main.py"
    script.write_text("import zoopkg.train\n")
    finder = ModuleFinder(path=[str(package.parent)])
    finder.run_script(str(script))
    found = {name for name in finder.modules if name.partition(".")[0] == "zoopkg"}
    # The finder reads byte code: it follows TYPE_CHECKING blocks and functions of packages passed by.
    assert found - {"zoopkg.only_types", "zoopkg.huge"} == closure("zoopkg.train").keys()


def test_the_closure_holds_every_module_that_an_import_really_loads():
    script = (
        "import sys, xaireport.engine.scheduler\n"
        "loaded = {name: getattr(module, '__file__', None) for name, module in sys.modules.items()}\n"
        "print(*(name for name, file in loaded.items() if name.startswith('xaireport') and file))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(loaded.stdout.split()) - LEFT_OUT <= closure("xaireport.engine.scheduler").keys()


def test_a_package_named_itself_is_followed_into_its_functions(package):
    assert "zoopkg.huge" in closure("zoopkg")
    assert "zoopkg.huge" not in closure("zoopkg.up")


def test_values_that_cross_stages_are_left_out():
    modules = closure("xaireport.engine.plan")
    assert "xaireport.engine.keys" in modules
    assert not modules.keys() & LEFT_OUT


def test_modules_of_two_packages(package, project):
    modules = closure("zoopkg.up", "toypkg.train")
    assert modules.keys() == {"zoopkg", "zoopkg.up", "toypkg", "toypkg.train", "toypkg.layers"}


def test_a_single_module_outside_any_package(tmp_path, monkeypatch):
    (tmp_path / "lonely_plugin.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert closure("lonely_plugin").keys() == {"lonely_plugin"}


BEFORE = 'import os\n\n\ndef f(x: int = 1) -> int:\n    """Doc."""\n    # why\n    return x + 1\n'


@pytest.mark.parametrize(
    ("after", "same"),
    [
        (BEFORE, True),
        ('"""A module."""\n' + BEFORE, True),
        (BEFORE.replace('    """Doc."""\n', ""), True),
        (BEFORE.replace("Doc", "Other words"), True),
        (BEFORE.replace("# why", "# because"), True),
        (BEFORE.replace("x + 1", "(x\n      + 1)"), True),
        (BEFORE + "\nif TYPE_CHECKING:\n    import json\n", True),
        (BEFORE + "\nif typing.TYPE_CHECKING:\n    import json\n", True),
        (BEFORE + "\nif TYPE_CHECKING:\n    import json\nelse:\n    json = 1\n", False),
        (BEFORE.replace("x + 1", "x + 2"), False),
        (BEFORE.replace("x + 1", "x - 1"), False),
        (BEFORE.replace("int = 1", "int = 2"), False),
        (BEFORE.replace("return x + 1", "return '''x'''"), False),
        (BEFORE.replace("import os", "import sys"), False),
    ],
)
def test_only_what_runs_counts(package, after, same):
    module = package / "stranger.py"
    module.write_text(BEFORE)
    first = closure("zoopkg.stranger")
    module.write_text(after)
    assert (closure("zoopkg.stranger") == first) is same


REFUSING = (
    "import os\n\n\ndef f(x):\n    if x > 1:\n"
    '        raise OSError(f"want {x} of {os}", x, "one")\n    return "one"\n'
)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("want", "wanted", True),
        (' of {os}"', '"', True),  # a value less, within a text
        ("{x}", "{x!r}", True),
        ('f"want {x} of {os}"', '"want"', True),
        ('f"want {x} of {os}"', '"want" if x else f"want {os}"', True),
        ('f"want {x} of {os}"', 'f"want {x}" + " of it"', True),
        ('x, "one")', 'x, "two")', True),
        ('x, "one")', "x)", True),
        ('x, "one")', 'x, "one", "a hint")', True),
        ('x, "one")', 'x, hint="a hint")', True),
        ('x, "one")', 'x, "one" if x else os)', False),
        ('x, "one")', "x, os)", False),
        ("x, ", "x + 1, ", False),
        ("OSError", "ValueError", False),
        ("x > 1", "x > 2", False),
        ('return "one"', 'return "two"', False),
        ("raise OSError", "return OSError", False),
    ],
)
def test_of_an_error_its_class_and_its_values_count(package, old, new, same):
    module = package / "stranger.py"
    module.write_text(REFUSING)
    first = closure("zoopkg.stranger")
    module.write_text(REFUSING.replace(old, new))
    assert (closure("zoopkg.stranger") == first) is same


def test_the_text_of_an_error_may_become_another_kind_of_text_inside_a_value(package):
    module = package / "stranger.py"
    found = set()
    for text in ('"one"', '"two"', 'f"{x} more"', 'f"{x!r}"', 'f"{x:>{width}}"'):
        module.write_text(f"def f(x, width):\n    raise OSError(x or {text}, [{text}, *x])\n")
        found.add(closure("zoopkg.stranger")["zoopkg.stranger"])
    assert len(found) == 1


def test_an_error_made_elsewhere_than_it_is_raised_has_words_as_well(package):
    module = package / "stranger.py"
    module.write_text('def refused():\n    return ValueError("one")\n')
    first = closure("zoopkg.stranger")
    module.write_text('def refused():\n    return ValueError("two")\n')
    assert closure("zoopkg.stranger") == first


def test_a_file_that_a_module_names_is_code_from_when_it_is_there(package):
    module = package / "stranger.py"
    module.write_text('FILE = "table.csv"\nOTHER = "elsewhere.csv"\n')
    assert closure("zoopkg.stranger").keys() == {"zoopkg", "zoopkg.stranger"}
    (package / "table.csv").write_text("a,b\n")
    first = closure("zoopkg.stranger")
    assert first.keys() == {"zoopkg", "zoopkg.stranger", "zoopkg.stranger: table.csv"}
    (package / "table.csv").write_text("a,c\n")
    assert closure("zoopkg.stranger") != first
    assert closure("zoopkg.up").keys() == {"zoopkg", "zoopkg.up"}


@pytest.mark.parametrize("root", ["zoopkg.absent", "no_such_package", "no_such_package.module"])
def test_a_root_that_is_no_module(package, root):
    with pytest.raises(ConfigError, match=root.partition(".")[0]):
        closure(root)


def test_source_that_cannot_be_parsed(package):
    (package / "stranger.py").write_text("def f(:\n")
    with pytest.raises(StoreError, match=r"stranger\.py"):
        closure("zoopkg.stranger")


TYPES = {
    "__init__.py": "",
    "one.py": "import zootypes.other as other\nfrom zootypes.other import K as Key, L\n"
    "LOW, (HIGH, *REST) = 1, (2, 3)\nHERE: int = 1\n"
    "class Tuple:\n    low = LOW\n"
    "class Nested:\n    high: int = HIGH\n"
    "class Starred:\n    rest = REST\n"
    "class Alias:\n    key: Key\n"
    "class Module:\n    key: other.K\n"
    "class Method:\n    def f(self):\n        from zootypes.other import L as l\n        return l\n"
    "class Whole:\n    def f(self):\n        import zootypes.other\n        return zootypes\n"
    "class Nothing:\n    here = HERE\n",
    "other.py": "K = 1\nL = 1\n",
}


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "counts"),
    [
        ("Tuple", "one.py", "= 1, (", "= 5, (", True),
        ("Nested", "one.py", "(2,", "(5,", True),
        ("Starred", "one.py", ", 3)", ", 5)", True),
        ("Alias", "other.py", "K = 1", "K = 5", True),
        ("Alias", "other.py", "L = 1", "L = 5", False),
        ("Module", "other.py", "K = 1", "K = 5", True),
        ("Method", "other.py", "L = 1", "L = 5", True),
        ("Method", "other.py", "K = 1", "K = 5", False),
        ("Whole", "other.py", "K = 1", "K = 5", True),
        ("Nothing", "one.py", "= 1, (", "= 5, (", False),
        ("Nothing", "other.py", "K = 1", "K = 5", False),
    ],
)
def test_a_definition_counts_with_all_that_it_refers_to(tmp_path, monkeypatch, name, file, old, new, counts):
    """However that is named: one of several targets, under another name, inside a method."""
    monkeypatch.setattr("xaireport.engine.code.BY_NAME", "zootypes")
    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "zootypes"
    folder.mkdir()
    for each, text in TYPES.items():
        (folder / each).write_text(text)
    (tmp_path / "zootypes_user.py").write_text(f"from zootypes.one import {name}\n")

    def used():
        return closure("zootypes_user", "zootypes")

    first = used()
    assert f"zootypes.one: {name}" in first
    (folder / file).write_text(TYPES[file].replace(old, new))
    assert (used() != first) is counts
