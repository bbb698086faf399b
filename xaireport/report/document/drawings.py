"""Where the drawings of a study lie beside its results.json. It draws nothing."""

from __future__ import annotations

from pathlib import PurePosixPath

FOLDER = "assets/figures"


def drawing(name: str, variant: str = "") -> str:
    """Return the file of a drawing of a variant, or of the study as a whole.

    Parameters
    ----------
    name : str
        Of the drawing; see :class:`xaireport.report.plugins.Drawing`.
    variant : str
        Whose it is; empty for a drawing of the study.

    >>> drawing("scores"), drawing("confusion", "scores")
    ('assets/figures/scores.svg', 'assets/figures/variants/scores/confusion.svg')
    """
    return f"{FOLDER}/variants/{variant}/{name}.svg" if variant else f"{FOLDER}/{name}.svg"


def mark(file: str) -> str:
    """Return what tells a drawing from all others, as a part of ids: its place without folder and suffix.

    >>> mark("assets/figures/variants/small/confusion.svg")
    'variants.small.confusion'
    """
    place = PurePosixPath(file).with_suffix("").as_posix()
    return place.removeprefix(f"{FOLDER}/").replace("/", ".")
