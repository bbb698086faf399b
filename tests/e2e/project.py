"""A small project as a user would have it, and the real command line run in it, in a process of its own.

Three studies: ``tiny`` (phantom data), ``own`` (own data; two trained variants, and a model that was brought)
and ``faulty`` (a model that was brought, and another whose file is damaged).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

CLASSES = ("top", "middle", "bottom")
HEAVY = (
    "tensorflow", "keras", "numpy", "pandas", "matplotlib", "seaborn", "jinja2", "sklearn", "scipy", "PIL",
    "weasyprint", "pikepdf", "pooch",
)  # fmt: skip
SMALL = "options = { filters = [4, 4], dropout = [0.2, 0.2], dense = [8], dense_dropout = [0.2] }"

TINY = f"""
title = "Tiny phantom"
dataset = "dermamnist"

[variants.cnn]
title = "Small CNN"
architecture = "cnn2d"
{SMALL}
train = {{ epochs = 2, batch_size = 256, learning_rate = 0.01 }}

[variants.cnn.reference]
source = "somebody"
accuracy = 0.5
f1 = 0.5
"""
OWN = f"""
title = "Stripes"
data = "../data/stripes.npz"
classes = ["top", "middle", "bottom"]
license = "CC0"

[variants.small]
title = "Small CNN"
architecture = "cnn2d"
{SMALL}
train = {{ epochs = 8, batch_size = 8, learning_rate = 0.02, early_stopping = 6 }}
augment = {{ horizontal_flip = true }}

[variants.small.reference]
source = "somebody"
accuracy = 0.5

[variants.weighted]
title = "Small CNN, weighted"
parent = "small"
train = {{ class_weight = true }}

[variants.mine]
title = "My model"
path = "../data/logits.keras"
pixel_scale = "0-1"
output = "logits"
"""
FAULTY = """
title = "One of two is damaged"
data = "../data/stripes.npz"
classes = ["top", "middle", "bottom"]

[variants.whole]
title = "Whole file"
path = "../data/probabilities.keras"
pixel_scale = "0-255"
output = "probabilities"

[variants.damaged]
title = "Damaged file"
path = "../data/damaged.keras"
pixel_scale = "0-255"
output = "probabilities"
"""
QUANTISED = f"""
title = "Stripes on a device"
data = "../data/stripes.npz"
classes = ["top", "middle", "bottom"]

[variants.small]
title = "Small CNN"
architecture = "cnn2d"
{SMALL}
train = {{ epochs = 8, batch_size = 8, learning_rate = 0.02 }}

[variants.int8]
title = "Full integer"
parent = "small"
quantise = {{ mode = "int8", calibration_images = 200 }}

[variants.int8.reference]
source = "somebody"
approximate = true
accuracy = 0.7
size_reduction = "high"
remark = "best of both"

[variants.qat]
title = "Quantisation-aware"
parent = "small"
quantise = {{ mode = "qat", epochs = 1 }}

[variants.device]
title = "Brought along"
path = "../data/device.tflite"
pixel_scale = "0-255"
output = "probabilities"

[variants.odd]
title = "With an operator of its own"
path = "../data/odd.keras"
pixel_scale = "0-1"
output = "probabilities"

