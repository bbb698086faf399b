"""The frozen values that cross a boundary between stages. They carry; they compute nothing.

NumPy is imported for type checkers only, so that planning a build stays light.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from xaireport.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Pixels = NDArray[np.uint8]
    Ints = NDArray[np.int64]
    Strings = NDArray[np.str_]
else:
    Floats = Pixels = Ints = Strings = Any

SplitName = Literal["train", "val", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
SCORES = (
    "accuracy",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
    "mcc",
    "log_loss",
    "auroc",
)
"""Every score of a variant, in the order in which they are stored."""
Source = Literal["real", "phantom"]
DataMode = Literal["auto", "real", "phantom"]


@dataclass(frozen=True)
class Split:
    """One split of a data set.

    Parameters
    ----------
    images : uint8 array, (n, height, width, channels) or (n, depth, height, width, channels)
        Raw pixels, 0–255.
    labels : int64 array, (n,)
        Class indices.
    sample_id : str array, (n,)
        Unique within the data set.
    groups : str array, (n,), optional
        What several images may show in common: the patient, the lesion.
    masks : uint8 array, (n, *spatial), optional
        Where the thing to be seen lies: 0 outside, 255 inside, in between where averaged.
    columns : mapping of str to array (n,)
        Further facts per image (age, sex, body site).
    """

    images: Pixels
    labels: Ints
    sample_id: Strings
    groups: Strings | None = None
    masks: Pixels | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.images)
        for what, array in (
            ("labels", self.labels),
            ("sample_id", self.sample_id),
            ("groups", self.groups),
            ("masks", self.masks),
            *self.columns.items(),
        ):
            if array is not None and len(array) != n:
                raise DataError(f"{n} {what}, one per image", f"{len(array)} {what}")
        if self.masks is not None and self.masks.shape != self.images.shape[:-1]:
            raise DataError(f"masks of shape {self.images.shape[:-1]}", self.masks.shape)

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class DatasetInfo:
    """What the report says about a data set.

    Parameters
    ----------
    name : str
        Its key, such as ``dermamnist``.
    title : str
        Its name for readers.
    source : {"real", "phantom"}
        Phantom data are drawn from a seed; every page says so.
    sha256 : str
        Of the file the pixels came from; for phantom data, of the canonical arrays.
    official : bool or None
        The checksum is the publisher's; None where the publisher gives none.
    classes : tuple of str
        Class names, in the order of the labels.
    task : str
        One line: what is to be told apart, on what.
    license, citation, url, notes
        As printed on the card; empty where unknown.
    """

    name: str
    title: str
    source: Source
    sha256: str
    official: bool | None
    classes: tuple[str, ...]
    task: str = ""
    license: str = ""
    citation: str = ""
    url: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dataset:
    """A data set with its three splits, validated where it is made."""

    info: DatasetInfo
    train: Split
    val: Split
    test: Split

    def split(self, name: SplitName) -> Split:
        """Return the split called ``name``."""
        return {"train": self.train, "val": self.val, "test": self.test}[name]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image, channels last."""
        return tuple(int(size) for size in self.train.images.shape[1:])


@dataclass(frozen=True)
class Epoch:
    """What training says after each epoch; ``seconds`` is the training time so far, over all resumptions."""

    number: int
    total: int
    seconds: float
    logs: Mapping[str, float]


@dataclass(frozen=True)
class Located:
    """Where the data of a study will come from, decided before anything is read.

    Parameters
    ----------
    source : {"real", "phantom"}
        What will be used.
    files : tuple of Path
        The files to read (data first, extras after); empty for phantom data.
    loader : str
        Which loader reads them: "medmnist", "cifar10", "npz", "phantom".
    notice : str
        What the reader is told, where the choice is not the one they might expect.
    """

    source: Source
    files: tuple[Path, ...]
    loader: str
    notice: str = ""


OnEpoch = Callable[[Epoch], None]


