"""The layer policy on the built-in architectures: the layers that the cards may name."""

from __future__ import annotations

from typing import Any

import pytest

from xaireport.explain.layers import candidates
from xaireport.nn import zoo
from xaireport.nn.backend import import_keras
from xaireport.nn.keras.flatten import flatten
from xaireport.nn.keras.gradients import spatial_layers
from xaireport.types.notes import Note

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize(
    ("name", "shape", "options", "kind", "grid", "channels"),
    [
        ("cnn2d", (28, 28, 3), {}, "ReLU", (7, 7), 128),
        ("cnn3d", (28, 28, 28, 1), {}, "Conv3D", (7, 7, 7), 128),
        ("vgg19", (28, 28, 3), {"cut": "block4_conv1", "resize": 32}, "Conv2D", (8, 8), 256),
        ("resnet", (32, 32, 3), {}, "ReLU", (8, 8), 128),
    ],
)
def test_the_deepest_candidate(
    name: str,
    shape: tuple[int, ...],
    options: dict[str, Any],
    kind: str,
    grid: tuple[int, ...],
    channels: int,
) -> None:
    layers = spatial_layers(flatten(zoo.build(name, import_keras(), shape, 7, options)))
    found = candidates(layers)
    assert not isinstance(found, Note)
    assert len({layer.grid for layer in found}) == len(found) > 1
    chosen = found[-1]
    assert chosen.activated
    assert (chosen.kind, chosen.grid, chosen.channels) == (kind, grid, channels)
    if name == "vgg19":
        assert chosen.name == "block3_conv4"
    if name == "resnet":
        assert chosen == layers[-1]
