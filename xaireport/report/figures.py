"""Drawings of a study as SVG files, with matplotlib and seaborn: a stage of its own.

The files hold real text, follow the page's ink, and are the same bytes for the same results.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaireport.report.svg import INK, fit
from xaireport.report.words import SCORES, score_name, sentence_case

if TYPE_CHECKING:
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
COUNTS_UP_TO = 20
"""More classes than this leave no room for counts in the cells."""
LABELS_UP_TO = 40
"""More classes than this leave no room for their names along a matrix."""
COMPARED = ("balanced_accuracy", "accuracy", "weighted_f1", "weighted_precision", "mcc", "auroc")


def draw(results: Mapping[str, Any], out: Path) -> None:
    """Draw everything there is to draw about a study.

    Parameters
    ----------
    results : mapping
        results.json.
    out : Path
        Folder for ``<variant>-learning-curves.svg`` (where there was training), ``<variant>-confusion.svg``,
        ``<variant>-per-class.svg`` and ``comparison-scores.svg``.
    """
    out.mkdir(parents=True, exist_ok=True)
    for name, variant in results["variants"].items():
        title = variant.get("title") or name
        if variant.get("training"):
            _save(
                out / f"{name}-learning-curves.svg",
                partial(learning_curves, variant),
                f"Learning curves of {title}",
                "Loss and accuracy on the training and validation splits after each epoch.",
            )
        _save(
            out / f"{name}-confusion.svg",
            partial(confusion, variant, results["classes"]),
            f"Confusion matrix of {title}",
            "Rows are true classes, columns predicted ones; colour is the share of the row.",
        )
        _save(
            out / f"{name}-per-class.svg",
            partial(per_class, variant),
            f"Scores per class of {title}",
            "Precision, recall and F1 of each class.",
        )
    if results["variants"]:
        _save(
            out / "comparison-scores.svg",
            partial(comparison, results),
            "Scores of all variants",
            "One row per score, one mark per variant; hollow marks, where there are any, are the reference.",
        )


def _save(path: Path, make: Callable[[], Figure], title: str, description: str) -> None:
    """Draw, rewrite and write one file; a half-written one is never left."""
    import warnings

    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context(RC), warnings.catch_warnings():
        # Text stays text and is set in the page's fonts: that matplotlib's own lacks a glyph does not matter.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        make().savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    half = path.with_suffix(".part")
    half.write_text(fit(buffer.getvalue(), path.stem, title, description), "utf-8")
    half.replace(path)


def learning_curves(variant: Mapping[str, Any]) -> Figure:
    """Loss and accuracy over epochs, training and validation, the kept epoch marked."""
    from matplotlib.ticker import MaxNLocator

    training = variant["training"]
    history = training["history"]
    figure, axes = _figure(7.4, 2.5, columns=2)
    for axis, what in zip(axes, ("loss", "accuracy"), strict=True):
        for key, label, colour, dash in (
            (what, "training", COLOURS[0], (4, 1.6)),
            (f"val_{what}", "validation", COLOURS[1], ()),
        ):
            values = history.get(key) or []
            epochs = list(range(1, len(values) + 1))
            (line,) = axis.plot(epochs, values, color=colour, linewidth=1.6, label=label)
            if dash:
                line.set_dashes(dash)
            best = training.get("best_epoch") or 0
            if key.startswith("val_") and 0 < best <= len(values):
                axis.plot([best], [values[best - 1]], "o", color=colour, markersize=5.5)
        axis.set_title(sentence_case(what))
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        _grid(axis, "y")
    # Above the axes: within them a curve may go anywhere.
    axes[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.2)
    return figure


def confusion(variant: Mapping[str, Any], classes: list[str]) -> Figure:
    """Row-normalised confusion matrix, counts in the cells, cividis."""
    import numpy as np
    import seaborn as sns

    k = len(classes)
    shares = np.array(
        [[0.0 if cell is None else cell for cell in row] for row in variant["confusion_normalised"]]
    )
    counts = np.array(variant["confusion"]) if k <= COUNTS_UP_TO else None
    side = max(2.2, min(8.0, 0.52 * k))
    figure, (axis,) = _figure(side + 2.6, side + 1.5)
    labels = [_short(name) for name in classes] if k <= LABELS_UP_TO else False
    sns.heatmap(
        shares,
        vmin=0,
        vmax=1,
        cmap="cividis",
        annot=counts,
        fmt="d",
        square=True,
        linewidths=0.4 if k <= LABELS_UP_TO else 0,
        linecolor="#ffffff",
        cbar_kws={"label": "share of the true class", "shrink": 0.8},
        xticklabels=labels,
        yticklabels=labels,
        rasterized=counts is None,  # ten thousand paths would be megabytes
        ax=axis,
    )
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    axis.tick_params(length=0)
    for tick in axis.get_xticklabels():
        tick.set(rotation=45, ha="right", rotation_mode="anchor")
    return figure


def per_class(variant: Mapping[str, Any]) -> Figure:
    """Precision, recall and F1 of each class as marks on one line."""
    rows = variant["per_class"]
    figure, (axis,) = _figure(5.0, max(1.6, 0.8 + 0.27 * len(rows)))
    for score, colour, mark in zip(("precision", "recall", "f1"), COLOURS, MARKS, strict=False):
        known = [(row[score]["value"], i) for i, row in enumerate(rows) if row[score]["value"] is not None]
        axis.plot(
            [value for value, _ in known],
            [i for _, i in known],
            linestyle="none",
            marker=mark,
            color=colour,
            markersize=6,
            label=score_name(score) if score != "f1" else "F1",
        )
    _rows(axis, [_short(row["label"]) for row in rows])
    axis.set_xlim(-0.01, 1.01)
    return figure


def comparison(results: Mapping[str, Any]) -> Figure:
    """Scores of all variants, one line per score; hollow marks for references, never beside phantom data."""
    phantom = results["data"]["source"] == "phantom"
    names = [name for name in COMPARED if name in SCORES]
    figure, (axis,) = _figure(7.4, 0.8 + 0.34 * len(names))
    for index, (name, variant) in enumerate(results["variants"].items()):
        colour, mark = COLOURS[index % len(COLOURS)], MARKS[index % len(MARKS)]
        scores = variant["scores"]
        known = [
            (scores[score]["value"], i)
            for i, score in enumerate(names)
            if score in scores and scores[score]["value"] is not None
        ]
        axis.plot(
            [value for value, _ in known],
            [i for _, i in known],
            linestyle="none",
            marker=mark,
            color=colour,
            markersize=6.5,
            label=_short(variant.get("title") or name),
        )
        reference = {} if phantom else variant.get("reference") or {}
        pairs = (("accuracy", "accuracy"), ("weighted_f1", "f1"), ("weighted_precision", "precision"))
        told = [
            (reference[key], names.index(score)) for score, key in pairs if reference.get(key) is not None
        ]
        axis.plot(
            [value for value, _ in told],
            [i for _, i in told],
            linestyle="none",
            marker=mark,
            markersize=6.5,
            markerfacecolor="none",
            markeredgecolor=colour,
            markeredgewidth=1.2,
        )
    _rows(axis, [sentence_case(score_name(name)) for name in names])
    axis.set_xlim(min(-0.01, axis.get_xlim()[0]), 1.01)
    return figure


def _figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, [figure.add_subplot(1, columns, i + 1) for i in range(columns)]


def _rows(axis: Axes, labels: list[str]) -> None:
    """One labelled line per row, first on top, the legend above."""
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    _grid(axis, "both")
    axis.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=6, borderaxespad=0.2, columnspacing=1.4)


def _grid(axis: Axes, which: Any) -> None:
    axis.grid(visible=True, axis=which, color=INK, alpha=0.14, linewidth=0.6)
    axis.set_axisbelow(True)


def _short(name: str) -> str:
    return name if len(name) <= LABEL else f"{name[: LABEL - 1]}…"
