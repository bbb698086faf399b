"""Names and phrases that several parts of the report share. No numbers are made here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from xaireport.report.document.blocks import Inline, Quote, Strong, Text, Tone
from xaireport.report.document.cursor import Cursor, Step
from xaireport.results.labels import is_lower_better as is_lower_better
from xaireport.results.labels import leading_scores as leading_scores
from xaireport.results.labels import rank as rank
from xaireport.results.labels import score_name as score_name
from xaireport.results.labels import sentence_case as sentence_case
from xaireport.results.labels import setting_text as setting_text
from xaireport.types.explainers import EXPLAINER_LABELS

BASELINES: dict[str, tuple[str, str]] = {
    "balanced_accuracy": ("chance", "guessing"),
    "accuracy": ("no_information_rate", "always naming the largest class"),
}
"""Score -> (key under baselines, what the baseline does)."""

STOPPED_BY = {
    "epochs": "all epochs were run",
    "early_stopping": "early stopping",
    "max_minutes": "the time limit given for this run",
}
MODES = {
    "float16": "half-precision weights",
    "dynamic": "dynamic range, after training",
    "int8": "full integer, after training",
    "qat": "full integer, after quantisation-aware training",
}
DEMONSTRATION = "Demonstration on synthetic data"
RIGHT, WRONG = "✓", "✗"


def is_phantom(study: Cursor) -> bool:
    """Whether the data are synthetic."""
    return bool(study.get("data", "source") == "phantom")


def title(place: Cursor, role: str = "text") -> Quote:
    """Return the title of a study or variant; its name where it has none."""
    if place.get("title"):
        return place.quote("title")
    if place.path:
        return place.name("code" if role == "code" else "text")
    return place.quote("study")


def parent_title(study: Cursor, variant: Cursor) -> Quote:
    """Return the title of a variant's parent; its name where the parent itself was not built."""
    parent = variant.get("parent")
    if study.get("variants", parent):
        return title(study.at("variants", parent))
    return variant.quote("parent", role="code")


def kind(place: Cursor) -> Text:
    """Return a variant's architecture, and how it was quantised if it was."""
    parts = []
    if place.get("architecture"):
        parts.append(place.quote("architecture", role="code"))
    if place.get("quantisation"):
        parts.append(place.quote("quantisation", "mode", role="code"))
    return joined(parts) or ("model file brought along",)


def interval(score: Cursor) -> Text:
    """Return the interval of a stored score, lower and upper bound; nothing where there is none."""
    if score.get("lo") is None:
        return ()
    return (score.number("lo"), "–", score.number("hi"))


def signed_interval(place: Cursor) -> Text:
    """Return the interval of a stored difference, with signs; nothing where there is none."""
    if place.get("lo") is None:
        return ()
    return (place.number("lo", form="signed"), " to ", place.number("hi", form="signed"))


def class_name(study: Cursor, index: int) -> Quote:
    """Return the name of a class."""
    return study.quote("classes", index, role="class")


def letter(index: int) -> str:
    """Return a short mark for a class: a … z, aa, ab, …

    >>> letter(0), letter(25), letter(26), letter(99)
    ('a', 'z', 'aa', 'cv')
    """
    mark = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        mark = chr(ord("a") + rest) + mark
    return mark


def joined(parts: Iterable[Inline | Text], by: str = ", ") -> Text:
    """Return the parts with a separator between them."""
    out: list[Inline] = []
    for part in parts:
        if out:
            out.append(by)
        out.extend(part if isinstance(part, tuple) else (part,))
    return tuple(out)


def setting(place: Cursor, *steps: Step) -> Inline:
    """Return a stored setting in the same words, so that what is stored can be told from them."""
    value: Any = place.at(*steps).value
    if value is None or value == "" or isinstance(value, bool):
        return setting_text(value)
    if isinstance(value, int | float):
        return place.number(*steps, form="plain")
    return place.quote(*steps, role="code")


def changes(variant: Cursor) -> Text:
    """Return every setting that differs from the parent's: name, then the parent's value → this one's."""
    return joined(
        (place.name(), ": ", setting(place, "from"), " → ", setting(place, "to"))
        for place in variant.each("changed_from_parent")
    )


def method_name(heatmaps: Cursor) -> str:
    """Return what made the heatmaps; of a TFLite file, that its own activations and weights did."""
    method = str(heatmaps.get("method"))
    base = method.removesuffix("-hybrid")
    name = EXPLAINER_LABELS.get(base, base)
    return name if base == method else f"{name}, hybrid (activations and weights of the file itself)"


def grid(heatmaps: Cursor) -> Text:
    """Return the cells of a heatmap's grid, such as 7 × 7."""
    return joined((heatmaps.number("grid", i, form="count") for i in range(len(heatmaps.get("grid")))), " × ")


def lean(value: float | None, score: str = "") -> Tone:
    """Return which way a difference leans; none where it rounds to nothing."""
    if value is None or abs(value) < 0.0005:
        return ""
    return "good" if (value > 0) != is_lower_better(score) else "bad"


def difference(place: Cursor, *steps: Step, score: str = "") -> Strong:
    """Return a signed difference, coloured by which way it leans."""
    number = place.number(*steps, form="signed")
    return Strong((number,), lean(number.value, score))
