"""Further heatmap methods, by name: tf-keras-vis, run on the flat copy that ends in logits.

Our own Grad-CAM does not come from here. tf-keras-vis works on flat functional models only, which is why the
user's model is never handed to it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from xaireport.errors import ConfigError, ModelError
from xaireport.nn.backend import import_keras, import_tensorflow

if TYPE_CHECKING:
    from xaireport.nn.keras.classifier import KerasClassifier
    from xaireport.types.data import Floats, Ints, Pixels

SMOOTHGRAD_SAMPLES = 25
SMOOTHGRAD_NOISE = 0.2
"""Standard deviation of the noise, as a share of the image's range of values."""

_BATCH = 8
"""Score-CAM masks each image once per channel; more images at once do not fit into memory."""


def vis_maps(
    classifier: KerasClassifier, images: Pixels, targets: Ints, layer: str, method: str, seed: int = 0
) -> Floats:
    """Return the maps of a method, not normalised.

    Parameters
    ----------
    classifier : KerasClassifier
        An opened model.
    images : uint8 array, (n, *input_shape)
        Raw pixels.
    targets : int array, (n,)
        The class explained, per image.
    layer : str
        Where the map is read; ``smoothgrad`` looks at the pixels instead and ignores it.
    method : {"scorecam", "smoothgrad"}
        The method.
    seed : int
        Draws the noise of ``smoothgrad``.

    Returns
    -------
    float32 array, (n, *grid)
        At the layer's grid; for ``smoothgrad`` (n, *spatial).

    Raises
    ------
    ConfigError
        An unknown method.
    ModelError
        An unknown layer, or one that tf-keras-vis cannot address.

    References
    ----------
    H. Wang et al., "Score-CAM", CVPR Workshops 2020, arXiv:1910.01279. D. Smilkov et al., "SmoothGrad", 2017,
    arXiv:1706.03825.
    """
    if method not in METHODS:
        raise ConfigError(f"a method, one of {', '.join(METHODS)}", repr(method))
    step = None if method == "smoothgrad" else _single_call(classifier, layer)
    logits = classifier.logits_model
    # With a list of inputs, because that is what tf-keras-vis calls a model with.
    model = import_keras().Model([logits.input], logits.output)
    parts = []
    with _quiet(), _seeded(seed):
        for start in range(0, len(images), _BATCH):
            batch = slice(start, start + _BATCH)
            pixels = classifier.prepare(images[batch])
            score = _score(targets[batch])
            parts.append(np.asarray(METHODS[method](model, score, pixels, step), np.float32))
    return np.concatenate(parts) if parts else np.zeros((0,), np.float32)


def _single_call(classifier: KerasClassifier, layer: str) -> Any:
    """Return a step that tf-keras-vis can find: it asks a layer for its one output."""
    step = classifier.graph.step(layer)
    calls = [other for other in classifier.graph.steps if other.operation is step.operation]
    if len(calls) > 1 or step.operation not in classifier.logits_model.layers:
        raise ModelError(
            "a layer that is called once", f"{layer} ({step.kind})", "name another one as explain.layer"
        )
    return step


def _score(targets: Ints) -> Callable[[Any], Any]:
    """Return what tf-keras-vis differentiates: each image's target logit."""
    tf = import_tensorflow()
    chosen = tf.constant(targets, tf.int64)
    return lambda output: tf.gather(output, chosen[: len(output)], axis=1, batch_dims=1)


def _scorecam(model: Any, score: Any, pixels: Any, step: Any) -> Any:
    from tf_keras_vis.scorecam import Scorecam

    # It applies a softmax of its own to what the model gives: right for logits.
    return Scorecam(model)(score, pixels.numpy(), **_at(step))


def _smoothgrad(model: Any, score: Any, pixels: Any, step: Any) -> Any:
    from tf_keras_vis.saliency import Saliency

    return Saliency(model)(
        score,
        pixels,
        smooth_samples=SMOOTHGRAD_SAMPLES,
        smooth_noise=SMOOTHGRAD_NOISE,
        normalize_map=False,
    )


def _at(step: Any) -> dict[str, Any]:
    return {
        "penultimate_layer": step.operation,
        "seek_penultimate_conv_layer": False,
        "expand_cam": False,
        "normalize_cam": False,
    }


METHODS: dict[str, Callable[[Any, Any, Any, Any], Any]] = {
    "scorecam": _scorecam,
    "smoothgrad": _smoothgrad,
}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep tf-keras-vis from warning (it imports zoom by an old name) and from drawing progress bars."""
    config = import_keras().config
    drawing = config.is_interactive_logging_enabled()
    config.disable_interactive_logging()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Please import `zoom`", DeprecationWarning)
            yield
    finally:
        if drawing:
            config.enable_interactive_logging()


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Give NumPy's global generator, which tf-keras-vis draws from, a seed, and its state back afterwards."""
    state = np.random.get_state()  # noqa: NPY002 - the global one is meant
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
