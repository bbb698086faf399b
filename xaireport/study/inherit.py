"""How a variant's settings come about: its parent's, its own, the short recipe for phantom data, ``--set``.

Tables in, tables out; nothing is read and no value is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Table = dict[str, Any]

TRAINED = ("architecture", "options", "train", "augment", "explain")
"""What a parent passes on to a variant that is trained here."""
BROUGHT = ("pixel_scale", "output", "explain")
"""What it passes on to one that brings its model along (``path``): nothing about training."""


@dataclass(frozen=True)
class Layers:
    """The settings of one variant by where they come from; the later layer wins.

    The layers are inherited each for itself. So a parent's short recipe holds for its children, whatever
    the file says of their long ones, and ``--set`` on a parent reaches every child that does not set the key
    itself.
    """

    file: Table = field(default_factory=dict)
    phantom: Table = field(default_factory=dict)
    override: Table = field(default_factory=dict)

    def merged(self) -> Table:
        """Return the settings that hold."""
        return merge(merge(self.file, self.phantom), self.override)


def inherit(parent: Layers, own: Layers) -> Layers:
    """Return ``own`` with what ``parent`` (already resolved) passes on.

    A variant with another architecture takes no options from its parent: they are arguments of a different
    function.
    """
    given, passed = own.merged(), parent.merged()
    keys = set(BROUGHT if given.get("path") else TRAINED)
    if given.get("architecture", passed.get("architecture")) != passed.get("architecture"):
        keys.discard("options")
    override = without(_only(parent.override, keys), merge(own.file, own.phantom))
    return Layers(
        merge(_only(parent.file, keys), own.file),
        merge(_only(parent.phantom, keys), own.phantom),
        merge(override, own.override),
    )


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Table:
    """Return ``base`` with ``over`` laid on top: tables key by key, everything else replaced.

    Examples
    --------
    >>> merge({"train": {"epochs": 3, "batch_size": 8}}, {"train": {"epochs": 5}})
    {'train': {'epochs': 5, 'batch_size': 8}}
    """
    out = dict(base)
    for key, value in over.items():
        below = out.get(key)
        out[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return out


def without(table: Mapping[str, Any], other: Mapping[str, Any]) -> Table:
    """Return ``table`` without the values that ``other`` sets as well.

    Examples
    --------
    >>> without({"train": {"epochs": 3, "batch_size": 8}, "path": "a"}, {"train": {"epochs": 5}})
    {'train': {'batch_size': 8}, 'path': 'a'}
    """
    out: Table = {}
    for key, value in table.items():
        if key not in other:
            out[key] = value
        elif isinstance(value, dict) and isinstance(other[key], dict):
            out[key] = without(value, other[key])
    return out


def flatten(table: Mapping[str, Any], prefix: str = "") -> Table:
    """Return the values of nested tables under dotted keys.

    Examples
    --------
    >>> flatten({"train": {"epochs": 3}, "path": ""})
    {'train.epochs': 3, 'path': ''}
    """
    out: Table = {}
    for key, value in table.items():
        if isinstance(value, dict):
            out |= flatten(value, f"{prefix}{key}.")
        else:
            out[f"{prefix}{key}"] = value
    return out


def _only(table: Mapping[str, Any], keys: set[str]) -> Table:
    return {key: value for key, value in table.items() if key in keys}
