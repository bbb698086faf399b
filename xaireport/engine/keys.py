"""What a result depends on: the parts of its key, the key, and the difference between two sets of parts.

The name of a node and the paths it reads are no part of it: two folders give the same keys.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from xaireport.engine.node import Node
from xaireport.errors import ConfigError, Failure

Parts = dict[str, Any]
_KINDS = {
    "stage": str,
    "params": dict,
    "inputs": dict,
    "code": dict,
    "versions": dict,
    "python": str,
    "failures": dict,
}
"""The keys of `Parts`, and what stands there."""

_FORMAT = 2  # of the store; another number makes every key another, and a release with other results bumps it
_NONE = "(none)"


def canonical(value: Any) -> str:
    """Return JSON that is the same whatever the order of the mappings.

    Raises
    ------
    ConfigError
        The value is not JSON: a path, an array, NaN.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_mapping)
    except (TypeError, ValueError) as error:
        raise ConfigError("params that are JSON (text, numbers, lists, tables)", error) from error


def _mapping(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__}: {value!r}")


def key_parts(
    node: Node,
    inputs: Mapping[str, str],
    code: Mapping[str, str],
    versions: Mapping[str, str],
    failures: Mapping[str, Failure],
) -> Parts:
    """Collect all that the result of ``node`` depends on; ``inputs`` are SHA-256 by label."""
    return {
        "stage": node.stage,
        "params": json.loads(canonical(node.params)),
        "inputs": dict(inputs),
        "code": dict(code),
        "versions": dict(versions),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "failures": {label: list(astuple(failure)) for label, failure in failures.items()},
    }


def is_whole(parts: Parts) -> bool:
    """Whether parts that were stored can be compared with others."""
    return parts.keys() == _KINDS.keys() and all(isinstance(parts[key], kind) for key, kind in _KINDS.items())


def key_of(parts: Parts) -> str:
    """SHA-256 of the parts."""
    return hashlib.sha256(canonical([_FORMAT, parts]).encode()).hexdigest()


def checkpoint_key(parts: Parts, loose: tuple[str, ...]) -> str:
    """Key of an unfinished result: as `key_of`, whatever the ``loose`` params (dotted names) are."""
    params = json.loads(canonical(parts["params"]))
    for dotted in loose:
        *path, last = dotted.split(".")
        table: Any = params
        for name in path:
            table = table.get(name) if isinstance(table, dict) else None
        if isinstance(table, dict):
            table.pop(last, None)
    return key_of({**parts, "params": params})


def differences(old: Parts, new: Parts, unknown: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Say what changed between two sets of parts, one line each; inputs in ``unknown`` are left out."""
    lines: list[str] = []
    if old["stage"] != new["stage"]:
        lines.append(f"changed: stage {old['stage']} → {new['stage']}")
    before, after = _flat(old["params"]), _flat(new["params"])
    lines += [
        f"changed: {name} {before.get(name, _NONE)} → {after.get(name, _NONE)}"
        for name in _changed(before, after)
    ]
    for label in _changed(old["inputs"], new["inputs"]):
        if label not in unknown:
            known = label in old["inputs"], label in new["inputs"]
            lines.append(
                {(True, True): "changed: input ", (False, True): "new input: "}.get(known, "input gone: ")
                + label
            )
    lines += [f"code changed: {module}" for module in _changed(old["code"], new["code"])]
    before = {**old["versions"], "python": old["python"]}
    after = {**new["versions"], "python": new["python"]}
    lines += [
        f"version changed: {name} {before.get(name, _NONE)} → {after.get(name, _NONE)}"
        for name in _changed(before, after)
    ]
    lines += [
        f"changed: failure of input {label}"
        for label in _changed(old["failures"], new["failures"])
        if label not in unknown
    ]
    return tuple(lines)


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [
        name for name in sorted({*old, *new}) if name not in old or name not in new or old[name] != new[name]
    ]


def _flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Dotted name -> JSON text."""
    flat: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return flat
