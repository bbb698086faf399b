"""What is drawn for intervals: the same bits on every NumPy, by the right law, and drawn in one place."""

from __future__ import annotations

import ast
import hashlib
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, multinomial

from xaireport import metrics
from xaireport.metrics import intervals

FIRST = 1000
NEVER = 1e-12
"""A share of runs in which a right law would be taken for a wrong one."""
MODULES = sorted(Path(metrics.__path__[0]).glob("*.py"))


def first(parts: Iterable[Any], rows: int = FIRST) -> Any:
    """The first rows of what comes in parts."""
    kept, have = [], 0
    for part in parts:
        kept.append(part)
        have += len(part)
        if have >= rows:
            break
    return np.concatenate(kept)[:rows]


def every(confusion: Any, seed: Any = 0) -> Any:
    return first(intervals.resampled_confusions(confusion, seed), intervals.RESAMPLES)


def sha256(values: Any, dtype: str) -> str:
    return hashlib.sha256(np.ascontiguousarray(values, dtype).tobytes()).hexdigest()


# --- the bits -----------------------------------------------------------------------------------------------

WEIGHTS: dict[tuple[int, Any], str] = {
    (1, 0): "0feb47d98f016239ae6a849bbc96a5f43ce6f4ff6370ff93b4ad2ce8c68fff93",
    (7, 3): "1dfacfece7fa5689f4a9c31fb2c352136df26afbdee9aed9f1e0ac3b04bc6781",
    (298, 0): "3d2cfe8d4f840b6a3c553275fac55cc02fd073b3f76a12a1430ae6e6b94f6280",
    (2004, (0, 8)): "23ae6eb07ea2948dfda9c9a79c00df346dab4701c523d3af7f7b2668f05ec5cb",
}


@pytest.mark.parametrize(("n_groups", "seed"), WEIGHTS, ids=str)
def test_the_first_weights_are_the_same_on_every_numpy(n_groups: int, seed: Any) -> None:
    """The same with 2.0.2 and 2.5.5. Who has to change these changes every published interval."""
    drawn = first(intervals.resampled_weights(n_groups, seed))
    assert sha256(drawn, "<u2") == WEIGHTS[n_groups, seed]


CONFUSIONS = {
    "two classes": (
        [[198, 31], [33, 36]],
        0,
        "72c8d25f473987ee5d63a5d450249f484fb74a11d08a0216829ef266667db431",
    ),
    "three, of which one is never shown": (
        [[5, 0, 2], [0, 0, 0], [1, 3, 9]],
        7,
        "f4274e0644770e0cc086fefefd6436e4dc7d8928890186b36546d8c570d5890c",
    ),
    "ten, of a thousand each": (
        (845 * np.eye(10, dtype=int) + np.eye(10, k=1, dtype=int) * 155).tolist(),
        (0, 3),
        "7627d7c0ac51f43ddf90da217785c05699c1de8d386177a07fd76fca5b3e6258",
    ),
}


@pytest.mark.parametrize("name", CONFUSIONS)
def test_the_first_confusions_are_the_same_on_every_numpy(name: str) -> None:
    confusion, seed, expected = CONFUSIONS[name]
    drawn = first(intervals.resampled_confusions(np.array(confusion), seed))
    assert sha256(drawn, "<u2") == expected


FRACTIONS = {
    (1, 0): "9fea72e1d3e79688314ce69e2f60fdcd953ec5df60b345cd94c5ef3b7a858a85",
    (298, 0): "14edbbbd51f1805434ce594ddf28fea759a633e36d5e3591616371282036498b",
    (2004, 7): "58e96b75b5f4a255747218a7ad4fe8574dfd59565fd22a9db9ab26fdb5a3d844",
}


