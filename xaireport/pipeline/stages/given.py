"""Parameters of a stage out of the table that is in its key: every field, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from xaireport.errors import ConfigError
from xaireport.study_schema import Spec

S = TypeVar("S", bound=Spec)


def given(kind: type[S], table: Any) -> S:
    """Return the parameters that a table holds.

    Raises
    ------
    ConfigError
        A field is unknown, absent or of another type; or left to its default: that is in no key, and another
        one would change the result unseen.
    """
    try:
        settings = kind.model_validate(table, strict=False)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
        raise ConfigError(
            f"the parameters of {kind.__name__}", f"wrong, unknown or absent: {wrong}"
        ) from error
    if absent := list(_absent(settings)):
        raise ConfigError(f"every field of {kind.__name__} in the params", f"none of {', '.join(absent)}")
    return settings


def _absent(value: Any, prefix: str = "") -> Iterator[str]:
    """Names of the fields that nobody said, at any depth."""
    if isinstance(value, Spec):
        for name in type(value).model_fields:
            if name in value.model_fields_set:
                yield from _absent(getattr(value, name), f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}"
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _absent(item, f"{prefix}{name}.")
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _absent(item, prefix)
