from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, get_args

import keras_models as small
import numpy as np
import pytest
from tolerance import assert_same, spread

from xaireport.errors import ConfigError, ModelError
from xaireport.nn.backend import import_keras
from xaireport.nn.classifier import open_model
from xaireport.nn.keras.tf_keras_vis import METHODS, vis_maps
from xaireport.pipeline.stages.library import library_maps
from xaireport.study_schema import ExplainSettings

SHAPE_2D, SHAPE_3D = (16, 16, 3), (12, 12, 12, 1)


def oracle(model: Any, x: Any, targets: Any, layer: str) -> Any:
    """The method itself, called directly on a flat functional model that ends in logits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tf_keras_vis.scorecam import Scorecam
        from tf_keras_vis.utils.scores import CategoricalScore

        explainer = Scorecam(model)
        maps = explainer(
            CategoricalScore([int(k) for k in targets]),
            x.astype(np.float32),
            penultimate_layer=layer,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
    return np.asarray(maps)


def test_methods_are_those_a_study_may_name() -> None:
    named = get_args(ExplainSettings.model_fields["method"].annotation)
    ours = ("auto", "gradcam", "hirescam", "layercam", "gradcam++", "occlusion", "rise")
    assert sorted((*ours, *METHODS)) == sorted(named)


def images_and_targets(shape: tuple[int, ...]) -> tuple[Any, Any]:
    return small.images(9, shape), np.arange(9) % 3  # more than one of its batches


@cache
def expected_maps(shape: tuple[int, ...]) -> tuple[Any, Any]:
    """The oracle's maps, and how far rounding may move them."""
    model = small.flat_model(shape, end="logits")
    x, targets = images_and_targets(shape)
    maps = oracle(model, x, targets, "conv2")
    within = spread(lambda: oracle(model, x, targets, "conv2"), model, terms=int(np.prod(maps.shape[1:])))
    return maps, within


@pytest.mark.parametrize("build", [small.flat_model, small.sequential_model, small.nested_model])
@pytest.mark.parametrize("shape", [SHAPE_2D, SHAPE_3D])
def test_methods_on_any_model_are_those_on_a_flat_one(
    tmp_path: Path, build: Callable[..., Any], shape: tuple[int, ...]
) -> None:
    x, targets = images_and_targets(shape)
    model = build(shape)
    model.set_weights(small.flat_model(shape, end="logits").get_weights())
    expected, within = expected_maps(shape)
    maps = vis_maps(open_model(small.saved(model, tmp_path)), x, targets, "conv2", "scorecam")
    assert maps.dtype == np.float32
    assert maps.shape == (9, *(size // 2 for size in shape[:-1]))
    assert expected.max() > 0
    assert_same(maps, expected, within)


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    classifier = open_model(small.saved(small.flat_model(), tmp_path))
    capfd.readouterr()
    vis_maps(classifier, small.images(2), np.zeros(2, np.int64), "conv2", "scorecam")
    assert capfd.readouterr() == ("", "")
    assert import_keras().config.is_interactive_logging_enabled()


@pytest.mark.parametrize("shape", [SHAPE_2D, SHAPE_3D])
def test_smoothgrad_is_seeded_and_at_the_pixels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    classifier = open_model(small.saved(small.sequential_model(shape), tmp_path))
    x, targets = small.images(3, shape), np.arange(3)
    np.random.seed(7)  # noqa: NPY002
    first = vis_maps(classifier, x, targets, "", "smoothgrad")
    after = np.random.random()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    assert np.random.random() == after, "the global generator is left as it was"  # noqa: NPY002
    assert first.shape == (3, *shape[:-1])
    assert first.min() >= 0
    assert first.max() > 0
    np.testing.assert_array_equal(first, vis_maps(classifier, x, targets, "", "smoothgrad"))
    assert np.abs(first - vis_maps(classifier, x, targets, "", "smoothgrad", seed=1)).max() > 0


def test_the_seed_of_a_study_draws_its_noise(tmp_path: Path) -> None:
    classifier = open_model(small.saved(small.sequential_model(SHAPE_2D), tmp_path))
    x, targets = small.images(2, SHAPE_2D), np.arange(2)
    make = library_maps(classifier, 7)
    assert make is not None
    found = make(x, targets, "", "smoothgrad")
    np.testing.assert_array_equal(found, vis_maps(classifier, x, targets, "", "smoothgrad", seed=7))
    assert np.abs(found - vis_maps(classifier, x, targets, "", "smoothgrad", seed=0)).max() > 0


def test_no_images_no_maps(tmp_path: Path) -> None:
    classifier = open_model(small.saved(small.flat_model(), tmp_path))
    assert vis_maps(classifier, small.images(0), np.zeros(0, np.int64), "conv2", "scorecam").shape[0] == 0


def test_unknown_names_are_refused(tmp_path: Path) -> None:
    classifier = open_model(small.saved(small.flat_model(), tmp_path))
    with pytest.raises(ConfigError, match=r"scorecam, smoothgrad"):
        vis_maps(classifier, small.images(1), np.zeros(1, np.int64), "conv2", "lime")
    with pytest.raises(ModelError, match="conv9"):
        vis_maps(classifier, small.images(1), np.zeros(1, np.int64), "conv9", "scorecam")


def test_layers_that_tf_keras_vis_cannot_address_are_refused(tmp_path: Path) -> None:
    keras = import_keras()
    start = keras.Input(SHAPE_2D)
    conv = keras.layers.Conv2D(3, 3, padding="same", name="twice")
    x = keras.layers.GlobalAveragePooling2D()(keras.ops.relu(conv(conv(start))))
    model = keras.Model(start, keras.layers.Dense(2, activation="softmax")(x))
    classifier = open_model(small.saved(model, tmp_path))
    names = [step.name for step in classifier.graph.steps if step.kind in ("Conv2D", "Relu")]
    assert len(names) == 3
    for name in names:
        with pytest.raises(ModelError, match="a layer that is called once"):
            vis_maps(classifier, small.images(1), np.zeros(1, np.int64), name, "scorecam")
