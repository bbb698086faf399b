"""What is wrong with a study file, said in one voice: file, key, what was expected, what stands there.

Reads TOML and checks tables against the models of ``study_schema``. Knows nothing of parents and overrides.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from xaireport.errors import ConfigError

Table = dict[str, Any]
M = TypeVar("M", bound=BaseModel)

NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}")
DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
"""Names that Windows keeps for its devices."""

_KINDS = {
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "a string",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def read_toml(path: Path) -> Table:
    """Read a TOML file.

    Raises
    ------
    ConfigError
        It cannot be read, or is no TOML; the line is named.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("valid TOML", error, where=str(path)) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError("text in UTF-8", f"another byte at line {line}", where=str(path)) from None
    except OSError as error:
        raise ConfigError("a study file that can be read", error.strerror or error, where=str(path)) from None


def check_name(name: str, what: str, where: str) -> None:
    """Refuse names that cannot be folders everywhere.

    Raises
    ------
    ConfigError
        With anything but lower-case letters, digits, ``_`` and ``-``; with ``-`` first, which a command takes
        for an option; longer than 64 characters; a device's on Windows.
    """
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"the name of a {what} in lower-case letters, digits, _ and -, the first no -, 64 at most",
            repr(name),
            where=where,
        )
    if name in DEVICES:
        raise ConfigError(
            f"the name of a {what} that can be a folder on every system", repr(name), "Rename it.", where
        )


def check_keys(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Refuse keys that mean nothing.

    Raises
    ------
    ConfigError
        With the nearest known key as the hint.
    """
    for key in table:
        if key not in known:
            raise unknown_name("key", key, known, where)


def table_at(table: Mapping[str, Any], key: str, where: str) -> Table:
    """Return the table under ``key``, empty where absent.

    Raises
    ------
    ConfigError
        Something else stands there.
    """
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise ConfigError("a table", repr(value), where=where)
    return value


def unknown_name(kind: str, name: str, known: Collection[str], where: str = "") -> ConfigError:
    """Return the error for a name nobody knows, with the nearest known one as the hint.

    Parameters
    ----------
    kind : str
        What is named: "key", "variant", "study".
    name : str
        As received.
    known : collection of str
        The names that would have been right.
    where : str, optional
        File and key.
    """
    import difflib

    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    near = near or [each for each in known if name and name in each][:3]
    hint = f"did you mean {' or '.join(near)}?" if near else ""
    article = "an" if kind[0] in "aeiou" else "a"
    names = ", ".join(known) if known else "there is none"
    return ConfigError(f"{article} {kind} that exists ({names})", repr(name), hint, where)


def validated(model: type[M], table: Mapping[str, Any], where: str) -> M:
    """Check ``table`` against ``model`` and return the frozen result.

    Parameters
    ----------
    model : type
        One of ``study_schema``.
    table : mapping
        As TOML gives it: a list stands where the model has a tuple.
    where : str
        What the key of the error is added to, such as ``models/derma.toml: variants.int8``.

    Raises
    ------
    ConfigError
        Unknown key, missing key, wrong type, value out of range.
    """
    try:
        return model.model_validate(_with_tuples(model, table))
    except ValidationError as error:
        first = error.errors()[0]
    loc = tuple(str(key) for key in first["loc"])
    place = join(where, *loc)
    kind, value, context = first["type"], first["input"], first.get("ctx", {})
    if kind == "extra_forbidden":
        raise unknown_name("key", loc[-1], _fields_at(model, loc[:-1]), join(where, *loc[:-1]))
    if kind == "missing":
        raise ConfigError("a value", "none", where=place)
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        raise ConfigError(f"a number of {words} {context[name]:g}", value, where=place)
    if kind == "literal_error":
        choices = [each for each in get_args(_annotation(model, loc)) if each]
        near = unknown_name("value", value, choices) if isinstance(value, str) else None
        raise ConfigError("one of " + ", ".join(choices), repr(value), near.hint if near else "", place)
    hint = ""
    if kind == "bool_type" and str(value).lower() in ("true", "false"):
        hint = "TOML writes true and false in small letters, without quotes"
    raise ConfigError(_KINDS.get(kind, first["msg"]), repr(value), hint, place)


def plain(value: Any, where: str) -> None:
    """Refuse what JSON cannot hold (dates, NaN, infinity) in tables whose keys are not known beforehand.

    Raises
    ------
    ConfigError
        With the key it stands at.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            plain(item, join(where, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            plain(item, join(where, str(index)))
    elif (
        not isinstance(value, str | bool | int | float)
        or value in (float("inf"), -float("inf"))
        or value != value
    ):
        raise ConfigError("a string, a finite number, true, false, a list or a table", value, where=where)


def join(where: str, *keys: str) -> str:
    """Return ``where`` with further keys, dotted, such as ``models/derma.toml: variants.int8.train``."""
    dotted = ".".join(keys)
    if not dotted:
        return where
    inside = ": " in where
    return f"{where}.{dotted}" if inside else f"{where}: {dotted}"


def _with_tuples(model: type[BaseModel], table: Mapping[str, Any]) -> Table:
    # The models are strict, so that "5" is no 5; strictly a list is no tuple either, and TOML has lists only.
    tuples = {name for name, field in model.model_fields.items() if str(field.annotation).startswith("tuple")}
    return {key: _tuple(value) if key in tuples else value for key, value in table.items()}


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value


def _fields_at(model: type[BaseModel], loc: tuple[str, ...]) -> list[str]:
    """Return the keys of the table at ``loc``."""
    return list((_table(_annotation(model, loc)) if loc else model).model_fields)


def _annotation(model: type[BaseModel], loc: tuple[str, ...]) -> Any:
    *tables, key = loc
    for each in tables:
        model = _table(model.model_fields[each].annotation)
    return model.model_fields[key].annotation


def _table(annotation: Any) -> type[BaseModel]:
    kinds = (annotation, *get_args(annotation))  # ``Reference | None`` is a table, too
    return next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
