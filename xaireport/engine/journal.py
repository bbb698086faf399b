"""Journal: the key of each node's last finished run. It explains; whether a result is fresh the store says.

One small file per node, so that a build of many nodes does not write all of them at each.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from xaireport.files import PART, write_atomic


@dataclass(frozen=True)
class Entry:
    """One node.

    Parameters
    ----------
    finished : str
        ``stage/key`` of the last finished run; empty before the first.
    begun : str
        ``stage/key`` of the checkpoint of a run that has begun and not ended, or that can be gone on from.
    """

    finished: str = ""
    begun: str = ""


class Journal:
    """Entries by node name.

    Parameters
    ----------
    folder : Path
        Made when first written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Entry] = {}

    def get(self, name: str) -> Entry:
        """Return a node's entry; an empty one for a node that is not known, or whose file is damaged."""
        if name not in self._known:
            self._known[name] = _read(self._file(name), name) or Entry()
        return self._known[name]

    def put(self, name: str, entry: Entry) -> None:
        """Replace a node's entry, on the disk too, where it differs."""
        if self.get(name) == entry:
            return
        text = json.dumps({"node": name, **asdict(entry)}, ensure_ascii=False)
        file = self._file(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, text.encode(), durable=False)
        self._known[name] = entry

    def entries(self) -> dict[Path, Entry | None]:
        """Return every entry by its file, None where it is damaged: what that kept from removal nobody knows.

        Raises
        ------
        OSError
            The folder cannot be listed: it is not taken for an empty one.
        """
        try:
            names = os.listdir(self._folder)  # noqa: PTH208 - pathlib's glob hides what the system refuses
        except FileNotFoundError:
            return {}
        files = [self._folder / name for name in sorted(names) if not name.startswith(PART)]
        return {file: _read(file) for file in files}

    def _file(self, name: str) -> Path:
        """Return a node's file: its name as far as that can be a file's, and a hash to tell names apart."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return self._folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)[:100]}-{digest}.json"


def _read(file: Path, name: str | None = None) -> Entry | None:
    """Return the entry of a file, None where there is none, it is damaged, or another node's."""
    try:
        stored = json.loads(file.read_bytes())
        told, finished, begun = (stored[key] for key in ("node", "finished", "begun"))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if not (isinstance(finished, str) and isinstance(begun, str)) or name not in (None, told):
        return None
    return Entry(finished, begun)
