"""Which interval belongs to which score. How each is made is in ``intervals``."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from xaireport.metrics import intervals
from xaireport.metrics.resampled import confusion_scores
from xaireport.types import ClassScores, Score

if TYPE_CHECKING:
    from numpy.typing import NDArray

WILSON = "Wilson"
WILSON_GROUPS = "Wilson over groups"
MULTINOMIAL = "multinomial bootstrap"
CLUSTER = "cluster bootstrap"
CASES = "case bootstrap"
DELONG = "DeLong"
CLUSTER_DELONG = "DeLong, clustered"
_CLIP = float(np.finfo(np.float64).eps)


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
    """

    def __init__(
        self, truth: NDArray[np.int64], prob: NDArray[np.float64], groups: NDArray[np.int64] | None, seed: int
    ) -> None:
        self._truth, self._prob, self._groups, self._seed = truth, prob, groups, seed
        self._k = prob.shape[1]
        self._units = len(truth) if groups is None else int(groups.max()) + 1
        """What is independent: images, or groups of them."""
        self._called = prob.argmax(axis=1)
        self._cells = truth * self._k + self._called
        self._confusion = np.bincount(self._cells, minlength=self._k**2).reshape(self._k, self._k)

    def of(self, name: str, score: Score) -> Score:
        """Return an overall score with its interval."""
        if score.value is None:
            return score
        if name == "auroc":
            return _with(score, self._auroc(score.value), DELONG if self._groups is None else CLUSTER_DELONG)
        if name == "log_loss":
            return _with(score, self._log_loss(), CASES if self._groups is None else CLUSTER)
        if name in ("accuracy", "weighted_recall"):  # one number under two names
            return self._proportion(score, np.ones(len(self._truth), np.bool_), self._resampled[name])
        return _with(score, intervals.percentile(self._resampled[name]), self._how)

    def of_class(self, index: int, one: ClassScores) -> ClassScores:
        """Return the scores of a class with their intervals."""
        resampled = {name: self._resampled[name][:, index] for name in ("precision", "recall", "f1")}
        f1 = (
            one.f1
            if one.f1.value is None
            else _with(one.f1, intervals.percentile(resampled["f1"]), self._how)
        )
        return replace(
            one,
            precision=self._proportion(one.precision, self._called == index, resampled["precision"]),
            recall=self._proportion(one.recall, self._truth == index, resampled["recall"]),
            f1=f1,
        )

    @property
    def _how(self) -> str:
        return MULTINOMIAL if self._groups is None else CLUSTER

    @cached_property
    def _resampled(self) -> dict[str, NDArray[np.float64]]:
        rng = np.random.default_rng(self._seed)
        whole = confusion_scores(self._confusion[None])
        defined = {name: ~np.isnan(whole[name][0]) for name in ("precision", "recall", "f1")}
        if self._groups is not None:
            one_hot = np.eye(self._k**2)[self._cells]
            sums = intervals.resampled_sums(one_hot, self._groups, rng)
            return confusion_scores(sums.reshape(-1, self._k, self._k), defined)
        step = max(1, intervals.CHUNK // self._k**2)  # of a hundred classes a few matrices at once
        parts = [
            confusion_scores(
                intervals.resampled_confusions(self._confusion, rng, min(step, intervals.RESAMPLES - start)),
                defined,
            )
            for start in range(0, intervals.RESAMPLES, step)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

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

    def _log_loss(self) -> tuple[float, float] | None:
        normalised = self._prob / self._prob.sum(axis=1, keepdims=True)
        losses = -np.log(np.clip(normalised[np.arange(len(self._truth)), self._truth], _CLIP, 1 - _CLIP))
        groups = np.arange(len(losses)) if self._groups is None else self._groups
        values = np.stack([losses, np.ones_like(losses)], axis=1)
        sums = intervals.resampled_sums(values, groups, np.random.default_rng(self._seed))
        return intervals.percentile(sums[:, 0] / sums[:, 1])

    def _auroc(self, value: float) -> tuple[float, float] | None:
        counts = np.bincount(self._truth, minlength=self._k)
        present = np.flatnonzero(counts)
        ranked = present if self._k > 2 else present[1:]
        alone = any(min(counts[index], len(self._truth) - counts[index]) < 2 for index in ranked)
        if alone or self._units < 2:
            return None  # one image of a kind has no spread
        influence = np.mean(
            [intervals.auroc_influence(self._truth == index, self._prob[:, index]) for index in ranked],
            axis=0,
        )
        return intervals.mean_interval(value, influence, self._groups)


def _with(score: Score, bounds: tuple[float, float] | None, method: str) -> Score:
    """Add an interval, unless resampling saw no spread or not what is estimated: that is none."""
    if bounds is None or score.value is None or bounds[0] == bounds[1]:
        return score
    if not bounds[0] <= score.value <= bounds[1]:
        return score
    return replace(score, lo=bounds[0], hi=bounds[1], level=intervals.LEVEL, method=method)
