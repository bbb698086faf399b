"""Steps that tests run in processes of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from xaireport.engine.node import Context
from xaireport.errors import RenderError


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write which process ran; or fail as ``params`` say."""
    print("a library that prints")
    if params["do"] == "refuse":
        raise RenderError("a page", "none", "write one", "page.html")
    if params["do"] == "break":
        raise ValueError("broken")
    if params["do"] == "die":
        os._exit(3)
    words = {label: path.read_text() for label, path in context.inputs.items()}
    missing = {label: failure.message for label, failure in context.failures.items()}
    (context.out / "pid.txt").write_text(f"{os.getpid()} {words} {missing}")
