"""Names of the nodes of a build; each stands here alone."""

from __future__ import annotations

ALL_STUDIES = "all studies"
"""In the place of a study's name, which has no spaces."""


def data(study: str) -> str:
    """Return the name of the node that reads a study's data."""
    return f"data {study}"


def audit(study: str) -> str:
    """Return the name of the node that audits a study's data."""
    return f"audit {study}"


def train(study: str, variant: str, seed: int) -> str:
    """Return the name of one training of a variant."""
    return f"train {study}.{variant} seed {seed}"


def quantise(study: str, variant: str) -> str:
    """Return the name of the node that makes a variant's TFLite file."""
    return f"quantise {study}.{variant}"


def predict(study: str, variant: str, seed: int) -> str:
    """Return the name of the node that asks a variant, as trained with a seed."""
    return f"predict {study}.{variant} seed {seed}"


def evaluate(study: str, variant: str, seed: int) -> str:
    """Return the name of the node that scores a variant, as trained with a seed."""
    return f"evaluate {study}.{variant} seed {seed}"


def agreement(study: str, variant: str) -> str:
    """Return the name of the node that holds a variant's answers beside its parent's."""
    return f"agreement {study}.{variant}"


def comparison(study: str) -> str:
    """Return the name of the node that compares the variants of a study two by two."""
    return f"comparison {study}"


def explain(study: str, variant: str) -> str:
    """Return the name of the node that makes a variant's heatmaps."""
    return f"explain {study}.{variant}"


def trust(study: str, variant: str) -> str:
    """Return the name of the node that judges a variant's heatmaps."""
    return f"trust {study}.{variant}"


def cost(study: str) -> str:
    """Return the name of the node that measures the variants of a study side by side."""
    return f"cost {study}"


def results(study: str) -> str:
    """Return the name of the node that puts a study's evidence together."""
    return f"results {study}"


def figures(study: str) -> str:
    """Return the name of the node that draws a study."""
    return f"figures {study}"


def page(written_as: str, study: str, variant: str = "") -> str:
    """Return the name of the node that writes a page in a format: a variant's, or a study's own."""
    return f"{written_as} {study}.{variant}" if variant else f"{written_as} {study}"


def manifest(study: str) -> str:
    """Return the name of the node that writes a report's manifest."""
    return f"manifest {study}"


def publication(study: str) -> str:
    """Return the name of the step that publishes a study's report."""
    return f"publish {study}"
