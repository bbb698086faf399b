"""What a study file may say: frozen, validated models. study.py reads the file, resolves parents."""

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

    @property
    def is_on(self) -> bool:
        """Whether anything is changed at all."""
        return self != AugmentSettings()


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

    @property
    def is_on(self) -> bool:
        """Whether the variant is a quantised one."""
        return bool(self.mode)

    @property
    def meant(self) -> dict[str, Any]:
        """The settings that mean something in this mode."""
        table = self.model_dump() if self.mode else {}
        return {
            key: value for key, value in table.items() if self.mode in QUANTISE_MODES.get(key, (self.mode,))
        }


QUANTISE_MODES = {"calibration_images": ("int8", "qat"), "epochs": ("qat",), "learning_rate": ("qat",)}
"""Each further key of ``quantise``, and the modes it means something in."""


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


class VariantSpec(Spec):
    """One system of a study, its parent's settings already merged in."""

    name: str
    title: str = ""
    summary: str = ""
    parent: str = ""
    architecture: str = ""
    options: dict[str, Any] = {}
    """Keyword arguments of the architecture."""
    train: TrainSettings = TrainSettings()
    augment: AugmentSettings = AugmentSettings()
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

    @property
    def fine_tuning(self) -> TrainSettings:
        """How a ``qat`` variant is trained on: as its parent was, but for these, and without augmentation."""
        given = {"epochs": self.quantise.epochs, "learning_rate": self.quantise.learning_rate}
        steered = {"schedule": "constant", "warmup_epochs": 0, "early_stopping": 0, "reduce_lr": 0}
        return self.train.model_copy(update={**given, **steered, "optimizer": "adam"})


class StudySpec(Spec):
    """One data set and the variants compared on it."""

    name: str
    title: str = ""
    dataset: str = ""
    data: str = ""
    """Bring your own: an ``.npz``, relative to the study file."""
    classes: tuple[str, ...] = ()
    task: str = ""
    license: str = ""
    citation: str = ""
    url: str = ""
    groups: str = ""
    masks: str = ""
    columns: tuple[str, ...] = ()
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
