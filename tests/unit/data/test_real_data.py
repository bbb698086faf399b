"""The loaders on real files, where they lie beside the repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xaireport.data.load import load
from xaireport.study_schema import StudySpec
from xaireport.types.data import Located

DATA = Path(__file__).parents[4] / "shared" / "data"


def file(name: str) -> Path:
    if not (DATA / name).is_file():
        pytest.skip(f"no real data: {name} is not in ../shared/data")
    return DATA / name


def test_the_official_adrenal_file() -> None:
    study = StudySpec(name="adrenal", dataset="adrenalmnist3d", variants={})
    dataset = load(study, Located("real", (file("adrenalmnist3d.npz"),), "medmnist"), 0)
    assert dataset.info.official is True
    assert dataset.input_shape == (28, 28, 28, 1)
    assert [len(dataset.split(s)) for s in ("train", "val", "test")] == [1188, 98, 298]
    assert dataset.info.notes == ()


def test_skin_lesions_with_their_extras() -> None:
    study = StudySpec(
        name="derma",
        dataset="dermamnist",
        groups="lesion_id",
        masks="masks",
        columns=("age", "sex", "localization"),
        variants={},
    )
    files = (file("ham10000_28.npz"), file("ham10000_28_extras.npz"))
    dataset = load(study, Located("real", files, "medmnist"), 0)
    assert dataset.info.official is False
    groups = {s: dataset.split(s).groups for s in ("train", "val", "test")}
    assert all(g is not None for g in groups.values())
    # 747 test images show a lesion that is in train: as counted by the file's maker.
    assert int(np.isin(groups["test"], groups["train"]).sum()) == 747
    assert dataset.test.columns["sex"].shape == (2004,)
