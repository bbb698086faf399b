"""The verdict over heatmaps: an honest explainer passes, each broken one fails for its own reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xaireport.explain.methods.explainers import Explainer, Maps, explainer
from xaireport.explain.trust.assess import judged, trust
from xaireport.metrics import means
from xaireport.nn.backend import import_keras, import_tensorflow
from xaireport.nn.classifier import open_model
from xaireport.nn.keras.classifier import KerasClassifier
from xaireport.types.data import Split
from xaireport.types.evidence import Skipped
from xaireport.types.trust import Trust

pytestmark = pytest.mark.tensorflow
N_CLASSES, SIDE = 3, 20


def split(n: int, seed: int, *, shortcut: bool = False) -> Split:
    """A coloured square somewhere names the class, grey ones do not; as a shortcut, a bright corner does."""
    rng = np.random.default_rng(seed)
    images = rng.integers(90, 130, (n, SIDE, SIDE, 3), np.uint8)
    masks = np.zeros((n, SIDE, SIDE), np.uint8)
    labels = np.arange(n) % N_CLASSES
    for i in range(n):
        for _ in range(2):
            row, column = rng.integers(0, SIDE - 5, 2)
            images[i, row : row + 5, column : column + 5] = rng.integers(0, 256)
        row, column = rng.choice([0, 1, 2, 12, 13, 14], 2)  # not in the middle
        row = 14 if shortcut else row
        images[i, row : row + 6, column : column + 6] = 60
        masks[i, row : row + 6, column : column + 6] = 255
        if shortcut:  # what is within the mask says nothing any more
            images[i, :5, :5, labels[i]] = 255
        else:
            images[i, row : row + 6, column : column + 6, labels[i]] = 220
    return Split(images, labels, np.array([f"{seed}-{i}" for i in range(n)]), masks=masks)


def trained(folder: Path, data: Split) -> KerasClassifier:
    keras, tf = import_keras(), import_tensorflow()
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Rescaling(1 / 127.5, -1.0),
            layers.Conv2D(12, 3, padding="same", activation="relu", name="first"),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="last"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(N_CLASSES, activation="softmax", name="out"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(tf.constant(data.images), tf.constant(data.labels), batch_size=32, epochs=14, verbose=0)
    model.save(folder / "model.keras")
    opened = open_model(folder / "model.keras")
    assert isinstance(opened, KerasClassifier)
    return opened


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> KerasClassifier:
    return trained(tmp_path_factory.mktemp("trust"), split(480, 0))


@pytest.fixture(scope="module")
def test_split() -> Split:
    return split(240, 1)


def judge(model: Any, data: Split, make: Any = None) -> Trust:
    """Measure the maps at the last layer; ``make`` breaks the explainer."""
    honest = explainer(model, "gradcam", "last")
    broken = honest if make is None else Explainer("gradcam", "last", make(honest))
    y_pred = model.predict(data.images).argmax(axis=1)
    return trust(broken, model, data, y_pred, N_CLASSES, 0, means)


def failed(found: Trust) -> set[str]:
    return {reason.criterion for reason in found.verdict.reasons if reason.outcome == "fail"}


def test_an_honest_explainer_passes(model: KerasClassifier, test_split: Split) -> None:
    y_pred = model.predict(test_split.images).argmax(axis=1)
    assert (y_pred == test_split.labels).mean() > 0.9
    found = judge(model, test_split)
    assert found.verdict.outcome == "pass", found.verdict.sentence
    assert found.verdict.sentence.startswith("These heatmaps pass: ")
    assert {reason.criterion for reason in found.verdict.reasons} == {
        "energy_in_mask", "deletion, mean", "deletion, blur", "randomisation", "wrong_class",
    }  # fmt: skip
    energy = found.energy_in_mask
    assert not isinstance(energy, Skipped)
    assert energy.value is not None
    assert energy.value > 2 * energy.controls["chance"].value  # type: ignore[operator]
    assert set(energy.controls) == {"chance", "centre", "edges", "random"}


def random_maps(honest: Explainer) -> Any:
    def make(classifier: Any, images: Any, targets: Any) -> Maps:
        maps = np.random.default_rng(len(images)).random((len(images), 10, 10), np.float32)
        return Maps(maps, np.zeros(len(images), bool), np.zeros(len(images), bool))

    return make


def of_another_class(honest: Explainer) -> Any:
    return lambda classifier, images, targets: honest.make(classifier, images, (targets + 1) % N_CLASSES)


def whatever_the_class(honest: Explainer) -> Any:
    return lambda classifier, images, targets: honest.make(classifier, images, np.zeros_like(targets))


def edges(honest: Explainer) -> Any:
    """Maps that look plausible and do not depend on the model at all."""

    def make(classifier: Any, images: Any, targets: Any) -> Maps:
        from xaireport.explain.methods.cam import normalise
        from xaireport.explain.trust.localisation import _edges

        small = _edges(images).reshape(len(images), 10, 2, 10, 2).mean(axis=(2, 4))
        maps, zero = normalise(small)
        return Maps(maps, zero, np.zeros(len(images), bool))

    return make


def test_random_maps_fail(model: KerasClassifier, test_split: Split) -> None:
    found = judge(model, test_split, random_maps)
    assert found.verdict.outcome == "fail"
    assert {"energy_in_mask", "deletion, mean", "deletion, blur"} <= failed(found)


def test_maps_of_the_wrong_class_fail(model: KerasClassifier, test_split: Split) -> None:
    found = judge(model, test_split, of_another_class)
    assert found.verdict.outcome == "fail"
    assert {"energy_in_mask", "deletion, mean"} <= failed(found)


def test_one_map_for_every_class_fails(model: KerasClassifier, test_split: Split) -> None:
    found = judge(model, test_split, whatever_the_class)
    assert "wrong_class" in failed(found)
    assert found.verdict.outcome == "fail"


def test_maps_that_do_not_depend_on_the_model_fail(model: KerasClassifier, test_split: Split) -> None:
    found = judge(model, test_split, edges)
    assert {"randomisation", "wrong_class"} <= failed(found)
    assert not isinstance(found.randomisation, Skipped)
    assert all(step.correlation.value == pytest.approx(1) for step in found.randomisation.steps)
    assert "a model with random weights gives much the same maps" in found.verdict.sentence


def test_maps_of_an_untrained_model_fail(model: KerasClassifier, test_split: Split) -> None:
    """They may well lie on what stands out, so that masks and deletion do not give them away."""
    other = open_model(model._path)

    def untrained(honest: Explainer) -> Any:
        def make(classifier: Any, images: Any, targets: Any) -> Maps:
            with other.shuffled(other.learnt_layers(), 99) as random:
                return honest.make(random, images, targets)

        return make

    found = judge(model, test_split, untrained)
    assert found.verdict.outcome == "fail"
    assert "randomisation" in failed(found)


def test_a_planted_shortcut_is_found(tmp_path: Path) -> None:
    model = trained(tmp_path, split(480, 2, shortcut=True))
    data = split(240, 3, shortcut=True)
    assert (model.predict(data.images).argmax(axis=1) == data.labels).mean() > 0.9
    found = judge(model, data)
    assert found.verdict.outcome == "fail"
    assert "energy_in_mask" in failed(found)
    assert "masks" in found.verdict.sentence
    assert found.verdict.sentence.startswith("These heatmaps fail, because ")
    energy = found.energy_in_mask
    assert not isinstance(energy, Skipped)
    lo = energy.controls["chance"].difference.lo
    assert lo is not None
    assert lo < 0


def test_without_masks_the_rest_is_tested_and_said(model: KerasClassifier, test_split: Split) -> None:
    for masks in (None, np.zeros_like(test_split.masks)):
        found = judge(model, replace(test_split, masks=masks))
        assert isinstance(found.energy_in_mask, Skipped)
        assert isinstance(found.pointing, Skipped)
        assert found.verdict.outcome == "pass"
        untested = [each.text for each in found.verdict.reasons if each.outcome == "untested"]
        assert untested == [found.energy_in_mask.reason]
        assert found.verdict.sentence.endswith(f" Not tested: {untested[0]}.")
    assert found.energy_in_mask.reason == "every mask is empty"


def test_drift_counts_where_it_is_a_criterion(model: KerasClassifier, test_split: Split) -> None:
    found = judge(model, test_split)
    moved = Skipped("drift", "there are no heatmaps of augmented")
    assert judged(found, moved).verdict.outcome == "pass"
    from xaireport.types.trust import Drift, Measure

    def seen(lo: float) -> Drift:
        some = Measure(lo + 0.02, 50, lo, lo + 0.04)
        return Drift("augmented", "parent", some, some, some, some)

    assert judged(found, seen(0.6)).verdict.outcome == "pass"
    worse = judged(found, seen(0.49)).verdict
    assert worse.outcome == "fail"
    assert "does not look where its parent looks (rank correlation 0.51, 0.49 to 0.53)" in worse.sentence


def test_a_model_without_any_map_is_untested(model: KerasClassifier, test_split: Split) -> None:
    def nothing(honest: Explainer) -> Any:
        def make(classifier: Any, images: Any, targets: Any) -> Maps:
            n = len(images)
            return Maps(np.zeros((n, 10, 10), np.float32), np.ones(n, bool), np.zeros(n, bool))

        return make

    found = judge(model, test_split, nothing)
    assert found.verdict.outcome == "untested"
    assert found.zero_maps.value == 1
    assert found.verdict.sentence.startswith("These heatmaps could not be tested, because ")


def test_the_measurement_leaves_the_model_as_it_was(model: KerasClassifier, test_split: Split) -> None:
    before = model.predict(test_split.images)
    first, second = judge(model, test_split), judge(model, test_split)
    np.testing.assert_array_equal(model.predict(test_split.images), before)
    assert first == second


def test_a_model_without_weights_is_not_randomised(model: KerasClassifier, test_split: Split) -> None:
    class Weightless:
        method_suffix = ""

        def learnt_layers(self, up_to: str = "") -> tuple[str, ...]:
            return ()

        def __getattr__(self, name: str) -> Any:
            return getattr(model, name)

    honest = explainer(model, "gradcam", "last")
    through = Explainer("gradcam", "last", lambda _, images, targets: honest.make(model, images, targets))
    y_pred = model.predict(test_split.images).argmax(axis=1)
    found = trust(through, Weightless(), test_split, y_pred, N_CLASSES, 0, means)  # type: ignore[arg-type]
    assert isinstance(found.randomisation, Skipped)
    assert "no weights" in found.verdict.sentence
    assert found.verdict.outcome == "pass"
