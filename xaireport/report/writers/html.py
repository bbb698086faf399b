"""Pages as HTML: one self-contained file each, no request, whole without scripts. It places what is there.

The same document is set for a browser, for paper, and as a fragment of somebody else's page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

from xaireport import resources
from xaireport.errors import RenderError
from xaireport.files import write_atomic
from xaireport.report.document.blocks import Page
from xaireport.report.document.phrases import DEMONSTRATION
from xaireport.report.figures import svg
from xaireport.report.plugins import Source
from xaireport.report.writers.earlier import placed
from xaireport.report.writers.style import encoded, script, style

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

Medium = Literal["screen", "paper", "fragment"]


def write(page: Page, path: Path, source: Source) -> None:
    """Write a page for browsers; see `xaireport.report.plugins.Format`."""
    write_atomic(path, render(page, source.assets).encode())


def write_fragment(page: Page, path: Path, source: Source) -> None:
    """Write a page as a part of somebody else's: its ids begin with the names of study and variant."""
    at = beginning(str(source.results["study"]), source.variant)
    write_atomic(path, render(page, source.assets, medium="fragment", at=at).encode())


def beginning(study: str, variant: str) -> str:
    """Return what the ids of a card's fragment begin with, and those of no other card.

    >>> beginning("derma", "small")
    'xr-derma.small.'
    """
    return f"xr-{study}.{variant}."  # the dot is in no name


def render(
    page: Page, assets: Path | None, templates: Path | None = None, medium: Medium = "screen", at: str = ""
) -> str:
    """Return a page as HTML.

    Parameters
    ----------
    page : Page
        The document.
    assets : Path or None
        Where its images lie; None for a page without images.
    templates : Path, optional
        A folder whose files override the shipped templates by name; by default ``./templates``.
    medium : {"screen", "paper", "fragment"}
        A page for a browser; one for the PDF, without scripts and what only they use; or a part of somebody
        else's page.
    at : str
        Goes before every id of a fragment.

    Raises
    ------
    RenderError
        An image or a template is missing or broken.
    """
    roots = folders(page.layout, templates)
    context = {
        "page": placed(page, assets),
        "style": style(roots, medium, at),
        "script": script(roots) if medium == "screen" else None,
        "demonstration": DEMONSTRATION,
        "here": Here(medium, at, 2 if medium == "fragment" else 1, assets),
    }
    return _fill("fragment.html" if medium == "fragment" else "page.html", context, roots)


def folders(layout: str, templates: Path | None = None) -> tuple[Path, ...]:
    """Return where a page's templates are looked for, in this order.

    ``./templates/<layout>/`` for pages of one layout, ``./templates/`` for all; then those of the package.
    """
    roots = resources.folders("templates", templates)
    return tuple(folder for root in roots for folder in (root / layout, root) if folder.is_dir())


@dataclass(frozen=True)
class Here:
    """Where a partial stands: what every one of them receives as ``here``.

    Parameters
    ----------
    medium : {"screen", "paper", "fragment"}
        What the page is for.
    at : str
        Goes before every id and every link to one: empty but for fragments.
    level : int
        Of the page's heading: 1; 2 in a fragment, whose page has its own. Sections are one lower.
    assets : Path or None
        The folder that file names are relative to.
    """

    medium: Medium
    at: str
    level: int
    assets: Path | None

    def image(self, file: str) -> str:
        """Return a stored JPEG or PNG as a data address."""
        path = _asset(self.assets, file)
        kind = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}.get(path.suffix.lower())
        if kind is None:
            raise RenderError("a JPEG or PNG image", file)
        return f"data:image/{kind};base64,{encoded(path)}"

    def drawing(self, file: str) -> Markup:
        """Return a stored SVG for the page itself, refused where it holds more than shapes and text."""
        from markupsafe import Markup

        text = _asset(self.assets, file).read_text("utf-8")
        if not svg.is_plain(text):
            raise RenderError("a drawing made by this version of xaireport", file, "build the study again")
        return Markup(svg.under(text, self.at) if self.at else text)


def _fill(name: str, context: Mapping[str, Any], roots: tuple[Path, ...]) -> str:
    from jinja2 import TemplateError

    try:
        return _environment(roots).get_template(name).render(context)
    except TemplateError as error:
        where = getattr(error, "name", None) or name
        raise RenderError(
            "templates that can be rendered", error, "compare with the shipped ones", where
        ) from error


@lru_cache(maxsize=4)
def _environment(roots: tuple[Path, ...]) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(roots),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _asset(assets: Path | None, file: str) -> Path:
    """The file beside results.json; never one outside that folder (which may itself be a link)."""
    name = PurePosixPath(file)
    if assets is None or name.is_absolute() or ".." in name.parts:
        raise RenderError("an image inside the report's folder", file)
    if not (assets / file).is_file():
        raise RenderError(f"an image {file}", "none", "build the study again")
    return assets / file
