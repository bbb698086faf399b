"""Which layers a heatmap may be read at."""

from __future__ import annotations

import pytest

from xaireport.errors import ModelError
from xaireport.explain.layers import candidates
from xaireport.types.models import LayerInfo
from xaireport.types.notes import Note


def layer(name: str, kind: str, *grid: int, activated: bool = False) -> LayerInfo:
    return LayerInfo(name, kind, grid, 8, activated)


CNN = [
    layer("scale", "Rescaling", 28, 28),
    layer("conv0", "Conv2D", 28, 28, activated=True),
    layer("conv1", "Conv2D", 28, 28),
    layer("bn1", "BatchNormalization", 28, 28),
    layer("relu1", "ReLU", 28, 28, activated=True),
    layer("pool1", "MaxPooling2D", 14, 14),
    layer("conv2", "Conv2D", 14, 14, activated=True),
    layer("bn2", "BatchNormalization", 14, 14),
    layer("drop2", "SpatialDropout2D", 14, 14),
    layer("conv3", "Conv2D", 3, 3, activated=True),
    layer("pool3", "AveragePooling2D", 1, 1),
]


def names(layers: list[LayerInfo], name: str = "") -> list[str]:
    found = candidates(layers, name)
    assert not isinstance(found, Note)
    return [each.name for each in found]


def test_of_each_fine_grid_the_last_layer_behind_a_nonlinearity() -> None:
    assert names(CNN) == ["relu1", "conv2"]


@pytest.mark.parametrize(
    "kind",
    ["Dropout", "AveragePooling3D", "ZeroPadding2D", "Cropping2D", "UpSampling2D", "Reshape", "RandomFlip",
     "GaussianNoise", "Normalization", "Rescaling", "Resizing", "Permute", "GetItem", "Transpose",
     "Identity"],
)  # fmt: skip
def test_without_nonlinearities_layers_that_only_move_values_are_passed_over(kind: str) -> None:
    assert names([layer("conv", "Conv2D", 8, 8), layer("other", kind, 8, 8)]) == ["conv"]


@pytest.mark.parametrize(
    "kind", ["ReLU", "Relu", "Activation", "BatchNormalization", "LayerNormalization", "Add", "Multiply"]
)
def test_without_nonlinearities_layers_that_compute_are_taken(kind: str) -> None:
    assert names([layer("conv", "Conv2D", 8, 8), layer("other", kind, 8, 8)]) == ["other"]


def test_each_axis_needs_five_cells() -> None:
    assert names([layer("a", "Conv3D", 5, 5, 5)]) == ["a"]
    assert candidates([layer("a", "Conv3D", 5, 4, 5)]) == Note("coarse_layers", {"cells": 5})


def test_a_named_layer_is_taken_whatever_its_grid() -> None:
    assert names(CNN, "conv3") == ["conv3"]
    assert names(CNN, "conv1") == ["conv1"]
    with pytest.raises(ModelError, match=r"'conv9'.*conv1 \(28 × 28\).*conv3 \(3 × 3\)"):
        candidates(CNN, "conv9")
    with pytest.raises(ModelError, match="none"):
        candidates([], "conv9")


def test_a_named_layer_has_more_than_one_cell() -> None:
    with pytest.raises(ModelError, match=r"pool3, whose grid is 1 × 1.*relu1 \(28 × 28\)"):
        candidates(CNN, "pool3")


def test_without_a_layer_it_says_why() -> None:
    assert candidates([]) == Note("no_grid")
    assert candidates([layer("a", "Conv2D", 3, 3)]) == Note("coarse_layers", {"cells": 5})
