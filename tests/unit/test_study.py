"""Study files to specifications: inheritance, short recipes, settings of one run, selection."""

from __future__ import annotations

import doctest
import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from xaireport.errors import ConfigError
from xaireport.study.find import Selection, discover, select, variant_names
from xaireport.study.load import assign_overrides, load_study
from xaireport.study.resolve import effective, fine_tuning

REPO = Path(__file__).parents[2]
DERMA = REPO / "models/derma.toml"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a study file with a built-in data set and these variants."""

    def to_file(variants: str, head: str = 'dataset = "dermamnist"', name: str = "lab") -> Path:
        path = tmp_path / f"{name}.toml"
        path.write_text(f"{head}\n{variants}", encoding="utf-8")
        return path

    return to_file


FAMILY = """
[variants.a]
title = "A"
summary = "first"
architecture = "cnn2d"
options = { filters = [8, 16], dense = [4] }
train = { epochs = 50, batch_size = 8, class_weight = true }
augment = { zoom = 0.1 }
explain = { layer = "relu1" }
seeds = [3, 4]
phantom = { train = { epochs = 5 } }
reference = { source = "somebody", accuracy = 0.5 }

[variants.b]
parent = "a"
options = { dense = [2] }
train = { class_weight = false }

[variants.c]
parent = "b"
train = { epochs = 80 }
"""


def test_a_parent_passes_on_settings_but_not_who_it_is(write: Write) -> None:
    a, b, c = load_study(write(FAMILY)).variants.values()
    assert b.architecture == "cnn2d"
    assert b.options == {"filters": [8, 16], "dense": [2]}
    assert (b.train.epochs, b.train.batch_size, b.train.class_weight) == (50, 8, False)
    assert (b.augment.zoom, b.explain.layer) == (0.1, "relu1")
    assert (b.title, b.summary, b.seeds, b.reference) == ("", "", (), None)
    assert (c.train.epochs, c.train.batch_size, c.train.class_weight) == (80, 8, False)
    assert c.options == b.options
    assert a.seeds == (3, 4)


def test_the_order_in_the_file_is_kept_and_does_not_matter_for_parents(write: Write) -> None:
    turned = """
