"""What all drawings share: colours, type, axes, and how a figure becomes a file. It draws nothing itself."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaireport.files import write_atomic
from xaireport.report.figures.svg import INK, fit

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#1c84a3", "#d0742a", "#7a68b8", "#3f9a62", "#c2507e", "#8a7a3c")
"""Series; each has a contrast of 3:1 or better on the light and on the dark page."""
MARKS = ("o", "s", "^", "D", "v", "P")
RC: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "xaireport",
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "font.size": 8.5,
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "normal",
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 1.6,
}
LABEL = 26
"""Characters of a class name that a drawing has room for."""


def save(path: Path, make: Callable[[], Figure], mark: str, title: str, description: str) -> None:
    """Draw, rewrite and write one file; a half-written one is never left. ``mark`` goes into its ids."""
    import warnings

    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context(RC), warnings.catch_warnings():
        # Text stays text and is set in the page's fonts: that matplotlib's own lacks a glyph does not matter.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        make().savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn = fit(buffer.getvalue(), f"drawing-{mark}", title, description)
    write_atomic(path, drawn.encode(), durable=False)


def figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """Return a figure of so many inches, and its axes side by side; none of them for ``columns=0``."""
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height), layout="constrained")
    return made, [made.add_subplot(1, columns, i + 1) for i in range(columns)]


def rows(axis: Axes, labels: list[str], legend: bool = True) -> None:
    """One labelled line per row, first on top; the legend above."""
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    grid(axis, "both")
    if legend:
        axis.legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=6, borderaxespad=0.2, columnspacing=1.4
        )


def legend(figure: Figure, handles: Sequence[Artist], variants: Mapping[str, Any], where: Any) -> None:
    """Name the variants beside the drawing.

    Labels of the marks themselves would not do: matplotlib keeps those that begin with ``_`` to itself.
    """
    names = [short(variant.get("title") or name) for name, variant in variants.items()]
    figure.legend(handles, names, loc=where, ncols=3, columnspacing=1.4)


def grid(axis: Axes, which: Any) -> None:
    """Draw faint lines behind the marks."""
    axis.grid(visible=True, axis=which, color=INK, alpha=0.14, linewidth=0.6)
    axis.set_axisbelow(True)


def short(name: str, letters: int = LABEL) -> str:
    """Cut a name to what a drawing has room for."""
    return name if len(name) <= letters else f"{name[: letters - 1]}…"
