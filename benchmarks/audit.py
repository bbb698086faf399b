"""The audit of a data set: time, and growth of memory in a fresh process (Linux)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

# The images are blotches under grain: pure noise would give the hash nothing to mistake.
PROGRAM = """
import json, sys, tempfile, time
from pathlib import Path

import numpy as np
import PIL.Image, scipy.stats

from xaireport.data.audit.audit import audit
from xaireport.types.data import Dataset, DatasetInfo, Split


def split(name, n, side, rng):
    images = np.empty((n, side, side, 3), np.uint8)
    for part in np.array_split(np.arange(n), n // 500 + 1):
        blotches = rng.normal(128, 40, (len(part), 4, 4, 3)).repeat(side // 4, 1).repeat(side // 4, 2)
        images[part] = np.clip(blotches + rng.normal(0, 10, blotches.shape), 0, 255)
    ids = np.array([f"{name}-{row}" for row in range(n)])
    return Split(images, rng.integers(0, 7, n), ids, groups=rng.permutation(ids))


def memory(what):
    # Not getrusage: its peak is inherited from the process that started this one.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))


side, *counts = map(int, sys.argv[1:])
rng = np.random.default_rng(0)
splits = [split(name, n, side, rng) for name, n in zip(("train", "val", "test"), counts)]
info = DatasetInfo("made", "Made", "real", "0" * 64, None, tuple("abcdefg"))
Path("/proc/self/clear_refs").write_text("5")  # the peak so far was that of making the images
before = memory("VmRSS")
with tempfile.TemporaryDirectory() as folder:
    start = time.perf_counter()
    audit(Dataset(info, *splits), 0, Path(folder))
    print(json.dumps([time.perf_counter() - start, (memory("VmHWM") - before) / 2**30]))
"""


def audit() -> Iterator[tuple[str, float, str, float | None]]:
    """Name, value, unit and bar of each figure; the bars are for a data set of HAM10000's size."""
    for side, counts, bars in (
        (28, (7010, 1001, 2004), (20.0, 1.0)),
        (32, (45000, 5000, 10000), (None, None)),
    ):
        command = [sys.executable, "-c", PROGRAM, str(side), *map(str, counts)]
        seconds, growth = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        what = f"audit of {sum(counts):,} images, {side}×{side}×3"
        yield what, seconds, "s", bars[0]
        yield f"{what}: memory", growth, "GiB", bars[1]
