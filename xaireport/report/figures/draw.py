"""Drawings of a study as SVG files, with matplotlib and seaborn: a stage of its own.

The files hold real text, follow the page's ink, and are the same bytes for the same results.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from xaireport.errors import ConfigError
from xaireport.report.document import drawings
from xaireport.report.document.phrases import score_name, sentence_case
from xaireport.report.figures import charts
from xaireport.report.figures.plotting import COLOURS, MARKS, grid, legend, rows, save, short
from xaireport.report.figures.plotting import figure as new_figure
from xaireport.report.plugins import Drawing, loaded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
        Folder for the files, ``assets/figures`` beside results.json; see :class:`Drawing`.

    Raises
    ------
    ConfigError
        Two drawings claim the same file, or the name of one cannot be a file's.
    """
    out.mkdir(parents=True, exist_ok=True)
    done: set[str] = set()
    for drawing in (*BUILTIN, *(one for plugin in loaded() for one in plugin.figures)):
        for variant in results["variants"] if drawing.per_variant else ("",):
            if not drawing.wanted(results, variant):
                continue
            if not re.fullmatch(r"[A-Za-z0-9_-]+", drawing.name):
                raise ConfigError("a drawing's name in letters, digits, _ and -", repr(drawing.name))
            file = drawings.drawing(drawing.name, variant)
            if file.lower() in done:
                raise ConfigError("one drawing per file", f"two for {file}")
            done.add(file.lower())
            title = drawing.title
            if variant:
                title += f" of {results['variants'][variant].get('title') or variant}"
            make = partial(drawing.make, results, variant)
            place = out / PurePosixPath(file).relative_to(drawings.FOLDER)
            save(place, make, drawings.mark(file), title, drawing.description)


def learning_curves(results: Mapping[str, Any], variant: str) -> Figure:
    """Loss and accuracy over epochs, training and validation, the kept epoch marked."""
    from matplotlib.ticker import MaxNLocator

    training = results["variants"][variant]["training"]
    history = training["history"]
    figure, axes = new_figure(7.4, 2.5, columns=2)
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
        grid(axis, "y")
    # Above the axes: within them a curve may go anywhere.
    axes[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, borderaxespad=0.2)
    return figure


def confusion(results: Mapping[str, Any], variant: str) -> Figure:
    """Row-normalised confusion matrix, counts in the cells, cividis."""
    import numpy as np
    import seaborn as sns

    classes, found = results["classes"], results["variants"][variant]
    k = len(classes)
    shares = np.array(
        [[0.0 if cell is None else cell for cell in row] for row in found["confusion_normalised"]]
    )
    counts = np.array(found["confusion"]) if k <= COUNTS_UP_TO else None
    side = max(2.2, min(8.0, 0.52 * k))
    figure, (axis,) = new_figure(side + 2.6, side + 1.5)
    labels = [short(name) for name in classes] if k <= LABELS_UP_TO else False
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


def per_class(results: Mapping[str, Any], variant: str) -> Figure:
    """Precision, recall and F1 of each class, three marks in a row, each with its interval."""
    classes = results["variants"][variant]["per_class"]
    figure, (axis,) = new_figure(5.0, max(1.7, 0.8 + 0.36 * len(classes)))
    for place, score in enumerate(("precision", "recall", "f1")):
        colour, offset = COLOURS[place], 0.22 * (place - 1)  # side by side: no interval hides another
        known = [(i + offset, row[score]) for i, row in enumerate(classes) if row[score]["value"] is not None]
        for y, found in known:
            if found.get("lo") is not None:
                axis.plot([found["lo"], found["hi"]], [y, y], color=colour, linewidth=1.2)
        axis.plot(
            [found["value"] for _, found in known],
            [y for y, _ in known],
            linestyle="none",
            marker=MARKS[place],
            color=colour,
            markersize=4.5,
            label=score_name(score) if score != "f1" else "F1",
        )
    rows(axis, [short(row["label"]) for row in classes])
    axis.set_xlim(-0.01, 1.01)
    return figure


