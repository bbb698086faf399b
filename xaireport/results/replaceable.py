"""Whether a report may take the place of the one that lies there. Nothing here can be overruled."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from xaireport.errors import ConfigError

ELSEWHERE = "Build into another folder: --out DIR."


@dataclass(frozen=True)
class Worth:
    """What a results.json is about: real or synthetic data, and how many finished variants."""

    is_real: bool
    finished: int
    is_readable: bool = True


def worth(results: Path) -> Worth | None:
    """Return what a file is about; None where there is none. One that cannot be read may be of real data."""
    if not os.path.isfile(results):  # noqa: PTH113 - as the method, but silent where the system refuses
        return None
    try:
        told = json.loads(results.read_text("utf-8-sig"))
        return Worth(told["data"]["source"] != "phantom", len(told["variants"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Worth(True, 0, is_readable=False)


def check_replaceable(there: Path, coming: Path) -> None:
    """Refuse what would lose evidence: synthetic for real data, no finished variant for some.

    Raises
    ------
    ConfigError
        The report that lies there is worth more.
    """
    old, new = worth(there), worth(coming)
    if old is None or new is None:
        return
    check_source(there, new.is_real)
    if old.finished and not new.finished:
        raise ConfigError(
            "a finished variant, as the report that lies there has",
            "none: every variant failed",
            "The report was left as it is. Mend what failed, then build again.",
            str(there),
        )


def check_source(there: Path, is_real: bool) -> None:
    """Refuse to put a report on synthetic data in the place of one on real data.

    Raises
    ------
    ConfigError
        The report that lies there is on real data.
    """
    old = worth(there)
    if old is not None and old.is_real and not is_real:
        raise ConfigError(
            f"real data, as the report that lies there {'has' if old.is_readable else 'may have'}",
            "synthetic data",
            ELSEWHERE if old.is_readable else f"It cannot be read: remove it. {ELSEWHERE}",
            str(there),
        )
