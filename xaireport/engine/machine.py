"""The machine a result was made on. It is written down beside the result and is part of no key.

Two kinds of processor may round the last bits of a float otherwise: a stored result stays valid elsewhere,
and whoever wonders about a difference finds here what made it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

UNKNOWN = "not known"
INSTRUCTION_SETS = (
    ("avx512f", "AVX-512"), ("avx2", "AVX2"), ("avx", "AVX"), ("sse4_2", "SSE4.2"),
    ("sve", "SVE"), ("asimd", "NEON"),
)  # fmt: skip
"""Flags of ``/proc/cpuinfo``, the widest first, and what they are called."""
SETTINGS = (
    "CUDA_VISIBLE_DEVICES", "MKL_NUM_THREADS", "NPY_DISABLE_CPU_FEATURES", "OMP_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "TF_ENABLE_ONEDNN_OPTS",
    "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS",
)  # fmt: skip
"""Environment variables that choose the kernels a sum is made by."""


@dataclass(frozen=True)
class Machine:
    """One machine as a process saw it.

    Parameters
    ----------
    processor : str
        As the maker calls it; ``not known`` where the system does not say.
    instruction_set : str
        The widest that the processor has.
    threads : int
        How many this process may run on at once.
    cpus : int
        How many the machine has.
    memory_gib : float
        0 where the system does not say.
    platform : str
        Operating system and architecture.
    settings : mapping of str to str
        Those of ``SETTINGS`` that were set.
    """

    processor: str
    instruction_set: str
    threads: int
    cpus: int
    memory_gib: float
    platform: str
    settings: Mapping[str, str]


@lru_cache(maxsize=1)
def machine() -> Machine:
    """Return the machine this process runs on."""
    import platform  # a build with nothing to do does without

    processor, flags = _processor(Path("/proc/cpuinfo"))
    known = [name for flag, name in INSTRUCTION_SETS if flag in flags]
    memory = (
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0.0
    )
    return Machine(
        processor=processor or platform.processor() or UNKNOWN,
        instruction_set=known[0] if known else UNKNOWN,
        threads=cores(),
        cpus=os.cpu_count() or 1,
        memory_gib=round(memory, 1),
        platform=f"{platform.system()} {platform.machine()}",
        settings={name: os.environ[name] for name in SETTINGS if os.environ.get(name)},
    )


def cores() -> int:
    """Return how many processes may run at once."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor(cpuinfo: Path) -> tuple[str, set[str]]:
    """Return name and flags of the first processor; empty where the system has no such file."""
    name, flags = "", set[str]()
    try:
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
    except OSError:
        return name, flags
    for line in lines:
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "model name" and not name:
            name = value
        elif key in ("flags", "Features") and not flags:
            flags = set(value.split())
    return name, flags
