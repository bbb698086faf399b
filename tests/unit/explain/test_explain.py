from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from halves import Halves
from tolerance import allowed

from xaireport.errors import ConfigError, ModelError
from xaireport.explain.explain import explain
from xaireport.study_schema import ExplainSettings
from xaireport.types.data import Dataset, DatasetInfo, Split
from xaireport.types.evidence import Skipped
from xaireport.types.models import LayerInfo
from xaireport.types.notes import Note
from xaireport.types.pictures import Heatmaps

CLASSES = ("bright left", "bright right", "dark")


class Volumes(Halves):
    grid = (8, 8, 8)


class NoGradients:
    predict = Halves.predict
    logits = Halves.logits
    learnt_layers = Halves.learnt_layers
    shuffled = Halves.shuffled
    summary = Halves.summary


class Opaque(Halves):
    def spatial_layers(self) -> tuple[LayerInfo, ...]:
        raise ModelError("a functional model", "a subclassed one", "rebuild it")


def split(n: int, shape: tuple[int, ...], seed: int, classes: tuple[int, ...] = (0, 1, 2)) -> Split:
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, n).astype(np.int64)
    images = rng.integers(0, 90, (n, *shape)).astype(np.uint8)
    half = shape[-2] // 2
    images[labels == 0, ..., 2:4, :] = 250
    images[labels == 1, ..., half + 2 : half + 5, :] = 250
    return Split(images, labels, np.array([f"{seed}/{i}" for i in range(n)]))


def dataset(
    n: int = 60, shape: tuple[int, ...] = (16, 16, 1), classes: tuple[int, ...] = (0, 1, 2)
) -> Dataset:
    info = DatasetInfo("halves", "Halves", "phantom", "0" * 64, None, CLASSES)
    return Dataset(info, split(6, shape, 1), split(6, shape, 2), split(n, shape, 3, classes))


def heatmaps_of(explanation: Any) -> Heatmaps:
    assert isinstance(explanation.heatmaps, Heatmaps)
    return explanation.heatmaps


def test_maps_of_all_images_and_pictures_of_the_chosen(tmp_path: Path) -> None:
    data = dataset()
    classifier = Halves()
    explanation = explain(classifier, data, CLASSES, ExplainSettings(), 0, tmp_path, "base")
    made, pictures = heatmaps_of(explanation), explanation.pictures
    y_pred = classifier.predict(data.test.images).argmax(axis=1)

    with np.load(tmp_path / "maps.npz", allow_pickle=False) as stored:
        maps, zero = stored["maps"], stored["zero"]
        assert stored["index"].tolist() == list(range(60))
        assert stored["target"].tolist() == y_pred.tolist()
    assert maps.dtype == np.float32
    assert maps.shape == (60, 8, 8)
    pixels = data.test.images[:, ::2, ::2, 0].astype(np.float32)
    expected = pixels / pixels.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(maps[y_pred != 2], expected[y_pred != 2], rtol=allowed(8 * 8 + 4))
    assert zero.tolist() == (y_pred == 2).tolist()

    assert (made.method, made.layer, made.grid, made.n) == ("gradcam", "fine", (8, 8), 60)
    assert made.zero_maps == np.count_nonzero(y_pred == 2) > 0
    assert (made.chosen_by, made.choices) == ("only candidate", ())
    for example in (*pictures.examples, *pictures.common, *pictures.gallery):
        index = data.test.sample_id.tolist().index(example.sample_id)
        assert example.y_true == data.test.labels[index]
        assert example.y_pred == y_pred[index]
        assert example.outcome == ("hit" if example.y_true == example.y_pred else "miss")
        assert (tmp_path / Path(example.image).relative_to("assets")).is_file()
        shows_map = example not in pictures.gallery and example.y_pred != 2
        assert bool(example.map) == bool(example.overlay) == bool(example.peak) == shows_map
        if shows_map:
            assert (tmp_path / Path(example.map).relative_to("assets")).is_file()
            assert example.peak.endswith("left" if example.y_pred == 0 else "right")
    assert len(pictures.gallery) == 12
    assert {example.y_true for example in pictures.examples} == {0, 1, 2}
    assert len(pictures.common) == 6


