"""What follows from a variant's settings: those that mean something, held, or are told to a conversion."""

from __future__ import annotations

from typing import Any

from xaireport.study_schema import Conversion, QuantiseSettings, TrainSettings, VariantSpec

QUANTISE_MODES = {"calibration_images": ("int8", "qat"), "epochs": ("qat",), "learning_rate": ("qat",)}
"""Each further key of ``quantise``, and the modes it means something in."""


def meant(quantise: QuantiseSettings) -> dict[str, Any]:
    """Return the settings that mean something in this mode; none where nothing is quantised."""
    table = quantise.model_dump() if quantise.mode else {}
    return {
        key: value
        for key, value in table.items()
        if quantise.mode in QUANTISE_MODES.get(key, (quantise.mode,))
    }


def fine_tuning(variant: VariantSpec) -> TrainSettings:
    """Return how a ``qat`` variant is trained on: as its parent was, but for these, without augmentation."""
    given = {"epochs": variant.quantise.epochs, "learning_rate": variant.quantise.learning_rate}
    steered = {"schedule": "constant", "warmup_epochs": 0, "early_stopping": 0, "reduce_lr": 0}
    return variant.train.model_copy(update={**given, **steered, "optimizer": "adam"})


def effective(variant: VariantSpec, *, trained: bool) -> dict[str, Any]:
    """Return the settings that held; those that had no effect would be untrue.

    Parameters
    ----------
    variant : VariantSpec
        As the study says.
    trained : bool
        Whether it was trained here, or trained on.
    """
    settings: dict[str, Any] = {
        "train": variant.train.model_dump() if trained else {},
        "augment": variant.augment.model_dump() if trained else {},
        "options": variant.options,
    }
    if not variant.quantise.mode:
        return settings
    if trained:
        settings |= {"train": fine_tuning(variant).model_dump(), "augment": {}}
    return settings | {"quantise": meant(variant.quantise)}


def conversion(variant: VariantSpec) -> Conversion:
    """Return what making a variant's TFLite file is told; of one that is not quantised a float32 file."""
    return Conversion(
        architecture=variant.architecture,
        options=variant.options,
        mode=variant.quantise.mode or "float32",
        calibration_images=meant(variant.quantise).get("calibration_images", 0),
        fine_tuning=fine_tuning(variant) if variant.quantise.mode == "qat" else None,
    )
