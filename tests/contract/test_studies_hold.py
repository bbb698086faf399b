"""Every study file that comes with the project can be read, and names the figures it is measured against."""

from __future__ import annotations

from pathlib import Path

import pytest

from xaireport import resources
from xaireport.data.phantom.phantom import has_phantom
from xaireport.data.sources.known import known
from xaireport.nn.batches import changes
from xaireport.nn.zoo import ARCHITECTURES
from xaireport.study.load import load_study

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(resources.shipped("models").glob("*.toml"))
ALL = [*SHIPPED, *sorted((ROOT / "docs" / "results").glob("*.toml"))]
KNOWN = {name: each.options for name, each in ARCHITECTURES.items()}

BRIEF = {
    "fracture3d.cnn3d": (0.5208, 0.5069, 0.5013, 0.5208, None, "weighted"),
    "derma.baseline": (0.5387, 0.5830, 0.6516, 0.5387, None, "weighted"),
    "derma.augmented": (0.7417, 0.7194, 0.7178, 0.7417, None, "weighted"),
    "derma.transfer": (0.6409, 0.6676, 0.7141, 0.6409, None, "weighted"),
    "derma.dynamic": (0.72, None, None, None, None, "weighted"),
    "derma.int8": (0.70, None, None, None, None, "weighted"),
    "derma.qat": (0.74, 0.72, 0.72, 0.74, None, "weighted"),
    "cifar10.resnet": (0.7755, 0.7595, 0.8098, 0.7222, 0.71717, "not stated"),
}
"""Accuracy, F1, precision, recall, test loss, averaging: as the project brief gives them."""


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
@pytest.mark.parametrize("phantom", [False, True])
def test_every_study_loads(path: Path, phantom: bool) -> None:
    study = load_study(path, phantom=phantom, architectures=KNOWN)
    assert study.title
    assert study.task
    assert study.license
    assert study.citation
    assert study.headline_reason
    assert known(study.dataset).classes
    for variant in study.variants.values():
        assert variant.title
        assert variant.summary
        assert variant.architecture in KNOWN


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_study_has_a_phantom_and_a_short_recipe_for_it(path: Path) -> None:
    real, short = load_study(path), load_study(path, phantom=True)
    assert has_phantom(real.dataset)
    for name, variant in real.variants.items():
        if not variant.quantise.mode:
            assert short.variants[name].train.epochs < variant.train.epochs
        assert short.variants[name].architecture == variant.architecture


def test_the_references_are_the_briefs() -> None:
    found = {}
    for path in SHIPPED:
        for name, variant in load_study(path).variants.items():
            assert variant.reference is not None
            given = variant.reference
            assert given.source == "project brief"
            found[f"{path.stem}.{name}"] = (
                given.accuracy, given.f1, given.precision, given.recall, given.loss, given.averaging,
            )  # fmt: skip
    assert found == BRIEF


def test_the_settings_that_the_brief_states() -> None:
    derma, fracture, cifar = (
        load_study(resources.shipped("models") / f"{name}.toml")
        for name in ("derma", "fracture3d", "cifar10")
    )
    cnn3d = fracture.variants["cnn3d"].train
    assert (cnn3d.optimizer, cnn3d.learning_rate, cnn3d.class_weight) == ("adam", 2.2e-4, True)
    assert cnn3d.early_stopping
    assert cnn3d.reduce_lr
    baseline, augmented = derma.variants["baseline"], derma.variants["augmented"]
    assert (baseline.train.optimizer, baseline.train.epochs) == ("adam", 150)
    assert baseline.train.early_stopping
    assert baseline.train.class_weight
    assert not changes(baseline.augment)
    assert augmented.augment.model_dump() == {
        "rotation_degrees": 15, "zoom": 0.2, "shift": 0.1, "horizontal_flip": True, "vertical_flip": False,
    }  # fmt: skip
    assert {key: change for key, change in augmented.changed_from_parent.items() if key[:5] == "train"} == {
        "train.class_weight": (True, False)
    }
    transfer = derma.variants["transfer"]
    assert (transfer.train.monitor, transfer.train.early_stopping > 0) == ("val_loss", True)
    assert (cifar.variants["resnet"].train.epochs, cifar.variants["resnet"].train.optimizer) == (20, "adam")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_study_states_what_it_is_for(path: Path) -> None:
    card = load_study(path).card.model_dump()
    assert [key for key, text in card.items() if not text] == ["responsible"]  # nobody answers for a demo
