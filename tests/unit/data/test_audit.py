from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import chi2_contingency

from xaireport import serialization
from xaireport.data import canonical
from xaireport.data.audit.audit import Audited, audit
from xaireport.data.audit.pictures import SHOWN, SIDE
from xaireport.data.load import load
from xaireport.data.phantom.phantom import phantom, planted
from xaireport.engine.node import Context
from xaireport.files import PART
from xaireport.pipeline.stages import audit as stage
from xaireport.study_schema import StudySpec
from xaireport.types.audit import DataAudit, Duplicates, GroupLeakage, Untold
from xaireport.types.data import SPLITS, Dataset, DatasetInfo, Located, Pixels, Split

DATA = Path(__file__).parents[4] / "shared" / "data"
CLASSES = ("a", "b", "c")


def noise(seed: int, n: int, shape: tuple[int, ...] = (12, 12, 3)) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


def dataset(**splits: tuple[Pixels, list[int], list[str] | None]) -> Dataset:
    made = {
        name: Split(
            images=images,
            labels=np.array(labels, np.int64),
            sample_id=np.array([f"{name}-{row}" for row in range(len(images))]),
            groups=None if groups is None else np.array(groups),
        )
        for name, (images, labels, groups) in splits.items()
    }
    info = DatasetInfo("made", "Made", "real", "0" * 64, None, CLASSES)
    return Dataset(info, made["train"], made["val"], made["test"])


def small(groups: bool = True) -> Dataset:
    """Six training, three validation and four test images, with one find of every kind."""
    train, val, test = noise(0, 6), noise(1, 3), noise(2, 4)
    test[0] = train[0]  # another label
    test[1] = train[1][:, ::-1]  # mirrored
    test[2, ...] = (7, 8, 9)  # constant
    val[1] = train[5]
    val[0] = val[1]
    test[3] = val[2]
    made = dataset(
        train=(train, [0, 1, 2, 0, 1, 2], ["A", "B", "C", "D", "D", "F"]),
        val=(val, [2, 2, 1], ["F", "G", "H"]),
        test=(test, [1, 1, 0, 1], ["X", "Y", "D", "Z"]),
    )
    if groups:
        return made
    plain = {name: replace(made.split(name), groups=None) for name in SPLITS}
    return Dataset(made.info, **plain)


def counted(data: Dataset) -> tuple[Counter[str], int, set[frozenset[str]]]:
    """Identical pairs by Python alone: how many per pair of splits, with two labels, and which."""
    rows = [
        (name, str(split.sample_id[i]), split.images[i].tobytes(), int(split.labels[i]))
        for name in SPLITS
        for split in (data.split(name),)
        for i in range(len(split))
    ]
    same = [(one, two) for one, two in combinations(rows, 2) if one[2] == two[2]]
    where = Counter(f"{one[0]}-{two[0]}" for one, two in same)
    conflicts = sum(one[3] != two[3] for one, two in same)
    return where, conflicts, {frozenset((one[1], two[1])) for one, two in same}


def check_exact(data: Dataset, found: Duplicates) -> None:
    where, conflicts, pairs = counted(data)
    assert found.pairs == len(pairs) == sum(where.values())
    assert {name: count.pairs for name, count in found.across.items()} == {
        name: where[name] for name in ("train-val", "train-test", "val-test")
    }
    assert {name: count.pairs for name, count in found.within.items()} == {
        name: where[f"{name}-{name}"] for name in SPLITS
    }
    assert found.conflicting == conflicts
    assert found.images == len(set().union(*pairs))
    assert {frozenset(each.sample_ids) for each in found.listed} <= pairs
    assert len(found.listed) == min(len(pairs), 200)