@pytest.mark.parametrize(("n", "seed"), FRACTIONS, ids=str)
def test_the_first_fractions_are_the_same_on_every_numpy(n: int, seed: int) -> None:
    drawn = np.concatenate(list(intervals.fractions(n, seed, FIRST // 10)))
    assert ((drawn >= 0) & (drawn < 1)).all()
    assert sha256(drawn, "<f8") == FRACTIONS[n, seed]


@pytest.mark.parametrize("chunk", [1, 500])
def test_how_many_come_at_a_time_changes_no_draw(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 60)
    confusion = np.array([[7, 0], [3, 5]])
    expected = every(confusion, 4), np.concatenate(list(intervals.resampled_weights(77, 4)))
    monkeypatch.setattr(intervals, "CHUNK", chunk)
    np.testing.assert_array_equal(every(confusion, 4), expected[0])
    np.testing.assert_array_equal(np.concatenate(list(intervals.resampled_weights(77, 4))), expected[1])


@pytest.mark.parametrize(("n", "k"), [(300, 2), (20, 12)])
def test_confusions_keep_within_the_memory_they_are_given(
    n: int, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intervals, "CHUNK", 3000)
    confusion = np.bincount(np.arange(n) % k**2, minlength=k**2).reshape(k, k)
    parts = list(intervals.resampled_confusions(confusion, 0))
    assert all(len(part) * max(n, k**2) <= 3000 for part in parts)
    assert np.concatenate(parts).shape == (intervals.RESAMPLES, k, k)


# --- the law ------------------------------------------------------------------------------------------------

cells_of = st.integers(1, 4).flatmap(
    lambda k: st.lists(st.integers(0, 30), min_size=k**2, max_size=k**2).filter(any)
)
seeds = st.integers(0, 2**32 - 1)


def square(cells: list[int]) -> Any:
    k = round(len(cells) ** 0.5)
    return np.array(cells).reshape(k, k)


@settings(max_examples=40, deadline=None)
@given(cells_of, seeds)
def test_a_confusion_is_drawn_as_its_images_are(cells: list[int], seed: int) -> None:
    """Image by image, sorted by cell: as many as there are, and none where there is none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "RESAMPLES", 50)
        drawn = every(square(cells), seed).reshape(50, -1)
        weights = np.concatenate(list(intervals.resampled_weights(sum(cells), seed)))
    cell_of = np.repeat(np.arange(len(cells)), cells)
    expected = np.zeros((50, len(cells)))
    for image, cell in enumerate(cell_of.tolist()):
        expected[:, cell] += weights[:, image]
    np.testing.assert_array_equal(drawn, expected)
    assert (drawn.sum(axis=1) == sum(cells)).all()
    assert not drawn[:, np.array(cells) == 0].any()


@settings(max_examples=25, deadline=None)
@given(cells_of, seeds)
def test_means_and_covariances_are_those_of_the_multinomial(cells: list[int], seed: int) -> None:
    """Means by Pearson's chi-square; each covariance within seven of its own standard errors.

    Seven, where normal errors would ask for less: a product of two rare cells is skewed, and the mean of
    10,000 of them is so by a hundredth of that.
    """
    n, shares = sum(cells), np.array(cells) / sum(cells)
    drawn = every(square(cells), seed).reshape(intervals.RESAMPLES, -1)
    off = drawn - n * shares  # from what is expected exactly, so that no degree of freedom is lost
    shown = shares > 0
    statistic = len(drawn) * (off.mean(axis=0)[shown] ** 2 / (n * shares[shown])).sum()
    if shown.sum() > 1:
        assert statistic < chi2.isf(NEVER, shown.sum() - 1)
    covariance = n * (np.diag(shares) - np.outer(shares, shares))
    for i, j in itertools.combinations_with_replacement(np.flatnonzero(shown), 2):
        products = off[:, i] * off[:, j]
        error = products.std() / len(products) ** 0.5
        assert abs(products.mean() - covariance[i, j]) <= 7 * error + 1e-9, (i, j)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=4, max_size=4).filter(lambda cells: 0 < sum(cells) <= 4), seeds)
def test_every_outcome_comes_up_as_often_as_the_multinomial_says(cells: list[int], seed: int) -> None:
    """At most four images: all outcomes listed, the rare ones (less than ten expected) taken together."""
    n, shares = sum(cells), np.array(cells) / sum(cells)
    drawn, counts = np.unique(every(square(cells), seed).reshape(-1, 4), axis=0, return_counts=True)
    seen = {tuple(row): int(count) for row, count in zip(drawn.astype(int).tolist(), counts, strict=True)}
    outcomes = [row for row in itertools.product(range(n + 1), repeat=4) if sum(row) == n]
    chances = multinomial.pmf(outcomes, n, shares)
    expected = intervals.RESAMPLES * np.nan_to_num(chances)
    found = np.array([seen.get(row, 0) for row in outcomes])
    assert found.sum() == intervals.RESAMPLES
    assert not found[expected == 0].any()
    rare = expected < 10
    pairs = [*zip(found[~rare], expected[~rare], strict=True)]
    if expected[rare].sum() >= 10:
        pairs.append((found[rare].sum(), expected[rare].sum()))
    statistic = sum((one - other) ** 2 / other for one, other in pairs)
    assert statistic <= (chi2.isf(NEVER, len(pairs) - 1) if len(pairs) > 1 else 1e-9)


# --- the place ----------------------------------------------------------------------------------------------

METHODS = {name for name in dir(np.random.Generator) if not name.startswith("_")}


def drawing(source: str) -> set[str]:
    """Everything in a module that draws: modules, methods of a Generator, SciPy's and scikit-learn's."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names if each.name in ("random", "secrets", "numpy.random")}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} & {"random", "secrets", "numpy.random"}
            found |= {each.name for each in node.names} & {
                "random",
                "bootstrap",
                "permutation_test",
                "resample",
            }
        elif isinstance(node, ast.Attribute):
            if node.attr == "random" and ast.unparse(node.value) in ("np", "numpy"):
                found.add("numpy.random")
            elif node.attr in METHODS | {"rvs", "default_rng", "random_raw"}:
                found.add(node.attr)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_only_one_module_draws_and_only_whole_numbers(path: Path) -> None:
    expected = {"numpy.random", "integers"} if path.name == "intervals.py" else set()
    assert drawing(path.read_text("utf-8")) == expected


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("rng.multinomial(3, p)", {"multinomial"}),
        ("self._rng.choice(3)", {"choice"}),
        ("rng.random(3)", {"random"}),
        ("np.random.default_rng(0).permutation(3)", {"numpy.random", "default_rng", "permutation"}),
        ("draw = generator.shuffle", {"shuffle"}),
        ("from numpy import random", {"random"}),
        ("from numpy.random import PCG64", {"numpy.random"}),
        ("import random", {"random"}),
        ("from scipy.stats import bootstrap", {"bootstrap"}),
        ("norm.rvs(3)", {"rvs"}),
        ("from scipy.stats import rankdata; values.mean()", set()),
    ],
)
def test_another_way_to_draw_would_be_seen(source: str, seen: set[str]) -> None:
    assert drawing(source) == seen
