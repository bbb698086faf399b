"""Read the data that ``locate`` found into a validated ``Dataset``. Finds and downloads nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from xaireport.data.layout import Part, images_of, labels_of, same_shape
from xaireport.data.sources import medmnist
from xaireport.data.sources.cifar10 import read_cifar10
from xaireport.data.sources.extras import plain_split, split_with_extras
from xaireport.data.sources.known import known
from xaireport.data.sources.npz import Npz
from xaireport.errors import ConfigError, DataError
from xaireport.study_schema import DataSpec
from xaireport.types.data import SPLITS, Dataset, DatasetInfo, Located, Split, SplitName
from xaireport.types.notes import Note

NOT_OFFICIAL = Note("not_official")
_NO_IMAGE_OF: dict[SplitName, str] = {
    "train": "no_training_image_of",
    "val": "no_validation_image_of",
    "test": "no_test_image_of",
}


def load(study: DataSpec, located: Located, seed: int) -> Dataset:
    """Return the data set of a study, every array checked.

    Parameters
    ----------
    study : DataSpec
        Names the data set, or its classes, and what the extras are.
    located : Located
        Where the data come from.
    seed : int
        Draws CIFAR-10's validation split, and phantom data.

    Raises
    ------
    DataError
        If a file is damaged or does not hold what it should.
    ConfigError
        If the study's classes do not fit the data set.
    """
    if located.loader == "phantom":
        return _phantom(study, seed)
    path = located.files[0]
    info = _describe(study, located, path)
    if located.loader == "cifar10":
        parts = read_cifar10(path, seed)
    else:
        entry = medmnist.table()[study.dataset] if located.loader == "medmnist" else None
        parts = _read_splits(path, len(info.classes), entry)
    same_shape(parts, str(path))
    splits = _with_extras(parts, located, study)
    check_sample_ids(splits)
    notes = (*info.notes, *_absent_classes(splits, info.classes))
    return _dataset(info, notes, splits)


def check_sample_ids(splits: dict[SplitName, Split]) -> None:
    """Refuse two images of one name: predictions and heatmaps are told apart by it.

    Raises
    ------
    DataError
        Naming some of the repeated ones.
    """
    ids, counts = np.unique(
        np.concatenate([split.sample_id for split in splits.values()]), return_counts=True
    )
    repeated = ids[counts > 1]
    if len(repeated):
        some = ", ".join(map(str, repeated[:3]))
        raise DataError(
            "image names that are unique over all splits", f"{len(repeated)} repeated, such as {some}"
        )


def _describe(study: DataSpec, located: Located, path: Path) -> DatasetInfo:
    sha256, md5 = _checksums(path)
    if located.loader == "npz":
        info = DatasetInfo(path.stem, path.stem, "real", sha256, None, study.classes)
    else:
        facts = known(study.dataset)
        # Its publisher gives CIFAR-10 in archives; nobody gives a checksum of an .npz of it.
        has_checksum = located.loader == "medmnist" or path.suffix != ".npz"
        official = md5 == facts.md5 if has_checksum else None
        if study.classes and len(study.classes) != len(facts.classes):
            raise ConfigError(
                f"{len(facts.classes)} classes for {facts.name}",
                len(study.classes),
                "Leave `classes` out.",
                study.name,
            )
        info = DatasetInfo(
            name=facts.name,
            title=facts.title,
            source="real",
            sha256=sha256,
            official=official,
            classes=study.classes or facts.classes,
            task=facts.task,
            license=facts.license,
            citation=facts.citation,
            url=facts.homepage,
        )
    if not info.classes:
        raise ConfigError(
            "class names beside `data`",
            "none",
            'Add classes = ["…", "…"], in the order of the labels.',
            study.name,
        )
    notes = () if info.official is not False else (NOT_OFFICIAL,)
    return replace(
        info,
        task=study.task or info.task,
        license=study.license or info.license,
        citation=study.citation or info.citation,
        url=study.url or info.url,
        notes=notes,
    )


def _checksums(path: Path) -> tuple[str, str]:
    try:
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            stream.seek(0)
            return sha256, hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError as problem:
        raise DataError("a data file that can be read", problem, "Check the path.", str(path)) from problem


def _read_splits(path: Path, n_classes: int, entry: medmnist.MedMnist | None) -> dict[SplitName, Part]:
    spatial, channels = (entry.spatial, entry.channels) if entry else (None, None)
    parts: dict[SplitName, Part] = {}
    with Npz(path) as file:
        wanted = [f"{split}_{what}" for split in SPLITS for what in ("images", "labels")]
        missing = [name for name in wanted if name not in file.names]
        if missing:
            raise DataError(
                f"arrays {', '.join(wanted)}",
                f"{', '.join(file.names) or 'no arrays'}; missing: {', '.join(missing)}",
                "Every split needs images and labels.",
                str(path),
            )
        for split in SPLITS:
            images = images_of(file.read(f"{split}_images"), spatial, channels, f"{path}: {split}_images")
            raw = file.read(f"{split}_labels")
            labels = labels_of(raw, len(images), n_classes, f"{path}: {split}_labels")
            parts[split] = Part(images, labels, split, np.arange(len(images)), len(images))
    return parts


def _with_extras(parts: dict[SplitName, Part], located: Located, study: DataSpec) -> dict[SplitName, Split]:
    if len(located.files) < 2:
        return {name: plain_split(name, part) for name, part in parts.items()}
    with Npz(located.files[1]) as extras:
        return {name: split_with_extras(name, part, extras, study) for name, part in parts.items()}


def _absent_classes(splits: dict[SplitName, Split], classes: tuple[str, ...]) -> tuple[Note, ...]:
    notes = []
    for name, split in splits.items():
        counts = np.bincount(split.labels, minlength=len(classes))
        absent = [label for label, count in zip(classes, counts, strict=True) if not count]
        if absent:
            notes.append(Note(_NO_IMAGE_OF[name], {"classes": absent}))
    return tuple(notes)


def _phantom(study: DataSpec, seed: int) -> Dataset:
    """The study's names for groups and masks mean what the phantom makes; columns not asked for go."""
    from xaireport.data.phantom.phantom import phantom

    made = phantom(study.dataset, seed)
    splits = {
        name: replace(split, columns={c: split.columns[c] for c in study.columns if c in split.columns})
        for name in SPLITS
        for split in (made.split(name),)
    }
    absent = [c for c in study.columns if c not in made.train.columns]
    notes = (Note("phantom_without_columns", {"columns": absent}),) if absent else ()
    return _dataset(made.info, (*made.info.notes, *notes), splits)


def _dataset(info: DatasetInfo, notes: tuple[Note, ...], splits: dict[SplitName, Split]) -> Dataset:
    return Dataset(replace(info, notes=notes), splits["train"], splits["val"], splits["test"])