def test_one_find_of_every_kind(tmp_path: Path) -> None:
    data = small()
    audited = audit(data, 0, tmp_path)
    found = audited.audit
    assert (found.images, found.groups) == (13, 10)
    assert found.splits["train"].per_class == (2, 2, 2)
    assert found.splits["test"].share == (0.25, 0.75, 0.0)
    assert [found.splits[name].groups for name in SPLITS] == [5, 3, 4]
    exact = found.exact_duplicates
    check_exact(data, exact)
    assert (exact.pairs, exact.images, exact.conflicting) == (5, 7, 1)
    assert (exact.same_group, exact.same_group_share) == (1, 0.2)
    assert (exact.within["val"].images, exact.across["train-val"].images) == (2, 3)
    assert exact.listed[0].sample_ids == ("train-0", "test-0")  # two labels come first
    assert exact.listed[0].labels == (0, 1)
    near = found.near_duplicates
    assert (near.pairs, near.images, near.compared, near.conflicting) == (1, 2, 12, 0)
    assert near.across["train-test"].pairs == 1
    assert near.listed[0].sample_ids == ("train-1", "test-1")
    assert near.listed[0].view == "flipped left–right"
    assert near.listed[0].correlation == 1.0
    assert found.group_leakage == GroupLeakage(
        1, 1, 4, 3, 3, {"train-val": 1, "train-test": 1, "val-test": 0}, conflicting=1
    )
    assert found.blank.constant == {"train": 0, "val": 0, "test": 1}
    assert found.blank.listed[0].sample_id == "test-2"
    clean = found.clean_test
    assert (clean.clean_n, clean.clean_n_strict, clean.of) == (2, 1, 4)
    assert (clean.same_group, clean.identical, clean.near) == (1, 1, None)
    assert "same group" in clean.rule
    assert audited.clean.tolist() == [False, True, False, True]
    assert audited.clean_strict.tolist() == [False, True, False, False]


def test_without_groups_look_alikes_decide(tmp_path: Path) -> None:
    audited = audit(small(groups=False), 0, tmp_path)
    found = audited.audit
    assert isinstance(found.group_leakage, Untold)
    assert "no groups" in found.group_leakage.skipped.reason
    assert found.groups is None
    assert found.splits["train"].groups is None
    assert found.exact_duplicates.same_group is None
    assert found.near_duplicates.same_group_share is None
    assert found.near_duplicates.listed[0].same_group is None
    assert audited.clean.tolist() == [False, False, True, True]
    assert audited.clean_strict.tolist() == [False, False, True, False]
    assert (found.clean_test.same_group, found.clean_test.near) == (None, 1)
    assert "near duplicate" in found.clean_test.rule
    assert "group" not in {exhibit.kind for exhibit in found.gallery}


def test_counts_against_brute_force(tmp_path: Path) -> None:
    """Few different images, so that sets of many sizes stand in all splits."""
    rng = np.random.default_rng(5)
    stock = noise(6, 30, (8, 9, 1))
    sizes = {"train": 60, "val": 20, "test": 30}
    drawn = {name: rng.integers(0, 30, n) for name, n in sizes.items()}
    data = dataset(
        **{
            name: (stock[rows], rng.integers(0, 3, len(rows)).tolist(), [f"g{row % 7}" for row in rows])
            for name, rows in drawn.items()
        }
    )
    audited = audit(data, 0, tmp_path)
    found = audited.audit.exact_duplicates
    check_exact(data, found)
    assert found.same_group == found.pairs  # the group follows from the picture
    seen = set(drawn["train"].tolist())
    assert found.across["train-test"].images == sum(row in seen for row in drawn["test"]) + sum(
        row in set(drawn["test"].tolist()) for row in drawn["train"]
    )
    assert audited.audit.near_duplicates.pairs == 0
    groups = {name: {f"g{row % 7}" for row in rows} for name, rows in drawn.items()}
    leakage = audited.audit.group_leakage
    assert isinstance(leakage, GroupLeakage)
    assert leakage.shared["train-test"] == len(groups["train"] & groups["test"])


def test_drift_is_scipys(tmp_path: Path) -> None:
    labels = {"train": [0] * 60 + [1] * 40, "val": [0] * 10 + [1] * 10, "test": [0] * 10 + [1] * 30}
    data = dataset(**{name: (noise(7, len(ys)), ys, None) for name, ys in labels.items()})
    drift = audit(data, 0, tmp_path).audit.drift
    assert drift.difference == pytest.approx(0.6 - 0.25)
    assert (drift.label, drift.splits) == ("a", ("test", "train"))
    expected = chi2_contingency([[60, 40], [10, 10], [10, 30]])  # the class without images is left out
    assert drift.chi2_p == pytest.approx(expected.pvalue)
    assert drift.cramers_v == pytest.approx(np.sqrt(expected.statistic / 160))
    assert drift.smallest_expected == pytest.approx(expected.expected_freq.min())


