"""Inputs that several nodes of a study read: model files, predictions, what a card needs."""

from __future__ import annotations

from pathlib import Path

from xaireport.engine.node import Input
from xaireport.pipeline import names
from xaireport.pipeline.variants import seeds
from xaireport.study_schema import StudySpec, VariantSpec
from xaireport.types.artefacts import (
    CLASSES_FILE,
    DATASET_FILE,
    EVALUATION_FILE,
    HEATMAPS_FILE,
    KERAS_FILE,
    PREDICTIONS_FILE,
    TFLITE_FILE,
)
from xaireport.types.labels import EVALUATION, HEATMAPS

MODELS = Path("models")
"""Folder of study files and of trained models, below the working folder."""


def optional(node: str, file: str = "") -> Input:
    """Return an input without which the reader goes on, and says so."""
    return Input(node, file, optional=True)


def arrays_of(study: StudySpec) -> Input:
    """Return the arrays of a study's data."""
    return Input(names.data(study.name), DATASET_FILE)


def classes_of(study: StudySpec) -> Input:
    """Return the names of the classes."""
    return Input(names.data(study.name), CLASSES_FILE)


def model_path(study: StudySpec, variant: VariantSpec, seed: int) -> Path:
    """Return where a trained file is published: that of the first seed as ``model.keras``."""
    name = KERAS_FILE if seed == seeds(study, variant)[0] else f"model-seed-{seed}.keras"
    return MODELS / study.name / variant.name / name


def tflite_path(study: StudySpec, variant: VariantSpec) -> Path:
    """Return where a quantised file is published."""
    return MODELS / study.name / variant.name / TFLITE_FILE


def model_of(study: StudySpec, variant: VariantSpec, seed: int) -> Input:
    """Return the model file of a variant: its own training's or conversion's, or the one brought."""
    if variant.path:
        return Input(path=Path(study.folder) / variant.path)
    if variant.quantise.mode:
        return Input(names.quantise(study.name, variant.name), TFLITE_FILE)
    return Input(names.train(study.name, variant.name, seed), KERAS_FILE)


def first_predictions(study: StudySpec, variant: str, optional: bool = False) -> Input:
    """Return what a variant says of the images, as trained with its first seed."""
    seed = seeds(study, study.variants[variant])[0]
    return Input(names.predict(study.name, variant, seed), PREDICTIONS_FILE, optional=optional)


def needed_by_card(study: StudySpec, variant: str) -> dict[str, Input]:
    """Return what a card cannot be made without."""
    first = seeds(study, study.variants[variant])[0]
    return {
        EVALUATION: Input(names.evaluate(study.name, variant, first), EVALUATION_FILE),
        HEATMAPS: Input(names.explain(study.name, variant), HEATMAPS_FILE),
    }
