"""How every number was made, in words, as results.json holds it; the words are in ``methods.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from xaireport.results.comparisons import ALPHA, FAMILIES
from xaireport.results.numerals import MINUS, text

if TYPE_CHECKING:
    from xaireport.study_schema import StudySpec


def methods(
    study: StudySpec, procedure: Mapping[str, float], grouped: bool, compared: bool
) -> list[dict[str, str]]:
    """Return what was done: ``name``, ``text`` and ``source`` (empty where none is needed) of each step.

    Parameters
    ----------
    study : StudySpec
        Its seed, margin and family are stated.
    procedure : mapping of str to number
        The constants of the code that computed: ``level``, ``resamples``, ``bins``, ``fewest``,
        ``fewest_groups``, ``coldest``, ``hottest``.
    grouped : bool
        Whether the test images belong to groups.
    compared : bool
        Whether there was more than one variant.
    """
    steps = tomllib.loads(Path(__file__).with_name("methods.toml").read_text("utf-8"))["step"]
    has = {
        "ordinal": study.ordinal,
        "costs": bool(study.cost_matrix),
        "comparison": compared,
        "columns": bool(study.columns),
    }
    words = _words(study, procedure, grouped)
    return [
        {"name": step["name"], "text": step["text"].format(**words), "source": step.get("source", "")}
        for step in steps
        if "only" not in step or has[step["only"]]
    ]


def _words(study: StudySpec, procedure: Mapping[str, float], grouped: bool) -> dict[str, str]:
    margin = (
        f"A variant counts as no worse where the lower bound of the difference lies above "
        f"{MINUS}{study.margin:g}, the margin that the study declares."
        if study.margin is not None
        else "The study declares no margin: nothing is called no worse than anything else."
    )
    return {
        **{name: text(value, "plain") for name, value in procedure.items()},
        "level": text(procedure["level"], "percent"),
        "resamples": text(procedure["resamples"], "count"),
        "seed": str(study.seed),
        "alpha": text(ALPHA, "plain"),
        "margin": margin,
        "family": FAMILIES[study.family],
        "costs": "; ".join(", ".join(f"{cost:g}" for cost in row) for row in study.cost_matrix),
        "units": "groups (patients, lesions), all images of a group together"
        if grouped
        else "images, which are treated as independent",
        "proportions": "percentiles of the resamples described next; where all or none are right, Wilson's "
        "score interval with each group counted once"
        if grouped
        else "Wilson's score interval",
        "auroc": "averaged over classes" + (" and summed within groups" if grouped else ""),
        "mcnemar": " (images taken as independent: with groups the interval is the safer guide)"
        if grouped
        else "",
    }
