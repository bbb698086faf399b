"""Run as a program: print by how many bytes this process's peak memory grows from running a TFLite file once.

It imports nothing of xaireport, so that what is measured is the interpreter's.
"""

from __future__ import annotations

import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak() -> int:
    """Return the peak resident memory of this process in bytes.

    ``getrusage`` would tell that of the process this one was forked from, where it was larger.
    """
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def main(path: str) -> int:
    """Measure the file at ``path``; 1 where the system does not tell."""
    if not _STATUS.is_file():
        return 1
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter

    np.zeros(1).sum()
    before = peak()
    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.invoke()
    print(peak() - before)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
