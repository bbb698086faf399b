"""The verdict: what a variant and a study come to, in words. Every number in it stands in results.json."""

from __future__ import annotations

from collections.abc import Mapping

from xaireport.report.document.blocks import Strong, Text, Tone
from xaireport.report.document.cursor import Cursor
from xaireport.report.document.phrases import (
    BASELINES,
    changes,
    class_name,
    difference,
    grid,
    interval,
    is_lower_better,
    is_phantom,
    leading_scores,
    lean,
    method_name,
    parent_title,
    score_name,
    sentence_case,
    signed_interval,
    title,
)
from xaireport.report.sections import agreement, clean, comparison, trust
from xaireport.report.sections.cells import leaning


def of_variant(study: Cursor, variant: Cursor) -> tuple[Text, ...]:
    """Return the verdict on one variant, most important first.

    Of a quantised variant that is whether it may replace its parent, unless it is no better than guessing.
    """
    reached = headline(study, variant)
    worthless = isinstance(reached[0], Strong) and reached[0].tone == "bad"
    itself = (reached, leaked(study, variant))
    replaces = (against_parent(study, variant), deployed(study, variant))
    first = (*replaces, *itself) if variant.get("quantisation") and not worthless else (*itself, *replaces)
    sentences = (
        *first,
        settings_that_differ(study, variant),
        worst_class(study, variant),
        heatmaps(variant),
    )
    return tuple(sentence for sentence in sentences if sentence)


def headline(study: Cursor, variant: Cursor) -> Text:
    """Return the headline score beside what a model that knows nothing would reach."""
    name = study.get("headline", "score")
    score = variant.at("scores", name).score()
    label = score_name(name)
    where = " on synthetic data" if is_phantom(study) else ""
    if score.value is None:
        why = (": ", variant.at("scores", name).quote("reason")) if score.reason else ()
        return (Strong((f"The headline score, {label}, could not be computed",), "bad"), *why, ".")
    n = (" (n\u00a0=\u00a0", variant.number("scores", name, "n", form="count"), " test images)")
    stored = variant.at("scores", name)
    bounds = interval(stored)
    within: Text = (
        (" (", stored.number("level", form="percent"), " interval ", *bounds, ")") if bounds else ()
    )
    if name not in BASELINES:
        return (Strong((sentence_case(label), " ", score)), where, *within, *n, ".")
    key, does = BASELINES[name]
    naive = study.number("baselines", key)
    low = stored.get("lo", default=score.value)
    if naive.value is not None and score.value <= naive.value:
        said: Text = (Strong((f"No better than {does}",), "bad"), f"{where}: {label} ", score, *within)
    elif naive.value is not None and low <= naive.value:
        said = (Strong((f"Not shown to be better than {does}",), "bad"), f"{where}: {label} ", score, *within)
    else:
        said = (Strong((f"Better than {does}",)), f"{where}: {label} ", Strong((score,)), *within)
    return (*said, f", where {does} reaches ", naive, *n, ".", *_below_largest(study, variant, name))


def _below_largest(study: Cursor, variant: Cursor, headline_score: str) -> Text:
    """Say so where accuracy does not reach what always naming the largest class would."""
    key, does = BASELINES["accuracy"]
    accuracy, naive = variant.at("scores", "accuracy").score(), study.number("baselines", key)
    if headline_score == "accuracy" or accuracy.value is None or naive.value is None:
        return ()
    if accuracy.value > naive.value:
        return ()
    return (
        " ",
        Strong((f"Accuracy is no better than {does}",), "bad"),
        ": ",
        accuracy,
        " against ",
        naive,
        ".",
    )


def leaked(study: Cursor, variant: Cursor) -> Text:
    """Return what of the test set is not new to the model, and the headline score without it."""
    told = clean.leak(study)
    if not told:
        return ()
    name = study.get("headline", "score")
    place = variant.at("clean", "train") if variant.get("clean") else None
    if place is None or place.get("scores", name, "value") is None:
        return (*told, ".")
    score = place.at("scores", name)
    bounds = interval(score)
    said: Text = (
        *told,
        f"; without these {score_name(name)} is ",
        Strong((score.score(),)),
        *((" (", *bounds, ")") if bounds else ()),
        ", n\u00a0=\u00a0",
        place.number("n", form="count"),
    )
    if place.get("differences", name, "value") is None:
        return (*said, ".")
    changed = difference(place, "differences", name, "value", score=name)
    within = signed_interval(place.at("differences", name))
    return (*said, "; difference ", changed, *((" (", *within, ")") if within else ()), ".")