def test_brightness_is_numpys(tmp_path: Path) -> None:
    data = small()
    counts = audit(data, 0, tmp_path).audit.splits
    for name in SPLITS:
        means = data.split(name).images.mean(axis=(1, 2, 3))
        assert counts[name].brightness_mean == pytest.approx(means.mean())
        assert counts[name].brightness_sd == pytest.approx(means.std())


def test_splits_of_one_image(tmp_path: Path) -> None:
    """One image each, all of one class, one of them flat: nothing to test, nothing to compare."""
    images = noise(8, 3, (1, 1, 1))
    data = dataset(**{name: (images[i : i + 1], [0], ["g"]) for i, name in enumerate(SPLITS)})
    audited = audit(data, 0, tmp_path)
    found = audited.audit
    assert (found.drift.chi2_p, found.drift.cramers_v, found.drift.smallest_expected) == (None, None, None)
    assert found.near_duplicates.compared == 0
    assert sum(found.blank.constant.values()) == 3
    assert found.clean_test.clean_n == audited.clean.sum() == 0


def test_flat_images_are_blank_and_all_black_ones_are_not_enumerated(tmp_path: Path) -> None:
    train = noise(9, 3000, (4, 4, 1))
    train[1000:] = 0
    train[0] = 100 + np.arange(16).reshape(4, 4, 1) % 2  # two grey levels
    data = dataset(
        train=(train, [0] * 3000, None),
        val=(noise(10, 1, (4, 4, 1)), [0], None),
        test=(train[1000:1001], [1], None),
    )
    found = audit(data, 0, tmp_path).audit
    assert found.blank.blank == {"train": 2001, "val": 0, "test": 1}
    assert found.blank.constant == {"train": 2000, "val": 0, "test": 1}
    assert found.exact_duplicates.pairs == 2001 * 2000 // 2
    assert found.exact_duplicates.conflicting == 2000
    assert len(found.exact_duplicates.listed) == len(found.blank.listed) == 200


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", ["dermamnist", "fracturemnist3d", "cifar10"])
def test_what_was_planted_in_phantoms_is_found(name: str, seed: int, tmp_path: Path) -> None:
    data = phantom(name, seed)
    audited = audit(data, seed, tmp_path)
    found = audited.audit
    assert {each.sample_ids for each in found.exact_duplicates.listed} == set(planted(name, seed))
    assert found.exact_duplicates.pairs == found.exact_duplicates.same_group == 6
    near = found.near_duplicates
    assert near.same_group == near.pairs  # only views of one subject
    assert near.conflicting == 0
    leakage = found.group_leakage
    assert isinstance(leakage, GroupLeakage)
    assert data.train.groups is not None
    assert data.test.groups is not None
    in_train = [group in set(data.train.groups) for group in data.test.groups]
    assert leakage.test_images == sum(in_train)
    assert audited.clean.tolist() == [not leaked for leaked in in_train]
    assert (leakage.clean_n, leakage.clean_n_strict) == (audited.clean.sum(), audited.clean_strict.sum())


def test_pictures_show_both_images_the_same_way_each_time(tmp_path: Path) -> None:
    results: list[Audited] = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        results.append(audit(small(), 3, tmp_path / folder))
    shown = results[0].audit.gallery
    assert shown == results[1].audit.gallery
    kinds = [each.kind for each in shown]
    assert kinds == ["conflicting", "exact", "exact", "exact", "near", "group", "blank"]
    for each in shown:
        assert each.kind in SHOWN
        inside = Path(each.file).relative_to("assets")
        assert (tmp_path / "one" / inside).read_bytes() == (tmp_path / "two" / inside).read_bytes()
        with Image.open(tmp_path / "one" / inside) as picture:
            assert picture.format == "JPEG"
            assert picture.height == SIDE
            assert picture.width == (SIDE if each.kind == "blank" else 2 * SIDE + 4)
            pixels = np.asarray(picture).astype(int)
        left, right = pixels[:, :SIDE], pixels[:, -SIDE:]
        if each.kind == "near":
            np.testing.assert_allclose(left, right[:, ::-1], atol=40)
        elif each.kind in ("conflicting", "exact"):
            assert np.abs(left - right).mean() < 3
    assert not list((tmp_path / "one").rglob(f"{PART}*"))


