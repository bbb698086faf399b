"""Which interval belongs to which score. How each is made is in ``intervals``."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from xaireport.metrics import calibration, intervals
from xaireport.metrics.ranking import Ranking
from xaireport.metrics.resampled import PER_CLASS, confusion_scores, defined_in, joined
from xaireport.types.evidence import ClassScores, Score

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

WILSON = "Wilson"
WILSON_GROUPS = "Wilson over groups"
MULTINOMIAL = "multinomial bootstrap"
CLUSTER = "cluster bootstrap"
CASES = "case bootstrap"
DELONG = "DeLong"
CLUSTER_DELONG = "DeLong, clustered"


class Bounds:
    """Intervals of the scores of one set of predictions.

    Parameters
    ----------
    truth : int array, (n,)
    prob : float array, (n, K)
    groups : int array, (n,), optional
        0 to G - 1.
    seed : int
        Of resampling; every score is resampled with the same draws.
    ordinal : bool
        As in ``confusion_scores``.
    costs : float array, (K, K), optional
        As in ``confusion_scores``.
    """

    def __init__(
        self,
        truth: NDArray[np.int64],
        prob: NDArray[np.float64],
        groups: NDArray[np.int64] | None,
        seed: int,
        *,
        ordinal: bool = False,
        costs: NDArray[np.float64] | None = None,
    ) -> None:
        self._truth, self._prob, self._groups, self._seed = truth, prob, groups, seed
        self._ordinal, self._costs = ordinal, costs
        self._k = prob.shape[1]
        # Sorted, so that the same images in another order are resampled alike.
        self._units = np.argsort(np.lexsort((*prob.T, truth))) if groups is None else groups
        """What is independent: images, or groups of them."""
        self._called = prob.argmax(axis=1)
        self._cells = truth * self._k + self._called
        self._confusion = np.bincount(self._cells, minlength=self._k**2).reshape(self._k, self._k)
        counts = self._confusion.sum(axis=1)
        self._present = np.flatnonzero(counts)
        self._ranked = self._present if self._k > 2 else self._present[1:]

    def of(self, name: str, score: Score) -> Score:
        """Return an overall score with its interval."""
        if score.value is None:
            return score
        if name == "auroc":
            return self._auroc(score, self._ranked)
        if name == "average_precision":
            drawn = self._resampled_precision[:, self._ranked]
            known = (~np.isnan(drawn)).sum(axis=1).astype(np.float64)
            known[known == 0] = np.nan  # a class that drops out of a resample is left out of its mean
            return _with(score, intervals.percentile(np.nansum(drawn, axis=1) / known), self._by_case)
        if name in ("log_loss", *calibration.SCORES):
            resampled = self._resampled_calibration["nll" if name == "log_loss" else name]
            if name in calibration.DISTANCES:
                bounds = intervals.above_zero(score.value, resampled, self.if_calibrated[name])
                return _with(score, bounds, f"{self._by_case}, less its bias")
            return _with(score, intervals.percentile(resampled), self._by_case)
        if name in ("accuracy", "weighted_recall", "no_information_rate"):
            return self._proportion(score, np.ones(len(self._truth), np.bool_), self._resampled[name])
        return _with(score, intervals.percentile(self._resampled[name]), self._by_cell)

    def of_class(self, index: int, one: ClassScores) -> ClassScores:
        """Return the scores of a class with their intervals."""
        shown, called = self._truth == index, self._called == index
        among = {"precision": called, "recall": shown, "specificity": ~shown, "npv": ~called}
        scores: dict[str, Score] = {
            field.name: getattr(one, field.name) for field in fields(one) if field.name not in ("label", "n")
        }
        for name in PER_CLASS:
            score, resampled = scores[name], self._resampled[name][:, index]
            if name in among:
                scores[name] = self._proportion(score, among[name], resampled)
            elif score.value is not None:
                scores[name] = _with(score, intervals.percentile(resampled), self._by_cell)
        scores["auroc"] = self._auroc(scores["auroc"], np.array([index]))
        if (precision := scores["average_precision"]).value is not None:
            resampled = self._resampled_precision[:, index]
            scores["average_precision"] = _with(precision, intervals.percentile(resampled), self._by_case)
        return replace(one, **scores)  # type: ignore[arg-type]

    @property
    def _by_cell(self) -> str:
        return MULTINOMIAL if self._groups is None else CLUSTER

    @property
    def _by_case(self) -> str:
        return CASES if self._groups is None else CLUSTER

    @cached_property
    def _resampled(self) -> Mapping[str, NDArray[np.float64]]:
        """What the confusion matrix determines."""
        defined = defined_in(confusion_scores(self._confusion[None]))
        return joined(
            [
                confusion_scores(confusions, defined, ordinal=self._ordinal, costs=self._costs)
                for confusions in self._resampled_confusions()
            ]
        )

    def _resampled_confusions(self) -> Iterator[NDArray[np.float64]]:
        if self._groups is None:
            yield from intervals.resampled_confusions(self._confusion, self._seed)
            return
        n_cells = self._k**2
        for weights in intervals.resampled_weights(int(self._groups.max()) + 1, self._seed, n_cells):
            sums = intervals.cell_sums(self._cells, n_cells, self._groups, weights)
            yield sums.reshape(-1, self._k, self._k)

    @cached_property
    def _resampled_calibration(self) -> Mapping[str, NDArray[np.float64]]:
        sums = intervals.group_sums(calibration.columns(self._truth, self._prob), self._units)
        draws = intervals.resampled_weights(len(sums), self._seed)
        return joined([calibration.scores(weights @ sums, self._k) for weights in draws])

    @cached_property
    def if_calibrated(self) -> Mapping[str, NDArray[np.float64]]:
        """What a model would show whose probabilities were the truth; see ``calibration.if_calibrated``."""
        return calibration.if_calibrated(self._prob, self._units, self._seed)

    @cached_property
    def _resampled_precision(self) -> NDArray[np.float64]:
        """Average precision of each class: (B, K); NaN where it drops out of a resample."""
        rankings = {index: Ranking(self._truth == index, self._prob[:, index]) for index in self._present}
        parts = []
        n_units = int(self._units.max()) + 1
        draws = intervals.resampled_weights(n_units, self._seed, len(self._truth))
        for weights in draws:
            part = np.full((len(weights), self._k), np.nan)
            for index, ranking in rankings.items():
                part[:, index] = ranking.average_precision(weights[:, self._units[ranking.order]])
            parts.append(part)
        return np.concatenate(parts)

    def _proportion(self, score: Score, among: NDArray[np.bool_], resampled: NDArray[np.float64]) -> Score:
        """Wilson; with groups resampled, but where all or none are right: there resampling sees no spread.

        Then a group counts once, however many of its images are ``among`` those that the proportion is of.
        """
        if score.value is None:
            return score
        if self._groups is None:
            return _with(score, intervals.wilson(round(score.value * among.sum()), int(among.sum())), WILSON)
        if 0 < score.value < 1:
            return _with(score, intervals.percentile(resampled), CLUSTER)
        units = len(np.unique(self._groups[among]))
        return _with(score, intervals.wilson(units * round(score.value), units), WILSON_GROUPS)

    def _auroc(self, score: Score, ranked: NDArray[np.int64]) -> Score:
        if score.value is None:
            return score
        influence = auroc_influences(self._truth, self._prob, ranked)
        bounds = None
        if influence is not None:
            bounds = intervals.mean_interval(score.value, influence, self._groups)
        if bounds is None:
            return _without(score, "a class, or the whole, is a single image or group")
        within = max(0.0, bounds[0]), min(1.0, bounds[1])
        return _with(score, within, DELONG if self._groups is None else CLUSTER_DELONG)


def auroc_influences(
    truth: NDArray[np.int64], prob: NDArray[np.float64], ranked: NDArray[np.int64]
) -> NDArray[np.float64] | None:
    """Return how much each image moves the mean AUROC of some classes; None where a class has one image."""
    counts = np.bincount(truth, minlength=prob.shape[1])
    if not len(ranked) or any(min(counts[index], len(truth) - counts[index]) < 2 for index in ranked):
        return None
    parts = [intervals.auroc_influence(truth == index, prob[:, index]) for index in ranked]
    return np.asarray(np.mean(parts, axis=0))


def _with(score: Score, bounds: tuple[float, float] | None, method: str) -> Score:
    """Add an interval, or say why there is none."""
    if score.value is None:
        return score
    if bounds is None:
        return _without(score, "it is undefined, or without end, in too many resamples")
    if bounds[0] == bounds[1]:
        return _without(score, "resampling sees no spread")
    if not bounds[0] <= score.value <= bounds[1]:
        return _without(score, "resampling does not see the value")
    return replace(score, lo=bounds[0], hi=bounds[1], level=intervals.LEVEL, method=method)


def _without(score: Score, why: str) -> Score:
    return replace(score, reason="; ".join(filter(None, (score.reason, f"no interval: {why}"))))
