"""Every registered architecture can be trained, released, opened and explained, with its defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tolerance import allowed, assert_same, spread

from xaireport.explain.layers import MIN_CELLS, candidates
from xaireport.explain.methods import cam
from xaireport.nn import zoo
from xaireport.nn.classifier import open_model
from xaireport.nn.train import train
from xaireport.study_schema import TrainSettings, VariantSpec
from xaireport.types.data import Dataset, DatasetInfo, Split
from xaireport.types.notes import Note

pytestmark = pytest.mark.tensorflow
N_CLASSES = 3


def noise(rank: int) -> Dataset:
    """Images of the size the built-in studies have; too few to learn from."""
    shape = (28,) * rank + ((3,) if rank == 2 else (1,))

    def split(name: str, n: int) -> Split:
        images = np.random.default_rng(n).integers(0, 256, (n, *shape), np.uint8)
        return Split(images, np.arange(n) % N_CLASSES, np.array([f"{name}-{i}" for i in range(n)]))

    info = DatasetInfo("noise", "Noise", "phantom", "0" * 64, None, ("a", "b", "c"))
    return Dataset(info, split("train", 6), split("val", 3), split("test", 4))


@pytest.mark.parametrize("name", zoo.ARCHITECTURES)
def test_trained_released_opened_and_explained(name: str, tmp_path: Path) -> None:
    architecture = zoo.architecture(name)
    data = noise(architecture.rank)
    options: dict[str, Any] = {"weights": "random"} if architecture.frozen else {}
    variant = VariantSpec(
        name=name, architecture=name, options=options, train=TrainSettings(epochs=1, batch_size=6)
    )
    record = train(data, variant, seed=0, out=tmp_path, checkpoints=tmp_path)
    assert record.epochs_run == 1
    classifier = open_model(
        tmp_path / "model.keras", n_classes=N_CLASSES, input_shape=data.input_shape
    )  # declared as releases are: raw pixels, probabilities
    y_prob = classifier.predict(data.test.images)
    np.testing.assert_allclose(y_prob.sum(axis=1), 1, rtol=allowed(2 * N_CLASSES + 2))
    found = candidates(classifier.spatial_layers())
    assert not isinstance(found, Note)
    layer = found[-1]
    assert min(layer.grid) >= MIN_CELLS
    targets = y_prob.argmax(axis=1)
    activations, gradients, probabilities = classifier.activations_and_gradients(
        data.test.images, targets, layer.name
    )
    within = spread(lambda: classifier.predict(data.test.images), classifier.model)
    assert_same(probabilities, y_prob, within)
    assert activations.shape == gradients.shape == (4, *layer.grid, layer.channels)
    assert np.any(gradients)
    maps, zero = cam.gradcam(activations, gradients)
    assert maps.shape == (4, *layer.grid)
    assert np.isfinite(maps).all()
    assert zero.shape == (4,)


def test_every_architecture_says_what_it_is() -> None:
    for name, architecture in zoo.ARCHITECTURES.items():
        assert architecture.name == name
        assert architecture.title
        assert architecture.rank in (2, 3)
        assert architecture.options
