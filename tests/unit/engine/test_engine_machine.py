"""What made a result is written down beside it, and is part of no key."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from xaireport.engine import machine as module
from xaireport.engine import store
from xaireport.engine.machine import machine
from xaireport.engine.scheduler import Engine, Input, Node

INTEL = "model name\t: Some Xeon\nflags\t\t: fpu sse4_2 avx avx2 avx512f\n\nmodel name\t: Some Xeon\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd crc32\nCPU implementer\t: 0x41\n"


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        (INTEL, ("Some Xeon", "AVX-512")),
        (INTEL.replace(" avx512f", ""), ("Some Xeon", "AVX2")),
        (ARM, ("", "NEON")),
        ("", ("", module.UNKNOWN)),
        (None, ("", module.UNKNOWN)),
    ],
)
def test_processors_are_read_as_linux_tells_them(tmp_path, monkeypatch, cpuinfo, expected):
    if cpuinfo is not None:
        (tmp_path / "cpuinfo").write_text(cpuinfo)
    real = module._processor
    monkeypatch.setattr(module, "_processor", lambda _: real(tmp_path / "cpuinfo"))
    found = machine.__wrapped__()
    assert (found.processor if expected[0] else "", found.instruction_set) == expected
    assert found.processor
    assert 1 <= found.threads <= found.cpus


def test_what_chooses_kernels_is_told(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    settings = machine.__wrapped__().settings
    assert settings["TF_ENABLE_ONEDNN_OPTS"] == "0"
    assert "OMP_NUM_THREADS" not in settings


def test_another_machine_runs_nothing_and_readers_are_told_what_made_their_inputs(tmp_path, monkeypatch):
    seen = {}

    def node(name: str, **inputs: Input) -> Node:
        def run(context):
            seen[name] = context.made
            (context.out / "file.txt").write_text(name)

        return Node(name, "make", {"name": name}, inputs, (), (), run)

    engine = Engine(tmp_path / "store")
    first, reader = node("first"), node("reader", a=Input("first", "file.txt"))
    engine.run([first])
    other = replace(machine(), processor="Another", instruction_set="AVX-512")
    monkeypatch.setattr(store, "machine", lambda: other)
    assert [report.status for report in engine.run([first, reader])] == ["fresh", "ran"]
    (made,) = seen["reader"].values()
    assert (made.by, made.machine) == ("first", asdict(machine()))
    assert [report.status for report in engine.run([first, reader])] == ["fresh", "fresh"]
    told = {
        record["node"]: record["machine"]["processor"]
        for record in (json.loads(path.read_text()) for path in (tmp_path / "store").rglob("record.json"))
    }
    assert told == {"first": machine().processor, "reader": "Another"}
