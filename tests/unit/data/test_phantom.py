from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from xaireport.data import canonical
from xaireport.data.load import load
from xaireport.data.phantom.phantom import has_phantom, phantom, planted, save_planted
from xaireport.errors import DataError
from xaireport.study_schema import StudySpec
from xaireport.types.data import SPLITS, Dataset, Located, Split
from xaireport.types.notes import Note

NAMES = ("dermamnist", "fracturemnist3d", "cifar10")
SHAPES = {"dermamnist": (28, 28, 3), "fracturemnist3d": (28, 28, 28, 1), "cifar10": (32, 32, 3)}
SIZES = {
    "dermamnist": (1400, 200, 400),
    "fracturemnist3d": (240, 40, 80),
    "cifar10": (2000, 250, 500),
}


@pytest.fixture(scope="module", params=NAMES)
def drawn(request: pytest.FixtureRequest) -> Dataset:
    return phantom(request.param, 0)


def hashes(split: Split) -> list[bytes]:
    return [image.tobytes() for image in split.images]


def copies(name: str) -> list[tuple[str, int]]:
    """The split of each planted copy, and the row of its original."""
    return [(copy.split("-")[0], int(original.split("-")[1])) for original, copy in planted(name, 0)]


def test_sizes_shapes_and_classes(drawn: Dataset) -> None:
    name = drawn.info.name
    assert tuple(len(drawn.split(s)) for s in SPLITS) == SIZES[name]
    assert drawn.input_shape == SHAPES[name]
    for split in SPLITS:
        assert np.bincount(drawn.split(split).labels, minlength=len(drawn.info.classes)).min() >= 9
        assert drawn.split(split).images.dtype == np.uint8
    assert drawn.info.source == "phantom"
    assert drawn.info.official is None
    assert "seed 0" in drawn.info.citation
    ids = np.concatenate([drawn.split(s).sample_id for s in SPLITS])
    assert len(np.unique(ids)) == len(ids)


def test_derma_is_unbalanced_as_the_real_one() -> None:
    counts = np.bincount(phantom("dermamnist", 1).train.labels)
    assert counts.argmax() == 5  # nevi
    assert counts.max() > 0.5 * counts.sum()


def test_every_image_has_a_mask_that_marks_a_part_of_it(drawn: Dataset) -> None:
    for split in SPLITS:
        masks = drawn.split(split).masks
        assert masks is not None
        share = (masks > 127).reshape(len(masks), -1).mean(axis=1)
        assert share.max() < 0.8
        assert (share > 0).mean() > 0.99


def test_groups_are_of_one_class_and_stay_in_one_split(drawn: Dataset) -> None:
    groups = {str(s): drawn.split(s).groups for s in SPLITS}
    for split in SPLITS:
        of_group = groups[split]
        assert of_group is not None
        names, counts = np.unique(of_group, return_counts=True)
        assert (counts >= 2).mean() > 0.1
        assert counts.max() <= 5
        for group in names[counts > 1][:20]:
            assert len(np.unique(drawn.split(split).labels[of_group == group])) == 1
    copied = {(split, groups["train"][row]) for split, row in copies(drawn.info.name)}
    across = {
        (split, group) for split in ("val", "test") for group in set(groups[split]) & set(groups["train"])
    }
    assert across == copied
    assert not set(groups["val"]) & set(groups["test"]) - {group for _, group in copied}


def test_the_planted_duplicates_are_all_there_are(drawn: Dataset) -> None:
    first = {pixels: f"train-{i}" for i, pixels in enumerate(hashes(drawn.train))}
    assert len(first) == len(drawn.train)
    found = {
        (first[pixels], f"{split}-{i}")
        for split in ("val", "test")
        for i, pixels in enumerate(hashes(drawn.split(split)))  # type: ignore[arg-type]
        if pixels in first
    }
    pairs = planted(drawn.info.name, 0)
    assert found == set(pairs)
    assert len(pairs) == 6
    for original, copy in pairs:
        split, row = copy.split("-")
        copied = drawn.split(split)  # type: ignore[arg-type]
        assert copied.labels[int(row)] == drawn.train.labels[int(original.split("-")[1])]


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_every_byte(name: str, tmp_path: Path) -> None:
    for folder, seed in (("a", 3), ("b", 3), ("c", 4)):
        canonical.save(phantom(name, seed), tmp_path / folder)
    a, b, c = ((tmp_path / f / "dataset.npz").read_bytes() for f in "abc")
    assert a == b
    assert a != c
    assert (tmp_path / "a" / "dataset.json").read_bytes() == (tmp_path / "b" / "dataset.json").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_drawing_takes_less_than_three_seconds(name: str) -> None:
    phantom(name, 0)  # the first one also imports
    start = time.process_time()
    phantom(name, 0)
    assert time.process_time() - start < 3.0


def test_the_study_says_which_columns_stay() -> None:
    study = StudySpec(
        name="s", dataset="dermamnist", groups="lesion_id", masks="masks", columns=("age", "dx"), variants={}
    )
    dataset = load(study, Located("phantom", (), "phantom"), 2)
    assert list(dataset.test.columns) == ["age"]
    assert dataset.test.groups is not None
    assert dataset.test.masks is not None
    assert Note("phantom_without_columns", {"columns": ["dx"]}) in dataset.info.notes


def test_planted_is_written_for_people(tmp_path: Path) -> None:
    path = save_planted("cifar10", 0, tmp_path)
    assert path.name == "phantom_planted.json"
    assert [(p["original"], p["copy"]) for p in json.loads(path.read_text())] == list(planted("cifar10", 0))


def test_no_phantom_of_other_data_sets() -> None:
    assert not has_phantom("bloodmnist")
    with pytest.raises(DataError, match=r"Use --data real.*bloodmnist\.npz"):
        phantom("bloodmnist", 0)
