"""What TFLite files cost where they run: time per batch, in turns, and memory in a fresh process."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xaireport.nn.tflite import flatbuffer, peak_memory
from xaireport.nn.tflite.interpreter import open_interpreter
from xaireport.types.device import Cost, Latency

BATCHES = (1, 32)
THREADS = (1, 2)
RUNS = 100
"""Of each file in each setting, where there is a parent to be compared with."""
_WARM_UP = 5
_SECONDS = 5.0
"""Time for one file in one setting, where it is compared with none; never fewer than ``_FEWEST`` runs."""
_FEWEST = 20


def measure(files: Mapping[str, Path], parents: Mapping[str, str]) -> dict[str, Cost]:
    """Measure TFLite files.

    Parameters
    ----------
    files : mapping of str to Path
        By variant; of a floating-point variant its float32 file.
    parents : mapping of str to str
        Quantised variant -> the variant it was made from. A family (a parent and its children) is run in
        turns, one batch of each after the other, so that a slow moment of the machine hits all of them: the
        ratios hold where the times do not.

    Returns
    -------
    dict of str to Cost

    Raises
    ------
    ModelError
        A file that cannot be run.
    """
    contents = {name: flatbuffer.read(path) for name, path in files.items()}
    parents = {child: parent for child, parent in parents.items() if child in files and parent in files}
    families: dict[str, list[str]] = {}
    for name in files:
        families.setdefault(parents.get(name, name), []).append(name)
    latency: dict[str, list[Latency]] = {name: [] for name in files}
    for members in families.values():
        for batch, threads in itertools.product(BATCHES, THREADS):
            times = _in_turns([contents[name] for name in members], batch, threads)
            medians = dict(zip(members, (float(np.median(each)) for each in times), strict=True))
            for name, each in zip(members, times, strict=True):
                ratio = medians[name] / medians[parents[name]] if name in parents else None
                p95 = float(np.percentile(each, 95))
                latency[name].append(Latency(batch, threads, len(each), medians[name], p95, ratio))
    return {
        name: Cost(
            tflite_bytes=len(contents[name]),
            size_ratio=len(contents[name]) / len(contents[parents[name]]) if name in parents else None,
            peak_memory_bytes=peak_memory_bytes(files[name]),
            latency=tuple(latency[name]),
        )
        for name in files
    }


def _in_turns(contents: Sequence[bytes], batch: int, threads: int) -> list[list[float]]:
    """Return for each file its times in milliseconds, one run of each after the other."""
    interpreters = [_ready(content, batch, threads) for content in contents]
    times: list[list[float]] = [[] for _ in contents]
    begun = time.perf_counter()
    for run in range(RUNS):
        if len(contents) == 1 and run >= _FEWEST and time.perf_counter() - begun > _SECONDS:
            break
        for interpreter, each in zip(interpreters, times, strict=True):
            start = time.perf_counter_ns()
            interpreter.invoke()
            each.append((time.perf_counter_ns() - start) / 1e6)
    return times


def _ready(content: bytes, batch: int, threads: int) -> Any:
    """Return an interpreter that was given noise and has run a few times."""
    interpreter = open_interpreter(content, threads, batch)
    details = interpreter.get_input_details()[0]
    pixels = np.random.default_rng(0).integers(0, 256, details["shape"], np.int16)
    shifted = pixels - 128 if details["dtype"] is np.int8 else pixels
    interpreter.set_tensor(details["index"], shifted.astype(details["dtype"]))
    for _ in range(_WARM_UP):
        interpreter.invoke()
    return interpreter


def peak_memory_bytes(path: Path) -> int | None:
    """Return by how much a process's peak memory grows from loading a file and running one image.

    A fresh process is measured: in this one, what was there before would hide it. None where the system does
    not tell (only Linux does), or the process failed.
    """
    done = subprocess.run(
        [sys.executable, str(Path(peak_memory.__file__)), str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    words = done.stdout.split()
    return int(words[-1]) if done.returncode == 0 and words and words[-1].isdecimal() else None
