"""Reading results.json from Python: one number by its key, or all variants as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaireport.errors import ConfigError, StoreError
from xaireport.results.schema import check_results
from xaireport.types.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Results:
    """The results of one study.

    Parameters
    ----------
    data : mapping
        What results.json holds.
    path : Path
        Where it lies: images are named relative to its folder.
    """

    data: Mapping[str, Any]
    path: Path

    def value(self, key: str) -> Any:
        """Return what stands at a dotted key.

        Parameters
        ----------
        key : str
            Such as ``variants.augmented.scores.accuracy.value`` or ``variants.augmented.confusion.0.1``. A
            name that itself has a dot (``changed_from_parent.train.class_weight.from``) is found, too.

        Raises
        ------
        ConfigError
            If nothing stands there; the hint names what stands beside it.
        """
        found: Any = self.data
        steps = key.split(".")
        at = 0
        while at < len(steps):
            name, value = _step(found, steps[at:])
            if name is None:
                place = ".".join(steps[:at]) or "the top"
                raise ConfigError(
                    "a key of results.json", repr(key), f"{place} has {_names(found)}", str(self.path)
                )
            found = value
            at += name.count(".") + 1
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return one row per variant, in the order of the study.

        Returns
        -------
        pandas.DataFrame
            Columns: ``study, variant, title, task, architecture, dataset, source, parent, parameters,
            size_bytes, epochs_run, seconds, n_test``, every score by its name, and ``reference_<score>`` and
            ``difference_<score>`` for accuracy, f1, precision and recall. What is undefined or not given is
            missing (NaN, ``<NA>``).
        """
        import pandas as pd

        rows = [self._row(name, variant) for name, variant in self.data["variants"].items()]
        types: dict[str, Any] = dict.fromkeys(_NUMBERS, "float64") | dict.fromkeys(_COUNTS, "Int64")
        return pd.DataFrame(rows, columns=_COLUMNS).astype(types)

    def _row(self, name: str, variant: Mapping[str, Any]) -> dict[str, Any]:
        data, training = self.data["data"], variant["training"] or {}
        reference, difference = variant["reference"] or {}, variant["reference_difference"] or {}
        return {
            "study": self.data["study"],
            "variant": name,
            "title": variant["title"],
            "task": self.data["task"],
            "architecture": variant["architecture"],
            "dataset": data["name"],
            "source": data["source"],
            "parent": variant["parent"],
            "parameters": variant["parameters"],
            "size_bytes": variant["size_bytes"],
            "epochs_run": training.get("epochs_run"),
            "seconds": training.get("seconds"),
            "n_test": data["splits"]["test"]["n"],
            **{score: variant["scores"].get(score, {}).get("value") for score in _SCORES},
            **{f"reference_{score}": reference.get(score) for score in _REFERENCED},
            **{f"difference_{score}": difference.get(score) for score in _REFERENCED},
        }


def load_results(path: str | Path) -> Results:
    """Read the results of one study.

    Parameters
    ----------
    path : str or Path
        A ``results.json``, or the folder it lies in, such as ``reports/derma``.

    Raises
    ------
    StoreError
        If there is no such file, or it is no JSON.
    RenderError
        If it is not as the schema says.
    """
    file = Path(path)
    if file.is_dir():
        file /= "results.json"
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise StoreError(
            "a results.json", error.strerror or error, "`xaireport build` makes it", str(file)
        ) from error
    except ValueError as error:
        raise StoreError("a JSON file", error, "build again", str(file)) from error
    check_results(data, str(file))
    return Results(data, file)


_SCORES = tuple(metric.name for metric in METRICS)
_REFERENCED = ("accuracy", "f1", "precision", "recall")
_COUNTS = ("parameters", "size_bytes", "epochs_run", "n_test")
_NUMBERS = (
    "seconds",
    *_SCORES,
    *(f"{what}_{score}" for what in ("reference", "difference") for score in _REFERENCED),
)
_COLUMNS = [
    *("study", "variant", "title", "task", "architecture", "dataset", "source", "parent"),
    *("parameters", "size_bytes", "epochs_run", "seconds", "n_test"),
    *_NUMBERS[1:],
]


def _step(found: Any, steps: list[str]) -> tuple[str | None, Any]:
    """Return the name that the next steps spell, the shortest there is, and what it stands for."""
    if isinstance(found, list) and steps[0].isdecimal() and int(steps[0]) < len(found):
        return steps[0], found[int(steps[0])]
    if isinstance(found, dict):
        for end in range(1, len(steps) + 1):
            name = ".".join(steps[:end])
            if name in found:
                return name, found[name]
    return None, None


def _names(found: Any) -> str:
    if isinstance(found, dict):
        return ", ".join(found) or "nothing"
    return f"{len(found)} items" if isinstance(found, list) else repr(found)
