"""Two models on the same images: where they say the same, and which images changed sides. Counts only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from xaireport.errors import DataError
from xaireport.types.comparison import Agreement, ClassChange, Flip

if TYPE_CHECKING:
    from xaireport.types.data import Floats, Ints, Strings


def agreement(
    sample_id: Strings, y_true: Ints, first: Floats, second: Floats, classes: Sequence[str]
) -> Agreement:
    """Compare what two models call each image.

    Parameters
    ----------
    sample_id : str array, (n,)
    y_true : int array, (n,)
    first, second : float array, (n, K)
        Their probabilities of the same images in the same order.
    classes : sequence of str, (K,)

    Returns
    -------
    Agreement
        The flips are ordered by what they did to the second model (lost, gained, neither), the surest first.

    Raises
    ------
    DataError
        The arrays do not belong together, or are empty.

    Examples
    --------
    Of four images the second model loses one and gains none:

    >>> y_true = np.array([0, 0, 1, 1])
    >>> first = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    >>> second = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.6, 0.4]])
    >>> found = agreement(np.array(["a", "b", "c", "d"]), y_true, first, second, ("no", "yes"))
    >>> found.same, found.n, [(flip.sample_id, flip.effect) for flip in found.flips]
    (3, 4, [('b', 'lost')])
    """
    n, k = len(y_true), len(classes)
    if not n or first.shape != (n, k) or second.shape != (n, k) or len(sample_id) != n:
        raise DataError(
            "labels, names and two sets of probabilities of the same images",
            f"{len(sample_id)} names, {n} labels, probabilities of shape {first.shape} and {second.shape}",
        )
    one, two = first.argmax(axis=1), second.argmax(axis=1)
    right_one, right_two = one == y_true, two == y_true
    changes = []
    for index, label in enumerate(classes):
        of_class = y_true == index
        changes.append(
            ClassChange(
                label=label,
                n=int(of_class.sum()),
                right_from=int((of_class & right_one).sum()),
                right_to=int((of_class & right_two).sum()),
                gained=int((of_class & right_two & ~right_one).sum()),
                lost=int((of_class & right_one & ~right_two).sum()),
            )
        )
    flips = [
        Flip(
            sample_id=str(sample_id[i]),
            y_true=int(y_true[i]),
            y_from=int(one[i]),
            y_to=int(two[i]),
            p_from=float(first[i, one[i]]),
            p_to=float(second[i, two[i]]),
            effect=_effect(bool(right_one[i]), bool(right_two[i])),
        )
        for i in np.flatnonzero(one != two)
    ]
    order = {"lost": 0, "gained": 1, "neither": 2}
    flips.sort(key=lambda flip: (order[flip.effect], -flip.p_to, flip.sample_id))
    return Agreement(n, int((one == two).sum()), tuple(changes), tuple(flips))


def _effect(before: bool, after: bool) -> Literal["gained", "lost", "neither"]:
    if before == after:  # two wrong answers: two right ones are no flip
        return "neither"
    return "gained" if after else "lost"
