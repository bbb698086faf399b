"""Run every measurement and write benchmarks/results.json: [{name, value, unit, bar}].

What can be a ratio is one, to `import numpy` or `predict` in the same run: machines are noisy, and shared.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.audit import audit
from benchmarks.engine import engine
from benchmarks.heatmaps import heatmaps, verdicts
from benchmarks.pages import pages

ROUNDS = 7
NUMPY = (sys.executable, "-c", "import numpy")
XAIREPORT = (str(Path(sys.executable).parent / "xaireport"),)


class Measurement(NamedTuple):
    """One figure and the bar it has to stay under; no bar where it is for information."""

    name: str
    value: float
    unit: str
    bar: float | None = None


def seconds(command: Sequence[str], folder: Path) -> float:
    # With bytecode, as an installation has it, whatever this shell says.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(
        command,
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    return time.perf_counter() - start


def interleaved(folder: Path, *commands: Sequence[str]) -> list[float]:
    """Median wall time of each command, run in turns so that a slow moment hits all of them."""
    rounds = [[seconds(command, folder) for command in commands] for _ in range(ROUNDS)]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def phantom_data() -> Iterator[Measurement]:
    from xaireport.data.phantom.phantom import phantom

    for name in ("dermamnist", "fracturemnist3d", "cifar10"):
        start = time.perf_counter()
        phantom(name, seed=0)
        yield Measurement(f"phantom data: {name}", time.perf_counter() - start, "s", 3.0)


def command_line(folder: Path) -> Iterator[Measurement]:
    build = (*XAIREPORT, "build", "--all", "--data", "phantom")
    yield Measurement("build --all --data phantom", seconds(build, folder) / 60, "min", 8.0)
    numpy, usage, idle = interleaved(folder, NUMPY, (*XAIREPORT, "--help"), build)
    yield Measurement("import numpy", numpy, "s")
    yield Measurement("--help", usage, "s")
    yield Measurement("--help / import numpy", usage / numpy, "x", 2.5)
    yield Measurement("build --all, nothing to do", idle, "s")
    yield Measurement("build --all, nothing to do / import numpy", idle / numpy, "x", 3.0)


def devices(folder: Path) -> Iterator[Measurement]:
    """Evaluate 2,005 images with each TFLite file, against Keras' own ``predict`` of the parent."""
    import numpy as np

    from xaireport.nn.backend import import_keras
    from xaireport.nn.classifier import open_model

    images = np.random.default_rng(0).integers(0, 256, (2005, 28, 28, 3), dtype=np.uint8)
    parent = import_keras().saving.load_model(folder / "models/derma/augmented/model.keras", compile=False)

    def keras_predict() -> None:
        parent.predict(images, batch_size=256, verbose=0)

    children = {
        name: open_model(folder / "models/derma" / name / "model.tflite")
        for name in ("dynamic", "int8", "qat")
    }
    keras_predict()
    times: dict[str, list[float]] = {name: [] for name in children}
    for round_ in range(ROUNDS + 1):  # the first warms up
        start = time.perf_counter()
        keras_predict()
        before = time.perf_counter() - start
        for name, child in children.items():
            start = time.perf_counter()
            child.predict(images)
            if round_:
                times[name].append((time.perf_counter() - start) / before)
    for name, ratios in times.items():
        yield Measurement(
            f"TFLite predict / Keras predict: derma/{name}", statistics.median(ratios), "x", 1.0
        )


