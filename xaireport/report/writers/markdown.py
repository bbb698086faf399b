"""Cards as Markdown, with the metadata by which the Hugging Face Hub lists a model's results.

Tables are GitHub's. Pictures and drawings are links to the files beside ``results.json``.

References
----------
Hugging Face Hub, "Model Cards", section "Evaluation results" (``model-index``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xaireport.files import write_atomic
from xaireport.report.document.blocks import (
    Block,
    Cell,
    Details,
    Facts,
    Figure,
    Gallery,
    Image,
    Inline,
    Link,
    Matrix,
    Notice,
    Number,
    Page,
    Paragraph,
    Picture,
    Quote,
    Review,
    SideBySide,
    Strong,
    Table,
    Text,
    Tiles,
)
from xaireport.report.document.phrases import DEMONSTRATION, score_name
from xaireport.report.plugins import Source
from xaireport.report.writers.earlier import placed
from xaireport.types.metrics import HUB_NAMES

UP = "../"
"""From a card to the folder that file names are relative to."""
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~$&!])")


def write(page: Page, path: Path, source: Source) -> None:
    """Write a card as Markdown; see `xaireport.report.plugins.Format`."""
    text = _front_matter(source) + markdown(placed(page, source.assets))
    write_atomic(path, text.encode("utf-8", "replace"))


def markdown(page: Page) -> str:
    """Return a page as Markdown, without metadata."""
    parts = []
    if page.demonstration:
        parts.append(f"**{DEMONSTRATION}**")
    parts.append(f"# {_text(page.title)}")
    parts += [_text(sentence) for sentence in page.verdict if sentence]
    for block in page.lead:
        parts += _block(block)
    for section in page.sections:
        state = f" ({section.state})" if len(section.letter) == 1 else ""
        parts.append(f"## {escape(section.title)}{state}")
        for block in section.blocks:
            parts += _block(block)
    digests = ", ".join(_text((digest,)) for digest in page.digests)
    parts.append(f"Every number on this page stands in `results.json` (evidence digest {digests}).")
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(words: str) -> str:
    """Return words that mean themselves in Markdown, on one line.

    >>> escape("a|b <i>*x*</i>")
    'a\\\\|b \\\\<i\\\\>\\\\*x\\\\*\\\\</i\\\\>'
    """
    return SPECIAL.sub(r"\\\1", re.sub(r"[\r\n\t\v\f\x85\u2028\u2029]+", " ", words))


def _text(text: Text) -> str:
    return "".join(_inline(part) for part in text)


def _inline(part: Inline) -> str:
    if isinstance(part, str):
        return SPECIAL.sub(r"\\\1", part)
    if isinstance(part, Number):
        return escape(part.text)
    if isinstance(part, Quote):
        words = escape(part.text)
        return f"<code>{words}</code>" if part.role == "code" else words
    if isinstance(part, Strong):
        return f"**{_text(part.text)}**" if part.text else ""
    return _link(part)


def _link(part: Link) -> str:
    words = "".join(escape(one if isinstance(one, str) else one.text) for one in part.text)
    if part.href.startswith("#"):
        return words
    # The pages linked to are HTML: a card in Markdown may stand anywhere.
    return f"[{words}](<{part.href}>)"


def _block(block: Block) -> list[str]:
    """Return a block as paragraphs."""
    if isinstance(block, Paragraph):
        return [_text(block.text)]
    if isinstance(block, Notice):
        return [f"> {_text(block.text)}"]
    if isinstance(block, Tiles):
        return [
            "\n".join(
                f"- **{_text(tile.label)}: {escape(tile.number.text)}**"
                + "".join(f"; {_text(note)}" for note in tile.notes)
                for tile in block.tiles
            )
        ]
    if isinstance(block, Facts):
        return ["\n".join(f"- {_text(name)}: {_text(said)}" for name, said in block.rows)]
    if isinstance(block, Table):
        return [_text(block.caption), _table(block), *(_text(note) for note in block.notes)]
    if isinstance(block, Matrix):
        return [_text(block.caption), _matrix(block)]
    if isinstance(block, Figure):
        return [f"![{_text(block.caption)}](<{UP}{block.file}>)"]
    if isinstance(block, Gallery):
        return list(_gallery(block))
    if isinstance(block, Review):
        return [part for gallery in block.galleries for part in _gallery(gallery)]
    if isinstance(block, SideBySide):
        return [_text(block.caption), _sides(block)]
    if isinstance(block, Details):
        return [f"**{_text(block.summary)}**", *(part for inner in block.blocks for part in _block(inner))]
    raise TypeError(f"Expected a block. Received: {type(block).__name__}")


def _grid(head: list[str], rows: list[list[str]], right: list[bool]) -> str:
    lines = [head, ["--:" if flush else "---" for flush in right], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _table(block: Table) -> str:
    head = [_text(column.label) for column in block.columns]
    rows = [[_cell(row.head), *(_cell(cell) for cell in row.cells)] for row in block.rows]
    return _grid(head, rows, [column.numeric for column in block.columns])


def _cell(cell: Cell) -> str:
    return "<br>".join(part for part in (_text(cell.text), _text(cell.below), _text(cell.further)) if part)


def _matrix(block: Matrix) -> str:
    head = ["true class", *(mark for mark, _ in block.labels)]
    rows = [
        [f"{escape(label.text)} ({mark})", *(f"{count.number.text}<br>{count.share.text}" for count in row)]
        for (mark, label), row in zip(block.labels, block.rows, strict=True)
    ]
    return _grid(head, rows, [False, *(True for _ in block.labels)])


def _gallery(block: Gallery) -> Iterator[str]:
    if block.title:
        aside = f" ({_text(block.aside)})" if block.aside else ""
        yield f"### {_text(block.title)}{aside}"
    if block.pictures:
        yield _grid(["", ""], [[_images(one), _caption(one)] for one in block.pictures], [False, False])


def _sides(block: SideBySide) -> str:
    head = ["test image", *(_text(column) for column in block.columns)]
    rows = [
        [_whole(row.image), *("–" if view is None else _whole(view) for view in row.views)]
        for row in block.rows
    ]
    return _grid(head, rows, [False] * len(head))


def _whole(picture: Picture) -> str:
    return f"{_images(picture)}<br>{_caption(picture)}"


def _images(picture: Picture) -> str:
    return " ".join(_image(image) for image in picture.images)


def _image(image: Image) -> str:
    return f"![{escape(image.alt)}](<{UP}{image.file}>)" if image.file else escape(image.label)


def _caption(picture: Picture) -> str:
    sample = f"{_inline(picture.subject.sample)}" if picture.subject else ""
    return "<br>".join(part for part in (_text(picture.caption), _text(picture.below), sample) if part)


def _front_matter(source: Source) -> str:
    """Return the metadata; JSON is YAML, and leaves no doubt about what is a word and what a number."""
    results, variant = source.results, source.results["variants"][source.variant]
    phantom = results["data"]["source"] == "phantom"
    metrics = [
        {
            "type": HUB_NAMES.get(name, name),
            "name": score_name(name),
            "value": score["value"],
            **_bounds(score),
        }
        for name, score in variant["scores"].items()
        if score["value"] is not None
    ]
    card = {
        "library_name": "tflite" if variant.get("quantisation") else "keras",
        "pipeline_tag": "image-classification",
        "tags": ["xaireport", "image-classification", *(["synthetic-data"] if phantom else [])],
        "model-index": [
            {
                "name": f"{results['study']}.{source.variant}",
                "results": [
                    {
                        "task": {
                            "type": "image-classification",
                            "name": results["task"] or "image classification",
                        },
                        "dataset": {
                            "type": re.sub(r"[^a-z0-9]+", "-", results["data"]["name"].lower()).strip("-")
                            or "dataset",
                            "name": (f"{DEMONSTRATION}: " if phantom else "")
                            + (results["data"]["title"] or results["data"]["name"]),
                            "split": "test",
                        },
                        "metrics": metrics,
                    }
                ],
            }
        ],
    }
    lines = (f"{key}: {json.dumps(value, ensure_ascii=True)}" for key, value in card.items())
    return "---\n" + "\n".join(lines) + "\n---\n\n"


def _bounds(score: Mapping[str, Any]) -> dict[str, Any]:
    if score.get("lo") is None:
        return {}
    return {"args": {"interval": [score["lo"], score["hi"]], "level": score.get("level"), "n": score["n"]}}