[variants.child]
parent = "root"
[variants.root]
architecture = "cnn2d"
train = { epochs = 7 }
"""
    loaded = load_study(write(turned))
    assert list(loaded.variants) == ["child", "root"]
    assert loaded.variants["child"].train.epochs == 7


def test_every_changed_setting_is_named_with_both_values(write: Write) -> None:
    variants = load_study(write(FAMILY)).variants
    assert variants["a"].changed_from_parent == {}
    assert variants["b"].changed_from_parent == {
        "options.dense": ([4], [2]),
        "train.class_weight": (True, False),
    }
    assert variants["c"].changed_from_parent == {"train.epochs": (50, 80)}


def test_a_setting_repeated_from_the_parent_is_no_change(write: Write) -> None:
    path = write(FAMILY.replace("class_weight = false", "class_weight = true"))
    assert load_study(path).variants["b"].changed_from_parent == {"options.dense": ([4], [2])}


def test_another_architecture_takes_no_options_of_its_parent(write: Write) -> None:
    path = write(FAMILY.replace('parent = "b"', 'parent = "b"\narchitecture = "resnet"'))
    c = load_study(path).variants["c"]
    assert c.options == {}
    assert c.train.batch_size == 8
    assert c.changed_from_parent["architecture"] == ("cnn2d", "resnet")
    assert c.changed_from_parent["options.filters"] == ([8, 16], None)


def test_short_recipes_hold_for_phantom_data_only_and_are_inherited(write: Write) -> None:
    path = write(FAMILY)
    assert [v.train.epochs for v in load_study(path).variants.values()] == [50, 50, 80]
    assert [v.train.epochs for v in load_study(path, phantom=True).variants.values()] == [5, 5, 5]
    own = write(FAMILY + "phantom = { train = { epochs = 6 } }\n")
    assert [v.train.epochs for v in load_study(own, phantom=True).variants.values()] == [5, 5, 6]
    assert load_study(own, phantom=True).variants["a"].train.batch_size == 8


def test_set_reaches_children_that_do_not_set_the_key(write: Write) -> None:
    path = write(FAMILY)
    loaded = load_study(path, ["a.train.epochs=9", "lab.a.train.batch_size=2"])
    assert [v.train.epochs for v in loaded.variants.values()] == [9, 9, 80]
    assert [v.train.batch_size for v in loaded.variants.values()] == [2, 2, 2]
    assert loaded.overrides == ("a.train.epochs=9", "lab.a.train.batch_size=2")
    assert loaded.variants["c"].changed_from_parent == {"train.epochs": (9, 80)}


def test_set_wins_over_short_recipes_and_over_settings_of_the_file(write: Write) -> None:
    loaded = load_study(write(FAMILY), ["b.train.epochs=2", "b.train.class_weight=true"], phantom=True)
    assert [v.train.epochs for v in loaded.variants.values()] == [5, 2, 5]  # c sets it itself
    assert loaded.variants["b"].train.class_weight is True
    assert loaded.variants["b"].changed_from_parent["train.epochs"] == (5, 2)


def test_the_overrides_of_the_issue_work_on_the_shipped_study() -> None:
    plain = load_study(DERMA).variants["augmented"]
    assert plain.train.class_weight is False
    assert "train.class_weight" in plain.changed_from_parent
    again = load_study(DERMA, ["augmented.train.class_weight=true"]).variants["augmented"]
    assert again.train.class_weight is True
    assert "train.class_weight" not in again.changed_from_parent


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.options.weights=imagenet", "imagenet"),
        ("a.options.weights='a b'", "a b"),
        ("a.options.filters=[1, 2]", [1, 2]),
        ("a.options.x.y=1.5", {"y": 1.5}),
        ("a.options.x=a=b", "a=b"),
    ],
)
def test_values_are_toml_and_bare_words_strings(write: Write, text: str, value: object) -> None:
    key = text.split("=")[0].split(".")[2]
    assert load_study(write(FAMILY), [text]).variants["a"].options[key] == value


def test_epochs_and_seed_hold_for_every_variant(write: Write) -> None:
    loaded = load_study(write(FAMILY), epochs=3, seed=11)
    assert [v.train.epochs for v in loaded.variants.values()] == [3, 3, 3]
    assert loaded.seed == 11
    assert loaded.variants["a"].seeds == ()  # one seed was asked for
    assert loaded.overrides == ("--epochs 3",)
    assert load_study(write(FAMILY)).variants["a"].seeds == (3, 4)


def test_headline_and_seed_of_the_study_can_be_set(write: Write) -> None:
    loaded = load_study(DERMA, ["headline=mcc", "derma.seed=5"])
    assert (loaded.headline, loaded.seed) == ("mcc", 5)
    assert loaded.headline_reason == "chosen for this run"  # the file's reason is for another score


BROUGHT = """
[variants.mine]
path = "m.keras"
pixel_scale = "0-1"
output = "logits"

