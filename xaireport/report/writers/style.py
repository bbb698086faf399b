"""Style sheets and the script of a page, each as one text with its hash; of a fragment under one id."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaireport.errors import RenderError

if TYPE_CHECKING:
    from markupsafe import Markup

FONTS = {"fonts/xai-sans-400.woff2": 400, "fonts/xai-sans-600.woff2": 600}
SHEETS = {
    "screen": ("base.css", "matrix.css", "screen.css", "print.css"),
    "paper": ("base.css", "matrix.css", "print.css"),
    "fragment": ("fragment.css", "base.css", "matrix.css"),
}
SCRIPT = "page.js"


@dataclass(frozen=True)
class Inlined:
    """What stands within a ``<style>`` or ``<script>``.

    Parameters
    ----------
    text : Markup
        All of it.
    hash : str
        By which the page's content security policy allows it.
    """

    text: Markup
    hash: str


@lru_cache(maxsize=8)
def style(roots: tuple[Path, ...], medium: str, at: str = "") -> Inlined:
    """Return all sheets of a medium as one.

    Parameters
    ----------
    roots : tuple of Path
        Template folders, the first wins.
    medium : {"screen", "paper", "fragment"}
        What the page is for. Fragments hold no typeface: they are set in that of the page around them.
    at : str
        Goes before the ids of a fragment; its rules are set under the id ``<at>fragment``.
    """
    sheets = "".join(find(roots, name).read_text("utf-8") for name in SHEETS[medium])
    if medium == "fragment":
        return _inlined(scoped(sheets, f"{at}fragment"))
    faces = "".join(
        f'@font-face {{ font-family: "Xai Sans"; font-weight: {weight}; font-display: swap; '
        f'src: url("data:font/woff2;base64,{encoded(find(roots, name))}") format("woff2"); }}\n'
        for name, weight in FONTS.items()
    )
    return _inlined(faces + _lean(sheets))


@lru_cache(maxsize=2)
def script(roots: tuple[Path, ...]) -> Inlined:
    """Return the page's script."""
    lines = (line.strip() for line in find(roots, SCRIPT).read_text("utf-8").splitlines())
    return _inlined("\n".join(line for line in lines if line and not line.startswith("//")))


def scoped(sheet: str, root: str) -> str:
    """Return a style sheet of which every rule applies inside one element only.

    ``:root`` and ``body`` stand for the element; ``rem`` for its own ``--rem``, since the root of the page
    around it may be of any size. Typefaces and ``html`` rules are left out.

    >>> scoped("body.a p, :root { margin: 1.5rem }", "x").strip()
    '#x.a p,#x{ margin: calc(1.5*var(--rem)) }'
    """
    import tinycss2

    return "".join(_scoped(tinycss2.parse_stylesheet(sheet, True, True), root))


def _scoped(rules: Sequence[Any], root: str) -> list[str]:
    import tinycss2

    out = []
    for rule in rules:
        if rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
            inner = _scoped(tinycss2.parse_rule_list(rule.content, True, True), root)
            out.append(f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{''.join(inner)}}}\n")
        elif rule.type == "qualified-rule":
            chosen = _split(tinycss2.serialize(rule.prelude))
            kept = [_under(selector, root) for selector in chosen if not selector.startswith("html")]
            body = tinycss2.serialize(rule.content)
            body = re.sub(r"(?<![\w.-])(\d*\.?\d+)rem\b", r"calc(\1*var(--rem))", body)
            # The definition of the unit itself is the page's own.
            body = re.sub(r"--rem: calc\((\S+)\*var\(--rem\)\)", r"--rem: \1rem", body)
            if kept:
                out.append(f"{','.join(kept)}{{{_lean(body).rstrip()} }}\n")
        elif rule.type == "error":
            raise RenderError("style sheets that can be read", rule.message, where="templates")
    return out


def _split(selectors: str) -> list[str]:
    """Return the selectors of a list; a comma within parentheses parts none."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", selectors)]


def _under(selector: str, root: str) -> str:
    element = "#" + root.replace(".", r"\.")
    stands, found = re.subn(r"(?<![\w.#-])(:root|body)(?![\w-])", lambda _: element, selector)
    return stands if found else f"{element} {selector}"


def _lean(sheet: str) -> str:
    return re.sub(r"\n\s+", "\n", re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL))


def _inlined(text: str) -> Inlined:
    from markupsafe import Markup

    if "</" in text:
        raise RenderError("style sheets and scripts without markup", "</", "remove it from your templates")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Inlined(Markup(text), f"sha256-{digest}")


def find(roots: tuple[Path, ...], name: str) -> Path:
    """Return the first template file of a name."""
    for root in roots:
        if (root / name).is_file():
            return root / name
    raise RenderError(f"a template {name}", "none", "install xaireport again")


def encoded(path: Path) -> str:
    """Return a file in base64."""
    return base64.b64encode(path.read_bytes()).decode()
