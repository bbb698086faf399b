"""Drawings of a study as a whole: what was made from what, and what a score costs in bytes and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from xaireport.report.document import format as forms
from xaireport.report.document.phrases import score_name, sentence_case
from xaireport.report.figures.plotting import COLOURS, MARKS, figure, grid, legend, rows, short
from xaireport.report.figures.svg import INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 7.4
"""Of a drawing over the whole page, in inches."""
PAIRS_DRAWN = 12
"""More pairs than this are a table's: drawn are those of parent and child."""
_BOX = (2.05, 0.46)
_ROW = 0.62


def tradeoff(results: Mapping[str, Any], _: str = "") -> Figure:
    """The headline score against bytes of the TFLite file, and against the time of one image; log scales."""
    pareto = results["pareto"]
    drawn, axes = figure(WIDTH, 2.9, columns=2)
    names = list(results["variants"])
    labelled = []
    for name in pareto["measured"]:
        index = names.index(name)
        variant = results["variants"][name]
        score, cost = variant["scores"][pareto["score"]]["value"], variant["cost"]
        for axis, x in zip(axes, (cost["tflite_bytes"] / 1e6, cost["latency"][0]["median_ms"]), strict=True):
            colour, mark = COLOURS[index % len(COLOURS)], MARKS[index % len(MARKS)]
            (handle,) = axis.plot([x], [score], mark, color=colour, markersize=7, zorder=3)
            if name in pareto["front"]:
                axis.plot([x], [score], "o", color="none", markeredgecolor=INK, markersize=13, zorder=2)
        labelled.append(handle)
    for axis, label in zip(axes, ("TFLite file, MB", "one image, one thread, ms"), strict=True):
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.xaxis.set_minor_formatter(lambda value, _: "")
        axis.set_xlabel(label)
        axis.margins(x=0.14, y=0.16)
        grid(axis, "both")
    axes[0].set_ylabel(sentence_case(score_name(pareto["score"])))
    axes[1].set_yticklabels([])
    axes[1].set_ylim(axes[0].get_ylim())
    legend(
        drawn,
        labelled,
        {name: results["variants"][name] for name in pareto["measured"]},
        "outside upper center",
    )
    return drawn


def lineage(results: Mapping[str, Any], _: str = "") -> Figure:
    """A box per variant, children to the right of what they were made from."""
    from matplotlib.patches import FancyBboxPatch

    variants = results["variants"]
    places = _places({name: variant["parent"] for name, variant in variants.items()})
    deepest = max(depth for depth, _ in places.values())
    height = _ROW * (1 + max(row for _, row in places.values()))
    drawn, (axis,) = figure(WIDTH, height + 0.1)
    wide = min(_BOX[0], (WIDTH - 0.1) / (deepest + 1) - 0.28)
    step = (WIDTH - wide - 0.1) / max(deepest, 2)
    letters = int(13 * wide)
    axis.set(xlim=(-0.05, WIDTH - 0.05), ylim=(height, -0.05))
    axis.set_axis_off()
    for name, (depth, row) in places.items():
        variant = variants[name]
        x, y = step * depth, _ROW * row + 0.06
        box = FancyBboxPatch(
            (x, y),
            wide,
            _BOX[1],
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor="none",
            edgecolor=INK,
            lw=0.7,
        )
        axis.add_patch(box)
        axis.text(x + 0.09, y + 0.18, short(variant.get("title") or name, letters), va="center", fontsize=8.5)
        told = forms.text(variant["scores"]["accuracy"]["value"], "score")
        axis.text(x + 0.09, y + 0.35, f"accuracy {told}", va="center", fontsize=7.5, alpha=0.8)
        if variant["parent"] in places:
            before, above = places[variant["parent"]]
            x0, y0 = step * before + wide, _ROW * above + 0.06 + _BOX[1] / 2
            middle, y1 = (x0 + x) / 2, y + _BOX[1] / 2
            axis.plot([x0, middle, middle, x - 0.06], [y0, y0, y1, y1], color=INK, lw=0.7)
            axis.plot([x - 0.05], [y1], marker=5, color=INK, markersize=5)
    return drawn


