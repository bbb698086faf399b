"""Nodes of one variant: its model, what it says, its scores, its heatmaps, and the verdict on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xaireport.engine.node import Input
from xaireport.nn.backbone import weights_file, weights_of
from xaireport.pipeline import names, params
from xaireport.pipeline.builder import Builder
from xaireport.pipeline.inputs import (
    arrays_of,
    classes_of,
    first_predictions,
    model_of,
    model_path,
    optional,
    tflite_path,
)
from xaireport.pipeline.variants import looked_at_beside, part_scores, reading, scoring, seeds
from xaireport.study.resolve import conversion
from xaireport.study_schema import StudySpec, VariantSpec
from xaireport.types import artefacts, labels
from xaireport.types.data import Located

NEURAL = ("tensorflow", "keras", "numpy")
RUNTIME = (*NEURAL, "ai-edge-litert")
CONVERTERS = (*RUNTIME, "tf-keras", "tensorflow-model-optimization")
EXPLAINERS = (*RUNTIME, "tf-keras-vis", "scipy", "pillow")


def add_variant(builder: Builder, study: StudySpec, variant: VariantSpec, located: Located) -> list[str]:
    """Add the nodes of one variant alone; return their names."""
    made = []
    first = seeds(study, variant)[0]
    for seed in seeds(study, variant):
        if variant.quantise.mode:
            made.append(add_conversion(builder, study, variant, located.source == "phantom"))
        elif not variant.path:
            made.append(_add_training(builder, study, variant, seed, located))
        made.append(
            builder.add(
                names.predict(study.name, variant.name, seed),
                params.Predict(reading=reading(variant)),
                {labels.DATA: arrays_of(study), labels.MODEL: model_of(study, variant, seed)},
                RUNTIME,
            )
        )
        made.append(_add_evaluation(builder, study, variant, seed, is_first=seed == first))
    if variant.quantise.mode:
        made.append(
            builder.add(
                names.agreement(study.name, variant.name),
                params.Agreement(),
                {
                    labels.CLASSES: classes_of(study),
                    labels.PARENT: first_predictions(study, variant.parent),
                    labels.PREDICTIONS: first_predictions(study, variant.name),
                },
                ("numpy",),
            )
        )
    made.append(_add_explanation(builder, study, variant))
    return made


def _add_evaluation(
    builder: Builder, study: StudySpec, variant: VariantSpec, seed: int, is_first: bool
) -> str:
    inputs = {
        labels.DATA: arrays_of(study),
        labels.CLASSES: classes_of(study),
        labels.PREDICTIONS: Input(names.predict(study.name, variant.name, seed), artefacts.PREDICTIONS_FILE),
    }
    if is_first:
        inputs[labels.CLEAN] = optional(names.audit(study.name), artefacts.CLEAN_MASKS_FILE)
    # The card shows the first seed: parts of the test split are scored for that one alone.
    parts = part_scores(study) if is_first else ()
    return builder.add(
        names.evaluate(study.name, variant.name, seed),
        params.Evaluate(parts=parts, scoring=scoring(study)),
        inputs,
        ("numpy", "scipy", "scikit-learn"),
    )


def _add_explanation(builder: Builder, study: StudySpec, variant: VariantSpec) -> str:
    inputs = {
        labels.DATA: arrays_of(study),
        labels.CLASSES: classes_of(study),
        labels.MODEL: model_of(study, variant, seeds(study, variant)[0]),
        labels.PREDICTIONS: first_predictions(study, variant.name),
    }
    if variant.quantise.mode:  # read where the parent is, so that their maps can be compared
        inputs[labels.PARENT] = optional(names.explain(study.name, variant.parent), artefacts.HEATMAPS_FILE)
    return builder.add(
        names.explain(study.name, variant.name),
        params.Explain(
            variant=variant.name, seed=study.seed, settings=variant.explain, reading=reading(variant)
        ),
        inputs,
        EXPLAINERS,
    )


def _add_training(
    builder: Builder, study: StudySpec, variant: VariantSpec, seed: int, located: Located
) -> str:
    inputs = {labels.DATA: arrays_of(study)}
    weights = weights_of(variant.options) if variant.architecture == "vgg19" else ""
    # The weights' bytes are part of the key: a trunk trained at random is not taken for a pretrained one
    # once the weights can be had.
    if weights and (file := weights_file(weights, Path(study.folder))):
        inputs[labels.WEIGHTS] = Input(path=file)
    stands_in = located.source == "phantom"
    return builder.add(
        names.train(study.name, variant.name, seed),
        params.Train(
            recipe=variant,
            seed=seed,
            max_minutes=builder.max_minutes,
            allow_random_backbone=bool(weights) and (builder.random_backbone or stands_in),
        ),
        inputs,
        NEURAL,
        {artefacts.KERAS_FILE: model_path(study, variant, seed)},
        loose=("max_minutes",),
        stands_in=stands_in,
    )


def add_conversion(builder: Builder, study: StudySpec, variant: VariantSpec, stands_in: bool = False) -> str:
    """Add what makes a variant's TFLite file: a quantised one its model, a float one what to measure."""
    quantised = bool(variant.quantise.mode)
    parent = study.variants[variant.parent] if quantised else variant
    seed = seeds(study, parent)[0]
    retrained = variant.quantise.mode == "qat"
    return builder.add(
        names.quantise(study.name, variant.name),
        params.Quantise(
            conversion=conversion(variant),
            seed=seed,
            max_minutes=builder.max_minutes if retrained else None,
            reading=reading(parent),
        ),
        {labels.DATA: arrays_of(study), labels.MODEL: model_of(study, parent, seed)},
        CONVERTERS,
        {artefacts.TFLITE_FILE: tflite_path(study, variant)} if quantised else {},
        loose=("max_minutes",) if retrained else (),
        stands_in=stands_in,
    )


def add_trust(builder: Builder, study: StudySpec, chosen: Sequence[str], name: str) -> None:
    """Add what says of a variant whether its heatmaps can be believed."""
    variant = study.variants[name]
    other, relation = looked_at_beside(study, chosen, name)
    inputs = {
        labels.DATA: arrays_of(study),
        labels.MODEL: model_of(study, variant, seeds(study, variant)[0]),
        labels.PREDICTIONS: first_predictions(study, name),
        labels.EXPLAINED: Input(names.explain(study.name, name)),
    }
    if other:
        inputs[labels.OTHER] = optional(names.explain(study.name, other))
        inputs[labels.OTHER_PREDICTIONS] = first_predictions(study, other, optional=True)
    builder.add(
        names.trust(study.name, name),
        params.Trust(
            variant=name,
            seed=study.seed,
            other=other,
            relation=relation,
            is_quantised=bool(variant.quantise.mode),
            reading=reading(variant),
        ),
        inputs,
        EXPLAINERS,
    )
