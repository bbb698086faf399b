"""``--set variant.key=value``: from the command line to tables that lie over a study's own.

Says which study and variant a setting is meant for. Whether its value is right is judged with the study.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xaireport.errors import ConfigError
from xaireport.study.file import unknown_name

STUDY_KEYS = ("headline", "seed")
"""Keys of the study itself that may be set for one run."""


@dataclass(frozen=True)
class Override:
    """One setting of this run; ``variant`` is empty where it is the study's own key."""

    text: str
    variant: str
    keys: tuple[str, ...]
    value: Any

    @property
    def where(self) -> str:
        """As the reader wrote it, for errors."""
        return f"--set {self.text}"

    def table(self) -> dict[str, Any]:
        """Return the value as the nested tables it stands for.

        Examples
        --------
        >>> Override("a.train.epochs=3", "a", ("train", "epochs"), 3).table()
        {'train': {'epochs': 3}}
        """
        table: Any = self.value
        for key in reversed(self.keys):
            table = {key: table}
        return dict(table)


def parse(text: str, study: str, variants: Collection[str]) -> Override:
    """Read one ``--set``.

    Parameters
    ----------
    text : str
        ``variant.key.path=VALUE`` or ``study.variant.key.path=VALUE``; of the study itself
        ``headline=VALUE`` and ``seed=VALUE``. The value is TOML; a bare word is a string.
    study : str
        Name of the study it is read for.
    variants : collection of str
        Names of its variants.

    Raises
    ------
    ConfigError
        It has another form, or names a variant the study does not have.
    """
    dotted, equals, raw = text.partition("=")
    keys = tuple(key.strip() for key in dotted.split("."))
    if not equals or not all(keys):
        raise ConfigError(
            "variant.key=value, such as augmented.train.class_weight=true", repr(text), where="--set"
        )
    if len(keys) > 1 and keys[0] == study and (keys[1] in variants or keys[1] in STUDY_KEYS):
        keys = keys[1:]
    if keys[0] in STUDY_KEYS and len(keys) == 1:
        return Override(text, "", keys, _value(raw.strip(), text))
    if keys[0] not in variants:
        raise unknown_name("variant", keys[0], variants, f"--set {text}")
    if len(keys) == 1:
        raise ConfigError("a key of the variant, such as train.epochs", repr(text), where="--set")
    return Override(text, keys[0], keys[1:], _value(raw.strip(), text))


def assign(texts: Sequence[str], studies: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
    """Say which studies each ``--set`` is meant for: all that have a variant of that name.

    Parameters
    ----------
    texts : sequence of str
        As given on the command line.
    studies : mapping of str to collection of str
        The studies of this run, each with the names of all its variants.

    Raises
    ------
    ConfigError
        One that no study of this run understands.
    """
    assigned: dict[str, list[str]] = {study: [] for study in studies}
    for text in texts:
        problem: ConfigError | None = None
        taken = False
        for study, variants in studies.items():
            try:
                parse(text, study, variants)
            except ConfigError as error:
                problem = error
            else:
                assigned[study].append(text)
                taken = True
        if problem and not taken:
            if len(studies) == 1 or "variant that exists" not in problem.expected:
                raise problem
            known = [f"{study}.{variant}" for study, names in studies.items() for variant in names]
            raise unknown_name("variant", text.partition("=")[0].split(".")[0], known, f"--set {text}")
    return {study: tuple(texts) for study, texts in assigned.items()}


def _value(raw: str, text: str) -> Any:
    try:
        table = tomllib.loads(f"value = {raw}")
    except tomllib.TOMLDecodeError as error:
        if not raw or raw[0] in "[{\"'":
            raise ConfigError("a TOML value after the equals sign", error, where=f"--set {text}") from None
        return raw  # a bare word: spares the reader quotes within quotes
    if set(table) != {"value"}:
        raise ConfigError("one value on one line", repr(raw), where=f"--set {text}")
    return table["value"]
