from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xaireport.data.load import NOT_OFFICIAL, load
from xaireport.data.sources.extras import _groups
from xaireport.errors import ConfigError, DataError
from xaireport.study_schema import StudySpec
from xaireport.types.data import Dataset, Located
from xaireport.types.notes import Note

SIZES = {"train": 8, "val": 4, "test": 4}
Arrays = dict[str, Any]


def study(**fields: Any) -> StudySpec:
    return StudySpec(name="mine", variants={}, **({"data": "mine.npz", "classes": ("a", "b")} | fields))


def arrays(shape: tuple[int, ...] = (6, 5, 3), n_classes: int = 2) -> Arrays:
    rng = np.random.default_rng(0)
    made: Arrays = {}
    for split, n in SIZES.items():
        made[f"{split}_images"] = rng.integers(0, 256, (n, *shape), np.uint8)
        made[f"{split}_labels"] = (np.arange(n) % n_classes).reshape(n, 1).astype(np.uint8)
    return made


def extras() -> Arrays:
    made: Arrays = {}
    for split, n in SIZES.items():
        made[f"{split}_image_id"] = np.array([f"{split}_{i:03}" for i in range(n)])
        made[f"{split}_lesion"] = np.array([f"L{i // 2}" for i in range(n)])
        made[f"{split}_masks"] = np.full((n, 6, 5), 255, np.uint8)
        made[f"{split}_age"] = np.arange(n, dtype=float)
    return made


def read(
    tmp_path: Path, stored: Arrays, more: Arrays | None = None, loader: str = "npz", **fields: Any
) -> Dataset:
    spec = study(**fields)
    files = [tmp_path / "mine.npz"]
    np.savez(files[0], **{k: v for k, v in stored.items() if v is not None})
    if more is not None:
        files.append(tmp_path / "mine_extras.npz")
        np.savez(files[1], **{k: v for k, v in more.items() if v is not None})
    return load(spec, Located("real", tuple(files), loader), 0)


