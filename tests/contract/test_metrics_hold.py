"""The catalogue of metrics, the arithmetic behind it, the schema and the template say the same."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from xaireport import resources
from xaireport.metrics import calibration
from xaireport.metrics.scores import evaluate
from xaireport.results.labels import is_lower_better, score_name
from xaireport.results.schema import schema
from xaireport.study.rules import HEADLINES
from xaireport.types.evidence import Evaluation
from xaireport.types.metrics import METRICS

NAMES = [metric.name for metric in METRICS]
N, CLASSES = 60, ("a", "b", "c")
COSTS = [[0, 1, 2], [1, 0, 1], [2, 1, 0]]


def predicted(sharpness: float, y_true: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    """Probabilities that lean to the truth; at 0 they say nothing."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, (len(y_true), len(CLASSES))) + sharpness * np.eye(len(CLASSES))[y_true]
    weights = np.exp(logits)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def scored(sharpness: float) -> Evaluation:
    y_true = np.arange(N) % len(CLASSES)
    return evaluate(y_true, predicted(sharpness, y_true), CLASSES, ordinal=True, cost_matrix=COSTS)


def test_every_metric_is_computed_and_nothing_else() -> None:
    assert set(scored(1.0).scores) == set(NAMES)
    assert len(NAMES) == len(set(NAMES))


def test_what_a_study_has_to_state_for_a_metric_is_what_makes_it_appear() -> None:
    y_true = np.arange(N) % len(CLASSES)
    said = {"ordinal": {"ordinal": True}, "cost_matrix": {"cost_matrix": COSTS}}
    plain = set(evaluate(y_true, predicted(1.0, y_true), CLASSES).scores)
    assert plain == {metric.name for metric in METRICS if not metric.needs}
    for needs, more in said.items():
        found = evaluate(y_true, predicted(1.0, y_true), CLASSES, **more)  # type: ignore[arg-type]
        assert set(found.scores) - plain == {metric.name for metric in METRICS if metric.needs == needs}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_the_better_model_is_the_one_on_the_side_that_is_called_better(metric) -> None:  # type: ignore[no-untyped-def]
    worse, better = (scored(sharpness).scores[metric.name].value for sharpness in (0.2, 4.0))
    assert worse is not None
    assert better is not None
    if metric.name == "no_information_rate":  # of the test set, whatever the model
        assert worse == better
    else:
        assert (better > worse) is metric.higher_is_better
    assert is_lower_better(metric.name) is not metric.higher_is_better
    assert score_name(metric.name) == metric.label


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_what_it_is_of_is_what_moves_it(metric) -> None:  # type: ignore[no-untyped-def]
    """The same calls with other probabilities: only what is of probabilities may move."""
    y_true = np.arange(N) % len(CLASSES)
    prob = predicted(1.0, y_true)
    # Halfway to certainty: the most probable class stays, the order of images changes.
    share = np.linspace(0.1, 0.9, N)[:, None]
    other = (1 - share) * prob + share * np.eye(len(CLASSES))[prob.argmax(axis=1)]
    one, two = (
        evaluate(y_true, each, CLASSES, ordinal=True, cost_matrix=COSTS).scores[metric.name].value
        for each in (prob, other)
    )
    assert (one != two) is (metric.of == "probabilities")


def test_calibration_names_its_own() -> None:
    assert set(calibration.SCORES) < {metric.name for metric in METRICS if metric.of == "probabilities"}
    assert set(calibration.DISTANCES) == {metric.name for metric in METRICS if metric.is_distance}


def test_the_schema_has_them_in_the_order_of_the_catalogue() -> None:
    scores = schema()["$defs"]["scores"]
    assert list(scores["properties"]) == NAMES
    assert scores["required"] == [metric.name for metric in METRICS if metric.always]
    assert set(schema()["properties"]["headline"]["properties"]["score"]["enum"]) >= set(HEADLINES)


def test_a_headline_is_better_when_higher() -> None:
    assert tuple(metric.name for metric in METRICS if metric.headline) == HEADLINES
    assert all(metric.higher_is_better for metric in METRICS if metric.headline)


def test_the_template_of_a_study_names_the_headlines() -> None:
    template = Path(resources.__file__).parent / "cli" / "study_template.toml"
    lines = template.read_text("utf-8").splitlines()
    (at,) = (i for i, line in enumerate(lines) if line.startswith("headline ="))
    near = "\n".join(lines[max(0, at - 4) : at + 4])
    named = {name for name in NAMES if re.search(rf"\b{name}\b", near)}
    assert named == {metric.name for metric in METRICS if metric.headline and not metric.needs}
