"""What chance decides besides intervals: images shown and sampled, noise, phantoms, calibration images.

NumPy promises no method's stream (NEP 19). Nothing that is published would be wrong if one of these changed,
but a build would show other images than the record of it; so a change has to be noticed, and told in the
changelog. The draws of intervals are pinned in tests/unit/metrics/test_draws.py.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xaireport

ROOM = Path(xaireport.__path__[0])
METHODS = {name for name in dir(np.random.Generator) if not name.startswith("_")}
WEIGHTS = np.array([0.5, 0.3, 0.2])

Draw = Callable[[np.random.Generator], Any]

PINNED: dict[str, tuple[Draw, str]] = {
    "beta": (lambda rng: rng.beta(1.3, 2.2, 1000), "1c5bc39ca5eed934"),
    "choice": (lambda rng: rng.choice(1000, 300, replace=False), "233cfc8042f38eee"),
    "choice, some likelier": (lambda rng: rng.choice(3, 1000, p=WEIGHTS), "64f2cce339f1abe6"),
    "integers": (lambda rng: rng.integers(1, 7, 1000), "428f32241d9d6b29"),
    "integers, bytes": (lambda rng: rng.integers(0, 256, 1000, np.uint8), "f5846311c5576848"),
    "normal": (lambda rng: rng.normal(0, 0.25, 1000), "04a0fb08f554c3eb"),
    "permutation": (lambda rng: rng.permutation(1000), "e301645aa1e95264"),
    "permutation of values": (lambda rng: rng.permutation(np.arange(1000)[::-1]), "4ac18014babf3489"),
    "random": (lambda rng: rng.random(1000), "dc1c2b415543b963"),
    "random, float32": (lambda rng: rng.random(1000, np.float32), "595ac542cd85d764"),
    "standard_normal": (lambda rng: rng.standard_normal(1000), "2cd6d7d8b7d8d2b7"),
    "standard_normal, float32": (lambda rng: rng.standard_normal(1000, np.float32), "166d608f15c468af"),
    "uniform": (lambda rng: rng.uniform(-0.6, 0.8, 1000), "24db2c166b9226fc"),
}


def drawn_with() -> set[str]:
    """The methods that the package calls on what is named after a generator, or on a new one."""
    found = set()
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in METHODS:
                source = ast.unparse(node.value)
                if source.endswith("rng") or "default_rng" in source:
                    found.add(node.attr)
    return found


def test_every_method_that_is_used_is_pinned() -> None:
    assert drawn_with() == {name.partition(",")[0].partition(" ")[0] for name in PINNED}


@pytest.mark.parametrize("name", PINNED)
def test_a_method_draws_what_it_drew(name: str) -> None:
    draw, expected = PINNED[name]
    values = draw(np.random.default_rng([7, 5]))
    # Nine places: logarithms and powers may end otherwise in another C library.
    kept = values.astype("<i8") if values.dtype.kind in "iu" else np.rint(values.astype("<f8") * 1e9)
    assert hashlib.sha256(kept.astype("<i8").tobytes()).hexdigest()[:16] == expected