def test_own_file(tmp_path: Path) -> None:
    data = arrays()
    dataset = read(tmp_path, data, license="CC0")
    np.testing.assert_array_equal(dataset.val.images, data["val_images"])
    np.testing.assert_array_equal(dataset.test.labels, [0, 1, 0, 1])
    assert dataset.test.labels.dtype == np.int64
    assert dataset.val.sample_id.tolist() == ["val-0", "val-1", "val-2", "val-3"]
    assert (dataset.test.groups, dataset.test.masks, dict(dataset.test.columns)) == (None, None, {})
    info = dataset.info
    assert (info.source, info.official, info.classes, info.license) == ("real", None, ("a", "b"), "CC0")
    assert info.sha256 == hashlib.sha256((tmp_path / "mine.npz").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("stored", "expected"),
    [((6, 5), (6, 5, 1)), ((6, 5, 1), (6, 5, 1)), ((7, 6, 5), (7, 6, 5, 1)), ((7, 6, 5, 3), (7, 6, 5, 3))],
)
def test_channels_come_last(tmp_path: Path, stored: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert read(tmp_path, arrays(stored)).input_shape == expected


def test_a_volume_of_three_slices_is_told_by_what_is_known_of_the_data_set(tmp_path: Path) -> None:
    known = {"data": "", "dataset": "adrenalmnist3d", "classes": ()}
    assert read(tmp_path, arrays((6, 5, 3)), loader="medmnist", **known).input_shape == (6, 5, 3, 1)
    assert read(tmp_path, arrays((6, 5, 3))).input_shape == (6, 5, 3)


def test_extras_are_what_the_study_says(tmp_path: Path) -> None:
    dataset = read(tmp_path, arrays(), extras(), groups="lesion", masks="masks", columns=("age",))
    assert dataset.train.groups is not None
    assert dataset.train.groups.tolist() == ["L0", "L0", "L1", "L1", "L2", "L2", "L3", "L3"]
    assert dataset.train.masks is not None
    assert dataset.train.masks.shape == (8, 6, 5)
    assert dataset.test.columns["age"].tolist() == [0, 1, 2, 3]
    assert dataset.test.sample_id[0] == "test_000"


def test_extras_that_the_study_does_not_name_stay_out(tmp_path: Path) -> None:
    dataset = read(tmp_path, arrays(), extras())
    assert (dataset.test.groups, dataset.test.masks, dict(dataset.test.columns)) == (None, None, {})


def test_names_without_an_extras_file_are_no_error(tmp_path: Path) -> None:
    assert read(tmp_path, arrays(), groups="lesion").train.groups is None


def test_an_unknown_group_is_a_group_of_its_own(tmp_path: Path) -> None:
    more = extras()
    more["train_lesion"] = np.array([7, 7, np.nan, np.nan, 3, 3, 3, 3])
    dataset = read(tmp_path, arrays(), more, groups="lesion")
    assert dataset.train.groups is not None
    assert dataset.train.groups.tolist() == [
        "7",
        "7",
        "image:train_002",
        "image:train_003",
        "3",
        "3",
        "3",
        "3",
    ]


WORD = st.text(st.sampled_from("ag1:"), max_size=3)
NAMED = st.one_of(st.just("nan"), WORD, st.builds("{}:{}".format, st.sampled_from(("image", "group")), WORD))


@given(st.lists(NAMED, min_size=1, max_size=6), st.data())
def test_a_group_is_never_that_of_an_image_of_its_name(given_groups: list[str], data: st.DataObject) -> None:
    """Two images share a group where the data say so, whatever the names of both are."""
    n = len(given_groups)
    ids = data.draw(st.lists(WORD, min_size=n, max_size=n, unique=True))
    found = _groups(np.array(given_groups), np.array(ids), "here").tolist()
    for i in range(n):
        for j in range(i):
            known = given_groups[i] not in ("", "nan")
            assert (found[i] == found[j]) == (known and given_groups[i] == given_groups[j])


def test_masks_of_bool_become_0_and_255(tmp_path: Path) -> None:
    more = {k: v > 0 if k.endswith("masks") else v for k, v in extras().items()}
    masks = read(tmp_path, arrays(), more, masks="masks").test.masks
    assert masks is not None
    assert masks.dtype == np.uint8
    assert masks.min() == 255


def test_a_class_without_test_images_is_noted(tmp_path: Path) -> None:
    data = arrays() | {"test_labels": np.zeros(4, int)}
    assert read(tmp_path, data).info.notes == (Note("no_test_image_of", {"classes": ["b"]}),)


def test_a_known_data_set_in_another_file_is_used_and_reported(tmp_path: Path) -> None:
    dataset = read(tmp_path, arrays((6, 5), 2), loader="medmnist", dataset="breastmnist", data="", classes=())
    assert dataset.info.official is False
    assert NOT_OFFICIAL in dataset.info.notes
    assert dataset.info.classes == ("malignant", "normal, benign")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"val_labels": None}, "missing: val_labels"),
        ({"test_images": np.zeros((4, 6, 5, 3), np.float32)}, "uint8 images, 0–255. Received: float32"),
        ({"test_images": np.zeros((4, 6, 4, 3), np.uint8)}, "one shape in all splits"),
        ({"test_images": np.zeros((4, 6), np.uint8)}, "images of shape"),
        (
            {"test_images": np.zeros((0, 6, 5, 3), np.uint8), "test_labels": np.zeros(0, int)},
            "at least one image",
        ),
        (
            {"test_labels": np.array([0, 1, 2, 0])},
            "labels from 0 to 1 .2 classes.*Received: labels from 0 to 2",
        ),
        ({"test_labels": np.array([0, 1, -1, 0])}, "Received: labels from -1 to 1"),
        ({"test_labels": np.array([0, 2**64 - 1, 1, 0], np.uint64)}, "labels from 0 to 1"),
        ({"test_labels": np.array([0, 1, 1])}, "4 labels, one per image. Received: 3"),
        ({"test_labels": np.eye(2, dtype=int)[[0, 1, 0, 1]]}, "multi-label"),
        ({"test_labels": np.array([0.0, 1, 1, 0])}, "integer class indices"),
        ({"test_labels": np.array([{}, 1, 1, 0], object)}, "never loaded"),
    ],
)
def test_bad_arrays_are_refused(tmp_path: Path, change: Arrays, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(tmp_path, arrays() | change)
    assert "mine.npz" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_lesion": None}, "'test_lesion' in the extras. Received: a file with .*masks"),
        ({"test_lesion": np.array(["a"] * 5)}, "4 entries in 'test_lesion'"),
        ({"test_lesion": np.array([0.5, 1, 2, 3])}, "identifiers"),
        ({"test_masks": np.zeros((4, 6, 6), np.uint8)}, r"masks of shape \(4, 6, 5\)"),
        ({"test_masks": np.zeros((4, 6, 5), np.float64)}, "uint8"),
        ({"test_masks": np.ones((4, 6, 5), np.uint8)}, "Multiply by 255"),
        ({"test_age": np.zeros((4, 2))}, "one number or text per image"),
        ({"test_image_id": np.array(["x", "x", "y", "z"])}, "1 repeated, such as x"),
        ({"test_image_id": np.array(["train_000", "x", "y", "z"])}, "1 repeated, such as train_000"),
    ],
)
def test_bad_extras_are_refused(tmp_path: Path, change: Arrays, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, arrays(), extras() | change, groups="lesion", masks="masks", columns=("age",))


@pytest.mark.parametrize(
    ("dataset", "shape", "message"),
    [
        ("adrenalmnist3d", (6, 5), "3D images. Received: 2D"),
        ("breastmnist", (7, 6, 5), "2D images. Received: 3D"),
        ("breastmnist", (6, 5, 3), "1 channel"),
        ("dermamnist", (6, 5), r"3 channel\(s\)"),
    ],
)
def test_a_known_data_set_has_its_own_shape(
    tmp_path: Path, dataset: str, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, arrays(shape), loader="medmnist", dataset=dataset, data="", classes=())


def test_classes_must_fit_a_known_data_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="2 classes for breastmnist"):
        read(
            tmp_path,
            arrays((6, 5)),
            loader="medmnist",
            dataset="breastmnist",
            data="",
            classes=("a", "b", "c"),
        )


def _npy(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))


def _truncated(path: Path) -> None:
    np.savez(path, **arrays())
    path.write_bytes(path.read_bytes()[:-700])


def _truncated_inside(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in arrays():
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00v\x00{'descr'")


def _claims_too_much(path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (10**14,), }".ljust(117) + b"\n"
    header = header.replace(b"10**14", b"100000000000000")[:118]
    with zipfile.ZipFile(path, "w") as archive:
        for name in arrays():
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)


@pytest.mark.parametrize(
    "write",
    [
        _npy,
        _truncated,
        _truncated_inside,
        _claims_too_much,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\x80\x04K\x01."),
        lambda path: path.write_text("images, labels\n"),
        lambda path: path.mkdir(),
        lambda path: None,
    ],
    ids=["npy", "truncated", "header", "huge", "empty", "pickle", "text", "folder", "missing"],
)
def test_files_that_are_no_npz_are_refused(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "mine.npz"
    write(path)
    with pytest.raises(DataError):
        load(study(), Located("real", (path,), "npz"), 0)
