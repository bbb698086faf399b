"""Average precision of one class against the others, for many weightings of the images at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Ranking:
    """The images in the order of a class's probability.

    Parameters
    ----------
    positive : bool array, (n,)
        Which images are of the class.
    score : float array, (n,)
        Its probability.
    """

    def __init__(self, positive: NDArray[np.bool_], score: NDArray[np.float64]) -> None:
        self.order = np.argsort(-score, kind="stable")
        """The most probable first."""
        falling = -score[self.order]
        self._at = np.flatnonzero(positive[self.order])
        ranks = falling[self._at]
        # Images of one probability are called together, or not at all: each counts at the last of its equals.
        self._ends = np.searchsorted(falling, ranks, side="right") - 1
        self._last = np.searchsorted(ranks, ranks, side="right") - 1

    def average_precision(self, weights: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the average precision of each weighting; NaN where no positive image has weight.

        Parameters
        ----------
        weights : float array, (rows, n)
            Of the images in the order given by ``order``: ``weights[:, ranking.order]``.
        """
        above = np.cumsum(weights, axis=1)[:, self._ends]
        positive = weights[:, self._at]
        hits = np.cumsum(positive, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            precision = np.where(positive > 0, hits[:, self._last] / above, 0)
            return np.asarray(np.einsum("ij,ij->i", positive, precision) / hits[:, -1], np.float64)
