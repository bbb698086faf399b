"""A training that is over in seconds and uses everything a resumption has to restore. Also a program:

``python training_case.py FOLDER EPOCH`` trains into FOLDER and kills itself in the callback of EPOCH.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xaireport.nn.train import train
from xaireport.study_schema import AugmentSettings, TrainSettings, VariantSpec
from xaireport.types.data import Dataset, DatasetInfo, Split
from xaireport.types.models import Epoch, TrainingRecord

CLASSES = ("a", "b", "c")
SEED = 5
OPTIONS: dict[str, Any] = {"filters": [4, 4], "dropout": [0.2, 0.2], "dense": [8], "dense_dropout": [0.3]}
EVERYTHING = VariantSpec(
    name="everything",
    architecture="cnn2d",
    options=OPTIONS,
    train=TrainSettings(
        epochs=12, batch_size=16, learning_rate=0.03, class_weight=True, early_stopping=3, reduce_lr=1
    ),
    augment=AugmentSettings(rotation_degrees=15, zoom=0.2, shift=0.1, horizontal_flip=True),
)
PLAIN = VariantSpec(
    name="plain", architecture="cnn2d", options=OPTIONS, train=TrainSettings(epochs=2, batch_size=16)
)


def split(name: str, n: int, wrong: float = 0.0) -> Split:
    """Stripes whose place tells the class, half of the images of the first class, some labels wrong."""
    rng = np.random.default_rng(len(name))
    labels = np.where(np.arange(n) < n // 2, 0, np.arange(n) % 3)
    images = rng.integers(0, 128, (n, 12, 12, 3))
    for image, label in zip(images, labels, strict=True):
        image[4 * label : 4 * label + 4] += 100
    given = np.where(rng.random(n) < wrong, (labels + 1) % 3, labels)
    return Split(images.astype(np.uint8), given.astype(np.int64), np.array([f"{name}-{i}" for i in range(n)]))


def dataset() -> Dataset:
    """Return 60 images to train on; many labels of the validation split are wrong, so it soon gets worse."""
    info = DatasetInfo("stripes", "Stripes", "phantom", "0" * 64, None, CLASSES)
    return Dataset(info, split("train", 60), split("val", 30, wrong=0.6), split("test", 6))


def run(
    out: Path,
    variant: VariantSpec = EVERYTHING,
    *,
    seed: int = SEED,
    data: Dataset | None = None,
    stop_in: Sequence[int] = (),
    **more: Any,
) -> TrainingRecord:
    """Train into ``out``, checkpoints beside; ``stop_in`` ends it like a kill, in that epoch's callback."""

    def on_epoch(epoch: Epoch) -> None:
        if epoch.number in stop_in:
            raise Stopped

    checkpoints = out / "checkpoints"
    checkpoints.mkdir(parents=True, exist_ok=True)
    return train(
        data or dataset(), variant, seed=seed, out=out, checkpoints=checkpoints, on_epoch=on_epoch, **more
    )


class Stopped(Exception):
    """The end of a training as seen from inside: what is not on disk is lost."""


def digest(out: Path) -> str:
    return hashlib.sha256((out / "model.keras").read_bytes()).hexdigest()


def main(folder: str, epoch: str) -> None:
    def on_epoch(told: Epoch) -> None:
        if told.number == int(epoch):
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoints = Path(folder, "checkpoints")
    checkpoints.mkdir(parents=True)
    train(dataset(), EVERYTHING, seed=SEED, out=Path(folder), checkpoints=checkpoints, on_epoch=on_epoch)


if __name__ == "__main__":
    main(*sys.argv[1:])