def test_a_group_is_shown_by_images_that_differ(tmp_path: Path) -> None:
    found = audit(phantom("fracturemnist3d", 0), 0, tmp_path).audit
    copies = {each.sample_ids for each in (*found.exact_duplicates.listed, *found.near_duplicates.listed)}
    assert not copies & {each.sample_ids for each in found.gallery if each.kind == "group"}


def test_volumes_are_shown_as_their_middle_slices(tmp_path: Path) -> None:
    volumes = noise(11, 4, (6, 8, 10, 1))
    data = dataset(
        train=(volumes[:2], [0, 1], None),
        val=(volumes[2:3], [0], None),
        test=(volumes[[0, 3]], [0, 1], None),
    )
    shown = audit(data, 0, tmp_path).audit.gallery
    assert [each.kind for each in shown] == ["exact"]
    assert shown[0].slices == ("axis 0, slice 3", "axis 1, slice 4", "axis 2, slice 5")
    with Image.open(tmp_path / Path(shown[0].file).relative_to("assets")) as picture:
        assert picture.size == (2 * SIDE + 4, 3 * SIDE + 8)


def test_the_stage_writes_what_was_found(tmp_path: Path) -> None:
    canonical.save(small(), tmp_path / "data")
    (tmp_path / "out").mkdir()
    inputs = {
        "data": tmp_path / "data" / canonical.DATASET_FILE,
        "info": tmp_path / "data" / canonical.INFO_FILE,
    }
    stage.run(Context(tmp_path / "out", inputs, {}, tmp_path / "checkpoint"), {"seed": 0})
    found = serialization.load(DataAudit, tmp_path / "out" / "audit.json")
    with np.load(tmp_path / "out" / "clean.npz", allow_pickle=False) as masks:
        assert masks["test_clean"].dtype == bool
        assert masks["test_clean"].shape == masks["test_clean_strict"].shape == (4,)
        assert masks["test_clean"].sum() == found.clean_test.clean_n
        assert masks["test_clean_strict"].sum() == found.clean_test.clean_n_strict
    assert all((tmp_path / "out" / Path(each.file).relative_to("assets")).is_file() for each in found.gallery)
    assert json.loads(serialization.dumps(asdict(found))) == json.loads(serialization.dumps(found))


def test_an_audit_without_groups_survives_its_file(tmp_path: Path) -> None:
    found = audit(small(groups=False), 0, tmp_path).audit
    serialization.save(found, tmp_path / "audit.json")
    assert serialization.load(DataAudit, tmp_path / "audit.json") == found


def test_the_skin_lesions_leak(tmp_path: Path) -> None:
    files = (DATA / "ham10000_28.npz", DATA / "ham10000_28_extras.npz")
    for file in files:
        if not file.is_file():
            pytest.skip(f"no real data: {file.name} is not in ../shared/data")
    study = StudySpec(name="derma", dataset="dermamnist", groups="lesion_id", variants={})
    audited = audit(load(study, Located("real", files, "medmnist"), 0), 0, tmp_path)
    found = audited.audit
    assert (found.images, found.groups) == (10_015, 7470)
    leakage = found.group_leakage
    assert isinstance(leakage, GroupLeakage)
    # As counted by the file's maker.
    assert (leakage.test_images, leakage.test_images_or_val, leakage.of) == (747, 816, 2004)
    assert (leakage.clean_n, leakage.clean_n_strict) == (1257, 1188)
    assert (audited.clean.sum(), audited.clean_strict.sum()) == (1257, 1188)
    exact, near = found.exact_duplicates, found.near_duplicates
    assert (exact.pairs, exact.same_group, exact.across["train-test"].pairs) == (2, 2, 1)
    assert near.pairs == pytest.approx(134, abs=3)  # the last bits differ between machines
    assert near.same_group_share is not None
    assert near.same_group_share > 0.88