[variants.odd8]
title = "Cannot be converted"
parent = "odd"
quantise = {{ mode = "dynamic" }}
"""
STUDIES = {"tiny": TINY, "own": OWN, "faulty": FAULTY}


def write(folder: Path) -> None:
    """Write studies, data and models."""
    (folder / "models").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "home").mkdir()
    for name, text in STUDIES.items():
        (folder / "models" / f"{name}.toml").write_text(text)
    np.savez(folder / "data" / "stripes.npz", **stripes())
    write_models(folder / "data")


def print_titles_alone(folder: Path) -> None:
    """Override a template, as a user may: on paper a section is its title.

    For tests that are not about PDFs, which take more than half of a small build's time.
    """
    shipped = (Path(__file__).parents[2] / "templates" / "section.html").read_text("utf-8")
    title = '<section><h2 id="{{ section.anchor }}">{{ section.title }}</h2></section>'
    (folder / "templates").mkdir(exist_ok=True)
    text = f'{{% if here.medium == "paper" %}}\n{title}\n{{% else %}}\n{shipped}{{% endif %}}\n'
    (folder / "templates" / "section.html").write_text(text, "utf-8")


def stripes() -> dict[str, np.ndarray[Any, Any]]:
    """A bright stripe whose height tells the class, of which the first has most images."""
    arrays = {}
    for seed, (split, n) in enumerate({"train": 48, "val": 18, "test": 24}.items()):
        rng = np.random.default_rng(seed)
        labels = np.where(np.arange(n) < n // 3, 0, np.arange(n) % 3)
        images = rng.integers(0, 156, (n, 12, 12, 3))
        for image, label in zip(images, labels, strict=True):
            image[4 * label : 4 * label + 4] += 60
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = images.astype(np.uint8), labels
    return arrays


def write_models(folder: Path) -> None:
    from xaireport.nn.backend import import_keras

    keras = import_keras()
    keras.utils.set_random_seed(3)
    layers = keras.layers
    for name, activation in (("logits", None), ("probabilities", "softmax")):
        scale = [] if name == "logits" else [layers.Rescaling(1 / 255)]
        model = keras.Sequential(
            [
                keras.Input((12, 12, 3)), *scale, layers.Conv2D(6, 3, activation="relu"), layers.Flatten(),
                layers.Dense(3, activation=activation),
            ]
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "__array__", DeprecationWarning)
            model.save(folder / f"{name}.keras")
    whole = (folder / "probabilities.keras").read_bytes()
    (folder / "damaged.keras").write_bytes(whole[: len(whole) // 2])


def write_device_models(folder: Path) -> None:
    """A TFLite file to be brought along, and a Keras model with an operator that no TFLite file can hold."""
    from xaireport.nn.backend import import_keras, import_tensorflow, silence

    keras, tf = import_keras(), import_tensorflow()
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    odd = keras.ops.tan(keras.layers.GlobalAveragePooling2D()(x))
    with warnings.catch_warnings(), silence():
        warnings.simplefilter("ignore")
        keras.Model(image, keras.layers.Dense(3, activation="softmax")(odd)).save(folder / "odd.keras")
        plain = keras.saving.load_model(folder / "probabilities.keras", compile=False)
        plain.export(folder / "exported", verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "exported"))
        (folder / "device.tflite").write_bytes(converter.convert())
    shutil.rmtree(folder / "exported")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """An empty home, and a network that answers at once that there is none."""
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    return {**os.environ, **nowhere, "HOME": str(folder / "home"), "NO_COLOR": "1", **more}


MAIN = "from xaireport.cli import main; main()"


def xaireport(
    folder: Path, *arguments: str, program: str = MAIN, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line in ``folder``; ``more`` are environment variables."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=3600,
    )


def build(folder: Path, *arguments: str, code: int = 0, **more: str) -> dict[str, Any]:
    """Run ``xaireport build … --json`` and return the document; ``code`` is the exit code to expect."""
    return document(xaireport(folder, "build", *arguments, "--json", **more), code)


def document(done: subprocess.CompletedProcess[str], code: int = 0) -> dict[str, Any]:
    assert done.returncode == code, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def by_status(told: Mapping[str, Any], *statuses: str) -> set[str]:
    """Names of the nodes that ended so."""
    return {node["name"] for node in told["nodes"] if node["status"] in statuses}


def copy(project: Path, target: Path) -> Path:
    """A copy to be changed; the files keep their times."""
    shutil.copytree(project, target, symlinks=True)
    return target


def files(folder: Path) -> set[str]:
    """Everything that is there, but for what the engine keeps for itself."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in found if ".store" not in path.parts and path.parts[0] != "home"}


def artefact(project: Path, node: str) -> Path:
    """Folder of a node's stored result."""
    for record in (project / "models" / ".store" / "artefacts").glob("*/*/record.json"):
        if json.loads(record.read_text())["node"] == node:
            return record.parent
    raise AssertionError(f"nothing stored for {node}")


def results(project: Path, study: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project / "reports" / study / "results.json").read_text("utf-8"))
    return found
