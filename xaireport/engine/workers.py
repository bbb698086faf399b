"""Nodes in processes of their own, so that pages are printed on every core while the build stays one list.

The build starts what is ready ahead of its turn and waits for it when its turn comes; order, store and
journal are those of a build without it. This module starts the processes, and is what they run.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import xaireport.errors
from xaireport.engine.node import Context, Node
from xaireport.errors import Failure, StoreError, XaiReportError


class Processes:
    """Up to ``n`` processes, each of which runs one node after the other; closed like a file."""

    def __init__(self, n: int) -> None:
        self._threads = ThreadPoolExecutor(n, "apart")
        self._own = threading.local()
        self._all: list[subprocess.Popen[str]] = []

    def submit(self, node: Node, context: Context) -> Future[None]:
        """Run ``node.apart``'s ``run(context, params)`` in the next free process."""
        asked = {
            "module": node.apart,
            "params": dict(node.params),
            "out": str(context.out),
            "inputs": {label: str(path) for label, path in context.inputs.items()},
            "failures": {label: vars(failure) for label, failure in context.failures.items()},
            "checkpoint": str(context.checkpoint),
        }
        return self._threads.submit(self._ask, json.dumps(asked))

    def _ask(self, asked: str) -> None:
        process = getattr(self._own, "process", None)
        if process is None or process.poll() is not None:
            process = self._own.process = subprocess.Popen(
                [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                encoding="utf-8", env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )  # fmt: skip
            self._all.append(process)
        assert process.stdin
        assert process.stdout
        answer = ""
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(f"{asked}\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        if not answer:
            raise StoreError(
                "a process that finishes", f"one that ended with {process.wait()}", "Build again."
            )
        _raise(json.loads(answer))

    def close(self) -> None:
        """End all processes, whatever they are doing."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in self._all:
            process.kill()
            process.communicate()


def _raise(answer: Mapping[str, Any]) -> None:
    if "error" in answer:
        kind = getattr(xaireport.errors, answer["error"], None)
        if isinstance(kind, type) and issubclass(kind, XaiReportError):
            raise kind(*answer["arguments"])
        raise RuntimeError(f"{answer['error']}: {answer['arguments'][0]}\n{answer['traceback']}")


def _serve() -> None:
    """Run what is asked line by line, and answer each with a line."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    for line in sys.stdin:
        answers.write(json.dumps(_run(json.loads(line))) + "\n")
        answers.flush()


def _run(asked: Mapping[str, Any]) -> dict[str, Any]:
    context = Context(
        Path(asked["out"]),
        {label: Path(path) for label, path in asked["inputs"].items()},
        {label: Failure(**failure) for label, failure in asked["failures"].items()},
        Path(asked["checkpoint"]),
    )
    try:
        importlib.import_module(asked["module"]).run(context, asked["params"])
    except XaiReportError as error:
        return {
            "error": type(error).__name__,
            "arguments": [error.expected, error.received, error.hint, error.where],
        }
    except Exception as error:
        import traceback

        return {"error": type(error).__name__, "arguments": [str(error)], "traceback": traceback.format_exc()}
    return {}


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):  # the build that asked hears of it too
        _serve()
