"""Which modules a result's code consists of, and a hash of each that comments and docstrings do not touch.

Imports are read from the source, at top level and inside functions; a module imported by a computed name
(``importlib.import_module``) is not seen and has to be listed as a root.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaireport.engine.hashes import HashCache
from xaireport.errors import ConfigError, StoreError

if TYPE_CHECKING:
    import ast

# These carry values and compute none; every value that matters is in a node's params or inputs. Were they
# counted, each new field of a boundary type would train every model again.
LEFT_OUT = frozenset({"xaireport.types", "xaireport.errors", "xaireport.spec", "xaireport.engine.node"})


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
            module, whole = step = pending.pop()
            facts = None if module in LEFT_OUT or step in followed else self._read(module)
            followed.add(step)
            if facts is None:
                continue
            digests[module] = facts["digest"]
            parent = module.rpartition(".")[0]
            if parent:
                # A package's __init__ runs when a module in it is imported, its functions do not.
                pending.append((parent, False))
            for name in facts["top"] + (facts["inner"] if whole else []):
                if name.partition(".")[0].partition(":")[0] in packages:
                    pending.append((self._target(name), True))
        return dict(sorted(digests.items()))

    def _target(self, name: str) -> str:
        """Resolve ``base:name`` to the submodule of that name where there is one, else to the base."""
        base, _, attribute = name.partition(":")
        submodule = f"{base}.{attribute}"
        return submodule if attribute and self._read(submodule) is not None else base

    def _read(self, module: str) -> dict[str, Any] | None:
        if module not in self._facts:
            top, _, rest = module.partition(".")
            if top not in self._folders:
                self._folders[top] = _locate(top)
            stem = "/".join([self._folders[top], *rest.split(".")] if rest else [self._folders[top]])
            self._facts[module] = self._cache.fact(
                "code", f"{stem}.py", lambda file: _analyse(file, module.rpartition(".")[0])
            ) or self._cache.fact("code", f"{stem}/__init__.py", lambda file: _analyse(file, module))
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


def _analyse(file: str, package: str) -> dict[str, Any]:
    """Parse one source file: its hash, and its imports at top level and inside functions."""
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
    dump = ast.dump(tree, annotate_fields=False)
    return {
        "digest": hashlib.sha256(dump.encode("utf-8", "surrogatepass")).hexdigest()[:24],
        "top": sorted(found[False]),
        "inner": sorted(found[True]),
    }


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
    """Take out, in place, what never runs: docstrings, other bare strings, and ``if TYPE_CHECKING``."""
    import ast

    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                setattr(node, field, [kept for statement in block for kept in _running(statement)])


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
