"""A published record made again from its predictions, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xaireport.metrics import calibration, intervals, reliability
from xaireport.metrics.bounds import Bounds
from xaireport.metrics.comparison import Answers, compare
from xaireport.metrics.scores import evaluate
from xaireport.metrics.subgroups import subgroups
from xaireport.metrics.subsets import score_subsets
from xaireport.serialization import to_json
from xaireport.types.evidence import Score

Place = tuple[str | int, ...]
DRAWN = ("lo", "hi", "level", "method", "reason", "mean", "most")
"""What rests on draws: bounds with their method, or why there are none, and what a calibrated model shows."""
APART = ("no_information_rate",)
"""Told of the clean part besides the scores that all parts have."""


@dataclass(frozen=True)
class Extras:
    """Which lesion an image shows, and what else is known of it: beside the data, and in no record."""

    split: Mapping[str, str]
    """Of every image, by its name; so are the others."""
    group: Mapping[str, str]
    columns: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, path: Path, group: str, columns: tuple[str, ...]) -> Extras:
        """Read the arrays of ``<set>_extras.npz``, of all splits."""
        splits = ("train", "val", "test")
        with np.load(path, allow_pickle=False) as stored:
            ids = {split: stored[f"{split}_image_id"].tolist() for split in splits}

            def of(name: str) -> dict[str, Any]:
                parts = (zip(ids[split], stored[f"{split}_{name}"].tolist(), strict=True) for split in splits)
                return dict(pair for part in parts for pair in part)

            names = {key: split for split in splits for key in ids[split]}
            return cls(names, of(group), {column: of(column) for column in columns})

    def shown_in(self, splits: tuple[str, ...]) -> set[str]:
        """Return the groups that the images of some splits show."""
        return {group for key, group in self.group.items() if self.split[key] in splits}


class Again:
    """Everything of a record that its predictions determine.

    Parameters
    ----------
    record : mapping
        ``results.json``.
    table : DataFrame
        ``predictions.csv``.
    extras : Extras, optional
        Where the data have groups. Without them only what rests on no draw can be held against the record,
        and no part of the test split.
    """

    def __init__(self, record: Mapping[str, Any], table: pd.DataFrame, extras: Extras | None) -> None:
        self._record, self._table, self._extras = record, table, extras
        self._seed = record["run"]["seed"]
        self._classes = record["classes"]
        self.whole = record["data"]["splits"]["test"]["groups"] is None or extras is not None

    def tolerance(self, place: Place) -> float:
        """Return how far rounding may move a number.

        Sums over n images in another order differ by n · 2⁻⁵² of the sum of magnitudes; no image adds more
        than 36, the logarithm that a probability is clipped at. Resampled average precisions are sums in
        single precision, of as many numbers as the largest class has images, each of two operations.
        """
        test = self._record["data"]["splits"]["test"]
        if "average_precision" in place and place[-1] in DRAWN:
            return float((max(test["per_class"]) + 2) * 2**-24)
        return float(36 * test["n"] * 2**-52)

    def parts(self) -> Iterator[tuple[Place, Any]]:
        """Yield places in the record, and what stands there when it is made again."""
        for name, variant in self._record["variants"].items():
            for seed in variant["runs"]:
                ids, truth, prob = self._said(name, int(seed), "test")
                found = evaluate(truth, prob, self._classes, groups=self._groups(ids), seed=self._seed)
                yield ("variants", name, "runs", seed, "scores"), _scores(found.scores)
                if int(seed) == self._seed:
                    yield ("variants", name, "scores"), _scores(found.scores)
                    yield ("variants", name, "confusion"), to_json(found.confusion)
                    for index, one in enumerate(found.per_class):
                        at = ("variants", name, "per_class", index)
                        yield at, {key: _plain(value) for key, value in vars(one).items()}
            yield ("variants", name, "calibration"), self._calibration(name)
            if self.whole:
                yield from self._of_parts(name)
        yield from self._pairs()

    def _said(self, variant: str, seed: int, split: str) -> tuple[Any, Any, Any]:
        rows = self._table.query("variant == @variant and seed == @seed and split == @split")
        prob = rows[[f"p_{label}" for label in self._classes]].to_numpy(np.float32)
        return rows["sample_id"].to_numpy(str), rows["y_true"].to_numpy(np.int64), prob

    def _groups(self, ids: Any) -> Any:
        return None if self._extras is None else np.array([self._extras.group[key] for key in ids.tolist()])

    def _calibration(self, name: str) -> dict[str, Any]:
        """With the temperature that the record states: a search ends elsewhere by rounding alone."""
        stored = self._record["variants"][name]["calibration"]
        ids, truth, prob = self._said(name, self._seed, "test")
        _, val_true, val_prob = self._said(name, self._seed, "val")
        groups = self._groups(ids)
        units = None if groups is None else intervals.units_of(groups, len(truth))
        told = stored["temperature"]
        prob, val_prob = prob.astype(np.float64), val_prob.astype(np.float64)
        fitted = reliability.fit_temperature(val_true, val_prob)
        assert abs(np.log(fitted.value / told["value"])) <= 2e-4  # each within SciPy's xatol, 1e-4
        rows = np.arange(len(val_true))

        def loss(temperature: float) -> float:
            return float(-np.log(reliability.softened(val_prob, temperature)[rows, val_true]).mean())

        losses = {"nll_before": loss(1.0), "nll_after": loss(told["value"])}
        soft = reliability.softened(prob, told["value"])
        bounds = Bounds(truth, soft, units, self._seed)
        after = {
            key: bounds.of(key, Score(value, len(truth)))
            for key, value in calibration.values(truth, soft).items()
        }
        null = Bounds(truth, prob, units, self._seed).if_calibrated
        return {
            "bins": [asdict(each) for each in reliability.diagram(truth, prob)],
            "expected": {
                key: {"mean": float(values.mean()), "most": float(np.quantile(values, intervals.LEVEL))}
                for key, values in null.items()
            },
            "temperature": {**told, "n": len(val_true), "at_bound": fitted.at_bound, **losses},
            "scores": _scores(after),
        }

    def _of_parts(self, name: str) -> Iterator[tuple[Place, Any]]:
        variant = self._record["variants"][name]
        ids, truth, prob = self._said(name, self._seed, "test")
        told = [*variant["clean"]["train"]["scores"]]
        settings = {"groups": self._groups(ids), "seed": self._seed}
        found = score_subsets(truth, prob, self._clean(ids), told, self._classes, against="whole", **settings)
        for key, subset in found.items():
            yield ("variants", name, "clean", key), _plain(subset)
        if self._extras is not None:
            columns = {
                column: np.array([values[key] for key in ids.tolist()])
                for column, values in self._extras.columns.items()
            }
            scores = [score for score in told if score not in APART]
            for index, level in enumerate(subgroups(columns, truth, prob, scores, self._classes, **settings)):
                plain = {"column": level.column, "level": level.level, "missing": level.missing}
                yield ("variants", name, "subgroups", index), {**plain, **_plain(level.subset)}

    def _clean(self, ids: Any) -> dict[str, Any]:
        """Return the masks that the audit made, from the pairs that it lists."""
        audit = self._record["data_audit"]
        masks = {}
        for key, splits, n in (
            ("train", ("train",), "clean_n"),
            ("train_or_val", ("train", "val"), "clean_n_strict"),
        ):
            kinds = ["exact_duplicates"] if self._extras else ["exact_duplicates", "near_duplicates"]
            seen = set()
            for pair in (pair for kind in kinds for pair in audit[kind]["listed"]):
                for one, other in ((0, 1), (1, 0)):
                    if pair["splits"][one] == "test" and pair["splits"][other] in splits:
                        seen.add(pair["sample_ids"][one])
            mask = ~np.isin(ids, sorted(seen))
            if self._extras is not None:
                mask &= ~np.isin(self._groups(ids), sorted(self._extras.shown_in(splits)))
            assert mask.sum() == audit["clean_test"][n]
            masks[key] = mask
        return masks

    def _pairs(self) -> Iterator[tuple[Place, Any]]:
        rows = self._record["comparisons"]
        if not rows:
            return
        answers = {name: Answers(*self._said(name, self._seed, "test")) for name in self._record["variants"]}
        pairs = list(dict.fromkeys((row["a"], row["b"]) for row in rows))
        scores = list(dict.fromkeys(row["score"] for row in rows))
        ids = next(iter(answers.values())).sample_id
        found = compare(answers, pairs, scores, groups=self._groups(ids), seed=self._seed)
        assert found.test_sha256 == self._record["comparison"]["test_sha256"]
        tests = {(test.a, test.b): test for test in found.tests}
        made = {(one.a, one.b, one.score): one for one in found.differences}
        for index, row in enumerate(rows):
            one, test = made[row["a"], row["b"], row["score"]], tests[row["a"], row["b"]]
            again = {
                "difference": one.difference.value,
                "p_mcnemar": test.p if one.score == "accuracy" else None,
                "p_holm": test.p_holm if one.score == "accuracy" else None,
            }
            if self.whole:
                bounds = {"lo": one.difference.lo, "hi": one.difference.hi}
                again |= {**bounds, "method": one.method, "reason": one.difference.reason}
            yield ("comparisons", index), again


def _scores(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {name: score.to_json() for name, score in scores.items()}


def _plain(value: Any) -> Any:
    """As results.json has it: a bound that is none is left out, and so is an empty reason."""
    if isinstance(value, Score):
        return value.to_json()
    if hasattr(value, "differences"):
        return {
            "n": value.n,
            "scores": _scores(value.scores),
            "differences": {key: _plain(each) for key, each in value.differences.items()},
            "reason": value.reason,
            "absent": list(value.absent),
        }
    if hasattr(value, "lo"):
        return {k: v for k, v in asdict(value).items() if k == "value" or (v is not None and v != "")}
    return value


def at(record: Any, place: Place) -> Any:
    """Return what stands at a place of a record."""
    for key in place:
        record = record[key]
    return record


def differing(stored: Any, made: Any, again: Again, place: Place = ()) -> Iterator[Place]:
    """Yield every place where a record and what is made again differ by more than rounding."""
    if isinstance(made, dict) and isinstance(stored, dict):
        for key in dict.fromkeys([*made, *(key for key in stored if key in DRAWN)]):
            if key in DRAWN and not again.whole:
                continue
            if key in made and key in stored:
                yield from differing(stored[key], made[key], again, (*place, key))
            elif made.get(key) or stored.get(key):
                yield (*place, key)
    elif isinstance(made, list) and isinstance(stored, list) and len(made) == len(stored):
        for index, pair in enumerate(zip(stored, made, strict=True)):
            yield from differing(*pair, again, (*place, index))
    elif isinstance(made, float) and isinstance(stored, float | int):
        reach = again.tolerance(place)
        if abs(made - stored) > reach * max(1.0, abs(stored)):
            yield place
    elif made != stored:
        yield place
