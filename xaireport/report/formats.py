"""The formats in which pages are written, and the door by which others come in. It writes none itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from xaireport.errors import ConfigError
from xaireport.report.plugins import loaded

Layout = Literal["card", "comparison", "index"]


@dataclass(frozen=True)
class Format:
    """One way of writing a page.

    Parameters
    ----------
    name : str
        Such as "html"; names the step of the build, and what ``--format`` takes.
    suffix : str
        Of the file, with its dot: ``card<suffix>`` of a model card, ``index<suffix>`` of the other pages.
    write : str
        ``"package.module:function"``, imported when a page is written. The function takes the page
        (:class:`xaireport.report.document.Page`), the path to write to, and a :class:`Source`.
    packages : tuple of str
        Distributions whose versions may change what is written.
    layouts : tuple of {"card", "comparison", "index"}
        Pages that are written in it.
    slow : bool
        Takes seconds: pages are written beside each other, in processes of their own.
    """

    name: str
    suffix: str
    write: str
    packages: tuple[str, ...] = ()
    layouts: tuple[Layout, ...] = ("card", "comparison", "index")
    slow: bool = False

    @property
    def module(self) -> str:
        """The module of the function."""
        return self.write.partition(":")[0]


@dataclass(frozen=True)
class Source:
    """What a format may need besides the page itself.

    Parameters
    ----------
    results : mapping
        results.json of the study; empty for the page of all studies.
    variant : str
        Whose card it is; empty for other pages.
    assets : Path, optional
        The folder that file names in the page are relative to; None for a page without pictures.
    attachments : tuple of Path
        The files of numbers behind the page.
    """

    results: Mapping[str, Any] = field(default_factory=dict)
    variant: str = ""
    assets: Path | None = None
    attachments: tuple[Path, ...] = ()


BUILTIN: tuple[Format, ...] = (
    Format("html", ".html", "xaireport.report.html:write", ("jinja2", "markupsafe")),
    Format(
        "pdf",
        ".pdf",
        "xaireport.report.pdf:write",
        ("jinja2", "markupsafe", "weasyprint", "pikepdf"),
        slow=True,
    ),
    Format("md", ".md", "xaireport.report.markdown:write", ("xaireport",), ("card",)),
    Format(
        "fragment",
        ".fragment.html",
        "xaireport.report.html:write_fragment",
        ("jinja2", "markupsafe", "tinycss2"),
        ("card",),
    ),
)


def formats(names: tuple[str, ...] = ()) -> tuple[Format, ...]:
    """Return the formats of these names; all there are where none is named.

    Raises
    ------
    ConfigError
        There is no such format; two have one name or one suffix, or a suffix is none.
    """
    there: dict[str, Format] = {}
    for each in (*BUILTIN, *(one for plugin in loaded() for one in plugin.formats)):
        if each.name in there:
            raise ConfigError("one format per name", f"two called {each.name}", "rename one")
        if not re.fullmatch(r"(\.[A-Za-z0-9_-]+)+", each.suffix):
            raise ConfigError("a suffix such as .txt", repr(each.suffix), where=f"format {each.name}")
        if any(each.suffix.lower() == other.suffix.lower() for other in there.values()):
            raise ConfigError("one format per suffix", f"two that write {each.suffix}", "rename one")
        there[each.name] = each
    unknown = [name for name in names if name not in there]
    if unknown:
        raise ConfigError(f"formats among {', '.join(there)}", ", ".join(unknown), where="--format")
    return tuple(each for name, each in there.items() if not names or name in names)
