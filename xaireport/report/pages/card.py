"""The three pages as documents: results.json in, `Page` out. The sections of a card are made elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from xaireport.report.document.blocks import Block, Inline, Link, Notice, Page, Text, Tile, Tiles
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import (
    BASELINES,
    DEMONSTRATION,
    interval,
    is_phantom,
    score_name,
    sentence_case,
    title,
)
from xaireport.report.pages import verdict
from xaireport.report.plugins import loaded
from xaireport.report.sections import data, deployment, system
from xaireport.report.sections.builtin import BUILTIN
from xaireport.report.sections.headline import reference_key, reference_text
from xaireport.report.sections.registry import Card, SectionMaker, sections

DENSE = 8
"""Classes for which a wide screen has room to set the table and the matrix side by side."""
TILES = ("balanced_accuracy", "accuracy", "auroc", "weighted_f1")


def card(results: Mapping[str, Any], variant: str, makers: Iterable[SectionMaker] | None = None) -> Page:
    """Return the model card of one variant.

    Parameters
    ----------
    results : mapping
        results.json of the study.
    variant : str
        Its name.
    makers : iterable of SectionMaker
        The sections; by default those of `xaireport.report.sections.builtin`, and those of plug-ins.

    Raises
    ------
    RenderError
        The variant or a part of its evidence is not there.
    """
    if makers is None:
        makers = (*BUILTIN, *(maker for plugin in loaded() for maker in plugin.sections))
    study = Cursor(results)
    place = study.at("variants", variant)
    name = title(place)
    lead: list[Block] = [
        *demonstration(study),
        *system.notes(place),
        *deployment.notes(place),
        *data.notes(study),
        _tiles(study, place),
    ]
    return Page(
        layout="card",
        title=(name,),
        plain_title=f"{name.text} · {title(study).text} · model card",
        trail=(
            Link(("All studies",), "../../index.html"),
            " › ",
            Link((title(study),), "../index.html"),
            " › model card",
        ),
        verdict=verdict.of_variant(study, place),
        lead=tuple(lead),
        sections=sections(Card(study, place), makers),
        demonstration=is_phantom(study),
        created=str(study.get("run", "created")),
        digests=(study.quote("run", "evidence_digest", role="code", short=True),),
        dense=len(study.get("classes")) <= DENSE,
    )


def demonstration(study: Cursor) -> tuple[Notice, ...]:
    """Return the notice that the data are synthetic, where they are."""
    if not is_phantom(study):
        return ()
    said: Text = (
        f"{DEMONSTRATION}. The images were drawn from seed ",
        study.number("run", "seed", form="plain"),
        "; nothing here says how the model does on real ones.",
    )
    return (Notice(said, "bad"),)


def _tiles(study: Cursor, variant: Cursor) -> Tiles:
    headline = study.get("headline", "score")
    names = [name for name in dict.fromkeys((headline, *TILES)) if variant.get("scores", name)]
    tiles = [
        Tile(
            (sentence_case(score_name(name)),),
            variant.at("scores", name).score(),
            _beside(study, variant, name),
        )
        for name in names[:4]
    ]
    beside: list[Text] = [(variant.number("parameters", form="count"), " parameters")]
    if variant.get("size_ratio") is not None:
        beside.append((variant.number("size_ratio", form="ratio"), " the parent's as float32 TFLite"))
    tiles.append(Tile(("File size",), variant.number("size_bytes", form="size"), tuple(beside)))
    return Tiles(tuple(tiles))


def _beside(study: Cursor, variant: Cursor, score: str) -> tuple[Text, ...]:
    notes: list[Text] = []
    place = variant.at("scores", score)
    if bounds := interval(place):
        notes.append((place.number("level", form="percent"), " interval ", *bounds))
    if score in BASELINES:
        short = {"balanced_accuracy": "guessing ", "accuracy": "largest class "}[score]
        notes.append((short, study.number("baselines", BASELINES[score][0])))
    key = reference_key(variant, score)
    if key:
        said: list[Inline] = ["reference ", *reference_text(variant, key)]
        notes.append(tuple(said))
    if variant.at("scores", score).get("reason"):
        notes.append((variant.quote("scores", score, "reason"),))
    return tuple(notes)
