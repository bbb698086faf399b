"""Parameters of the stages: one frozen table each, all of it in the key of the node.

Values only, so that this module is in no key. There are no defaults: a stage reads what the graph says, and
`xaireport.pipeline.stages.given` refuses a table with a field more or less.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from xaireport.study_schema import Conversion, DataSpec, ExplainSettings, Recipe, Spec, StudySpec


class Params(Spec):
    """What the graph tells a stage, besides the files that it reads."""

    stage: ClassVar[str]
    """The module of `xaireport.pipeline.stages` that is told it."""


class Reading(Spec):
    """How a model file takes pixels, and what it gives."""

    pixel_scale: Literal["0-255", "0-1", "-1-1"]
    output: Literal["probabilities", "logits"]


class Scoring(Spec):
    """What a study says about its scores."""

    seed: int
    ordinal: bool
    cost_matrix: tuple[tuple[float, ...], ...] | None


class Data(Params):
    """Real or phantom data."""

    stage = "data"
    study: DataSpec
    source: Literal["real", "phantom"]
    loader: str
    seed: int


class Audit(Params):
    """The audit of the data."""

    stage = "audit"
    seed: int


class Train(Params):
    """One training with one seed."""

    stage = "train"
    recipe: Recipe
    seed: int
    max_minutes: float | None
    allow_random_backbone: bool


class Quantise(Params):
    """A TFLite file of a trained model, which ``reading`` says how to open."""

    stage = "quantise"
    conversion: Conversion
    seed: int
    max_minutes: float | None
    reading: Reading


class Predict(Params):
    """The predictions of a model."""

    stage = "predict"
    reading: Reading


class Evaluate(Params):
    """Scores of predictions; ``parts`` are those that parts of the test split are given, too."""

    stage = "evaluate"
    parts: tuple[str, ...]
    scoring: Scoring


class Agreement(Params):
    """A variant beside its parent."""

    stage = "agreement"


class Comparison(Params):
    """The variants two by two; ``parents`` by variant, empty where it has none."""

    stage = "comparison"
    variants: tuple[str, ...]
    parents: dict[str, str]
    scores: tuple[str, ...]
    family: Literal["all", "parents"]
    scoring: Scoring


class Explain(Params):
    """Heatmaps of a variant."""

    stage = "explain"
    variant: str
    seed: int
    settings: ExplainSettings
    reading: Reading


class Trust(Params):
    """Whether a variant's heatmaps can be believed; ``other`` is what they are held against, or empty."""

    stage = "trust"
    variant: str
    seed: int
    other: str
    relation: Literal["parent", "sibling"]
    is_quantised: bool
    reading: Reading


class Cost(Params):
    """What variants cost where they run; ``parents`` of those that are quantised."""

    stage = "cost"
    variants: tuple[str, ...]
    parents: dict[str, str]


class Results(Params):
    """All evidence of a study; ``seeds`` by variant, the names of modules and packages to be told."""

    stage = "results"
    study: StudySpec
    seeds: dict[str, tuple[int, ...]]
    code: tuple[str, ...]
    of_evidence: tuple[str, ...]
    of_pages: tuple[str, ...]
    python: str


class Figures(Params):
    """The drawings of a study."""

    stage = "figures"


class Page(Params):
    """A page in one format; ``write`` is ``"package.module:function"``."""

    stage = "page"
    page: Literal["card", "comparison", "index"]
    variant: str
    write: str
    suffix: str


class Manifest(Params):
    """The manifest of a report."""

    stage = "manifest"
