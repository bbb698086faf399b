from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xaireport.data import canonical
from xaireport.errors import StoreError
from xaireport.types.data import SPLITS, Dataset, DatasetInfo, Split
from xaireport.types.notes import Note

INFO = DatasetInfo(
    "toy",
    "Toy",
    "phantom",
    "0" * 64,
    None,
    ("a", "b", "ü"),
    task="t",
    license="l",
    notes=(Note("one"), Note("two", {"n": 3, "names": ["ü"]})),
)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@st.composite
def splits(
    draw: st.DrawFn, spatial: tuple[int, ...], parts: tuple[bool, bool], columns: tuple[str, ...]
) -> Split:
    n = draw(st.integers(1, 4))
    pixels = arrays(np.uint8, (n, *spatial, draw(st.just(3 if len(spatial) == 2 else 1))))
    words = st.lists(WORDS, min_size=n, max_size=n).map(lambda w: np.array(w, dtype=np.str_))
    numbers = arrays(np.float64, n, elements=st.floats(allow_nan=True, width=64))
    has_groups, has_masks = parts
    return Split(
        images=draw(pixels),
        labels=draw(arrays(np.int64, n, elements=st.integers(0, 2))),
        sample_id=draw(words),
        groups=draw(words) if has_groups else None,
        masks=draw(arrays(np.uint8, (n, *spatial))) if has_masks else None,
        columns={name: draw(st.one_of(words, numbers)) for name in columns},
    )


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    spatial = draw(st.sampled_from([(2, 3), (2, 2, 3)]))
    parts = draw(st.tuples(st.booleans(), st.booleans()))
    columns = tuple(
        draw(st.lists(st.sampled_from(["age", "age.npy", "groups", "Körperstelle"]), unique=True))
    )
    made = [draw(splits(spatial, parts, columns)) for _ in SPLITS]
    return Dataset(INFO, *made)


def same(a: Dataset, b: Dataset) -> bool:
    assert a.info == b.info
    for name in SPLITS:
        left, right = a.split(name), b.split(name)
        assert list(left.columns) == list(right.columns)
        pairs = [
            (getattr(left, f), getattr(right, f))
            for f in ("images", "labels", "sample_id", "groups", "masks")
        ]
        pairs += [(left.columns[c], right.columns[c]) for c in left.columns]
        for x, y in pairs:
            assert (x is None) == (y is None)
            if x is not None:
                np.testing.assert_array_equal(x, y, strict=True)
    return True


@settings(deadline=None, max_examples=40)
@given(dataset=datasets())
def test_what_is_saved_is_what_is_opened(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("canonical")
    canonical.save(dataset, folder)
    opened = canonical.open_dataset(folder)
    assert same(dataset, opened)
    both = [canonical.digest({s: d.split(s) for s in SPLITS}) for d in (dataset, opened)]
    assert both[0] == both[1]
    assert sorted(p.name for p in folder.iterdir()) == ["classes.json", "dataset.json", "dataset.npz"]
    assert canonical.open_classes(folder / canonical.CLASSES_FILE) == dataset.info.classes


def toy(shift: int = 0) -> Dataset:
    images = (np.arange(2 * 4 * 4 * 3, dtype=np.uint8) + shift).reshape(2, 4, 4, 3)

    def split(name: str) -> Split:
        return Split(images, np.array([0, 1]), np.array([f"{name}-0", f"{name}-1"]))

    return Dataset(INFO, split("train"), split("val"), split("test"))


def test_bytes_do_not_depend_on_place_day_or_memory_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = toy()
    canonical.save(dataset, tmp_path / "a")
    monkeypatch.setattr(time, "localtime", lambda *_: time.struct_time((2031, 1, 1, 1, 1, 1, 1, 1, 0)))
    monkeypatch.setattr(time, "time", lambda: 1.9e9)
    fortran = Split(
        np.asfortranarray(dataset.train.images), dataset.train.labels.astype(">i8"), dataset.train.sample_id
    )
    canonical.save(Dataset(INFO, fortran, dataset.val, dataset.test), tmp_path / "b")
    for name in ("dataset.npz", "classes.json", "dataset.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_numpy_itself_reads_the_arrays(tmp_path: Path) -> None:
    canonical.save(toy(), tmp_path)
    with np.load(tmp_path / "dataset.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["val_images"], toy().val.images)
        assert file["val_labels"].dtype == np.int64


def test_arrays_know_how_many_classes_there_are_and_no_word(tmp_path: Path) -> None:
    """What trains depends on this file alone; a class without an image needs an output all the same."""
    dataset = toy()

    def stored(*classes: str) -> bytes:
        named = replace(dataset, info=replace(dataset.info, classes=classes, title=classes[0]))
        canonical.save(named, tmp_path)
        return (tmp_path / canonical.DATASET_FILE).read_bytes()

    assert stored("a", "b", "c") == stored("x", "y", "z") != stored("a", "b", "c", "nowhere")


def test_names_of_classes_know_no_other_word(tmp_path: Path) -> None:
    def stored(**words: Any) -> bytes:
        canonical.save(replace(toy(), info=replace(INFO, **words)), tmp_path)
        return (tmp_path / canonical.CLASSES_FILE).read_bytes()

    same = {stored(), stored(license="x"), stored(citation="x"), stored(url="x"), stored(task="x")}
    assert len(same) == 1
    assert stored(classes=("c", "b", "a")) not in same


@pytest.mark.parametrize("text", [None, "", "[", "1", "null"])
def test_damaged_names_of_classes_are_noticed(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "classes.json").write_text(text)
    with pytest.raises(StoreError, match="the next build makes it again"):
        canonical.open_classes(tmp_path / "classes.json")


def test_digest_sees_one_changed_pixel() -> None:
    one, other = ({s: toy(k).split(s) for s in SPLITS} for k in (0, 1))
    assert canonical.digest(one) != canonical.digest(other)


def test_saving_again_replaces(tmp_path: Path) -> None:
    canonical.save(toy(), tmp_path)
    canonical.save(toy(7), tmp_path)
    assert same(canonical.open_dataset(tmp_path), toy(7))


def _flip_a_byte(folder: Path) -> None:
    raw = bytearray((folder / "dataset.npz").read_bytes())
    raw[200] ^= 1
    (folder / "dataset.npz").write_bytes(raw)


def _truncate(folder: Path) -> None:
    raw = (folder / "dataset.npz").read_bytes()
    (folder / "dataset.npz").write_bytes(raw[: len(raw) // 2])


def _drop_info(folder: Path) -> None:
    (folder / "dataset.json").unlink()


def _other_info(folder: Path) -> None:
    document = json.loads((folder / "dataset.json").read_text())
    document["columns"]["train"] = ["age"]
    (folder / "dataset.json").write_text(json.dumps(document))


@pytest.mark.parametrize("damage", [_flip_a_byte, _truncate, _drop_info, _other_info])
def test_damage_is_noticed(tmp_path: Path, damage: object) -> None:
    canonical.save(toy(), tmp_path)
    damage(tmp_path)  # type: ignore[operator]
    with pytest.raises(StoreError, match="the next build makes it again"):
        canonical.open_dataset(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="can be written"):
        canonical.save(toy(), tmp_path / "file" / "folder")