def test_common_images_do_not_depend_on_the_model(tmp_path: Path) -> None:
    class Other(Halves):
        def logits(self, images: Any, batch_size: int = 256) -> Any:
            return super().logits(255 - images, batch_size)

    ids = []
    for classifier in (Halves(), Other()):
        made = explain(classifier, dataset(), CLASSES, ExplainSettings(), 0, tmp_path, "v")
        ids.append([example.sample_id for example in made.pictures.common])
    assert ids[0] == ids[1]


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        explain(Halves(), dataset(), CLASSES, ExplainSettings(), 5, tmp_path / name, "v")
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        contents.append({str(path.relative_to(tmp_path / name)): path.read_bytes() for path in files})
    assert contents[0] == contents[1]
    assert len(contents[0]) > 12


def test_volumes(tmp_path: Path) -> None:
    data = dataset(12, (16, 16, 16, 1))
    explanation = explain(Volumes(), data, CLASSES, ExplainSettings(), 0, tmp_path, "v")
    made = heatmaps_of(explanation)
    assert made.grid == (8, 8, 8)
    with_map = [example for example in explanation.pictures.examples if example.map]
    assert with_map
    for example in with_map:
        assert [name.split()[0] for name in example.slices] == ["axial", "coronal", "sagittal"]
        assert example.peak == ", ".join(example.slices)
    assert all(len(example.slices) == 3 for example in explanation.pictures.gallery)


def test_probabilities_that_are_known_are_not_made_again(tmp_path: Path) -> None:
    class Once(Halves):
        def predict(self, images: Any, batch_size: int = 256) -> Any:
            raise AssertionError("predicted again")

    data = dataset()
    y_prob = Halves().predict(data.test.images)
    one_hot = Halves.activations_and_gradients

    class Known(Once):
        def activations_and_gradients(self, images: Any, targets: Any, layer: str) -> Any:
            return (*one_hot(Halves(), images, targets, layer)[:2], None)

    made = explain(Known(), data, CLASSES, ExplainSettings(), 0, tmp_path, "v", y_prob=y_prob)
    assert heatmaps_of(made).n == 60
    with pytest.raises(ModelError, match=r"\(60, 3\)"):
        explain(Halves(), data, CLASSES, ExplainSettings(), 0, tmp_path, "v", y_prob=y_prob[:9])


def test_activations_are_held_batch_by_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xaireport.explain.methods import explainers as module

    monkeypatch.setattr(module, "_ACTIVATION_BYTES", 7 * 8 * 8 * 4)
    classifier = Halves()
    explain(classifier, dataset(), CLASSES, ExplainSettings(), 0, tmp_path, "v")
    assert classifier.batches == [1] + [7] * 8 + [4]  # one to see whether it can be done


def test_a_fixed_layer(tmp_path: Path) -> None:
    made = heatmaps_of(
        explain(Halves(), dataset(), CLASSES, ExplainSettings(layer="coarse"), 0, tmp_path, "v")
    )
    assert (made.layer, made.grid, made.notes) == ("coarse", (2, 2), ())
    with pytest.raises(ModelError, match=r"fine \(8 × 8\), coarse"):
        explain(Halves(), dataset(), CLASSES, ExplainSettings(layer="nope"), 0, tmp_path, "v")


@pytest.mark.parametrize(
    ("classifier", "reason"),
    [(NoGradients(), "no_gradients"), (Opaque(), "no_layers")],
)
def test_a_model_without_gradients_is_explained_by_occlusion(
    tmp_path: Path, classifier: Any, reason: str
) -> None:
    data = dataset(20)
    explanation = explain(classifier, data, CLASSES, ExplainSettings(), 0, tmp_path, "v")
    made = heatmaps_of(explanation)
    assert (made.method, made.layer, made.grid) == ("occlusion", "", (7, 7))
    assert made.notes[0] == Note(reason)
    assert Note("shown_only", {"method": "occlusion"}) in made.notes
    shown = {example.sample_id for example in (*explanation.pictures.examples, *explanation.pictures.common)}
    assert made.n == len(shown)
    for example in explanation.pictures.examples:  # what is hidden on the bright side lowers its score
        if example.peak:
            assert {0: "right", 1: "left"}.get(example.y_pred, "nowhere") not in example.peak


