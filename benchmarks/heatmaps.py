"""Heatmaps and the verdict over them, as ratios to Keras' own ``predict`` on the same images."""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

ROUNDS = 7
PASSES = 10
ONE_BY_ONE = 24
"""Images that tf-keras-vis explains one at a time; more would not change the ratio."""
N = 2005


def heatmaps(folder: Path) -> Iterator[tuple[str, float, str, float | None]]:
    """Measure with the models that a phantom build left in ``folder``.

    Parameters
    ----------
    folder : Path
        Holds ``models/``.
    """
    import numpy as np

    from xaireport.explain.layers import candidates
    from xaireport.explain.methods.explainers import explainer
    from xaireport.nn.backend import import_keras
    from xaireport.nn.classifier import open_model
    from xaireport.nn.keras.classifier import KerasClassifier

    rng = np.random.default_rng(0)
    for study, shape, batch in (
        ("derma/baseline", (N, 28, 28, 3), 256),
        ("fracture3d/cnn3d", (128, 28, 28, 28, 1), 32),
    ):
        path = folder / "models" / study / "model.keras"
        model = open_model(path)
        assert isinstance(model, KerasClassifier)
        keras = import_keras().saving.load_model(path, compile=False)
        images = rng.integers(0, 256, shape, dtype=np.uint8)
        targets = model.predict(images, batch).argmax(axis=1)
        found = candidates(model.spatial_layers())
        assert isinstance(found, tuple)
        layer = found[-1].name  # in 3D the last convolution: it ends in its ReLU
        method = explainer(model, "gradcam", layer)
        functions: dict[str, Callable[[], Any]] = {
            "predict": partial(keras.predict, images, batch_size=batch, verbose=0),
            "compiled forward pass": partial(model.predict, images, batch),
            "maps": partial(method.make, model, images, targets),
        }
        times = _interleaved(functions)
        ratio = [m / p for m, p in zip(times["maps"], times["predict"], strict=True)]
        beside = [m / p for m, p in zip(times["maps"], times["compiled forward pass"], strict=True)]
        yield f"Grad-CAM / predict: {study}, {layer}", statistics.median(ratio), "x", 1.25
        yield f"Grad-CAM / compiled forward pass: {study}", statistics.median(beside), "x", None
        if study == "derma/baseline":
            one = _one_by_one(model, layer, images[:ONE_BY_ONE], targets[:ONE_BY_ONE]) / ONE_BY_ONE
            ours = statistics.median(times["maps"]) / N
            yield "tf-keras-vis one at a time / Grad-CAM", one / ours, "x faster (at least 80)", None
            yield "the same, as the share of it that ours takes", ours / one, "x", 1 / 80
            traces = model._gradients._compiled[layer].experimental_get_tracing_count()
            yield "traces of the engine", traces, "", 1
            yield f"memory over {PASSES} passes", _growth(functions["maps"]), "MiB more", 32


def verdicts(folder: Path) -> Iterator[tuple[str, float, str, float | None]]:
    """Everything that explains a variant, from the choice of the layer to the verdict: 2,005 test images."""
    import numpy as np

    from xaireport.explain import select
    from xaireport.explain.layer_choice import decide
    from xaireport.explain.methods import perturbation
    from xaireport.explain.methods.explainers import explainer
    from xaireport.explain.trust.assess import trust
    from xaireport.metrics import means
    from xaireport.nn.classifier import open_model
    from xaireport.study_schema import ExplainSettings
    from xaireport.types.data import Split

    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        images = rng.integers(0, 256, (n, 28, 28, 3), dtype=np.uint8)
        masks = np.zeros((n, 28, 28), np.uint8)
        masks[:, 8:20, 8:20] = 255
        groups = (np.arange(n) * 3 // 4).astype(str)
        return Split(images, rng.integers(0, 7, n), np.arange(n).astype(str), groups=groups, masks=masks)

    val, test = split(1001), split(N)
    for name, file, parent_layer in (
        ("baseline", "model.keras", ""),
        ("transfer", "model.keras", ""),
        ("int8", "model.tflite", "relu3"),
    ):
        start = time.perf_counter()
        model = open_model(folder / "models" / "derma" / name / file)
        y_pred = model.predict(test.images, 256).argmax(axis=1)
        decision = decide(model, ExplainSettings(), val, 0, parent_layer)
        method = explainer(model, decision.method, decision.layer)
        maps = method.make(model, test.images, y_pred).maps
        hidden = test.images[select.per_class(test.labels, 7, 0)]
        perturbation.occlusion(model.logits, hidden)
        trust(method, model, test, y_pred, 7, 0, means, (np.arange(N), maps))
        yield f"verdict, {N:,} images: derma/{name}", time.perf_counter() - start, "s", 90.0


def _interleaved(functions: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Time the functions in turns, so that a slow moment hits all of them; the first round warms up."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for round_ in range(ROUNDS + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if round_:
                times[name].append(time.perf_counter() - start)
    return times


def _one_by_one(model: Any, layer: str, images: Any, targets: Any) -> float:
    """Return the seconds that tf-keras-vis takes as notebooks use it: a call per image."""
    from xaireport.nn.backend import import_keras

    logits = model.logits_model
    flat = import_keras().Model([logits.input], logits.output)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.utils.scores import CategoricalScore

        gradcam = Gradcam(flat)

        def explain(i: int) -> None:
            gradcam(
                CategoricalScore(int(targets[i])),
                model.prepare(images[i : i + 1]),
                penultimate_layer=model.graph.step(layer).operation,
                seek_penultimate_conv_layer=False,
            )

        explain(0)
        start = time.perf_counter()
        for i in range(len(images)):
            explain(i)
        return time.perf_counter() - start


def _growth(function: Callable[[], Any]) -> float:
    """Return by how many MiB the process grows over many passes, once it is warm."""

    def resident() -> float:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    function()
    before = resident()
    for _ in range(PASSES):
        function()
    return resident() - before
