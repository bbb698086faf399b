"""Sections, figures and formats from other packages, by entry point ``xaireport.plugins``.

The built-in ones are values of the same types; only where they are listed differs. Nothing is imported here
that a build without plug-ins does not need.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xaireport import resources
from xaireport.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from xaireport.report.sections.registry import SectionMaker


Layout = Literal["card", "comparison", "index"]


@dataclass(frozen=True)
class Drawing:
    """One kind of drawing, made for every variant or once for the study.

    Parameters
    ----------
    name : str
        Of the file, in letters, digits, ``_`` and ``-``. A section places it with
        ``Figure(drawing(name, card.name), caption)``; see :func:`xaireport.report.document.drawings.drawing`.
    make : callable
        (results, variant's name) -> matplotlib Figure; the name is empty for drawings of the study.
    title, description : str
        For readers who do not see it; the title of a variant's drawing goes before the variant's.
    wanted : callable
        (results, variant's name) -> whether there is anything to draw.
    per_variant : bool
        Whether it is drawn for every variant.
    """

    name: str
    make: Callable[[Mapping[str, Any], str], Figure]
    title: str
    description: str
    wanted: Callable[[Mapping[str, Any], str], bool] = lambda results, variant: True
    per_variant: bool = True


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
        (:class:`xaireport.report.document.blocks.Page`), the path to write to, and a :class:`Source`.
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


@dataclass(frozen=True)
class Plugin:
    """What a package adds to reports. Its entry point names one of these.

    Parameters
    ----------
    sections : tuple of SectionMaker
        Further sections of the model card.
    figures : tuple of Drawing
        Further drawings, as files beside the others.
    formats : tuple of Format
        Further formats of the pages.
    """

    sections: tuple[SectionMaker, ...] = ()
    figures: tuple[Drawing, ...] = ()
    formats: tuple[Format, ...] = ()


@lru_cache(maxsize=1)
def loaded() -> tuple[Plugin, ...]:
    """Return the plug-ins that installed packages declare, in the order of their names.

    Raises
    ------
    ConfigError
        One cannot be imported, or is no `Plugin`.
    """
    found = []
    for declared in resources.plugins():
        try:
            plugin = getattr(importlib.import_module(declared.module), declared.attribute)
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                "a plug-in that can be imported",
                error,
                f"reinstall or remove {declared.distribution}",
                declared.name,
            ) from error
        if not isinstance(plugin, Plugin):
            hint = f"ask the authors of {declared.distribution}"
            raise ConfigError(
                "an xaireport.report.plugins.Plugin", type(plugin).__name__, hint, declared.name
            )
        found.append(plugin)
    return tuple(found)


def code() -> tuple[str, ...]:
    """Return the modules of the plug-ins: a page depends on them as on xaireport's own."""
    return tuple(sorted({declared.module for declared in resources.plugins()}))


def distributions() -> tuple[str, ...]:
    """Return what the plug-ins are installed as."""
    return tuple(sorted({declared.distribution for declared in resources.plugins()}))
