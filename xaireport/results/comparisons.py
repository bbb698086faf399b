"""Comparisons of variants as results.json holds them: a row per pair and score, and what it comes to.

The numbers are given; the sentences round them as the pages do.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from xaireport.results.labels import is_lower_better, leading_scores, score_name, sentence_case, setting_text
from xaireport.results.numerals import text
from xaireport.types.comparison import Comparisons
from xaireport.types.evidence import Skipped

if TYPE_CHECKING:
    from xaireport.study_schema import StudySpec
    from xaireport.types.comparison import Paired
    from xaireport.types.evidence import Difference

    Pair = tuple[str, str]
    Changed = Mapping[str, tuple[Any, Any]]

ALPHA = 0.05
"""Of the tests; their p-values are adjusted for the whole family first."""
FLOOR = 0.001
"""Smaller p-values are printed as less than this."""
FAMILIES = {"all": "all pairs of variants", "parents": "each variant with its parent"}


def comparisons(
    study: StudySpec,
    found: Comparisons | None,
    changed: Mapping[Pair, Changed],
    headline: Mapping[str, float | None],
) -> dict[str, Any]:
    """Return ``comparisons`` (rows) and ``comparison`` (what holds for all of them, or why there are none).

    Parameters
    ----------
    study : StudySpec
        Names the headline score, the family and the margin.
    found : Comparisons, optional
        None where there was nothing to compare.
    changed : mapping of (a, b) to mapping
        Every setting that differs: key -> (b's, a's).
    headline : mapping of str to float or None
        The headline score of each variant that the report shows; pairs with others are left out.
    """
    inside = [test for test in found.tests if test.p_holm is not None] if found is not None else []
    if found is not None:
        found = replace(
            found,
            differences=tuple(one for one in found.differences if {one.a, one.b} <= headline.keys()),
            tests=tuple(test for test in found.tests if {test.a, test.b} <= headline.keys()),
        )
    if found is None or not found.tests:
        alone = "only one variant was finished: there is nothing to compare it with"
        why = "; ".join(found.left_out.values()) if found and found.left_out else alone
        skipped = Skipped("comparison", why, "a study of two variants or more is compared")
        return {"comparisons": [], "comparison": {"skipped": asdict(skipped)}}
    titles = {name: _named(spec.title or name) for name, spec in study.variants.items()}
    tests = {(test.a, test.b): test for test in found.tests}
    by_pair: dict[Pair, list[Paired]] = {}
    for each in found.differences:
        by_pair.setdefault((each.a, each.b), []).append(each)
    within = f"{text(found.level, 'percent')} interval"
    told = {
        pair: sentence(study, titles, each, changed.get(pair, {}), within) for pair, each in by_pair.items()
    }
    rows = []
    for pair, of_pair in by_pair.items():
        for one in of_pair:
            tested = tests[pair] if one.score == "accuracy" else None
            rows.append(
                {
                    "a": one.a,
                    "b": one.b,
                    "score": one.score,
                    "difference": one.difference.value,
                    "lo": one.difference.lo,
                    "hi": one.difference.hi,
                    "p_mcnemar": tested.p if tested else None,
                    "p_holm": tested.p_holm if tested else None,
                    "non_inferior": non_inferior(one, study.margin),
                    "margin": study.margin,
                    "changed": list(changed.get(pair, {})),
                    "sentence": told[pair],
                    "method": one.method,
                    "reason": one.difference.reason,
                }
            )
    apart = sum(test.p_holm is not None and test.p_holm <= ALPHA for test in inside)
    return {
        "comparisons": rows,
        "comparison": {
            "level": found.level,
            "test_sha256": found.test_sha256,
            "family": FAMILIES[study.family],
            "family_size": len(inside),
            "told_apart": apart,
            "alpha": ALPHA,
            "p_floor": FLOOR,
            "margin": study.margin,
            "discordant": [
                {"a": test.a, "b": test.b, "only_a": test.only_a, "only_b": test.only_b}
                for test in found.tests
            ],
            "left_out": dict(found.left_out),
            "sentence": _of_study(study, titles, headline, told, len(inside), apart),
        },
    }


def _named(title: str) -> str:
    """A title with a comma would fall apart in a sentence."""
    return f"“{title}”" if "," in title else title


def non_inferior(one: Paired, margin: float | None) -> bool | None:
    """Whether the lower bound of the difference lies above minus the margin; None where nobody can say."""
    lo, hi = one.difference.lo, one.difference.hi
    if margin is None or lo is None or hi is None or one.score == "expected_cost":
        return None  # a margin is a share of a score; costs have a unit of their own
    return (hi < margin) if is_lower_better(one.score) else (lo > -margin)


def sentence(
    study: StudySpec, titles: Mapping[str, str], pair: Sequence[Paired], changed: Changed, within: str
) -> str:
    """Return what a comparison comes to: gains, losses, the margin, and every setting that differs.

    Parameters
    ----------
    study : StudySpec
        Names the headline score and the margin.
    titles : mapping of str to str
        Of the variants.
    pair : sequence of Paired
        Its scores.
    changed : mapping
        Every setting that differs.
    within : str
        What an interval is called, with its level.
    """
    first, second = titles[pair[0].a], titles[pair[0].b]
    shown = [one for score in leading_scores(study.headline) for one in pair if one.score == score]
    # Gains and losses first, so that what speaks for and against stands side by side.
    by_verb = {verb: [one for one in shown if _clear(one.difference) == verb] for verb in ("gains", "loses")}
    parts = [
        f"{verb} {_listed([_amount(one, within) for one in ones])}" for verb, ones in by_verb.items() if ones
    ]
    unclear = [_unclear(one, within) for one in shown if not _clear(one.difference)]
    if unclear:
        parts.append(f"shows no clear difference in {_listed(unclear)}")
    said = f"{first} {_listed(parts)} against {second}"
    said += f"; {_settings(changed)}."
    leading = next((one for one in shown if one.score == study.headline), None)
    if leading is not None and study.margin is not None:
        verdict = non_inferior(leading, study.margin)
        margin = text(study.margin, "plain")
        if verdict is not None:
            holds = "is no worse than" if verdict else "is not shown to be no worse than"
            said += f" By {score_name(study.headline)} it {holds} {second} within the margin of {margin}."
    return said


def _of_study(
    study: StudySpec,
    titles: Mapping[str, str],
    headline: Mapping[str, float | None],
    told: Mapping[Pair, str],
    family: int,
    apart: int,
) -> str:
    known = {name: value for name, value in headline.items() if value is not None}
    counted = (
        f"{apart} of {family} {'pair is' if family == 1 else 'pairs are'} told apart by accuracy "
        f"({FAMILIES[study.family]}; McNemar's exact test, adjusted after Holm)."
    )
    ranked = sorted(known, key=lambda name: -known[name])
    for pair in itertools.permutations(ranked[:2], 2):
        if pair in told:
            leads = f"{sentence_case(score_name(study.headline))} puts {titles[ranked[0]]} first"
            return f"{leads}, {titles[ranked[1]]} second. {told[pair]} {counted}"
    return counted


def _clear(difference: Difference) -> str:
    """Return the verb of a difference whose interval leaves out zero."""
    if difference.value is None or difference.lo is None or difference.hi is None:
        return ""
    return "gains" if difference.lo > 0 else "loses" if difference.hi < 0 else ""


def _amount(one: Paired, within: str) -> str:
    difference = one.difference
    value, lo, hi = (float(each or 0) for each in (difference.value, difference.lo, difference.hi))
    if value < 0:
        value, lo, hi = -value, -hi, -lo
    bounds = f"{text(lo, 'score')} to {text(hi, 'score')}"
    return f"{text(value, 'score')} {score_name(one.score)} ({within} {bounds})"


def _unclear(one: Paired, within: str) -> str:
    difference = one.difference
    if difference.value is None:
        return f"{score_name(one.score)} ({difference.reason})"
    value = text(difference.value, "signed")
    if difference.lo is None:
        return f"{score_name(one.score)} ({value}; {difference.reason})"
    bounds = f"{text(difference.lo, 'signed')} to {text(difference.hi, 'signed')}"
    return f"{score_name(one.score)} ({value}, {within} {bounds})"


def _settings(changed: Changed) -> str:
    sides = {key: tuple(map(setting_text, both)) for key, both in changed.items()}
    told = ", ".join(f"{key} {before} → {after}" for key, (before, after) in sides.items())
    if not changed:
        return "no setting differs"
    return f"one setting differs: {told}" if len(changed) == 1 else f"{len(changed)} settings differ: {told}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
