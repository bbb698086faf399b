"""Frozen dataclasses to JSON and back, strictly.

The declared types of the fields drive the decoding: a class needs no code of its own to be stored. Arrays are
not handled: they are stored as ``.npz`` by whoever makes them.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from xaireport.errors import StoreError
from xaireport.files import write_atomic

T = TypeVar("T")


def to_json(value: object) -> Any:
    """Return ``value`` as plain dicts, lists, strings, numbers, booleans and None.

    Parameters
    ----------
    value : object
        A dataclass, or what a field of one may hold: mappings with string keys, sequences, scalars (NumPy's
        become Python's).

    Raises
    ------
    StoreError
        If something has no place in JSON: NaN and infinity, arrays, keys that are no strings.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        if not math.isfinite(value):
            raise StoreError("a finite number", value, "an undefined score is None with a reason")
        return float(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise StoreError("a mapping with string keys", f"key {wrong[0]!r}")
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    raise StoreError("a value that JSON can hold", f"{type(value).__name__}: {value!r:.80}")


@typing.overload
def from_json(kind: type[T], data: object, where: str = "") -> T: ...
@typing.overload
def from_json(kind: object, data: object, where: str = "") -> Any: ...
def from_json(kind: Any, data: object, where: str = "") -> Any:
    """Build a value of the declared type ``kind`` from what :func:`to_json` gave.

    Parameters
    ----------
    kind : type
        A dataclass, or any type a field may declare: ``tuple[X, ...]``, ``Mapping[str, X]``, ``Sequence[X]``
        (becomes a list), ``Literal``, unions (of dataclasses: told apart by their keys), ``Any``.
    data : object
        As read by :mod:`json`.
    where : str
        The dotted key that ``data`` lies at, for messages.

    Raises
    ------
    StoreError
        If ``data`` is not of that type: a wrong type, an unknown or a missing key.
    """
    if kind is Any:
        return data
    if kind is None or kind is types.NoneType:
        if data is not None:
            raise _mismatch("null", data, where)
        return None
    if kind is float:
        if not isinstance(data, int | float) or isinstance(data, bool) or not math.isfinite(data):
            raise _mismatch("a number", data, where)
        return float(data)
    if kind is int:
        if not isinstance(data, int) or isinstance(data, bool):
            raise _mismatch("an integer", data, where)
        return data
    if kind in (str, bool):
        if not isinstance(data, kind):
            raise _mismatch(f"a {kind.__name__}", data, where)
        return data
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _dataclass(kind, data, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        if not any(data == choice and type(data) is type(choice) for choice in arguments):
            raise _mismatch(f"one of {arguments}", data, where)
        return data
    if origin in (Union, types.UnionType):
        return _union(arguments, data, where)
    if origin is tuple:
        return _tuple(arguments, data, where)
    if origin in (list, Sequence):
        return list(_tuple((*arguments, ...), data, where))
    if origin in (dict, Mapping) and arguments[0] is str:
        if not isinstance(data, dict):
            raise _mismatch("an object", data, where)
        return {key: from_json(arguments[1], item, _at(where, key)) for key, item in data.items()}
    raise TypeError(f"No JSON form is known for the type {kind!r}")


def dumps(value: object) -> str:
    """Return the JSON text of ``value``: keys sorted, floats as ``repr`` gives them, one trailing newline."""
    return json.dumps(to_json(value), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def save(value: object, path: Path) -> None:
    """Write ``value`` to a JSON file, atomically."""
    write_atomic(path, dumps(value).encode())


@typing.overload
def load(kind: type[T], path: Path) -> T: ...
@typing.overload
def load(kind: object, path: Path) -> Any: ...
def load(kind: Any, path: Path) -> Any:
    """Read a value of the declared type ``kind`` from a file written by :func:`save`.

    Raises
    ------
    StoreError
        If the file is absent, is no JSON, or holds something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError("a readable file", error.strerror or error, where=str(path)) from error
    except ValueError as error:
        raise StoreError("a JSON file", error, where=str(path)) from error
    try:
        return from_json(kind, data)
    except StoreError as error:
        where = f"{path}: {error.where}" if error.where else str(path)
        raise StoreError(error.expected, error.received, error.hint, where) from error


def _dataclass(kind: Any, data: object, where: str) -> Any:
    hints = _fields(kind)
    if not isinstance(data, dict):
        raise _mismatch(f"an object ({kind.__name__})", data, where)
    if unknown := sorted(data.keys() - hints.keys()):
        raise StoreError(f"only the keys of {kind.__name__}", f"unknown key {unknown[0]!r}", where=where)
    if missing := sorted(hints.keys() - data.keys()):
        raise StoreError(f"all keys of {kind.__name__}", f"{missing[0]!r} is missing", where=where)
    return kind(**{name: from_json(hints[name], item, _at(where, name)) for name, item in data.items()})


def _union(members: tuple[Any, ...], data: object, where: str) -> Any:
    if data is None and types.NoneType in members:
        return None
    if isinstance(data, dict):
        # The set of keys names the class: no tag is stored, and two classes with the same fields are refused.
        records: list[Any] = [member for member in members if dataclasses.is_dataclass(member)]
        fitting = [member for member in records if _fields(member).keys() == data.keys()]
        if len(fitting) > 1:
            raise TypeError(f"{fitting} have the same fields: JSON cannot tell them apart")
        if fitting:
            return from_json(fitting[0], data, where)
    for member in members:
        try:
            return from_json(member, data, where)
        except StoreError:
            continue
    names = " or ".join(getattr(member, "__name__", str(member)) for member in members)
    raise _mismatch(names, data, where)


def _tuple(arguments: tuple[Any, ...], data: object, where: str) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise _mismatch("a list", data, where)
    if len(arguments) == 2 and arguments[1] is ...:
        kinds = (arguments[0],) * len(data)
    else:
        kinds = arguments
        if len(data) != len(kinds):
            raise _mismatch(f"a list of {len(kinds)}", data, where)
    return tuple(
        from_json(kind, item, _at(where, str(index)))
        for index, (kind, item) in enumerate(zip(kinds, data, strict=True))
    )


@functools.cache
def _fields(kind: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _mismatch(expected: str, received: object, where: str) -> StoreError:
    return StoreError(expected, f"{received!r:.80}", where=where)


def _at(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
