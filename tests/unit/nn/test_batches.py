from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from xaireport.errors import ConfigError
from xaireport.nn import batches
from xaireport.study_schema import AugmentSettings

N, SIZE = 10, 4
STEPS = 3  # of 4, 4 and 2 images
SETTINGS = {
    "rotation": AugmentSettings(rotation_degrees=30),
    "zoom": AugmentSettings(zoom=0.3),
    "shift": AugmentSettings(shift=0.3),
    "mirror": AugmentSettings(horizontal_flip=True),
    "upside down": AugmentSettings(vertical_flip=True),
}
ALL = AugmentSettings(rotation_degrees=15, zoom=0.2, shift=0.1, horizontal_flip=True, vertical_flip=True)


def images(size: int = 8) -> np.ndarray[Any, Any]:
    """Image i has the value i in its first pixel, so that it is known again."""
    made = np.random.default_rng(0).integers(N, 256, (N, size, size, 3), np.uint8)
    made[:, 0, 0, 0] = np.arange(N)
    return made


def take(n_batches: int, **settings: Any) -> list[tuple[np.ndarray[Any, Any], ...]]:
    settings = {"weights": None, "seed": 3, **settings}
    one_hot = np.eye(N, dtype=np.float32)
    dataset = batches.epochs(images(), one_hot, batch_size=SIZE, **settings)
    return [tuple(part.numpy() for part in batch) for batch in islice(dataset, n_batches)]


def order(taken: list[tuple[np.ndarray[Any, Any], ...]]) -> list[int]:
    return [int(i) for batch in taken for i in batch[0][:, 0, 0, 0]]


def test_each_epoch_shows_every_image_once_in_another_order() -> None:
    taken = take(3 * STEPS)
    assert [len(batch[0]) for batch in taken] == [4, 4, 2] * 3
    epochs = [order(taken[start : start + STEPS]) for start in (0, STEPS, 2 * STEPS)]
    assert all(sorted(epoch) == list(range(N)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in [*epochs, list(range(N))]}) == 4


def test_images_targets_and_weights_stay_together() -> None:
    weights = np.linspace(1, 2, N).astype(np.float32)
    for x, y, weight in take(STEPS, weights=weights):
        index = x[:, 0, 0, 0].astype(int)
        assert x.dtype == np.float32
        np.testing.assert_array_equal(x, images()[index])
        np.testing.assert_array_equal(y.argmax(1), index)
        np.testing.assert_array_equal(weight, weights[index])


@pytest.mark.parametrize("augment", [None, ALL])
def test_an_epoch_is_the_same_wherever_the_training_begins(augment: AugmentSettings | None) -> None:
    whole = take(3 * STEPS, augment=augment)
    resumed = take(STEPS, augment=augment, first_epoch=2)
    for a, b in zip(whole[2 * STEPS :], resumed, strict=True):
        for left, right in zip(a, b, strict=True):
            np.testing.assert_array_equal(left, right)
    other = take(STEPS, augment=augment, first_epoch=2, seed=4)
    assert any(not np.array_equal(a[0], b[0]) for a, b in zip(resumed, other, strict=True))


@pytest.mark.parametrize("name", SETTINGS)
def test_each_kind_of_change_differs_per_image_and_epoch(name: str) -> None:
    change = batches.augmenter(SETTINGS[name], seed=0)
    # The same image many times: whatever differs is the change's doing.
    same = np.repeat(np.random.default_rng(1).integers(0, 256, (1, 9, 9, 3)).astype(np.float32), 16, axis=0)
    first, again, later = change(same, 7).numpy(), change(same, 7).numpy(), change(same, 8).numpy()
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, later)
    assert not np.array_equal(first, same)
    assert len(np.unique(first.reshape(16, -1), axis=0)) > 1
    assert 0 <= first.min() <= first.max() <= 255


@pytest.mark.parametrize(("name", "axis"), [("mirror", 1), ("upside down", 0)])
def test_flips_only_flip(name: str, axis: int) -> None:
    image = images()[0].astype(np.float32)
    changed = batches.augmenter(SETTINGS[name], seed=0)(np.stack([image] * 32), 1).numpy()
    flipped = np.flip(image, axis)
    is_flipped = [np.array_equal(one, flipped) for one in changed]
    assert all(np.array_equal(one, image) or np.array_equal(one, flipped) for one in changed)
    assert 4 <= sum(is_flipped) <= 28


def test_two_kinds_of_change_draw_independently() -> None:
    both = AugmentSettings(horizontal_flip=True, vertical_flip=True)
    image = images()[0].astype(np.float32)
    changed = batches.augmenter(both, seed=0)(np.stack([image] * 64), 1).numpy()
    wanted = [image, image[:, ::-1], image[::-1], image[::-1, ::-1]]
    assert [any(np.array_equal(one, each) for one in changed) for each in wanted] == [True] * 4


def test_no_augmentation_leaves_pixels_as_they_are() -> None:
    for x, _ in take(STEPS, augment=AugmentSettings()):
        np.testing.assert_array_equal(x, images()[x[:, 0, 0, 0].astype(int)])


def test_validation_batches_come_in_order() -> None:
    taken = list(batches.in_order(images(), np.eye(N, dtype=np.float32), SIZE))
    x = np.concatenate([batch[0].numpy() for batch in taken])
    assert [len(batch[0]) for batch in taken] == [4, 4, 2]
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, images())
    np.testing.assert_array_equal(np.concatenate([y.numpy() for _, y in taken]), np.eye(N))


def test_class_weights_are_those_of_scikit_learn() -> None:
    labels = np.repeat([0, 1, 2], [30, 6, 1])
    weights = batches.class_weights(labels, 3)
    per_class = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, per_class[labels], rtol=1e-6)
    np.testing.assert_allclose(weights, compute_sample_weight("balanced", labels), rtol=1e-6)
    assert weights.sum() == pytest.approx(len(labels))


def test_a_class_without_images_needs_no_weight() -> None:
    weights = batches.class_weights(np.array([0, 0, 2]), 3)
    np.testing.assert_allclose(weights, [0.5, 0.5, 1.0])


def test_volumes_are_not_augmented() -> None:
    volumes = np.zeros((4, 8, 8, 8, 1), np.uint8)
    targets = np.zeros((4, 2), np.float32)
    with pytest.raises(ConfigError, match=r"2D images to augment.*\(8, 8, 8, 1\)"):
        batches.epochs(
            volumes, targets, None, batch_size=2, seed=0, augment=AugmentSettings(horizontal_flip=True)
        )
