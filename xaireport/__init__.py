"""Evidence for image classifiers: scores, heatmaps, and model cards in HTML and PDF that compare them.

The public names are looked up when they are first used, so that ``import xaireport`` loads nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xaireport.metrics.scores import evaluate
    from xaireport.results.load import load_results

    __version__: str

__all__ = ["__version__", "evaluate", "load_results"]

_HOME = {
    "evaluate": "xaireport.metrics.scores",
    "load_results": "xaireport.results.load",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("xaireport")
    elif name in _HOME:
        from importlib import import_module

        value = getattr(import_module(_HOME[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value  # the next look-up does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
