"""The manifest of a study's report: a hash of every file in it, made after all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xaireport.engine.hashes import sha256_of_file
from xaireport.engine.node import Context
from xaireport.files import write_atomic
from xaireport.types.artefacts import MANIFEST_FILE
from xaireport.types.labels import FILE, RESULTS

FORMAT = "xaireport-manifest/1"


def run(context: Context, params: Mapping[str, Any]) -> None:
    """Write ``manifest.json``; its paths begin at the folder it stands in."""
    results = json.loads(context.inputs[RESULTS].read_text("utf-8"))
    files = dict(sorted(_files(context)))
    manifest = {
        "format": FORMAT,
        "study": results["study"],
        "evidence_digest": results["run"]["evidence_digest"],
        "created": results["run"]["created"],
        "files": [
            {
                "path": name,
                "bytes": path.stat().st_size,
                "sha256": sha256_of_file(str(path)),
            }
            for name, path in files.items()
        ],
    }
    text = json.dumps(manifest, indent=1) + "\n"
    write_atomic(context.out / MANIFEST_FILE, text.encode())


def _files(context: Context) -> Iterator[tuple[str, Path]]:
    for label, path in context.inputs.items():
        kind, _, name = label.partition("/")
        if kind != FILE:
            continue
        if path.is_dir():
            inside = (each for each in path.rglob("*") if each.is_file())
            yield from ((f"{name}/{each.relative_to(path).as_posix()}", each) for each in inside)
        else:
            yield name, path
