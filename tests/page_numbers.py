"""Checks that a page prints no number that is not in results.json. Independent of the code that renders.

Every run of text with a digit must lie in a `<data>` or in a quotation whose `data-key` leads to the very
value or words in results.json. Exempt are only: names that hold a digit by nature (TERMS),
drawings (`<svg>`), and quotations without a key, which are handed back for the caller to account for.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

TERMS = re.compile(r"\bF1\b|\bSHA-256\b|\bp95\b|\bfloat32\b")
VOID = {"meta", "img", "br", "link", "hr", "input"}
SILENT = {"style", "script", "title", "svg"}
NUMBER = re.compile(r"([+−±]?)(\d[\d,]*)(?:\.(\d+))?\s?(%|×|kB|MB|GB|B|h|min|ms|s)?")
UNITS = {
    "%": 0.01,
    "kB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "B": 1,
    "h": 3600,
    "min": 60,
    "s": 1,
    "×": 1,
    "ms": 1,
    None: 1,
}


def resolve(node: Any, key: str) -> Any:
    """Follow a dotted path; names of variants and settings may hold dots themselves."""
    if not key:
        return node
    if isinstance(node, list):
        head, _, rest = key.partition(".")
        return resolve(node[int(head)], rest)
    if isinstance(node, dict):
        for name in sorted(node, key=len, reverse=True):
            if key == name:
                return node[name]
            if key.startswith(f"{name}."):
                try:
                    return resolve(node[name], key[len(name) + 1 :])
                except (KeyError, IndexError, ValueError):
                    continue
    raise KeyError(key)


def agrees(text: str, value: Any) -> bool:
    """Whether a printed number is the stored one, rounded to the digits it is printed with."""
    if value is None:
        return text == "–"
    match = NUMBER.fullmatch(text.replace("\u00a0", " "))
    if match is None or isinstance(value, bool):
        return False
    sign, whole, part, unit = match.groups()
    scale = UNITS[unit]
    printed = float(f"{whole.replace(',', '')}.{part or 0}") * scale * (-1 if sign == "−" else 1)
    half = 0.5 * 10 ** -len(part or "") * scale
    plain = unit is None and not part and isinstance(value, int)
    return abs(printed - value) <= (0 if plain else half * (1 + 1e-9))


@dataclass
class Found:
    """What a page prints."""

    numbers: list[tuple[str, str]] = field(default_factory=list)
    """Key and text of every `<data>`."""
    problems: list[str] = field(default_factory=list)
    unkeyed: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    def __init__(self, studies: Mapping[str, Any]) -> None:
        super().__init__(convert_charrefs=True)
        self.studies = studies
        self.stack: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.found = Found()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.found.links.append(given["href"])
        if tag not in VOID:
            self.stack.append((tag, given))
        if self._is_source(tag, given):
            self.words = []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        opened, given = self.stack.pop()
        if opened != tag:
            raise AssertionError(f"</{tag}> closes <{opened}>")
        if self._is_source(tag, given):
            self._check(tag, given, "".join(self.words))

    def handle_data(self, data: str) -> None:
        tags = {tag for tag, _ in self.stack}
        if tags & SILENT:
            return
        if any(self._is_source(tag, given) for tag, given in self.stack):
            self.words.append(data)
        elif any(character.isdigit() for character in TERMS.sub("", data)):
            self.found.problems.append(f"a number from nowhere: {data.strip()!r}")

    @staticmethod
    def _is_source(tag: str, given: dict[str, str]) -> bool:
        return tag == "data" or "data-key" in given or "quote" in given.get("class", "").split()

    def _check(self, tag: str, given: dict[str, str], text: str) -> None:
        key = given.get("data-key", "")
        if not key and tag != "data":
            self.found.unkeyed.append(text)
            return
        study = given.get("data-study") or (next(iter(self.studies)) if len(self.studies) == 1 else "")
        try:
            stored = resolve(self.studies[study], key)
        except KeyError:
            self.found.problems.append(f"no such key: {study} {key}")
            return
        if tag == "data":
            self.found.numbers.append((key, text))
            exact = given["value"] == ("" if stored is None else repr(stored))
            if not exact or not agrees(text, stored):
                self.found.problems.append(f"{key}: printed {text!r} ({given['value']}), stored {stored!r}")
        elif not quoted(text, stored, key):
            self.found.problems.append(f"{key}: printed {text!r}, stored {stored!r}")


def quoted(text: str, stored: Any, key: str) -> bool:
    """Whether words are the stored ones, the beginning of a stored digest, or the last name of the key."""
    if isinstance(stored, str):
        shortened = text.endswith("…") and len(text) > 8 and stored.startswith(text[:-1])
        if text == stored or shortened:
            return True
    return key == text or key.endswith(f".{text}") or text == json.dumps(stored, ensure_ascii=False)


def read(html: str, studies: Mapping[str, Any]) -> Found:
    """Read a page; ``studies`` is name -> results.json."""
    reader = Reader(studies)
    reader.feed(html)
    reader.close()
    return reader.found


def missing_from_pdf(found: Found, text: str) -> Counter[str]:
    """Numbers that the page prints more often than the PDF's text does."""
    digits = re.compile(r"[+−±]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?")
    printed = Counter(digits.match(text).group() for _, text in found.numbers if text != "–")  # type: ignore[union-attr]
    return printed - Counter(digits.findall(text))
