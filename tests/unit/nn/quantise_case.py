"""A small trained model and its TFLite files, for the tests of `nn/tflite`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import training_case as case

from xaireport.nn.tflite.quantise import quantise
from xaireport.study.resolve import conversion
from xaireport.study_schema import QuantiseSettings, TrainSettings, VariantSpec
from xaireport.types.data import Dataset
from xaireport.types.device import Quantisation
from xaireport.types.models import TrainingRecord

PARENT = VariantSpec(
    name="parent",
    architecture="cnn2d",
    options={
        "filters": [8, 16],
        "dropout": [0.1, 0.1],
        "dense": [72],
        "dense_dropout": [0.1],
        "momentum": 0.8,
    },
    train=TrainSettings(epochs=12, batch_size=8, learning_rate=0.01),
)


def data() -> Dataset:
    """Stripes whose labels are right, and enough to test on."""
    whole = case.dataset()
    return Dataset(whole.info, whole.train, case.split("val", 30), case.split("test", 60))


def train_parent(folder: Path) -> Path:
    case.run(folder, PARENT, data=data())
    return folder / "model.keras"


def child(mode: str, architecture: str = "cnn2d", **settings: Any) -> VariantSpec:
    quantise = QuantiseSettings(mode=mode, **{"calibration_images": 40, **settings})  # type: ignore[arg-type]
    return PARENT.model_copy(
        update={"name": mode or "float32", "quantise": quantise, "architecture": architecture}
    )


def make(
    parent: Path, out: Path, variant: VariantSpec, seed: int = 3, **more: Any
) -> tuple[Quantisation, TrainingRecord | None]:
    checkpoints = out / "checkpoints"
    checkpoints.mkdir(parents=True, exist_ok=True)
    dataset = more.pop("data", None) or data()
    return quantise(parent, conversion(variant), dataset, seed=seed, out=out, checkpoints=checkpoints, **more)
