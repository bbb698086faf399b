"""Inline text of a document: plain words, numbers, quotations, emphasis, links. Values only; no markup."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

from xaireport.report.document import format as forms

Tone = Literal["", "good", "bad", "muted"]


def slug(name: str) -> str:
    """Return an id for any name: itself where it can be one, else what is readable of it and a hash.

    >>> slug("test-00012"), slug("Lesion 7")
    ('test-00012', 'lesion-7.baf48d')
    """
    readable = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-")
    if re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
        return name
    # The dot is in no name that stands for itself.
    return f"{readable}.{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"


@dataclass(frozen=True)
class Number:
    """One number and where it stands in results.json.

    Parameters
    ----------
    key : str
        Dotted path, list positions as integers.
    value : int, float or None
        As stored, at full precision.
    form : str
        One of `xaireport.report.document.format.FORMS`.
    study : str
        Which results.json, on a page that draws on several.
    reason : str
        Why there is no value, as stored.
    """

    key: str
    value: int | float | None
    form: str = "score"
    study: str = ""
    reason: str = ""
    kind: ClassVar[str] = "number"

    @property
    def text(self) -> str:
        """As printed."""
        return forms.text(self.value, self.form)

    @property
    def exact(self) -> str:
        """The stored value at full precision; empty where there is none."""
        return "" if self.value is None else repr(self.value)


@dataclass(frozen=True)
class Quote:
    """Words copied from results.json: a class name, a digest, a note by the data's author.

    Parameters
    ----------
    key : str
        Where they stand; empty for words that are not in results.json, such as why a whole study failed.
    text : str
        As printed.
    role : {"text", "class", "code", "time"}
        What they are.
    whole : str
        The stored words where ``text`` is only their beginning.
    study : str
        As for `Number`.
    """

    key: str
    text: str
    role: Literal["text", "class", "code", "time"] = "text"
    study: str = ""
    whole: str = ""
    kind: ClassVar[str] = "quote"


@dataclass(frozen=True)
class Strong:
    """Words that matter, with the way they lean.

    Parameters
    ----------
    text : Text
        The words.
    tone : {"", "good", "bad", "muted"}
        The way they lean.
    """

    text: Text
    tone: Tone = ""
    kind: ClassVar[str] = "strong"


@dataclass(frozen=True)
class Link:
    """Words or quotations that are a relative link to another page of the report.

    Parameters
    ----------
    text : tuple of str or Quote
        The words.
    href : str
        Where to, relative to the page; or ``#id`` within it.
    """

    text: tuple[str | Quote, ...]
    href: str
    kind: ClassVar[str] = "link"


Inline: TypeAlias = "str | Number | Quote | Strong | Link"
Text: TypeAlias = "tuple[Inline, ...]"