[variants.other]
parent = "mine"
path = "n.keras"
"""
OWN = 'data = "my.npz"\nclasses = ["x", "y"]'


def test_bring_your_own(write: Write) -> None:
    path = write(BROUGHT, OWN)
    loaded = load_study(path, epochs=3, phantom=True)
    assert loaded.folder == str(path.parent)
    assert (loaded.data, loaded.classes) == ("my.npz", ("x", "y"))
    assert loaded.variants["mine"].train.epochs == 30  # nothing is trained, so --epochs does not hold
    other = loaded.variants["other"]
    assert (other.pixel_scale, other.output) == ("0-1", "logits")
    assert other.changed_from_parent == {"path": ("m.keras", "n.keras")}


def test_a_brought_model_takes_no_training_settings_from_its_parent(write: Write) -> None:
    path = write(
        FAMILY + BROUGHT.replace('parent = "mine"', 'parent = "a"\npixel_scale="0-1"\noutput="logits"')
    )
    other = load_study(path).variants["other"]
    assert (other.architecture, other.options, other.train.batch_size) == ("", {}, 128)
    assert other.explain.layer == "relu1"
    # How it was trained nobody knows: no default may pass for a fact.
    assert set(other.changed_from_parent) == {"architecture", "path"}


def test_shipped_studies_are_the_systems_of_the_brief() -> None:
    loaded = {path.stem: load_study(path) for path in sorted((REPO / "models").glob("*.toml"))}
    named = {f"{s.name}.{v.name}" for s in loaded.values() for v in s.variants.values()}
    assert named >= {
        "fracture3d.cnn3d", "derma.baseline", "derma.augmented", "derma.transfer", "cifar10.resnet"
    }  # fmt: skip
    for each in loaded.values():
        assert each.title
        assert each.task
        assert each.headline_reason
        for variant in each.variants.values():
            assert variant.title
            assert variant.summary
            assert variant.reference
    figures = loaded["cifar10"].variants["resnet"].reference
    assert figures is not None
    assert (figures.accuracy, figures.loss, figures.averaging) == (0.7755, 0.71717, "not stated")
    assert set(loaded["derma"].variants["augmented"].changed_from_parent) == {
        "train.class_weight",
        "augment.rotation_degrees",
        "augment.zoom",
        "augment.shift",
        "augment.horizontal_flip",
    }


def test_a_new_variant_is_one_table(tmp_path: Path) -> None:
    path = tmp_path / "derma.toml"
    path.write_text(
        DERMA.read_text() + '\n[variants.mirrored]\nparent = "augmented"\naugment = { shift = 0.0 }\n'
    )
    mirrored = load_study(path).variants["mirrored"]
    assert mirrored.changed_from_parent == {"augment.shift": (0.1, 0.0)}
    assert select([f"{path}"])[0].variants[-1] == "mirrored"


def test_select(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    everything = select([], all=True)
    assert {each.name for each in everything} == set(discover())
    derma = discover()["derma"]
    assert select(["derma"]) == (
        Selection(derma, ("baseline", "augmented", "transfer", "dynamic", "int8", "qat")),
    )
    assert select(["derma.transfer", "cifar10", "derma.baseline"]) == (
        Selection(derma, ("baseline", "transfer")),  # no parents come along; the order is the file's
        Selection(discover()["cifar10"], ("resnet",)),
    )
    assert select(["derma.augmented"])[0].variants == ("augmented",)
    assert select(["derma", str(derma)]) == select(["derma"])


def test_a_study_of_the_users_own_hides_a_shipped_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/derma.toml").write_text(
        'dataset = "dermamnist"\n[variants.own]\narchitecture = "cnn2d"\n'
    )
    assert discover()["derma"] == Path("models/derma.toml")
    assert select(["derma"])[0].variants == ("own",)


def test_a_file_in_the_working_folder_is_found_by_name_but_not_by_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("lab", "derma", "My"):
        (tmp_path / f"{name}.toml").write_text(FAMILY)
    lab = Path("lab.toml")
    assert select(["lab"]) == select(["lab.toml"]) == (Selection(lab, variant_names(lab)),)
    assert select(["lab.a", "lab.toml", "lab.b"]) == select(["lab"])
    assert select(["lab.b"]) == (Selection(lab, ("b",)),)
    assert {each.path for each in select([], all=True)} == set(discover().values())
    with pytest.raises(
        ConfigError, match=r"one study called derma.*name the file: `xaireport build derma\.toml`"
    ):
        select(["derma"])
    assert select(["derma.toml"])[0].path == Path("derma.toml")
    for strange in ("My", "../lab", str(tmp_path / "lab")):
        with pytest.raises(ConfigError, match="a study that exists"):
            select([strange])


@pytest.mark.parametrize(
    ("targets", "all_", "words"),
    [
        ([], False, "nothing"),
        (["derma"], True, "both"),
        (["drma"], False, "did you mean derma?"),
        (["derma.baselin"], False, "did you mean derma.baseline"),
        (["derma."], False, "study.variant"),
        (["nowhere.toml"], False, "study file that exists"),
    ],
)
def test_select_refuses(targets: list[str], all_: bool, words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        select(targets, all_)


def test_two_files_of_one_name_would_share_a_folder(write: Write) -> None:
    with pytest.raises(ConfigError, match="one study called derma"):
        select(["derma", str(write(FAMILY, name="derma"))])


def test_set_goes_to_the_studies_that_know_the_variant(write: Write) -> None:
    selections = select(["derma.augmented", "cifar10"])
    texts = ["baseline.train.epochs=3", "cifar10.resnet.train.epochs=1", "seed=2"]
    assert assign_overrides(texts, selections) == {
        "derma": ("baseline.train.epochs=3", "seed=2"),
        "cifar10": ("cifar10.resnet.train.epochs=1", "seed=2"),
    }
    with pytest.raises(ConfigError, match=r"derma\.baseline.*'bseline'"):
        assign_overrides(["bseline.train.epochs=3"], selections)
    with pytest.raises(ConfigError, match=r"variant\.key=value"):
        assign_overrides(["baseline.train.epochs"], selections)


@pytest.mark.parametrize("name", ["inherit", "overrides"])
def test_docstrings(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"xaireport.study.{name}"))
    assert result.attempted
    assert not result.failed


QUANTISED = """
dataset = "dermamnist"
[variants.int8]
parent = "a"
quantise = { mode = "int8" }
[variants.a]
architecture = "cnn2d"
train = { epochs = 9, batch_size = 7, class_weight = true }
augment = { zoom = 0.1 }
[variants.qat]
parent = "a"
quantise = { mode = "qat", epochs = 4 }
[variants.qat.phantom]
quantise = { epochs = 2 }
[variants.dynamic]
parent = "brought"
quantise = { mode = "dynamic" }
[variants.brought]
path = "x.keras"
pixel_scale = "0-1"
output = "logits"
"""


def test_a_quantised_variant_is_its_parent_but_for_how_it_is_stored(tmp_path: Path) -> None:
    (tmp_path / "q.toml").write_text(QUANTISED)
    study = load_study(tmp_path / "q.toml")
    int8, qat, dynamic = (study.variants[name] for name in ("int8", "qat", "dynamic"))
    assert list(study.variants) == ["int8", "a", "qat", "dynamic", "brought"]
    assert int8.architecture == "cnn2d"
    assert int8.changed_from_parent == {
        "quantise.mode": (None, "int8"), "quantise.calibration_images": (None, 200),
    }  # fmt: skip
    assert qat.changed_from_parent["quantise.epochs"] == (None, 4)
    assert (dynamic.architecture, dynamic.path) == ("", "")
    assert dynamic.changed_from_parent == {"quantise.mode": (None, "dynamic")}
    tuned = fine_tuning(qat)
    assert (tuned.epochs, tuned.batch_size, tuned.class_weight, tuned.learning_rate) == (4, 7, True, 3e-5)
    held = effective(qat, trained=True)
    assert held["train"] == tuned.model_dump()
    assert held["augment"] == {}
    assert held["quantise"]["mode"] == "qat"
    assert load_study(tmp_path / "q.toml", phantom=True).variants["qat"].quantise.epochs == 2
    assert load_study(tmp_path / "q.toml", ["qat.quantise.epochs=6"]).variants["qat"].quantise.epochs == 6


def test_fewer_epochs_for_all_are_no_difference_between_them(tmp_path: Path) -> None:
    (tmp_path / "q.toml").write_text(QUANTISED + '[variants.b]\nparent = "a"\ntrain = { batch_size = 3 }\n')
    study = load_study(tmp_path / "q.toml", epochs=3)
    assert study.variants["b"].changed_from_parent == {"train.batch_size": (7, 3)}
    assert study.variants["qat"].quantise.epochs == 3
    assert load_study(tmp_path / "q.toml", epochs=99).variants["qat"].quantise.epochs == 4
