"""Pages as HTML: one self-contained file each, no request, no script. It only places what is stored."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from xaireport import paths
from xaireport.errors import RenderError
from xaireport.report import svg
from xaireport.report.document import Block, Page
from xaireport.report.words import DEMONSTRATION

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

STYLES = ("screen.css", "matrix.css", "print.css")
FONTS = {"fonts/xai-sans-400.woff2": 400, "fonts/xai-sans-600.woff2": 600}


def render_card(results: Mapping[str, Any], variant: str, assets: Path, templates: Path | None = None) -> str:
    """Return the model card of one variant.

    Parameters
    ----------
    results : mapping
        results.json of the study.
    variant : str
        Its name.
    assets : Path
        The folder that the file names in ``results`` are relative to.
    templates : Path, optional
        A folder whose files override the shipped templates by name; by default ``./templates``.

    Raises
    ------
    RenderError
        Evidence, an image or a template is missing or broken.
    """
    from xaireport.report.pages import card

    return render(card(results, variant), assets, templates)


def render_comparison(results: Mapping[str, Any], assets: Path, templates: Path | None = None) -> str:
    """Return the comparison of a study's variants; parameters as for `render_card`."""
    from xaireport.report.comparison import comparison

    return render(comparison(results), assets, templates)


def render_index(
    results: Sequence[Mapping[str, Any]],
    failures: Sequence[Mapping[str, str]] = (),
    templates: Path | None = None,
) -> str:
    """Return the page of all studies.

    Parameters
    ----------
    results : sequence of mapping
        results.json of each study.
    failures : sequence of mapping
        What has no results: ``study``, ``variant`` (may be empty), ``stage``, ``message``, ``hint``.
    templates : Path, optional
        As for `render_card`.
    """
    from xaireport.report.summary import summary

    return render(summary(results, failures), None, templates)


def render(page: Page, assets: Path | None, templates: Path | None = None) -> str:
    """Return a page as HTML.

    Parameters
    ----------
    page : Page
        The document.
    assets : Path or None
        Where its images lie; None for a page without images.
    templates : Path, optional
        As for `render_card`.
    """
    from markupsafe import Markup

    roots = paths.folders("templates", templates)
    style = _style(roots)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    context = {
        "page": page,
        "style": Markup(style),
        "style_hash": f"sha256-{digest}",
        "demonstration": DEMONSTRATION,
    }
    return _fill("page.html", context, assets, roots)


def render_block(block: Block, assets: Path | None = None, templates: Path | None = None) -> str:
    """Return one block as HTML, without a page around it; parameters as for `render`."""
    return _fill(f"blocks/{block.kind}.html", {"block": block}, assets, paths.folders("templates", templates))


def _fill(name: str, context: Mapping[str, Any], assets: Path | None, roots: tuple[Path, ...]) -> str:
    from jinja2 import TemplateError

    environment = _environment(roots).overlay()
    environment.filters = {
        **environment.filters,
        "jpeg": lambda file: _image(assets, file),
        "drawing": lambda file: _drawing(assets, file),
    }
    try:
        return environment.get_template(name).render(context)
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


def _find(roots: tuple[Path, ...], name: str) -> Path:
    for root in roots:
        if (root / name).is_file():
            return root / name
    raise RenderError(f"a template {name}", "none", "install xaireport again")


def _style(roots: tuple[Path, ...]) -> str:
    """All style sheets and fonts as one sheet, so that one hash covers it."""
    faces = "".join(
        f'@font-face {{ font-family: "Xai Sans"; font-weight: {weight}; font-display: swap; '
        f'src: url("data:font/woff2;base64,{_base64(_find(roots, name))}") format("woff2"); }}\n'
        for name, weight in FONTS.items()
    )
    style = faces + "".join(_find(roots, name).read_text("utf-8") for name in STYLES)
    if "</" in style:
        raise RenderError("style sheets without markup", "</", "remove it from your templates' CSS")
    return style


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _asset(assets: Path | None, file: str) -> Path:
    """The file beside results.json; never one outside that folder (which may itself be a link)."""
    name = PurePosixPath(file)
    if assets is None or name.is_absolute() or ".." in name.parts:
        raise RenderError("an image inside the report's folder", file)
    if not (assets / file).is_file():
        raise RenderError(f"an image {file}", "none", "build the study again")
    return assets / file


def _image(assets: Path | None, file: str) -> str:
    path = _asset(assets, file)
    kind = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}.get(path.suffix.lower())
    if kind is None:
        raise RenderError("a JPEG or PNG image", file)
    return f"data:image/{kind};base64,{_base64(path)}"


def _drawing(assets: Path | None, file: str) -> Markup:
    """An SVG for the page itself, refused where it holds more than shapes and text."""
    from markupsafe import Markup

    text = _asset(assets, file).read_text("utf-8")
    if not svg.is_plain(text):
        raise RenderError("a drawing made by this version of xaireport", file, "build the study again")
    return Markup(text)
