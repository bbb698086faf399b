"""Sections, figures and formats from other packages, by entry point ``xaireport.plugins``.

The built-in ones are values of the same types; only where they are listed differs. Nothing is imported here
that a build without plug-ins does not need.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from xaireport import paths
from xaireport.errors import ConfigError

if TYPE_CHECKING:
    from xaireport.report.figures import Drawing
    from xaireport.report.formats import Format
    from xaireport.report.sections.registry import SectionMaker


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
    for declared in paths.plugins():
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
    return tuple(sorted({declared.module for declared in paths.plugins()}))


def distributions() -> tuple[str, ...]:
    """Return what the plug-ins are installed as."""
    return tuple(sorted({declared.distribution for declared in paths.plugins()}))