@dataclass(frozen=True)
class TrainingRecord:
    """How a training went.

    Parameters
    ----------
    epochs_run : int
        Epochs completed, over all resumptions.
    best_epoch : int
        The epoch (from 1) whose weights were kept.
    seconds : float
        Wall time of training, over all resumptions.
    stopped_by : {"epochs", "early_stopping", "max_minutes"}
        What ended it.
    history : mapping of str to list of float
        ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, and the ``learning_rate`` it began with;
        one value per epoch.
    notes : tuple of str
        What the card must say: a backbone left at random weights, for one.
    """

    epochs_run: int
    best_epoch: int
    seconds: float
    stopped_by: str
    history: Mapping[str, Sequence[float]]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operator:
    """Operators of one kind in a TFLite file: types of what they give and of their weights ("": none)."""

    operator: str
    activations: str
    weights: str
    n: int


@dataclass(frozen=True)
class TensorKind:
    """Tensors of one type in a TFLite file, and the bytes that are stored of them."""

    type: str
    n: int
    stored_bytes: int


@dataclass(frozen=True)
class FloatLayer:
    """A layer that stayed in floating point, and why."""

    layer: str
    operator: str
    reason: str


@dataclass(frozen=True)
class Endpoint:
    """Input or output of a TFLite file: real = ``scale`` · (stored − ``zero_point``); 0, 0 for floats."""

    type: str
    scale: float
    zero_point: int


@dataclass(frozen=True)
class Sections:
    """Where the bytes of a TFLite file are: kernels, biases, and the rest (graph, shapes, metadata)."""

    weights: int
    biases: int
    other: int


@dataclass(frozen=True)
class TFLiteFile:
    """What a TFLite file is made of, as read from it."""

    size_bytes: int
    operators: tuple[Operator, ...]
    tensors: tuple[TensorKind, ...]
    float_layers: tuple[FloatLayer, ...]
    input: Endpoint
    output: Endpoint
    sections: Sections
    runtime: str
    """The least version of the TFLite runtime that knows all operators; empty where the file does not say."""


@dataclass(frozen=True)
class Calibration:
    """The training images that fixed the ranges: how many were asked for, how many there were, their hash.

    ``sha256`` is over the raw pixels, in the order in which they were shown.
    """

    asked: int
    n: int
    sha256: str


@dataclass(frozen=True)
class Quantisation:
    """How a TFLite file was made from its parent, and what came of it.

    Parameters
    ----------
    mode : {"float32", "float16", "dynamic", "int8", "qat"}
    file : TFLiteFile
    calibration : Calibration, optional
        Where training images were needed.
    epochs_run : int
        Of retraining; 0 where there was none.
    packages : tuple of str
        What had to be installed beyond TensorFlow to make the file.
    steps : tuple of str
        From the parent to the file, in order.
    seconds : float
        Wall time of all steps.
    converter, operator_set : str
    notes : tuple of str
        What the card must say.
    """

    mode: str
    file: TFLiteFile
    calibration: Calibration | None
    epochs_run: int
    packages: tuple[str, ...]
    steps: tuple[str, ...]
    seconds: float
    converter: str
    operator_set: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Latency:
    """Time of one batch in a TFLite file: median and 95th percentile over ``runs``, after warm-up.

    ``ratio`` is the median over that of the parent's float32 file, measured in turns with it; None where
    there is no such parent.
    """

    batch: int
    threads: int
    runs: int
    median_ms: float
    p95_ms: float
    ratio: float | None = None


@dataclass(frozen=True)
class Cost:
    """What a variant costs where it runs.

    Parameters
    ----------
    tflite_bytes : int
        Of its TFLite file; of a floating-point variant the float32 one.
    size_ratio : float, optional
        Over the parent's float32 TFLite file.
    peak_memory_bytes : int, optional
        By which the peak of a fresh process grows from loading the file and running one image; None where the
        system does not tell.
    latency : tuple of Latency
    """

    tflite_bytes: int
    size_ratio: float | None
    peak_memory_bytes: int | None
    latency: tuple[Latency, ...]


@dataclass(frozen=True)
class Flip:
    """A test image that two models call differently; ``effect`` is what that did to the second one."""

    sample_id: str
    y_true: int
    y_from: int
    y_to: int
    p_from: float
    p_to: float
    effect: Literal["gained", "lost", "neither"]


@dataclass(frozen=True)
class ClassChange:
    """Test images of one class: right in the first model and in the second, and how many changed sides."""

    label: str
    n: int
    right_from: int
    right_to: int
    gained: int
    lost: int


