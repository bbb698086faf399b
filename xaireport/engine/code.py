"""Which modules a result's code consists of, and a hash of each that only what can change a result touches.

Imports are read from the source, at top level and inside functions; a module imported by a computed name
(``importlib.import_module``) is not seen and has to be listed as a root. A file beside a module that a string
of its source names is code as well. Comments, docstrings and the words of errors are none.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaireport.engine.hashes import HashCache
from xaireport.errors import ConfigError, StoreError

if TYPE_CHECKING:
    import ast

LEFT_OUT = frozenset(
    {"xaireport.errors", "xaireport.study_schema", "xaireport.engine.node", "xaireport.pipeline.params"}
)
"""They carry values and compute none; every value that matters is in a node's params or inputs."""
BY_NAME = "xaireport.types"
"""A package of definitions, each of which counts where it is imported, with those that it refers to. Were its
modules counted whole, a new field of one type would train every model again."""
_FILE = re.compile(r"\w[\w-]*(\.[\w-]+)*\.(?!py$)\w+")


class CodeHasher:
    """Hashes of modules, read once per build.

    Parameters
    ----------
    cache : HashCache
        Keeps what was found in a source file while the file is the same.
    """

    def __init__(self, cache: HashCache) -> None:
        self._cache = cache
        self._closures: dict[tuple[str, ...], dict[str, str]] = {}
        self._facts: dict[str, dict[str, Any] | None] = {}
        self._folders: dict[str, str] = {}
        self._data: dict[str, dict[str, str]] = {}

    def closure(self, roots: Sequence[str]) -> dict[str, str]:
        """Return module -> hash for the roots and all they import from the roots' own packages.

        Raises
        ------
        ConfigError
            A root is not a module with Python source.
        """
        key = tuple(roots)
        if key not in self._closures:
            self._closures[key] = self._walk(key)
        return self._closures[key]

    def _walk(self, roots: tuple[str, ...]) -> dict[str, str]:
        for root in roots:
            if self._read(root) is None:
                raise ConfigError("a module with Python source as a node's code", root)
        packages = {root.partition(".")[0] for root in roots}
        digests: dict[str, str] = {}
        followed: set[tuple[str, bool]] = set()
        pending = [(root, True) for root in roots]
        while pending:
            target, whole = step = pending.pop()
            module, _, definition = target.partition(":")
            facts = None if module in LEFT_OUT or step in followed else self._read(module)
            followed.add(step)
            if facts is None:
                continue
            if definition:
                digest, asked = facts["definitions"][definition]
                digests[f"{module}: {definition}"] = digest
            else:
                digests |= {module: facts["digest"], **self._beside(module, facts)}
                asked = facts["top"] + (facts["inner"] if whole else [])
                parent = module.rpartition(".")[0]
                if parent:
                    # A package's __init__ runs when a module in it is imported, its functions do not.
                    pending.append((parent, False))
            pending += [
                (self._target(name), True)
                for name in asked
                if name.partition(".")[0].partition(":")[0] in packages
            ]
        return dict(sorted(digests.items()))

    def _beside(self, module: str, facts: dict[str, Any]) -> dict[str, str]:
        """Hashes of the files beside a module that its source names: ``module: file`` -> SHA-256."""
        if module not in self._data:
            hashes = {name: self._cache.sha256(f"{facts['folder']}/{name}") for name in facts["files"]}
            self._data[module] = {f"{module}: {name}": found for name, found in hashes.items() if found}
        return self._data[module]

    def _target(self, name: str) -> str:
        """Resolve ``base:name`` to a definition, or to the submodule of that name, or else to the base."""
        base, _, attribute = name.partition(":")
        submodule = f"{base}.{attribute}"
        if not attribute or base in LEFT_OUT:
            return base
        facts = self._read(base)
        if facts is not None and attribute in facts["definitions"]:
            return name
        if facts is not None and attribute in facts["passed_on"]:
            return self._target(facts["passed_on"][attribute])
        return submodule if self._read(submodule) is not None else base

    def _read(self, module: str) -> dict[str, Any] | None:
        if module not in self._facts:
            top, _, rest = module.partition(".")
            if top not in self._folders:
                self._folders[top] = _locate(top)
            stem = "/".join([self._folders[top], *rest.split(".")] if rest else [self._folders[top]])
            self._facts[module] = self._cache.fact(
                "code", f"{stem}.py", lambda file: _analyse(file, module, module.rpartition(".")[0])
            ) or self._cache.fact("code", f"{stem}/__init__.py", lambda file: _analyse(file, module, module))
        return self._facts[module]