def against_parent(study: Cursor, variant: Cursor) -> Text:
    """Return the difference to the parent, and say so where two scores disagree about which is better."""
    rows = comparison.rows_of(study, str(variant.path[-1]), str(variant.get("parent") or ""))
    return _paired(study, variant, rows) if rows else _unpaired(study, variant)


def _paired(study: Cursor, variant: Cursor, rows: Mapping[str, Cursor]) -> Text:
    """Say better or worse only where the interval of the difference leaves out zero."""
    scores = [score for score in leading_scores(study.get("headline", "score")) if score in rows]
    parent = parent_title(study, variant)
    leans = {score: leaning(rows[score], "difference", score) for score in scores}
    first, rest = scores[0], scores[1:]
    how = {"good": "Better than", "bad": "Worse than", "": "Not told apart from"}[leans[first]]
    tone: Tone = leans[first]
    said: Text = (
        Strong((how, " ", parent), tone),
        f" by {score_name(first)}: ",
        *comparison.told(rows[first], first),
    )
    for score in rest:
        if {leans[first], leans[score]} == {"good", "bad"}:
            word = "better" if leans[score] == "good" else "worse"
            disagree = f"The scores disagree: by {score_name(score)} it is {word}"
            said += (". ", Strong((disagree,), "bad"), ", ", *comparison.told(rows[score], score))
        else:
            said += (f"; {score_name(score)} ", *comparison.told(rows[score], score))
    return (*said, ".", *_no_worse(study, rows[first], first))


def _no_worse(study: Cursor, row: Cursor, score: str) -> Text:
    """Return whether the loss stays within the margin that the study declares."""
    holds = row.get("non_inferior")
    if holds is None:
        return ()
    margin = study.number("comparison", "margin", form="plain")
    if holds:
        return (f" By {score_name(score)} it is no worse, within the margin of ", margin, ".")
    return (" ", Strong(("It is not shown to be no worse",), "bad"), ", by a margin of ", margin, ".")


def _unpaired(study: Cursor, variant: Cursor) -> Text:
    if not variant.get("parent") or not variant.get("parent_difference"):
        return ()
    scores = leading_scores(study.get("headline", "score"))
    known = [score for score in scores if variant.get("parent_difference", score) is not None]
    if not known:
        return ()
    parent = parent_title(study, variant)
    leans = {score: lean(variant.get("parent_difference", score), score) for score in known}
    first, rest = known[0], known[1:]
    how = {"good": "Better than", "bad": "Worse than", "": "Level with"}[leans[first]]
    said: Text = (
        Strong((how, " ", parent), leans[first]),
        f" by {score_name(first)}: ",
        difference(variant, "parent_difference", first, score=first),
    )
    against = [score for score in rest if {leans[first], leans[score]} == {"good", "bad"}]
    if not against:
        for score in rest:
            said += (f", {score_name(score)} ", difference(variant, "parent_difference", score, score=score))
        return (*said, ".")
    for score in against:
        word = "better" if leans[score] == "good" else "worse"
        said += (
            ". ",
            Strong((f"The scores disagree: by {score_name(score)} it is {word}",), "bad"),
            ", ",
            difference(variant, "parent_difference", score, score=score),
        )
    return (*said, ".")


def deployed(study: Cursor, variant: Cursor) -> Text:
    """Return what quantisation gave and took, for whoever wants to know whether it may replace its parent."""
    if not variant.get("quantisation"):
        return ()
    said: Text = ()
    if variant.get("size_ratio") is not None:
        latency = variant.at("cost", "latency", 0)
        said = (
            Strong((variant.number("size_ratio", form="ratio"), " the bytes")),
            " and ",
            Strong((variant.number("latency_ratio", form="ratio"), " the time")),
            " of its parent as a float32 TFLite file (batch ",
            latency.number("batch", form="count"),
            ", ",
            latency.number("threads", form="count"),
            " thread): ",
        )
    return (*said, *agreement.sentence(study, variant))


def settings_that_differ(study: Cursor, variant: Cursor) -> Text:
    """Return all settings that differ from the parent, so that nobody takes two changes for one."""
    if not variant.get("parent"):
        return ()
    parent = parent_title(study, variant)
    changed = variant.get("changed_from_parent") or {}
    if not changed:
        return ("No setting differs from ", parent, ".")
    if variant.get("quantisation"):
        return ("Made from ", parent, ": ", *changes(variant), ".")
    if len(changed) == 1:
        return ("One setting differs from ", parent, ": ", *changes(variant), ".")
    return (
        "More than one setting differs from ",
        parent,
        ", so the difference cannot be laid to any one of them: ",
        *changes(variant),
        ".",
    )


