"""What crosses a stage boundary as a file comes back the same, and nothing else is accepted."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xaireport import serialization
from xaireport.errors import StoreError
from xaireport.types.evidence import ClassScores, Evaluation, Score, Skipped
from xaireport.types.models import LayerInfo, ModelSummary, TrainingRecord
from xaireport.types.notes import Note
from xaireport.types.pictures import Example, Heatmaps, Pictures


@dataclasses.dataclass(frozen=True)
class Small:
    value: float | None
    n: int
    reason: str = ""


SOME = settings(max_examples=60, deadline=None)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INTS = st.integers(-(2**70), 2**70)
BOUNDS = st.none() | FLOATS
SCORES = st.builds(
    Score, value=BOUNDS, n=INTS, reason=st.text(), lo=BOUNDS, hi=BOUNDS, level=BOUNDS, method=st.text()
)
NOTES = st.lists(st.builds(Note, code=st.text(), values=st.dictionaries(st.text(), st.text() | INTS))).map(
    tuple
)
EXAMPLES = st.builds(
    Example,
    sample_id=st.text(),
    y_true=INTS,
    y_pred=INTS,
    p=FLOATS,
    outcome=st.sampled_from(["hit", "miss"]),
    chosen=st.text(),
    image=st.text(),
    map=st.text(),
    overlay=st.text(),
    peak=st.text(),
    slices=st.lists(st.text()).map(tuple),
)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    Score: SCORES,
    Example: EXAMPLES,
    Skipped: st.builds(Skipped, what=st.text(), reason=st.text(), hint=st.text()),
    LayerInfo: st.builds(
        LayerInfo, name=st.text(), kind=st.text(), grid=st.lists(INTS).map(tuple), channels=INTS
    ),
    TrainingRecord: st.builds(
        TrainingRecord,
        epochs_run=INTS,
        best_epoch=INTS,
        seconds=FLOATS,
        stopped_by=st.text(),
        history=st.dictionaries(st.text(), st.lists(FLOATS)),
        notes=NOTES,
    ),
    ModelSummary: st.builds(
        ModelSummary,
        input_shape=st.lists(INTS).map(tuple),
        n_classes=INTS,
        parameters=INTS,
        trainable_parameters=INTS,
        size_bytes=INTS,
        layers=st.lists(st.tuples(st.text(), st.text(), st.text(), INTS)).map(tuple),
    ),
    Heatmaps: st.builds(
        Heatmaps,
        method=st.text(),
        layer=st.text(),
        grid=st.lists(INTS).map(tuple),
        n=INTS,
        zero_maps=INTS,
        notes=NOTES,
    ),
    Pictures: st.builds(
        Pictures,
        examples=st.lists(EXAMPLES, max_size=3).map(tuple),
        common=st.lists(EXAMPLES, max_size=3).map(tuple),
        gallery=st.lists(EXAMPLES, max_size=3).map(tuple),
    ),
    Evaluation: st.builds(
        Evaluation,
        scores=st.dictionaries(st.text(), SCORES, max_size=4),
        per_class=st.lists(
            st.builds(
                ClassScores,
                label=st.text(),
                n=INTS,
                **{
                    field.name: SCORES
                    for field in dataclasses.fields(ClassScores)
                    if field.name not in ("label", "n")
                },
            ),
            max_size=3,
        ).map(tuple),
        confusion=st.lists(st.lists(INTS, max_size=3).map(tuple), max_size=3).map(tuple),
    ),
}
PAIRS = st.sampled_from(list(VALUES)).flatmap(lambda kind: st.tuples(st.just(kind), VALUES[kind]))


@SOME
@given(PAIRS)
def test_round_trip_through_json_text(pair: tuple[Any, Any]) -> None:
    kind, value = pair
    assert serialization.from_json(kind, json.loads(serialization.dumps(value))) == value


@SOME
@given(VALUES[Heatmaps] | VALUES[Skipped] | st.none())
def test_union_is_told_apart_by_its_keys(value: Heatmaps | Skipped | None) -> None:
    back = serialization.from_json(Heatmaps | Skipped | None, serialization.to_json(value))
    assert back == value
    assert type(back) is type(value)


@SOME
@given(PAIRS)
def test_a_missing_and_an_unknown_key_are_refused(pair: tuple[Any, Any]) -> None:
    kind, value = pair
    data = serialization.to_json(value)
    for name in data:
        with pytest.raises(StoreError, match="is missing"):
            serialization.from_json(kind, {key: item for key, item in data.items() if key != name})
    with pytest.raises(StoreError, match="unknown key"):
        serialization.from_json(kind, data | {"another": 1})


def test_the_text_is_stable() -> None:
    assert serialization.dumps(Small(0.1, 3)) == '{\n "n": 3,\n "reason": "",\n "value": 0.1\n}\n'


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        (Small, {"value": "0.1", "n": 1, "reason": ""}, r"Received: .*\(value\)"),
        (Small, {"value": 0.1, "n": 1.0, "reason": ""}, r"Expected an integer.*\(n\)"),
        (Small, {"value": 0.1, "n": True, "reason": ""}, "Expected an integer"),
        (Small, {"value": float("nan"), "n": 1, "reason": ""}, "NoneType"),
        (Small, [0.1, 1, ""], "Expected an object"),
        (float, True, "Expected a number"),
        (float, float("inf"), "Expected a number"),
        (Literal["hit", "miss"], "near", "Expected one of"),
        (Literal[1], True, "Expected one of"),
        (tuple[int, str], [1], "Expected a list of 2"),
        (tuple[int, ...], {"0": 1}, "Expected a list"),
        (Heatmaps | Skipped, {"what": "x"}, "Heatmaps or Skipped"),
    ],
)
def test_a_wrong_type_names_the_key(kind: Any, data: object, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        serialization.from_json(kind, data)


def test_the_place_of_a_deep_error_is_named() -> None:
    data = serialization.to_json(Evaluation({}, (), ((1, 2), (3, 4))))
    data["confusion"][1][0] = "3"
    with pytest.raises(StoreError, match=r"\(confusion\.1\.0\)"):
        serialization.from_json(Evaluation, data)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.zeros(2), {1: 2}, {1, 2}, Small])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(StoreError):
        serialization.to_json([value])


def test_numpy_scalars_become_plain_ones() -> None:
    data = serialization.to_json([np.int64(3), np.float32(0.5), np.float64(0.1), np.str_("a")])
    assert data == [3, 0.5, 0.1, "a"]
    assert [type(item) for item in data[:3]] == [int, float, float]


def test_an_ambiguous_union_is_a_programming_error() -> None:
    @dataclasses.dataclass(frozen=True)
    class Twin:
        value: float | None
        n: int
        reason: str

    with pytest.raises(TypeError, match="same fields"):
        serialization.from_json(Small | Twin, serialization.to_json(Small(1.0, 1)))
    with pytest.raises(TypeError, match="No JSON form"):
        serialization.from_json(Mapping[int, str], {})


def test_files_round_trip_and_leave_nothing_beside_them(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "score.json"
    serialization.save(Small(None, 0, "no ↯ image"), path)
    serialization.save(Small(0.25, 4), path)
    assert serialization.load(Small, path) == Small(0.25, 4)
    assert [file.name for file in path.parent.iterdir()] == ["score.json"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "score.json"
    serialization.save(Small(0.25, 4), path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"No space left.*score\.json"):
        serialization.save(Small(0.5, 4), path)
    assert serialization.load(Small, path) == Small(0.25, 4)
    assert [file.name for file in tmp_path.iterdir()] == ["score.json"]


def test_a_folder_that_is_a_file_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"a folder.*move it away"):
        serialization.save(1, tmp_path / "file" / "score.json")


@pytest.mark.parametrize("text", [None, "{", '{"value": 1}', "\xff"])
def test_a_bad_file_is_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "score.json"
    if text is not None:
        path.write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreError, match=r"score\.json"):
        serialization.load(Small, path)
