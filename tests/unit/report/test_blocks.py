"""Each block's markup against a small golden file.

`pytest --update-golden` writes them anew: read the diff.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from rendering import render_block

from xaireport.report.document.blocks import (
    Cell,
    Column,
    Count,
    Details,
    Facts,
    Gallery,
    Image,
    Link,
    Matrix,
    Notice,
    Number,
    Paragraph,
    Picture,
    Quote,
    Review,
    Row,
    Side,
    SideBySide,
    Strong,
    Subject,
    Table,
    Tile,
    Tiles,
)

ACCURACY = Number("scores.accuracy", 0.74188, "score")
NONE = Number("scores.auroc", None, "score", reason="one class only")
NEVUS = Quote("classes.0", "nevus & <mole>", "class")
STUDY = Quote("study", "derma")
DIGEST = Quote("run.digest", "0123456789ab…", "code", whole="0123456789abcdef")
HIT = Picture((Image("a.png", "Test image"), Image("a.png", "Heatmap")), ("✓ ", NEVUS), True)
REVIEWED = replace(
    HIT,
    subject=Subject(Quote("examples.0.sample_id", "test-7", "code"), "cnn", NEVUS, NEVUS, ACCURACY, "a.png"),
)
MISS = Picture((Image("a.png", "Test image"),), ("✗ called ", NEVUS), False, ("true: ", NEVUS))

BLOCKS = {
    "paragraph": Paragraph(
        ("Better by ", Strong((ACCURACY,), "good"), ", ", Link(("see",), "x.html"), "."), "muted"
    ),
    "notice": Notice((Quote("data.notes.0", "random backbone"),)),
    "tiles": Tiles((Tile(("Accuracy",), ACCURACY, (("naive ", ACCURACY),)), Tile(("AUROC",), NONE))),
    "facts": Facts(((("Digest",), (DIGEST,)), (("Run",), (Quote("run.created", "2026-11-23", "time"),)))),
    "table": Table(
        ("Scores",),
        (Column(("Class",), False), Column(("accuracy",))),
        (Row(Cell((NEVUS,)), (Cell((ACCURACY,), ("ref ", ACCURACY), "bad"),), "good"),),
        (("A note.",),),
    ),
    "matrix": Matrix(
        ("Counts",),
        (("a", NEVUS),),
        ((Count(Number("confusion.0.0", 9, "count"), Number("shares.0.0", 1.0, "percent"), 20, True),),),
    ),
    "gallery": Gallery((HIT, MISS), (NEVUS,), ("n\u00a0=\u00a0", Number("n", 2, "count"))),
    "side_by_side": SideBySide(("Same images",), (("A",), ("B",)), (Side(MISS, (HIT, None)),), STUDY, "0123"),
    "gallery_zero": Gallery((replace(HIT, images=(HIT.images[0], Image("", "", "zero"))),)),
    "review": Review((Gallery((REVIEWED,), (NEVUS,), anchor="class-a"),), STUDY, "0123", "gradcam"),
    "details": Details(("More",), (Paragraph(("Inside.",)),)),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_block(name, golden, tmp_path):
    (tmp_path / "a.png").write_bytes(b"pixels")
    golden(f"{name}.html", render_block(BLOCKS[name], tmp_path))
