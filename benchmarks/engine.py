"""The engine on made-up graphs: does the cost of a node depend on how many there are?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from xaireport.engine.node import Context, Input, Node
from xaireport.engine.scheduler import Engine

SMALL, LARGE = 300, 3000
ROUNDS = 5


def chains(n: int) -> list[Node]:
    """Nodes in chains of three, each of which writes a line."""

    def write(context: Context) -> None:
        (context.out / "line.txt").write_text("x\n")

    nodes = []
    for i in range(n):
        inputs = {"before": Input(f"node {i - 1}", "line.txt")} if i % 3 else {}
        nodes.append(Node(f"node {i}", "step", {"i": i}, inputs, (), (), write))
    return nodes


def engine(folder: Path) -> Iterator[tuple[str, float, str, float | None]]:
    """Time of a node that runs and of one that need not, in a large graph against a small one."""
    first, idle = {}, {}
    for n in (SMALL, LARGE):
        start = time.perf_counter()
        Engine(folder / f"store{n}").run(chains(n))
        first[n] = time.perf_counter() - start
    times: dict[int, list[float]] = {SMALL: [], LARGE: []}
    for _ in range(ROUNDS):  # in turns, so that a slow moment hits both
        for n, found in times.items():
            start = time.perf_counter()
            reports = Engine(folder / f"store{n}").run(chains(n))
            found.append(time.perf_counter() - start)
            assert {report.status for report in reports} == {"fresh"}
    idle = {n: statistics.median(found) for n, found in times.items()}
    graph = f"graph of {LARGE:,} nodes / of {SMALL}"
    yield f"{graph}, all run", first[LARGE] / first[SMALL], "x", 12
    yield f"{graph}, nothing to do", idle[LARGE] / idle[SMALL], "x", 12
    yield f"graph of {LARGE:,} nodes, nothing to do", idle[LARGE], "s", None
