"""What a build found out about a study, as it is handed over to become results.json. It carries only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from xaireport.types.pictures import Pictures

if TYPE_CHECKING:
    from xaireport.study_schema import VariantSpec
    from xaireport.types.audit import DataAudit
    from xaireport.types.comparison import Agreement
    from xaireport.types.data import DatasetInfo, SplitName
    from xaireport.types.device import Cost, Quantisation
    from xaireport.types.evidence import Evaluation, Level, Reliability, Score, Skipped, Subset
    from xaireport.types.models import ModelSummary, TrainingRecord
    from xaireport.types.pictures import Heatmaps
    from xaireport.types.trust import Trust


@dataclass(frozen=True)
class SplitCounts:
    """What a split holds: images, groups (None where the data name none), and images per class."""

    n: int
    per_class: tuple[int, ...]
    groups: int | None = None


@dataclass(frozen=True)
class DataEvidence:
    """The data set of a study as it was used; ``input_shape`` is that of one image, channels last.

    ``audit`` is None where it could not be made.
    """

    info: DatasetInfo
    input_shape: tuple[int, ...]
    splits: Mapping[SplitName, SplitCounts]
    audit: DataAudit | None = None


@dataclass(frozen=True)
class SeedRun:
    """One training of a variant (or the one model file that was brought): what it left, by SHA-256."""

    seed: int
    model_sha256: str
    predictions_sha256: str
    scores: Mapping[str, Score]
    epochs_run: int | None = None


@dataclass(frozen=True)
class VariantEvidence:
    """Everything a build found out about one variant, on the test split.

    Parameters
    ----------
    spec : VariantSpec
        What was asked for.
    model : ModelSummary
        The model file.
    evaluation : Evaluation
        The scores that the card prints: those of the study's seed.
    heatmaps : Heatmaps or Skipped
        Where the model looks, or why that is not known.
    pictures : Pictures
        The test images on show.
    runs : tuple of SeedRun
        Every seed, this one included.
    training : TrainingRecord, optional
        None where the model was brought, or quantised without retraining.
    quantisation : Quantisation, optional
        How it was made smaller than its parent.
    agreement : Agreement, optional
        With its parent.
    cost : Cost, optional
        Where it was measured.
    reliability : Reliability, optional
        Whether its probabilities mean what they say.
    subgroups : tuple of Level
        Scores of the levels of each column of the data.
    clean : mapping of str to Subset
        Scores of the test images that share nothing with "train", or with "train_or_val".
    trust : Trust or Skipped, optional
        Whether the heatmaps can be believed; None where that could not be measured.
    settings : mapping
        Those of ``study_schema`` that had an effect.
    """

    spec: VariantSpec
    model: ModelSummary
    evaluation: Evaluation
    heatmaps: Heatmaps | Skipped
    pictures: Pictures = field(default_factory=Pictures)
    runs: tuple[SeedRun, ...] = ()
    training: TrainingRecord | None = None
    quantisation: Quantisation | None = None
    agreement: Agreement | None = None
    cost: Cost | None = None
    reliability: Reliability | None = None
    subgroups: tuple[Level, ...] = ()
    clean: Mapping[str, Subset] = field(default_factory=dict)
    trust: Trust | Skipped | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MadeOn:
    """A machine (fields of ``xaireport.engine.machine.Machine``), and the steps whose results it made."""

    machine: Mapping[str, Any]
    steps: tuple[str, ...]


@dataclass(frozen=True)
class RunInfo:
    """What identifies a build, but for its seed and overrides, which the study knows.

    Parameters
    ----------
    evidence_digest : str
        SHA-256 over data, weights, predictions, configuration, code and environment.
    versions : mapping of str to str
        By distribution name, and ``python``.
    created : str
        When, ISO 8601 with zone.
    machine : mapping
        Where it was put together, see ``xaireport.engine.machine.Machine``.
    made_on : tuple of MadeOn
        Where what it rests on was made.
    procedure : mapping of str to number
        The constants of the statistics, see :func:`xaireport.results.methods.methods`.
    """

    evidence_digest: str
    versions: Mapping[str, str]
    created: str
    machine: Mapping[str, Any]
    made_on: tuple[MadeOn, ...]
    procedure: Mapping[str, float]
