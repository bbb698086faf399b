"""A build with nothing to do loads little."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from pathlib import Path
from xaireport.engine.scheduler import Engine, Input, Node

def run(context):
    (context.out / "a.txt").write_text("x")

root = Path(sys.argv[1])
code, packages = ("xaireport.engine.keys",), ("numpy", "tensorflow")
nodes = [Node(f"n{i}", "s", {"i": i}, {}, code, packages, run, {"": root / str(i)}) for i in range(3)]
print(*(report.status for report in Engine(root / "store").run(nodes)))
print(*sys.modules)
"""

HEAVY = {
    "numpy", "pandas", "matplotlib", "tensorflow", "jinja2", "pydantic", "typer", "rich",
    "importlib.metadata", "shutil", "tempfile", "traceback", "subprocess", "asyncio",
}  # fmt: skip


def test_planning_imports_nothing_heavy(tmp_path):
    for expected in ("ran ran ran", "fresh fresh fresh"):
        result = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=True
        )
        statuses, modules = result.stdout.splitlines()
        assert statuses == expected
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert not (set(modules.split()) - set(bare.stdout.split())) & HEAVY