@dataclass(frozen=True)
class Agreement:
    """Two models on the same test images: how many they call the same, and where they part."""

    n: int
    same: int
    per_class: tuple[ClassChange, ...]
    flips: tuple[Flip, ...]


@dataclass(frozen=True)
class LayerInfo:
    """A layer whose output is a grid over the image: where a heatmap can be made."""

    name: str
    kind: str
    grid: tuple[int, ...]
    channels: int


@dataclass(frozen=True)
class ModelSummary:
    """Facts about a model file that the card prints."""

    input_shape: tuple[int, ...]
    n_classes: int
    parameters: int
    trainable_parameters: int
    size_bytes: int
    layers: tuple[tuple[str, str, str, int], ...]
    """Per layer: name, kind, output shape, parameters."""


@runtime_checkable
class Classifier(Protocol):
    """A trained model, whatever runs it."""

    @property
    def summary(self) -> ModelSummary:
        """Facts for the card."""

    def predict(self, images: Pixels, batch_size: int = 256) -> Floats:
        """Class probabilities, float32 (n, n_classes), rows sum to 1, of raw pixels 0–255."""


@runtime_checkable
class DifferentiableClassifier(Classifier, Protocol):
    """A classifier that has gradients."""

    def spatial_layers(self) -> tuple[LayerInfo, ...]:
        """Layers with a spatial output, in the order of the data flow."""

    def activations_and_gradients(
        self, images: Pixels, targets: Ints, layer: str
    ) -> tuple[Floats, Floats, Floats]:
        """Return activations, the gradients of the target logits, and the probabilities.

        The first two are float32 (n, *grid, channels) at the output of ``layer``, the third (n, n_classes).
        """


@dataclass(frozen=True)
class Score:
    """One number with the count it rests on; ``value`` is None where undefined, and ``reason`` says why."""

    value: float | None
    n: int
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """As stored in results.json: the reason only where there is one."""
        out: dict[str, Any] = {"value": self.value, "n": self.n}
        if self.reason:
            out["reason"] = self.reason
        return out


@dataclass(frozen=True)
class ClassScores:
    """Precision, recall and F1 of one class; ``n`` is its support in the test set."""

    label: str
    n: int
    precision: Score
    recall: Score
    f1: Score


@dataclass(frozen=True)
class Evaluation:
    """All scores of one set of predictions; ``confusion`` is int, rows true, columns predicted."""

    scores: Mapping[str, Score]
    per_class: tuple[ClassScores, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Skipped:
    """What could not be made, why, and what would help: the report prints it."""

    what: str
    reason: str
    hint: str = ""


Outcome = Literal["hit", "miss"]


@dataclass(frozen=True)
class Example:
    """One test image that the card shows, beside its heatmap.

    Parameters
    ----------
    sample_id, y_true, y_pred
        The image, and its true and predicted class indices.
    p : float
        Probability given to the predicted class.
    outcome : {"hit", "miss"}
        Right or wrong.
    chosen : str
        The rule that chose it: "most confident hit", "most confident miss", "random".
    image, map, overlay : str
        JPEG files, paths relative to the folder of ``results.json``: the image, the coloured map, and both
        blended. The last two are empty where there is no map: a plain gallery, no positive evidence.
    peak : str
        Where the map peaks, in words ("upper left"), for the text that stands for the picture.
    slices : tuple of str
        In 3D: what each panel shows ("axial 14", …).
    """

    sample_id: str
    y_true: int
    y_pred: int
    p: float
    outcome: Outcome
    chosen: str
    image: str
    map: str = ""
    overlay: str = ""
    peak: str = ""
    slices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Heatmaps:
    """How the heatmaps of a variant were made."""

    method: str
    layer: str
    grid: tuple[int, ...]
    n: int
    zero_maps: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pictures:
    """The test images on show; with heatmaps where there are some.

    Parameters
    ----------
    examples : tuple of Example
        Per class: hits, misses and random cases, by the declared rule.
    common : tuple of Example
        The same test images for every variant of the study.
    gallery : tuple of Example
        Drawn by the seed, never with heatmaps.
    """

    examples: tuple[Example, ...] = ()
    common: tuple[Example, ...] = ()
    gallery: tuple[Example, ...] = ()
