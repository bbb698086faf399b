"""TFLite files: what they are made of, how they were made, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from xaireport.types.notes import Note


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
    notes : tuple of Note
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
    notes: tuple[Note, ...] = ()


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
