"""What a study file may say: frozen, validated models. `study` reads it and resolves parents.

Values only. What follows from a value is computed where it counts as code (`study.resolve`, the stages): this
module is in no node's key.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0, lt=1)]


class Spec(BaseModel):
    """A frozen table that refuses unknown keys and silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class TrainSettings(Spec):
    """How a variant is trained."""

    epochs: int = Field(30, ge=1)
    batch_size: int = Field(128, ge=1)
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = Field(1e-3, gt=0)
    schedule: Literal["constant", "cosine"] = "constant"
    """``cosine`` falls to zero over all epochs."""
    warmup_epochs: float = Field(0, ge=0)
    """Linear warm-up from zero; with ``cosine`` only."""
    class_weight: bool = False
    """Weight each image by n / (K · n of its class)."""
    early_stopping: int = Field(0, ge=0)
    """Patience in epochs; 0 is off. The best epoch's weights are kept."""
    monitor: Literal["val_loss", "val_accuracy"] = "val_loss"
    reduce_lr: int = Field(0, ge=0)
    """Patience in epochs after which the learning rate is multiplied by ``reduce_lr_factor``; 0 is off."""
    reduce_lr_factor: float = Field(0.5, gt=0, lt=1)


class AugmentSettings(Spec):
    """Random changes to each training image, new in each epoch."""

    rotation_degrees: float = Field(0, ge=0, le=180)
    zoom: Fraction = 0.0
    shift: Fraction = 0.0
    """Share of the image's side."""
    horizontal_flip: bool = False
    vertical_flip: bool = False


class QuantiseSettings(Spec):
    """How a variant is made smaller than its parent, for the TFLite runtime."""

    mode: Literal["", "dynamic", "float16", "int8", "qat"] = ""
    """Empty: not at all. ``qat``: quantisation-aware training, then full integer."""
    calibration_images: int = Field(200, ge=1)
    """Training images, drawn by the seed, that fix the ranges of activations; ``int8`` and ``qat`` only."""
    epochs: int = Field(10, ge=1)
    """Of fine-tuning; ``qat`` only."""
    learning_rate: float = Field(3e-5, gt=0)
    """Of fine-tuning; ``qat`` only."""


class ExplainSettings(Spec):
    """How a variant's heatmaps are made."""

    method: Literal[
        "auto",
        "gradcam",
        "hirescam",
        "layercam",
        "gradcam++",
        "scorecam",
        "smoothgrad",
        "occlusion",
        "rise",
    ] = "auto"
    """``auto``: Grad-CAM where there are gradients, occlusion where there are none."""
    layer: str = ""
    """Empty: chosen on validation images, among layers whose grid has at least five cells per axis."""


class Reference(Spec):
    """Somebody else's figures for the same system, printed beside ours."""

    source: str
    accuracy: float | None = None
    f1: float | None = None
    precision: float | None = None
    recall: float | None = None
    loss: float | None = None
    averaging: Literal["weighted", "macro", "not stated"] = "weighted"
    approximate: bool = False
    size_reduction: str = ""
    """In words, where no figure is given."""
    remark: str = ""


class Statements(Spec):
    """What only people know, for the cards: table ``[card]``. Where nobody has said, the card says so."""

    responsible: str = ""
    """Who answers for the models: a person or a role, and how to reach them."""
    intended_use: str = ""
    out_of_scope: str = ""
    users: str = ""
    risks: str = ""
    """What a wrong answer does, and to whom."""
    reference_standard: str = ""
    """How the labels came about."""
    limits: str = ""
    ethics: str = ""


class Recipe(Spec):
    """All that training reads of a variant."""

    architecture: str = ""
    options: dict[str, Any] = {}
    """Keyword arguments of the architecture."""
    train: TrainSettings = TrainSettings()
    augment: AugmentSettings = AugmentSettings()


class Conversion(Spec):
    """All that making a TFLite file reads of a variant."""

    architecture: str
    """Empty: the model was brought along, and is converted as it is."""
    options: dict[str, Any]
    mode: Literal["float32", "dynamic", "float16", "int8", "qat"]
    calibration_images: int
    """How many are asked for; 0 where the mode needs none."""
    fine_tuning: TrainSettings | None
    """How the model is trained on; None but for ``qat``."""


class VariantSpec(Recipe):
    """One system of a study, its parent's settings already merged in."""

    name: str
    title: str = ""
    summary: str = ""
    parent: str = ""
    quantise: QuantiseSettings = QuantiseSettings()
    explain: ExplainSettings = ExplainSettings()
    seeds: tuple[int, ...] = ()
    """Training seeds; empty: the study's one."""
    path: str = ""
    """Bring your own: a model file, relative to the study file."""
    pixel_scale: Literal["", "0-255", "0-1", "-1-1"] = ""
    output: Literal["", "probabilities", "logits"] = ""
    reference: Reference | None = None
    changed_from_parent: dict[str, tuple[Any, Any]] = {}
    """Every setting that differs: key -> (the parent's, this one's)."""


class DataSpec(Spec):
    """All that loading the data reads of a study."""

    name: str
    dataset: str = ""
    classes: tuple[str, ...] = ()
    task: str = ""
    license: str = ""
    citation: str = ""
    url: str = ""
    groups: str = ""
    masks: str = ""
    columns: tuple[str, ...] = ()


class StudySpec(DataSpec):
    """One data set and the variants compared on it."""

    title: str = ""
    data: str = ""
    """Bring your own: an ``.npz``, relative to the study file."""
    headline: str = "balanced_accuracy"
    headline_reason: str = ""
    ordinal: bool = False
    """Whether the classes are steps of a scale, in their order: then weighted kappa means something."""
    cost_matrix: tuple[tuple[float, ...], ...] = ()
    """What calling an image of one class (row) another (column) costs; empty: nobody has said."""
    margin: float | None = None
    """How much of a score a variant may lose and still count as no worse; None: nobody has said."""
    family: Literal["all", "parents"] = "all"
    """Which pairs of variants are tested together: all, or each with its parent."""
    card: Statements = Statements()
    seed: int = Field(0, ge=0)
    variants: dict[str, VariantSpec]
    overrides: tuple[str, ...] = ()
    """``--set`` and ``--epochs`` of this run, as given."""
    folder: str = ""
    """Where the study file lies; ``path`` and ``data`` are relative to it."""
