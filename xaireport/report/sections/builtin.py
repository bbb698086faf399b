"""The built-in sections, A to P, and the order in which a reader meets them."""

from __future__ import annotations

from xaireport.report.sections import (
    calibration,
    classes,
    comparison,
    crosswalk,
    data,
    errors,
    headline,
    heatmaps,
    identity,
    methods,
    provenance,
    statements,
    subgroups,
    system,
)
from xaireport.report.sections.registry import SectionMaker

BUILTIN: tuple[SectionMaker, ...] = (
    SectionMaker("E", "Scores", headline.make, 10),
    SectionMaker("F", "Per class", classes.make_scores, 20),
    SectionMaker("G", "Confusion matrix", classes.make_confusion, 30),
    SectionMaker("L", "Where the model looks", heatmaps.make, 40),
    SectionMaker("K", "Errors", errors.make, 50),
    SectionMaker("D", "The model and its training", system.make, 60),
    SectionMaker("C", "Data", data.make, 70),
    SectionMaker("A", "Identity", identity.make, 80),
    SectionMaker("P", "Provenance", provenance.make, 90),
    SectionMaker("B", "Intended use", statements.make_use, 72),
    SectionMaker("H", "Ranking and calibration", calibration.make, 35),
    SectionMaker("I", "Paired comparison", comparison.make, 32),
    SectionMaker("J", "Subgroups", subgroups.make, 55),
    SectionMaker("M", "Limits and ethics", statements.make_limits, 92),
    SectionMaker("N", "Methods", methods.make, 95),
    SectionMaker("O", "Reporting guidelines", crosswalk.make, 160),
)