def worst_class(study: Cursor, variant: Cursor) -> Text:
    """Return the class that is missed most, and what it is taken for."""
    recalls = [
        (row["recall"]["value"], i)
        for i, row in enumerate(variant.get("per_class"))
        if row["recall"]["value"] is not None
    ]
    if not recalls:
        return ()
    _, worst = min(recalls)
    place = variant.at("per_class", worst)
    said: Text = (
        "Recall is lowest for ",
        Strong((class_name(study, worst), " (", place.score("recall"), ")"), "bad"),
        ", n\u00a0=\u00a0",
        place.number("n", form="count"),
    )
    taken_for = [
        (count, -j) for j, count in enumerate(variant.get("confusion", worst)) if j != worst and count > 0
    ]
    if not taken_for:
        return (*said, ".")
    most = -max(taken_for)[1]
    share = variant.number("confusion_normalised", worst, most, form="percent")
    return (*said, ": ", share, " of them are called ", class_name(study, most), ".")


def heatmaps(variant: Cursor) -> Text:
    """Return how the heatmaps were made and how many are empty."""
    place = variant.at("heatmaps")
    if place.get("skipped"):
        return ("There are no heatmaps: ", place.quote("skipped", "reason"), ".")
    zero: Text = (
        place.number("zero_maps", form="count"),
        " of ",
        place.number("n", form="count"),
        " maps show no positive evidence",
    )
    where: Text = (" at layer ", place.quote("layer", role="code")) if place.get("layer") else ()
    said: Text = (
        f"Heatmaps: {method_name(place)}",
        *where,
        " (",
        *grid(place),
        " cells); ",
        *((Strong(zero, "bad"),) if 2 * place.get("zero_maps") > place.get("n") else zero),
        ". ",
    )
    if not place.get("verdict"):
        return (*said, "Whether they can be trusted has not been tested.")
    return (*said, "Can they be trusted? They ", trust.outcome(place), ".")


def of_study(study: Cursor) -> Text:
    """Return the verdict on a study in one sentence: which variant leads, and whether the scores agree."""
    name = study.get("headline", "score")
    where = "On synthetic data, " if is_phantom(study) else ""
    best = _leader(study, name)
    if best is None:
        return (Strong(("No variant of this study has a headline score",), "bad"), ".")
    place = study.at("variants", best)
    said: Text = (
        where,
        Strong((title(place),)),
        " leads by " if len(study.get("variants")) > 1 else " reaches ",
        score_name(name),
        ", ",
        Strong((place.at("scores", name).score(),)),
    )
    if name in BASELINES:
        key, does = BASELINES[name]
        said += (f" ({does}: ", study.number("baselines", key), ")")
    said += _runner_up(study, name, best)
    other = "accuracy" if name != "accuracy" else "balanced_accuracy"
    rival = _leader(study, other)
    if rival is not None and rival != best:
        at = study.at("variants", rival)
        said += (
            "; ",
            Strong((f"by {score_name(other)} it is ", title(at)), "bad"),
            ", ",
            at.at("scores", other).score(),
            " against ",
            place.at("scores", other).score(),
        )
    return (*said, ".")


def _runner_up(study: Cursor, score: str, best: str) -> Text:
    """Say so where the next best is not told apart from the best: then the lead may be chance."""
    next_best = _leader(study, score, but=best)
    if next_best is None:
        return ()
    pair = (best, next_best)
    row = next(
        (rows[score] for a, b in (pair, pair[::-1]) if score in (rows := comparison.rows_of(study, a, b))),
        None,
    )
    if row is None or leaning(row, "difference", score):
        return ()
    return (", ", Strong(("not told apart from ", title(study.at("variants", next_best)))))


def _leader(study: Cursor, score: str, but: str = "") -> str | None:
    """Return the variant with the best value of a score, the first of equals; one may be left out."""
    values = {
        place.path[-1]: place.get("scores", score, "value")
        for place in study.each("variants")
        if place.get("scores", score, "value") is not None and place.path[-1] != but
    }
    if not values:
        return None
    pick = min if is_lower_better(score) else max
    return str(pick(values, key=lambda name: values[name]))
