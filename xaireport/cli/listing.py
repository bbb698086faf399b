"""What `xaireport list` shows: studies, variants, and the trained models that exist. Builds nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from xaireport.errors import ConfigError
from xaireport.study.find import discover
from xaireport.study.load import load_study
from xaireport.study_schema import StudySpec, VariantSpec

MODELS = Path("models")
OWN_MODEL = "own model"
MODEL_FILES = ("model.keras", "model.tflite", "model-*.keras", "model-*.tflite")


@dataclass(frozen=True)
class ListedVariant:
    """A variant, and its trained files that exist."""

    name: str
    title: str
    summary: str
    parent: str
    architecture: str
    quantise: str
    models: tuple[str, ...]


@dataclass(frozen=True)
class ListedStudy:
    """A study and its variants."""

    name: str
    title: str
    file: str
    data: str
    headline: str
    variants: tuple[ListedVariant, ...]


def studies() -> tuple[list[ListedStudy], list[ConfigError]]:
    """Return every study, and what is wrong with the files that cannot be read as one."""
    listed: list[ListedStudy] = []
    problems: list[ConfigError] = []
    for path in discover().values():
        try:
            listed.append(_listed(load_study(path), path))
        except ConfigError as error:
            problems.append(error)
    return listed, problems


def as_text(listed: list[ListedStudy]) -> str:
    """Return the list for readers, in columns."""
    blocks = []
    for study in listed:
        rows = [
            (f"{study.name}.{each.name}", _kind(each), each.title or each.name) for each in study.variants
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        lines = [f"{study.name}: {study.title or study.name} ({study.data}, {study.file})"]
        for row, each in zip(rows, study.variants, strict=True):
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            none = (
                "not made yet"
                if each.quantise
                else "not trained yet"
                if each.architecture
                else "no such file yet"
            )
            lines.append("  ".join(["", *cells, ", ".join(each.models) or none]))
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) or "No studies: `xaireport init NAME` writes one."


def as_json(listed: list[ListedStudy]) -> str:
    """Return the list as one JSON document."""
    return json.dumps({"studies": [asdict(study) for study in listed]}, indent=2, ensure_ascii=False)


def _kind(each: ListedVariant) -> str:
    return ", ".join(filter(None, (each.architecture, each.quantise))) or OWN_MODEL


def _listed(study: StudySpec, path: Path) -> ListedStudy:
    return ListedStudy(
        name=study.name,
        title=study.title,
        file=str(path),
        data=study.dataset or study.data,
        headline=study.headline,
        variants=tuple(_variant(study, each) for each in study.variants.values()),
    )


def _variant(study: StudySpec, each: VariantSpec) -> ListedVariant:
    if each.path:
        files = [Path(study.folder) / each.path]
    else:
        folder = MODELS / study.name / each.name
        files = [file for pattern in MODEL_FILES for file in sorted(folder.glob(pattern))]
    models = tuple(str(file) for file in files if file.is_file())
    return ListedVariant(
        each.name, each.title, each.summary, each.parent, each.architecture, each.quantise.mode, models
    )
