"""Registry of the formats in which pages are written. It writes none itself."""

from __future__ import annotations

import re

from xaireport.errors import ConfigError
from xaireport.report.plugins import Format, loaded

BUILTIN: tuple[Format, ...] = (
    Format("html", ".html", "xaireport.report.writers.html:write", ("jinja2", "markupsafe")),
    Format(
        "pdf",
        ".pdf",
        "xaireport.report.writers.pdf:write",
        ("jinja2", "markupsafe", "weasyprint", "pikepdf"),
        slow=True,
    ),
    Format("md", ".md", "xaireport.report.writers.markdown:write", ("xaireport",), ("card",)),
    Format(
        "fragment",
        ".fragment.html",
        "xaireport.report.writers.html:write_fragment",
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