def _locate(top: str) -> str:
    """Path of a top-level package, or of a single module without its suffix."""
    loaded = getattr(sys.modules.get(top), "__path__", None)
    if loaded:
        return str(next(iter(loaded)))
    from importlib.util import find_spec

    spec = find_spec(top)
    if spec is None or not (spec.submodule_search_locations or spec.origin):
        raise ConfigError("an installed package as a node's code", top)
    if spec.submodule_search_locations:
        return str(next(iter(spec.submodule_search_locations)))
    return str(spec.origin).removesuffix(".py")


def _analyse(file: str, module: str, package: str) -> dict[str, Any]:
    """Parse one source file: its hash, its imports at top level and inside functions, what it defines."""
    import ast  # only where a file changed

    source = Path(file).read_bytes()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise StoreError("Python source that can be parsed", error, where=file) from error
    _strip(tree)
    inner_nodes = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    found: dict[bool, set[str]] = {False: set(), True: set()}
    for node in ast.walk(tree):
        found[id(node) in inner_nodes].update(_imported(node, package))
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    definitions, passed_on = _defined(tree, module, package)
    return {
        "digest": _digest(tree),
        "folder": str(Path(file).parent),
        "files": sorted(text for text in texts if _FILE.fullmatch(text)),
        "definitions": definitions,
        "passed_on": passed_on,
        "top": sorted(found[False]),
        "inner": sorted(found[True]),
    }


def _digest(tree: ast.AST) -> str:
    import ast

    dump = ast.dump(tree, annotate_fields=False)
    return hashlib.sha256(dump.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def _defined(tree: ast.Module, module: str, package: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return, of a module that counts by name, what it defines and what it hands on from others.

    The first is name -> hash and ``module:name`` of what it refers to, the second name -> ``module:name``, or
    ``module`` of one with another name.
    """
    import ast

    if not f"{module}.".startswith(f"{BY_NAME}."):
        return {}, {}
    parts: dict[str, list[ast.stmt]] = {}
    passed_on: dict[str, str] = {}
    for statement in tree.body:
        aliases = getattr(statement, "names", [])
        for alias, name in zip(aliases, _imported(statement, package), strict=True):
            if ":" in name or alias.asname:
                passed_on[alias.asname or alias.name] = name
        targets = getattr(statement, "targets", [getattr(statement, "target", None)])
        names = [node.id for each in targets if each for node in ast.walk(each) if isinstance(node, ast.Name)]
        for name in [*names, *([statement.name] if isinstance(statement, ast.ClassDef) else [])]:
            parts.setdefault(name, []).append(statement)
    parts.pop("__all__", None)
    definitions = {}
    for name, statements in parts.items():
        whole = ast.Module(statements, [])
        used = {node.id for node in ast.walk(whole) if isinstance(node, ast.Name)} - {name}
        asked = [f"{module}:{each}" for each in used & parts.keys()]
        asked += [passed_on[each] for each in used & passed_on.keys()]
        asked += [name for node in ast.walk(whole) for name in _imported(node, package)]
        definitions[name] = [_digest(whole), sorted(asked)]
    return definitions, passed_on


def _imported(node: ast.AST, package: str) -> list[str]:
    """Absolute names that an import statement asks for: ``module``, or ``module:name``."""
    import ast

    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = package.split(".")
            base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
        return [f"{base}:{alias.name}" for alias in node.names]
    return []


def _strip(tree: ast.AST) -> None:
    """Take out, in place, what changes no result: docstrings, ``if TYPE_CHECKING``, the words of errors."""
    import ast

    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                setattr(node, field, [kept for statement in block for kept in _running(statement)])
        if isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and _called(node).endswith("Error")):
            _silence(node)


def _called(call: ast.Call) -> str:
    return str(getattr(call.func, "attr", getattr(call.func, "id", "")))


def _silence(error: ast.AST) -> None:
    """Take the strings out of an error, whole arguments too. No word of it reaches an artefact.

    Its class stays, and the values that it is given as such.
    """
    import ast

    for node in ast.walk(error):
        if isinstance(node, ast.Call):
            node.args = [each for each in node.args if not _is_text(each)]
            node.keywords = [each for each in node.keywords if not _is_text(each.value)]
        for field, value in ast.iter_fields(node):  # what is left is part of a value
            if isinstance(value, list):
                value[:] = [ast.Constant("") if _is_text(each) else each for each in value]
            elif _is_text(value):
                setattr(node, field, ast.Constant(""))


def _is_text(node: object) -> bool:
    import ast

    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, op=ast.Add(), right=other):
            return _is_text(one) and _is_text(other)
    return False


def _running(statement: ast.stmt) -> list[ast.stmt]:
    import ast

    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return [] if isinstance(statement.value.value, str) else [statement]
    if isinstance(statement, ast.If):
        test = statement.test
        name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
        if name == "TYPE_CHECKING":
            return [kept for inner in statement.orelse for kept in _running(inner)]
    return [statement]
