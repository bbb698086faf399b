"""Costs: who is measured with whom, and what the figures mean. How fast anything is, is no test."""

from __future__ import annotations

import sys
from pathlib import Path

import keras_models as small
import pytest
import quantise_case as case

from xaireport.errors import ModelError
from xaireport.nn.tflite import cost
from xaireport.nn.tflite.cost import measure, peak_memory_bytes


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("files")
    path = small.saved(small.flat_model((12, 12, 3)), base)
    for mode in ("", "dynamic"):
        case.make(path, base / (mode or "parent"), case.child(mode, architecture=""))
    return {name: base / name / "model.tflite" for name in ("parent", "dynamic")}


def test_a_family_is_measured_together_and_a_stranger_alone(files: dict[str, Path]) -> None:
    found = measure({**files, "other": files["parent"]}, {"dynamic": "parent", "gone": "parent"})
    assert list(found) == ["parent", "dynamic", "other"]
    sizes = {name: path.stat().st_size for name, path in files.items()}
    child = found["dynamic"]
    assert child.tflite_bytes == sizes["dynamic"]
    assert child.size_ratio == pytest.approx(sizes["dynamic"] / sizes["parent"])
    assert found["parent"].size_ratio is None
    for name, one in found.items():
        assert [(each.batch, each.threads) for each in one.latency] == [(1, 1), (1, 2), (32, 1), (32, 2)]
        for i, each in enumerate(one.latency):
            assert each.runs == cost.RUNS
            assert 0 < each.median_ms <= each.p95_ms
            parent = found["parent"].latency[i].median_ms
            assert each.ratio == (pytest.approx(each.median_ms / parent) if name == "dynamic" else None)


def test_a_child_without_its_parent_has_no_ratio(files: dict[str, Path]) -> None:
    found = measure({"dynamic": files["dynamic"]}, {"dynamic": "parent"})
    assert found["dynamic"].size_ratio is None
    assert {each.ratio for each in found["dynamic"].latency} == {None}


def test_slow_files_on_their_own_are_run_less_often(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "_SECONDS", 0.0)
    found = measure(files, {"dynamic": "parent"})
    assert {each.runs for one in found.values() for each in one.latency} == {cost.RUNS}
    alone = measure({"parent": files["parent"]}, {})
    assert {each.runs for each in alone["parent"].latency} == {cost._FEWEST}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a process its peak memory")
def test_memory_is_that_of_a_fresh_process(files: dict[str, Path], tmp_path: Path) -> None:
    hold = bytearray(200 << 20)  # what this process holds is not counted
    hold[::4096] = b"x" * len(hold[::4096])
    found = peak_memory_bytes(files["parent"])
    assert found is not None
    assert 0 < found < 100 << 20
    assert peak_memory_bytes(tmp_path / "absent.tflite") is None


def test_a_file_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(b"\0\0\0\0TFL3" + b"\0" * 40)
    with pytest.raises(ModelError):
        measure({"x": path}, {})