def evidence() -> Iterator[Measurement]:
    """Intervals of every score of a confusion matrix: 10,000 resamples, against a loop over scikit-learn."""
    import numpy as np
    from sklearn import metrics

    from xaireport.metrics import intervals
    from xaireport.metrics.resampled import confusion_scores, joined

    rng = np.random.default_rng(0)
    n, k = 2005, 7
    y_true = rng.choice(k, n, p=[0.03, 0.05, 0.11, 0.01, 0.11, 0.67, 0.02])
    y_pred = np.where(rng.random(n) < 0.7, y_true, rng.integers(0, k, n))
    confusion = metrics.confusion_matrix(y_true, y_pred)
    groups = rng.permutation(np.arange(n) % 1500)
    cells = y_true * k + y_pred

    def ours() -> None:
        parts = [confusion_scores(drawn) for drawn in intervals.resampled_confusions(confusion, 0)]
        for values in joined(parts).values():
            np.nanquantile(values, [0.025, 0.975], axis=0)

    def one_loop() -> None:
        drawn = rng.integers(0, n, n)
        t, p = y_true[drawn], y_pred[drawn]
        metrics.accuracy_score(t, p)
        metrics.balanced_accuracy_score(t, p)
        metrics.matthews_corrcoef(t, p)
        for average in ("macro", "weighted", None):
            metrics.precision_recall_fscore_support(t, p, average=average, zero_division=0)

    def clustered() -> None:
        for weights in intervals.resampled_weights(1500, 0):
            confusion_scores(intervals.cell_sums(cells, k * k, groups, weights).reshape(-1, k, k))

    def timed(function: Callable[[], None], times: int = 1) -> float:
        start = time.perf_counter()
        for _ in range(times):
            function()
        return (time.perf_counter() - start) / times

    one_loop()  # imports
    rounds = [(timed(ours), timed(one_loop, 20), timed(clustered)) for _ in range(ROUNDS)]
    fast, loop, cluster = (statistics.median(times) for times in zip(*rounds, strict=True))
    yield Measurement("10,000 resamples, every confusion-matrix score", fast, "s", 0.10)
    ratio = fast / (loop * intervals.RESAMPLES)
    yield Measurement("10,000 resamples / the same in a loop over scikit-learn", ratio, "x", 1 / 200)
    yield Measurement("cluster bootstrap, 1,500 groups", cluster, "s", 3.0)


def pairs() -> Iterator[Measurement]:
    """All pairs of eight variants on 2,005 images, 10,000 resamples: differences, intervals, exact tests."""
    import itertools

    import numpy as np

    from xaireport.metrics.comparison import Answers, compare

    rng = np.random.default_rng(0)
    n, k = 2005, 7
    y_true = rng.choice(k, n, p=[0.03, 0.05, 0.11, 0.01, 0.11, 0.67, 0.02])
    names = np.array([f"image-{i}" for i in range(n)])
    variants = {}
    for name in "abcdefgh":
        y_prob = rng.dirichlet(np.ones(k), n)
        y_prob[np.arange(n), y_true] += 0.3
        variants[name] = Answers(names, y_true, y_prob / y_prob.sum(axis=1, keepdims=True))
    all_pairs = list(itertools.combinations(variants, 2))
    scores = ["balanced_accuracy", "accuracy", "macro_f1", "mcc", "auroc"]
    for label, groups in (("", None), (", 1,500 groups", np.arange(n) % 1500)):
        times = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            compare(variants, all_pairs, scores, groups=groups)
            times.append(time.perf_counter() - start)
        yield Measurement(f"28 pairs of 8 variants, 5 scores{label}", statistics.median(times), "s", 2.0)


def main() -> int:
    """Measure, print and write; 1 where a bar is missed."""
    found: list[Measurement] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for measurement in (
            *phantom_data(),
            *evidence(),
            *pairs(),
            *(Measurement(*each) for each in audit()),
            *(Measurement(*each) for each in engine(folder)),
            *command_line(folder),
            *(
                Measurement(*each)
                for each in pages(folder, lambda *more: seconds((*XAIREPORT, *more), folder))
            ),
            *(Measurement(*each) for each in heatmaps(folder)),
            *(Measurement(*each) for each in verdicts(folder)),
            *devices(folder),
        ):
            found.append(measurement)
    for each in found:
        bar = "" if each.bar is None else f"   (bar: {each.bar:g})"
        print(f"{each.name:55} {each.value:8.4g} {each.unit}{bar}")
    text = json.dumps([each._asdict() for each in found], indent=1) + "\n"
    target = Path(__file__).with_name("results.json")
    partial = target.with_suffix(".part")
    partial.write_text(text)
    partial.replace(target)
    return int(any(each.bar is not None and each.value > each.bar for each in found))


if __name__ == "__main__":
    raise SystemExit(main())
