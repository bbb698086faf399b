"""Variants on the same test images, two by two: differences with intervals, and exact tests.

All variants are resampled with the same draws, so that what makes an image hard for both does not blur what
sets them apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from xaireport.errors import ConfigError
from xaireport.metrics import intervals
from xaireport.metrics.bounds import CLUSTER, CLUSTER_DELONG, DELONG
from xaireport.metrics.differences import auroc, auroc_difference, bounded
from xaireport.metrics.intervals import units_of
from xaireport.metrics.resampled import confusion_scores, defined_in, joined, overall
from xaireport.types.comparison import Comparisons, McNemar, Paired
from xaireport.types.evidence import Difference

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from xaireport.types.data import Floats, Ints, Strings

    Pair = tuple[str, str]

PAIRED = "paired bootstrap"
SAME_CALLS = "no image is called differently: resampling sees no spread"


@dataclass(frozen=True)
class Answers:
    """What one variant says of the test images it was asked.

    Parameters
    ----------
    sample_id : str array, (n,)
    y_true : int array, (n,)
    y_prob : float array, (n, K)
    """

    sample_id: Strings
    y_true: Ints
    y_prob: Floats

    @property
    def test_sha256(self) -> str:
        """SHA-256 of names and labels, in order: the same images asked of all."""
        sha = hashlib.sha256()
        for name, label in zip(self.sample_id.tolist(), self.y_true.tolist(), strict=True):
            sha.update(f"{name}\t{label}\n".encode())
        return sha.hexdigest()


def compare(
    variants: Mapping[str, Answers],
    pairs: Sequence[Pair],
    scores: Sequence[str],
    *,
    groups: ArrayLike | None = None,
    family: Collection[Pair] | None = None,
    seed: int = 0,
    ordinal: bool = False,
    cost_matrix: ArrayLike | None = None,
) -> Comparisons:
    """Compare variants two by two.

    Parameters
    ----------
    variants : mapping of str to Answers
        By name. What the first one was asked is the test set; a variant that was asked anything else is left
        out, and says so.
    pairs : sequence of (str, str)
        Which to compare, as (a, b): differences are a's less b's.
    scores : sequence of str
        Scores of a confusion matrix by their names in ``confusion_scores``, and ``auroc``.
    groups : array, (n,), optional
        As in :func:`xaireport.metrics.scores.evaluate`.
    family : collection of pairs, optional
        Those whose p-values are adjusted together, declared before looking; by default all.
    seed : int
        Of resampling.
    ordinal, cost_matrix
        As in :func:`xaireport.metrics.scores.evaluate`.

    Returns
    -------
    Comparisons
        With percentile intervals of the paired bootstrap (over groups, where there are any), for AUROC those
        of DeLong et al. 1988 (doi:10.2307/2531595); McNemar's exact test of the images that only one of the
        two calls right (McNemar 1947, doi:10.1007/BF02295996), two-sided, images taken as independent; and
        Holm's adjustment (Holm 1979, Scand. J. Stat. 6:65).

    Raises
    ------
    ConfigError
        A pair names a variant that is not among them.
    DataError
        Not as many groups as images.

    Examples
    --------
    Of four images only ``b`` calls the last one right:

    >>> ids, y_true = np.array(list("abcd")), np.array([0, 0, 1, 1])
    >>> a = Answers(ids, y_true, np.eye(2)[[0, 0, 1, 0]])
    >>> b = Answers(ids, y_true, np.eye(2)[[0, 0, 1, 1]])
    >>> found = compare({"a": a, "b": b}, [("a", "b")], ["accuracy"])
    >>> found.differences[0].difference.value, found.tests[0].only_a, found.tests[0].only_b, found.tests[0].p
    (-0.25, 0, 1, 1.0)
    """
    if not variants:
        return Comparisons(intervals.LEVEL, "")
    first = next(iter(variants.values()))
    expected = first.test_sha256
    unknown = {name for pair in pairs for name in pair} - variants.keys()
    if unknown:
        raise ConfigError(f"pairs of {', '.join(variants)}", ", ".join(sorted(unknown)), where="pairs")
    left_out = {
        name: "it was asked another test set: names or labels of the images differ"
        for name, each in variants.items()
        if each.test_sha256 != expected
    } | {
        name: "it knows another number of classes"
        for name, each in variants.items()
        if each.y_prob.shape[1] != first.y_prob.shape[1]
    }
    kept = {name: each for name, each in variants.items() if name not in left_out}
    pairs = [pair for pair in pairs if set(pair) <= kept.keys()]
    # Sorted by name, so that the same images in another order are resampled alike.
    units = np.argsort(np.argsort(first.sample_id)) if groups is None else units_of(groups, len(first.y_true))
    costs = None if cost_matrix is None else np.asarray(cost_matrix, np.float64)
    study = _Study(kept, units, groups is not None, seed, ordinal, costs)
    return Comparisons(
        intervals.LEVEL,
        expected,
        tuple(study.difference(a, b, score) for a, b in pairs for score in scores),
        holm([study.mcnemar(a, b) for a, b in pairs], pairs if family is None else family),
        left_out,
    )


def holm(tests: Sequence[McNemar], family: Collection[Pair]) -> tuple[McNemar, ...]:
    """Adjust the p-values of a family of tests together; the others keep none."""
    inside = sorted((test for test in tests if (test.a, test.b) in family), key=lambda test: test.p)
    adjusted, worst = {}, 0.0
    for rank, test in enumerate(inside):
        worst = max(worst, min(1.0, (len(inside) - rank) * test.p))
        adjusted[test.a, test.b] = worst
    return tuple(replace(test, p_holm=adjusted.get((test.a, test.b))) for test in tests)


class _Study:
    """The variants of a study, resampled once."""

    def __init__(
        self,
        variants: Mapping[str, Answers],
        units: NDArray[np.int64],
        grouped: bool,
        seed: int,
        ordinal: bool,
        costs: NDArray[np.float64] | None,
    ) -> None:
        self._variants, self._units, self._grouped = variants, units, grouped
        self._truth = next(iter(variants.values())).y_true.astype(np.int64)
        self._k = next(iter(variants.values())).y_prob.shape[1]
        self._called = {name: each.y_prob.argmax(axis=1) for name, each in variants.items()}
        self._aurocs: dict[str, tuple[float | None, NDArray[np.float64] | None]] = {}
        cells = {name: self._truth * self._k + called for name, called in self._called.items()}
        whole = {
            name: np.bincount(each, minlength=self._k**2).reshape(1, self._k, self._k)
            for name, each in cells.items()
        }
        found = {name: confusion_scores(each, ordinal=ordinal, costs=costs) for name, each in whole.items()}
        self._value = {
            name: {score: float(values[0]) for score, values in overall(each).items()}
            for name, each in found.items()
        }
        defined = {name: defined_in(each) for name, each in found.items()}
        parts: dict[str, list[dict[str, NDArray[np.float64]]]] = {name: [] for name in variants}
        for weights in intervals.resampled_weights(int(units.max()) + 1, seed, self._k**2):
            for name, each in cells.items():
                sums = intervals.cell_sums(each, self._k**2, units, weights).reshape(-1, self._k, self._k)
                scored = confusion_scores(sums, defined[name], ordinal=ordinal, costs=costs)
                parts[name].append(overall(scored))
        self._resampled = {name: joined(each) for name, each in parts.items()}

    def difference(self, a: str, b: str, score: str) -> Paired:
        """Return the difference of one score."""
        if score == "auroc":
            return self._auroc(a, b)
        value = self._value[a][score] - self._value[b][score]
        if (self._called[a] == self._called[b]).all() and not np.isnan(value):
            return Paired(a, b, score, Difference(value, reason=SAME_CALLS))
        bounds = intervals.percentile(self._resampled[a][score] - self._resampled[b][score])
        found = bounded(value, bounds, "undefined in most resamples")
        how = CLUSTER if self._grouped else PAIRED
        return Paired(a, b, score, found, how if found.lo is not None else "")

    def _auroc(self, a: str, b: str) -> Paired:
        for name in {a, b} - self._aurocs.keys():
            self._aurocs[name] = auroc(self._truth, self._variants[name].y_prob.astype(np.float64))
        groups = self._units if self._grouped else None
        found = auroc_difference(self._aurocs[a], self._aurocs[b], groups)
        how = f"{CLUSTER_DELONG if self._grouped else DELONG}, paired"
        return Paired(a, b, "auroc", found, how if found.lo is not None else "")

    def mcnemar(self, a: str, b: str) -> McNemar:
        """Return the exact test of the images that only one of the two calls right."""
        from scipy.stats import binomtest

        right_a, right_b = (self._called[name] == self._truth for name in (a, b))
        only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
        p = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
        return McNemar(a, b, only_a, only_b, p)