def comparison(results: Mapping[str, Any], _: str = "") -> Figure:
    """Scores of all variants, one line per score; hollow marks for references, never beside phantom data."""
    phantom = results["data"]["source"] == "phantom"
    names = list(COMPARED)
    count = len(results["variants"])
    lines = -(-count // 3)
    figure, (axis,) = new_figure(7.4, 0.6 + (0.22 + 0.055 * count) * len(names) + 0.2 * lines)
    labelled = []
    for index, variant in enumerate(results["variants"].values()):
        colour, mark = COLOURS[index % len(COLOURS)], MARKS[index % len(MARKS)]
        scores = variant["scores"]
        known = [
            (scores[score]["value"], i)
            for i, score in enumerate(names)
            if score in scores and scores[score]["value"] is not None
        ]
        offset = 0.5 * ((index + 0.5) / count - 0.5)  # side by side, so that no interval hides another
        labelled += axis.plot(
            [value for value, _ in known],
            [i + offset for _, i in known],
            linestyle="none",
            marker=mark,
            color=colour,
            markersize=5.5,
        )
        for i, score in enumerate(names):
            if score in scores and scores[score].get("lo") is not None:
                bounds = [scores[score]["lo"], scores[score]["hi"]]
                axis.plot(bounds, [i + offset] * 2, color=colour, linewidth=1.2)
        reference = {} if phantom else variant.get("reference") or {}
        pairs = (("accuracy", "accuracy"), ("weighted_f1", "f1"), ("weighted_precision", "precision"))
        told = [
            (reference[key], names.index(score)) for score, key in pairs if reference.get(key) is not None
        ]
        axis.plot(
            [value for value, _ in told],
            [i + offset for _, i in told],
            linestyle="none",
            marker=mark,
            markersize=6.5,
            markerfacecolor="none",
            markeredgecolor=colour,
            markeredgewidth=1.2,
        )
    rows(axis, [sentence_case(score_name(name)) for name in names], legend=False)
    axis.set_xlim(min(-0.01, axis.get_xlim()[0]), 1.01)
    # More names than one line over the axes may hold.
    legend(figure, labelled, results["variants"], "outside upper right")
    return figure


def _of_variant(key: str) -> Callable[[Mapping[str, Any], str], bool]:
    return lambda results, variant: bool(results["variants"][variant].get(key))


def _of_study(key: str, more_than: int = 0) -> Callable[[Mapping[str, Any], str], bool]:
    return lambda results, _: len(results.get(key) or ()) > more_than


BUILTIN: tuple[Drawing, ...] = (
    Drawing(
        "learning-curves", learning_curves, "Learning curves",
        "Loss and accuracy on the training and validation splits after each epoch.", _of_variant("training"),
    ),
    Drawing(
        "confusion", confusion, "Confusion matrix",
        "Rows are true classes, columns predicted ones; colour is the share of the row.",
    ),
    Drawing(
        "reliability", charts.reliability, "Reliability diagram",
        "Share called right against the probability of the called class; below, images per bin.",
        _of_variant("calibration"),
    ),
    Drawing(
        "per-class", per_class, "Scores per class",
        "Precision, recall and F1 of each class; lines are intervals.",
    ),
    Drawing(
        "scores", comparison, "Scores of all variants",
        "One row per score, one mark per variant; hollow marks, where there are any, are the reference.",
        _of_study("variants"), per_variant=False,
    ),
    Drawing(
        "lineage", charts.lineage, "Lineage of the variants",
        "What was made from what, from left to right, each with its score.",
        _of_study("variants", 1), per_variant=False,
    ),
    Drawing(
        "pairs", charts.pairs, "Paired differences",
        "One row per pair of variants: the difference of the headline score and its interval.",
        _of_study("comparisons"), per_variant=False,
    ),
    Drawing(
        "tradeoff", charts.tradeoff, "Score against size and time",
        "One mark per variant; ringed are those that no other one beats in score, size and time at once.",
        _of_study("pareto"), per_variant=False,
    ),
)  # fmt: skip