def reliability(results: Mapping[str, Any], variant: str) -> Figure:
    """Share called right against the probability of the called class; below, how many images each bin has."""
    every = results["variants"][variant]["calibration"]["bins"]
    bins = [each for each in every if each["n"]]
    drawn = figure(4.4, 3.3, columns=0)[0]
    axis, counts = drawn.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    axis.plot([0, 1], [0, 1], color=INK, lw=0.7, dashes=(4, 2))
    x, y = ([each[key] for each in bins] for key in ("confidence", "accuracy"))
    for each in bins:
        bounds = [each["accuracy_lo"], each["accuracy_hi"]]
        axis.plot([each["confidence"]] * 2, bounds, color=COLOURS[0], lw=1.2)
    axis.plot(x, y, "o", color=COLOURS[0], markersize=5)
    axis.set(ylabel="share called right", ylim=(-0.02, 1.02))
    for each in every:
        middle, width = (each["lo"] + each["hi"]) / 2, each["hi"] - each["lo"]
        counts.bar(middle, each["n"], width=0.88 * width, color=COLOURS[0], alpha=0.75)
        if each["n"]:
            counts.annotate(
                forms.text(each["n"], "count"), (middle, each["n"]), (0, 2), textcoords="offset points",
                ha="center", fontsize=7,
            )  # fmt: skip
    most = max(each["n"] for each in bins)
    counts.set(
        xlabel="probability of the called class", ylabel="images", xlim=(-0.01, 1.01), ylim=(0, 1.3 * most)
    )
    counts.set_yticks([])
    grid(axis, "both")
    return drawn


def pairs(results: Mapping[str, Any], _: str = "") -> Figure:
    """The headline score's difference of each pair, with its interval; many pairs: those with a parent."""
    score = results["headline"]["score"]
    variants = results["variants"]
    told = [one for one in results["comparisons"] if one["score"] == score and one["difference"] is not None]
    if len(told) > PAIRS_DRAWN:
        of_parents = [one for one in told if variants[one["a"]]["parent"] == one["b"]]
        told = of_parents or told[:PAIRS_DRAWN]
    drawn, (axis,) = figure(WIDTH, 0.75 + 0.27 * len(told))
    axis.axvline(0, color=INK, lw=0.7)
    margin = results["comparison"]["margin"]
    if margin is not None:
        axis.axvline(-margin, color=COLOURS[1], lw=1.0, dashes=(4, 2))
        axis.annotate(
            "margin", (-margin, 0), (-3, 2), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="right", va="bottom", fontsize=7.5, color=COLOURS[1],
        )  # fmt: skip
    for i, one in enumerate(told):
        if one["lo"] is not None:
            axis.plot([one["lo"], one["hi"]], [i, i], color=COLOURS[0], lw=1.4)
        axis.plot([one["difference"]], [i], "o", color=COLOURS[0], markersize=5)
    titles = {name: short(variant.get("title") or name, 24) for name, variant in variants.items()}
    rows(axis, [f"{titles[one['a']]} against {titles[one['b']]}" for one in told], legend=False)
    axis.set_xlabel(f"difference in {score_name(score)}")
    return drawn


def _places(parents: Mapping[str, str | None]) -> dict[str, tuple[int, float]]:
    """Return depth and row of each variant: a parent stands in the middle of its children.

    >>> _places({"a": None, "b": "a", "c": "a", "d": None})
    {'b': (1, 0.0), 'c': (1, 1.0), 'a': (0, 0.5), 'd': (0, 2.0)}
    """
    places: dict[str, tuple[int, float]] = {}
    rows = 0.0

    def place(name: str, depth: int) -> float:
        nonlocal rows
        children = [child for child, parent in parents.items() if parent == name]
        if children:
            own = [place(child, depth + 1) for child in children]
            row = sum(own) / len(own)
        else:
            row, rows = rows, rows + 1
        places[name] = (depth, row)
        return row

    for name, parent in parents.items():
        if parent not in parents:
            place(name, 0)
    return places
