"""The catalogue of explainers, what a study may name, and the arithmetic behind them say the same."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from halves import Halves

from xaireport.explain.methods.cam import REDUCTIONS
from xaireport.explain.methods.explainers import AT_LEAST, HYBRID, Explainer, explainer
from xaireport.study_schema import ExplainSettings
from xaireport.types.explainers import EXPLAINER_LABELS, EXPLAINERS


def named_by(kind: str) -> set[str]:
    return {name for name, facts in EXPLAINERS.items() if facts.by == kind}


def test_a_study_may_name_each_of_them_and_auto() -> None:
    allowed = get_args(ExplainSettings.model_fields["method"].annotation)
    assert sorted(allowed) == sorted((*EXPLAINERS, "auto"))


def test_each_has_a_name_for_readers() -> None:
    assert EXPLAINER_LABELS.keys() == EXPLAINERS.keys()


def test_what_is_made_of_gradients_has_its_reduction() -> None:
    assert named_by("gradients") == REDUCTIONS.keys()


@pytest.mark.tensorflow
def test_what_the_library_makes_is_known_there() -> None:
    from xaireport.nn.keras.tf_keras_vis import METHODS

    assert named_by("library") == METHODS.keys()


@pytest.mark.parametrize("name", EXPLAINERS)
def test_each_makes_maps_at_a_layer_only_where_the_catalogue_says_so(name: str) -> None:
    model, images = Halves(), np.zeros((3, 16, 16, 3), np.uint8)
    images[:, :8] = 200
    made = explainer(model, name, "fine", vis=lambda pixels, *_: pixels[..., 0].astype(np.float32))
    assert bool(made.layer) is EXPLAINERS[name].reads_layer
    assert len(made.make(model, images, np.zeros(3, np.int64)).maps) == 3


@pytest.mark.parametrize("name", EXPLAINERS)
def test_volumes_are_afforded_less_often(name: str) -> None:
    facts = EXPLAINERS[name]
    endings = ("", HYBRID) if facts.by == "gradients" else ("",)
    for ending in endings:
        made = Explainer(f"{name}{ending}", "", lambda *_: None)  # type: ignore[arg-type, return-value]
        assert made.affordable(volumes=False) == facts.affordable
        assert made.affordable(volumes=True) == max(AT_LEAST, facts.affordable // 4)
        assert made.is_fast is (facts.by == "gradients")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", [0, 1], ids=["activations", "gradients"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_what_is_not_finite_is_no_evidence_in_any_method(name: str, where: int, value: float) -> None:
    class Broken(Halves):
        def activations_and_gradients(self, images: Any, targets: Any, layer: str) -> Any:
            arrays = super().activations_and_gradients(images, targets, layer)
            arrays[where][0, 1, 1, 0] = value
            return arrays

    model, images = Broken(), np.full((2, 16, 16, 3), 200, np.uint8)
    made = explainer(model, name, "fine").make(model, images, np.zeros(2, np.int64))
    assert made.broken.tolist() == made.zero.tolist() == [True, False]
    assert not made.maps[0].any()
    assert made.maps[1].max() == 1