def test_a_model_that_fails_when_parts_are_hidden_still_has_its_pictures(tmp_path: Path) -> None:
    class Fragile(Halves):
        def logits(self, images: Any, batch_size: int = 256) -> Any:
            return super().logits(images) * np.nan

        def predict(self, images: Any, batch_size: int = 256) -> Any:
            return Halves().predict(images)

    (tmp_path / "maps").mkdir()
    explanation = explain(Fragile(), dataset(), CLASSES, ExplainSettings(), 0, tmp_path, "v")
    assert isinstance(explanation.heatmaps, Skipped)
    assert explanation.heatmaps.reason == "occlusion could make no maps of this model"
    explained = explain(Halves(), dataset(), CLASSES, ExplainSettings(), 0, tmp_path / "maps", "v")
    for kind in ("examples", "common", "gallery"):
        plain, mapped = (getattr(each.pictures, kind) for each in (explanation, explained))
        assert [one.sample_id for one in plain] == [one.sample_id for one in mapped]
        assert not any(one.map or one.overlay for one in plain)
    assert not (tmp_path / "maps.npz").exists()


def test_activations_that_are_not_finite_are_counted_and_said(tmp_path: Path) -> None:
    class Broken(Halves):
        def activations_and_gradients(self, images: Any, targets: Any, layer: str) -> Any:
            activations, gradients, y_prob = super().activations_and_gradients(images, targets, layer)
            activations[0] = np.nan
            return activations, gradients, y_prob

    made = heatmaps_of(explain(Broken(), dataset(), CLASSES, ExplainSettings(), 0, tmp_path, "v"))
    assert Note("maps_not_finite", {"broken": 1, "n": 60}) in made.notes


def test_what_is_hidden_is_the_same_for_every_variant(tmp_path: Path) -> None:
    explain(Halves(), dataset(), CLASSES, ExplainSettings(), 0, tmp_path, "v")
    with np.load(tmp_path / "occlusion.npz", allow_pickle=False) as stored:
        drops, index = stored["drops"], stored["index"]
    labels = dataset().test.labels
    assert drops.shape == (len(index), 7, 7, 3)
    assert np.bincount(labels[index]).tolist() == np.minimum(np.bincount(labels), 20).tolist()
    assert np.all(np.diff(index) > 0)


def test_other_methods_come_in_as_a_callable(tmp_path: Path) -> None:
    asked: list[tuple[Any, ...]] = []

    def vis(images: Any, targets: Any, layer: str, method: str) -> Any:
        asked.append((len(images), layer, method))
        maps = np.ones((len(images), 4, 4), np.float32)
        maps[0] = np.nan
        maps[:, 3, 0] = 2
        return maps

    settings = ExplainSettings(method="scorecam", layer="fine")
    explanation = explain(Halves(), dataset(), CLASSES, settings, 0, tmp_path, "v", vis=vis)
    made, pictures = heatmaps_of(explanation), explanation.pictures
    assert asked == [(made.n, "fine", "scorecam")]
    assert made.n == len({example.sample_id for example in (*pictures.examples, *pictures.common)})
    assert made.zero_maps == 1
    assert made.grid == (4, 4)
    assert {example.peak for example in pictures.examples} <= {"", "lower left"}
    assert "shown_only" in {note.code for note in made.notes}
    with np.load(tmp_path / "maps.npz") as stored:
        assert stored["maps"].max() == 1
        assert np.isfinite(stored["maps"]).all()
    with pytest.raises(ConfigError, match="gradcam"):
        explain(Halves(), dataset(), CLASSES, settings, 0, tmp_path, "v")


def test_smoothgrad_names_no_layer(tmp_path: Path) -> None:
    settings = ExplainSettings(method="smoothgrad")
    explanation = explain(
        Halves(),
        dataset(),
        CLASSES,
        settings,
        0,
        tmp_path,
        "v",
        vis=lambda x, *_: x[..., 0].astype(np.float32),
    )
    made = heatmaps_of(explanation)
    assert (made.layer, made.grid) == ("", (16, 16))
    assert made.notes[0] == Note("pixels_not_layers")


def test_a_class_without_a_test_image_is_named(tmp_path: Path) -> None:
    made = heatmaps_of(
        explain(Halves(), dataset(classes=(0, 2)), CLASSES, ExplainSettings(), 0, tmp_path, "v")
    )
    assert Note("no_test_image", {"classes": ["bright right"]}) in made.notes
