"""Parts of the test split scored by themselves, each against the rest or against the whole.

Which images make a part is given; subgroups come from columns, the clean part from the audit of the data.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from xaireport.metrics import intervals
from xaireport.metrics.bounds import Bounds
from xaireport.metrics.differences import auroc, auroc_difference, bounded
from xaireport.metrics.intervals import units_of
from xaireport.metrics.resampled import confusion_scores, defined_in, joined, overall
from xaireport.types.evidence import Difference, Score, Subset

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Key = TypeVar("Key", bound=Hashable)

FEWEST = 20
"""Images; a smaller part is not scored."""
FEWEST_GROUPS = 10
"""Groups; what rests on fewer has a value and no interval."""
FEW = f"fewer than {FEWEST_GROUPS} groups: no interval"


def score_subsets(
    y_true: ArrayLike,
    y_prob: ArrayLike,
    masks: Mapping[Key, NDArray[np.bool_]],
    scores: Sequence[str],
    classes: Sequence[str],
    *,
    against: Literal["rest", "whole"],
    groups: ArrayLike | None = None,
    seed: int = 0,
    ordinal: bool = False,
    cost_matrix: ArrayLike | None = None,
) -> dict[Key, Subset]:
    """Score parts of the test images.

    Parameters
    ----------
    y_true : int array, (n,)
    y_prob : float array, (n, K)
    masks : mapping to bool array, (n,)
        The parts, under any names.
    scores : sequence of str
        Scores of a confusion matrix, and ``auroc``.
    classes : sequence of K str
        For the reasons.
    against : {"rest", "whole"}
        What the differences are to: all other images, or all of them.
    groups, seed, ordinal, cost_matrix
        As in :func:`xaireport.metrics.scores.evaluate`.

    Returns
    -------
    dict
        A Subset by the name of the part. What rests on fewer than ``FEWEST_GROUPS`` groups has no interval.
        Balanced accuracy is the mean over the classes that the part shows, and its reason names the absent
        ones; its difference is over the classes that both show.
    """
    truth, prob = np.asarray(y_true, np.int64), np.asarray(y_prob, np.float64)
    units = units_of(groups, len(truth))
    table = None if cost_matrix is None else np.asarray(cost_matrix, np.float64)
    case = _Case(truth, prob, units, groups is not None, seed, ordinal, table, tuple(classes))
    return case.scored(masks, scores, against == "rest")


class _Case:
    """One set of predictions, of which parts are scored with the same draws."""

    def __init__(
        self,
        truth: NDArray[np.int64],
        prob: NDArray[np.float64],
        units: NDArray[np.int64],
        grouped: bool,
        seed: int,
        ordinal: bool,
        costs: NDArray[np.float64] | None,
        classes: tuple[str, ...],
    ) -> None:
        self._truth, self._prob, self._units, self._grouped = truth, prob, units, grouped
        self._seed, self._ordinal, self._costs, self._classes = seed, ordinal, costs, classes
        self._k = prob.shape[1]
        self._cells = truth * self._k + prob.argmax(axis=1)

    def scored(
        self, masks: Mapping[Key, NDArray[np.bool_]], scores: Sequence[str], rest: bool
    ) -> dict[Key, Subset]:
        """Score each part; small ones, and differences to a small rest, are left out."""
        large = {
            name: mask
            for name, mask in masks.items()
            if mask.sum() >= FEWEST and (not rest or (~mask).sum() >= FEWEST)
        }
        spread = self._spread(large, rest)
        found = {}
        for name, mask in masks.items():
            n = int(mask.sum())
            if n < FEWEST:
                found[name] = Subset(n, {}, {}, f"fewer than {FEWEST} images: not scored")
                continue
            absent = self._absent(mask)
            own = {score: self._score(mask, score, ", ".join(absent)) for score in scores}
            if name not in large:
                found[name] = Subset(n, own, {}, f"fewer than {FEWEST} other images: no difference", absent)
                continue
            other = ~mask if rest else np.ones_like(mask)
            differences = {
                score: self._auroc(mask, other)
                if score == "auroc"
                else self._difference(mask, other, spread[name], score)
                for score in scores
            }
            if self._is_few(mask) or self._is_few(other):
                differences = {
                    score: Difference(each.value, reason=each.reason or FEW)
                    for score, each in differences.items()
                }
            found[name] = Subset(n, own, differences, FEW if self._is_few(mask) else "", absent)
        return found

    def _is_few(self, mask: NDArray[np.bool_]) -> bool:
        return self._grouped and len(np.unique(self._units[mask])) < FEWEST_GROUPS

    def _spread(
        self, masks: Mapping[Key, NDArray[np.bool_]], rest: bool
    ) -> dict[Key, dict[str, NDArray[np.float64]]]:
        """Return resampled differences of every score of a confusion matrix."""
        if not masks:
            return {}
        parts: dict[Key, list[dict[str, NDArray[np.float64]]]] = {name: [] for name in masks}
        defined = {
            name: (defined_in(self._of(mask)), defined_in(self._of(~mask if rest else np.ones_like(mask))))
            for name, mask in masks.items()
        }
        for weights in intervals.resampled_weights(int(self._units.max()) + 1, self._seed, self._k**2):
            whole = self._sums(self._cells, weights)
            for name, mask in masks.items():
                inside = self._sums(np.where(mask, self._cells, -1), weights)
                ours = self._scores_of(inside, defined[name][0])
                theirs = self._scores_of(whole - inside if rest else whole, defined[name][1])
                parts[name].append(_less(ours, theirs))
        return {name: joined(each) for name, each in parts.items()}

    def _sums(self, cells: NDArray[np.int64], weights: NDArray[np.float32]) -> NDArray[np.float64]:
        return intervals.cell_sums(cells, self._k**2, self._units, weights)

    def _scores_of(
        self, sums: NDArray[np.float64], defined: Mapping[str, NDArray[np.bool_]] | None = None
    ) -> dict[str, NDArray[np.float64]]:
        confusions = sums.reshape(-1, self._k, self._k)
        return confusion_scores(confusions, defined, ordinal=self._ordinal, costs=self._costs)

    def _of(self, mask: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        counts = np.bincount(self._cells[mask], minlength=self._k**2).astype(np.float64)
        return self._scores_of(counts[None])

    def _score(self, mask: NDArray[np.bool_], score: str, absent: str) -> Score:
        n = int(mask.sum())
        truth, prob = self._truth[mask], self._prob[mask]
        value = auroc(truth, prob)[0] if score == "auroc" else float(self._of(mask)[score][0])
        if value is None or np.isnan(value):
            return Score(None, n, "undefined: of one class, or called one")
        one = Score(value, n, _reason(score, absent))
        if self._is_few(mask):
            return one
        groups = units_of(self._units[mask], n) if self._grouped else None
        bounds = Bounds(truth, prob, groups, self._seed, ordinal=self._ordinal, costs=self._costs)
        return bounds.of(score, one)

    def _absent(self, mask: NDArray[np.bool_]) -> tuple[str, ...]:
        shown = np.bincount(self._truth[mask], minlength=self._k)
        return tuple(name for name, count in zip(self._classes, shown, strict=True) if not count)

    def _difference(
        self,
        mask: NDArray[np.bool_],
        other: NDArray[np.bool_],
        spread: Mapping[str, NDArray[np.float64]],
        score: str,
    ) -> Difference:
        value = float(_less(self._of(mask), self._of(other))[score][0])
        return bounded(value, intervals.percentile(spread[score]), "undefined in most resamples")

    def _auroc(self, mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> Difference:
        groups = self._units if self._grouped else None
        return auroc_difference(self._spread_out(mask), self._spread_out(other), groups)

    def _spread_out(self, mask: NDArray[np.bool_]) -> tuple[float | None, NDArray[np.float64] | None]:
        """Return a part's AUROC, and how much each image of the whole moves it."""
        value, moves = auroc(self._truth[mask], self._prob[mask])
        if moves is None:
            return value, None
        influence = np.zeros(len(mask))
        influence[mask] = moves * len(mask) / mask.sum()  # a mean over fewer images
        return value, influence


def _reason(score: str, absent: str) -> str:
    """Say which classes a mean is not about, or counts as 0, for want of images."""
    if not absent:
        return ""
    if score in ("balanced_accuracy", "auroc"):
        return f"over the classes it shows; none of {absent}"
    return f"counts as 0, for want of images: {absent}" if score.startswith("macro_") else ""


def _less(
    ours: Mapping[str, NDArray[np.float64]], theirs: Mapping[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Subtract every overall score; of balanced accuracy over the classes that both show."""
    found = {name: values - theirs[name] for name, values in overall(ours).items()}
    both = ours["recall"] - theirs["recall"]
    known = (~np.isnan(both)).sum(axis=1).astype(np.float64)
    known[known == 0] = np.nan
    return {**found, "balanced_accuracy": np.nansum(both, axis=1) / known}
