"""What each node's last finished run rested on. It explains; whether a result is fresh the store says."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from xaireport.engine.keys import Parts
from xaireport.files import write_atomic


@dataclass
class Entry:
    """One node.

    Parameters
    ----------
    key : str
        Of the last finished run; empty before the first.
    parts : dict
        What that key was made of.
    checkpoint : str
        ``stage/key`` of a run that has begun and not ended.
    """

    key: str = ""
    parts: Parts = field(default_factory=dict)
    checkpoint: str = ""


class Journal:
    """Entries by node name, in one JSON file that is written after each change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, Entry] = {}
        self.is_damaged = False
        # Without a journal only the explanations are lost, and nothing says what may be removed.
        try:
            stored = json.loads(path.read_bytes())
            self._entries = {name: Entry(**entry) for name, entry in stored.items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, AttributeError):
            self.is_damaged = True

    def get(self, name: str) -> Entry:
        """Return a node's entry; an empty one for a node that is not known."""
        return self._entries.get(name, Entry())

    def put(self, name: str, entry: Entry) -> None:
        """Replace a node's entry, on the disk too, where it differs."""
        if self._entries.get(name) == entry:
            return
        entries = {**self._entries, name: entry}
        stored = {key: asdict(value) for key, value in sorted(entries.items())}
        text = json.dumps(stored, ensure_ascii=False, separators=(",", ":"))
        write_atomic(self._path, text.encode(), durable=False)
        self._entries = entries

    def keys(self) -> set[str]:
        """Keys of all last finished runs."""
        return {entry.key for entry in self._entries.values() if entry.key}

    def checkpoints(self) -> set[str]:
        """Checkpoints of runs that have not ended."""
        return {entry.checkpoint for entry in self._entries.values() if entry.checkpoint}
