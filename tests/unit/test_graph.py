"""What feeds what: names, order, what is part of a key and what must not be. Nothing runs here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from xaireport import resources
from xaireport.engine.node import Input, Node
from xaireport.engine.plan import check
from xaireport.pipeline.builder import Builder
from xaireport.pipeline.graph import add_evidence, add_results
from xaireport.pipeline.inputs import model_path, needed_by_card
from xaireport.pipeline.pages import add_index, add_pages
from xaireport.pipeline.variants import with_parents
from xaireport.study.load import load_study
from xaireport.study_schema import StudySpec
from xaireport.types.data import Located

PHANTOM = Located("phantom", (), "phantom")
REAL = Located("real", (Path("d/dermamnist.npz"), Path("d/dermamnist_extras.npz")), "medmnist")
SHIPPED = sorted(path.stem for path in resources.shipped("models").glob("*.toml"))


def shipped(name: str, *overrides: str, **more: Any) -> StudySpec:
    return load_study(resources.shipped("models") / f"{name}.toml", overrides, **more)


def nodes(study: StudySpec, located: Located = PHANTOM, **options: Any) -> dict[str, Node]:
    """The nodes of a study's whole graph, by name; publications are left out."""
    builder = Builder(Path("reports"), **options)
    chosen = list(study.variants)
    add_evidence(builder, study, located, chosen)
    made = add_results(builder, study, chosen)
    add_pages(builder, study.name, {name: needed_by_card(study, name) for name in chosen}, made)
    add_index(builder, {study.name: made["results"]})
    check(builder.nodes)  # unique names, topological order
    return {node.name: node for node in builder.nodes if isinstance(node, Node)}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_study_is_a_sound_graph(name: str) -> None:
    study = shipped(name)
    found = nodes(study)
    for variant in study.variants:
        label = f"{name}.{variant}"
        made = f"quantise {label}" if study.variants[variant].quantise.mode else f"train {label} seed 0"
        assert {made, f"explain {label}", f"html {label}", f"pdf {label}"} <= found.keys()
    for node in found.values():
        json.dumps(dict(node.params))
        assert node.code
        assert node.packages or node.stage == "manifest"


def test_no_path_is_part_of_a_key(tmp_path: Path) -> None:
    """The same study in another folder has the same parameters; published paths are no part of a key."""
    text = (resources.shipped("models") / "derma.toml").read_text("utf-8")
    parameters = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        (folder / "derma.toml").write_text(text)
        study = load_study(folder / "derma.toml")
        parameters.append(json.dumps([dict(node.params) for node in nodes(study, REAL).values()]))
        assert str(tmp_path) not in parameters[-1]
    assert parameters[0] == parameters[1]


@pytest.mark.parametrize("title", ['title = "CNN"', 'title = "Pigmented skin lesions"'])
def test_words_do_not_train_anything_anew(tmp_path: Path, title: str) -> None:
    """Of a variant, and of the study: its data are not read for it."""
    text = (resources.shipped("models") / "derma.toml").read_text("utf-8")
    assert title in text
    (tmp_path / "derma.toml").write_text(text.replace(title, 'title = "Another title"'))
    before, after = nodes(shipped("derma")), nodes(load_study(tmp_path / "derma.toml"))
    changed = {name for name in before if dict(before[name].params) != dict(after[name].params)}
    assert changed == {"results derma"}


def test_a_setting_changes_its_variant_alone() -> None:
    before, after = nodes(shipped("derma")), nodes(shipped("derma", "baseline.train.batch_size=32"))
    changed = {name for name in before if dict(before[name].params) != dict(after[name].params)}
    # augmented inherits the setting from its parent
    trained = {"train derma.baseline seed 0", "train derma.augmented seed 0", "quantise derma.qat"}
    assert changed == {*trained, "results derma"}


def test_fewer_epochs_run_what_is_trained() -> None:
    before, after = nodes(shipped("derma")), nodes(shipped("derma", epochs=3))
    changed = {name for name in before if dict(before[name].params) != dict(after[name].params)}
    trained = {name for name, node in before.items() if node.stage == "train"}
    assert changed == {*trained, "quantise derma.qat", "results derma"}


def test_seeds_are_a_dimension(tmp_path: Path) -> None:
    study = shipped("cifar10", "resnet.seeds=[4,7]")
    found = nodes(study)
    variant = study.variants["resnet"]
    trained = [found[f"train cifar10.resnet seed {seed}"] for seed in (4, 7)]
    assert [node.params["seed"] for node in trained] == [4, 7]
    assert [node.publish["model.keras"].name for node in trained] == ["model.keras", "model-seed-7.keras"]
    assert model_path(study, variant, 7) == Path("models/cifar10/resnet/model-seed-7.keras")
    assert {"variant/resnet/evaluation/4", "variant/resnet/evaluation/7"} <= found[
        "results cifar10"
    ].inputs.keys()
    assert found["explain cifar10.resnet"].inputs["model"].node == "train cifar10.resnet seed 4"


def test_a_variant_that_fails_does_not_stop_the_results() -> None:
    inputs = nodes(shipped("derma"))["results derma"].inputs
    needed = {label for label, each in inputs.items() if not each.optional}
    assert needed == {"data", "info"}


def readers(file: str) -> set[str]:
    """The stages that have a file of the data as an input."""
    return {
        node.stage
        for name in SHIPPED
        for node in nodes(shipped(name)).values()
        if {Input(f"data {name}", file), Input(f"data {name}", "")} & set(node.inputs.values())
    }


def test_what_prints_names_of_classes_depends_on_them() -> None:
    assert readers("classes.json") == {"audit", "evaluate", "agreement", "explain"}


def test_only_the_evidence_depends_on_words_about_the_data() -> None:
    assert readers("dataset.json") == {"results"}


@pytest.mark.parametrize("key", ["task", "license", "citation", "url"])
def test_another_licence_concerns_the_data_and_the_evidence_alone(tmp_path: Path, key: str) -> None:
    text = (resources.shipped("models") / "derma.toml").read_text("utf-8")
    other = re.sub(rf"^{key} = .*$", f'{key} = "Something else"', text, count=1, flags=re.MULTILINE)
    assert other != text
    (tmp_path / "derma.toml").write_text(other)
    before, after = nodes(shipped("derma"), REAL), nodes(load_study(tmp_path / "derma.toml"), REAL)
    assert before.keys() == after.keys()
    changed = {
        name
        for name in before
        if dict(before[name].params) != dict(after[name].params)
        or Input("data derma", "dataset.json") in after[name].inputs.values()  # it comes out different
    }
    assert {name: dict(node.inputs) for name, node in before.items()} == {
        name: dict(node.inputs) for name, node in after.items()
    }
    assert changed == {"data derma", "results derma"}


def test_a_card_needs_scores_and_heatmaps_and_the_index_only_numbers() -> None:
    found = nodes(shipped("derma"))
    card = found["html derma.baseline"].inputs
    assert (card["evaluation"].optional, card["heatmaps"].optional) == (False, False)
    assert card["heatmaps"].node == "explain derma.baseline"
    assert {label.partition("/")[0] for label in found["html all studies"].inputs} == {"results", "templates"}
    for kind in ("pdf", "md", "fragment"):
        assert found[f"{kind} derma.baseline"].inputs == card


def test_pages_know_neither_the_network_nor_its_packages() -> None:
    """The evidence names their versions, and computes nothing with them."""
    for node in nodes(shipped("derma")).values():
        if node.stage == "results":
            continue
        if node.stage not in ("train", "quantise", "predict", "explain", "trust"):
            assert not {"tensorflow", "keras"} & set(node.packages), node.name
        else:
            assert {"tensorflow", "keras"} <= set(node.packages), node.name


def test_time_budgets_are_no_part_of_a_checkpoints_key() -> None:
    found = nodes(shipped("derma"), max_minutes=3.0)
    for name, node in found.items():
        trains = name.startswith("train ") or name == "quantise derma.qat"
        assert node.loose == (("max_minutes",) if trains else ())
    assert found["train derma.baseline seed 0"].params["max_minutes"] == 3.0


@pytest.mark.parametrize(
    ("located", "flag", "allowed"), [(PHANTOM, False, True), (REAL, False, False), (REAL, True, True)]
)
def test_a_random_trunk_only_for_phantoms_or_where_asked_for(
    located: Located, flag: bool, allowed: bool
) -> None:
    found = nodes(shipped("derma"), located, random_backbone=flag)
    assert found["train derma.transfer seed 0"].params["allow_random_backbone"] is allowed
    assert found["train derma.baseline seed 0"].params["allow_random_backbone"] is False


def test_pretrained_weights_are_an_input_once_they_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "weights" not in nodes(shipped("derma"))["train derma.transfer seed 0"].inputs
    file = tmp_path / ".keras/models/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    file.parent.mkdir(parents=True)
    file.touch()
    found = nodes(shipped("derma"))
    assert found["train derma.transfer seed 0"].inputs["weights"].path == file
    assert "weights" not in found["train derma.baseline seed 0"].inputs


def test_imagenet_is_what_a_frozen_trunk_has_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in training: the file of the weights is an input, and whether a random trunk will do is told."""
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / ".keras/models/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    file.parent.mkdir(parents=True)
    file.touch()
    text = 'dataset = "dermamnist"\n[variants.transfer]\narchitecture = "vgg19"\n'
    made = []
    for folder, options in (("silent", ""), ("said", 'options.weights = "imagenet"\n')):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.toml").write_text(text + options)
        study = load_study(tmp_path / folder / "mine.toml")
        made.append(nodes(study, REAL, random_backbone=True)["train mine.transfer seed 0"])
    silent, said = made
    assert said.inputs["weights"].path == file
    assert silent.inputs == said.inputs
    assert said.params["allow_random_backbone"] is True
    params = [json.loads(json.dumps(dict(node.params))) for node in made]
    assert [each["recipe"]["options"].pop("weights", None) for each in params] == [None, "imagenet"]
    assert params[0] == params[1]


def test_a_brought_model_is_not_trained(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'data = "my.npz"\nclasses = ["a", "b"]\n[variants.mine]\npath = "my.keras"\n'
        'pixel_scale = "0-1"\noutput = "logits"\n'
    )
    found = nodes(load_study(tmp_path / "mine.toml"), Located("real", (tmp_path / "my.npz",), "npz"))
    assert not [name for name in found if name.startswith("train ")]
    predict = found["predict mine.mine seed 0"]
    assert predict.inputs["model"].path == tmp_path / "my.keras"
    assert predict.params["reading"] == {"pixel_scale": "0-1", "output": "logits"}


def test_own_templates_are_an_input_of_every_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    study = shipped("derma")
    before = nodes(study)["html derma"].inputs
    (tmp_path / "templates").mkdir()
    after = nodes(study)["html derma"].inputs
    assert {each.path for label, each in before.items() if label.startswith("templates/")} == {
        resources.shipped("templates").resolve()
    }
    assert tmp_path / "templates" in {each.path for each in after.values()}
    assert nodes(study)["pdf derma"].inputs == after


def test_a_quantised_variant_comes_from_its_parents_file() -> None:
    found = nodes(shipped("derma"))
    for name in ("dynamic", "int8", "qat"):
        node = found[f"quantise derma.{name}"]
        assert node.inputs["model"] == Input("train derma.augmented seed 0", "model.keras")
        assert node.publish == {"model.tflite": Path(f"models/derma/{name}/model.tflite")}
        assert found[f"predict derma.{name} seed 0"].inputs["model"] == Input(node.name, "model.tflite")
        compared = found[f"agreement derma.{name}"].inputs
        assert compared["parent"] == Input("predict derma.augmented seed 0", "predictions.npz")
    assert found["results derma"].inputs["variant/qat/training/0"] == Input(
        "quantise derma.qat", "training.json", None, True
    )
    assert "variant/int8/training/0" not in found["results derma"].inputs
    assert found["quantise derma.qat"].params["conversion"]["fine_tuning"]["epochs"]
    assert found["quantise derma.int8"].params["conversion"]["fine_tuning"] is None


def test_costs_are_measured_where_something_is_quantised() -> None:
    found = nodes(shipped("derma"))
    cost = found["cost derma"]
    variants = ["baseline", "augmented", "transfer", "dynamic", "int8", "qat"]
    assert list(cost.inputs) == [f"variant/{name}" for name in variants]
    assert all(each.optional for each in cost.inputs.values())
    assert cost.params == {
        "variants": variants,
        "parents": dict.fromkeys(("dynamic", "int8", "qat"), "augmented"),
    }
    float32 = found["quantise derma.augmented"]
    assert (float32.params["conversion"]["mode"], float32.publish) == ("float32", {})
    assert not [name for name in nodes(shipped("cifar10")) if name.startswith(("cost", "quantise"))]


def test_a_child_before_its_parent_in_the_file_comes_after_it_in_the_graph(tmp_path: Path) -> None:
    (tmp_path / "q.toml").write_text(
        'dataset = "dermamnist"\n[variants.small]\nparent = "big"\nquantise = { mode = "int8" }\n'
        '[variants.big]\narchitecture = "cnn2d"\nseeds = [4, 7]\n'
    )
    study = load_study(tmp_path / "q.toml")
    found = nodes(study)  # checks the order
    assert found["quantise q.small"].inputs["model"].node == "train q.big seed 4"
    assert "predict q.small seed 7" not in found
    assert with_parents(study, ["small"]) == ["small", "big"]
    assert with_parents(study, ["big"]) == ["big"]


def test_what_is_measured_together_is_no_variants_own() -> None:
    """Else a variant that is finished would be left out for the sake of one that is not."""
    study = shipped("derma")
    own = add_evidence(Builder(Path("reports")), study, PHANTOM, list(study.variants))
    assert not [name for names in own.values() for name in names if name.startswith("cost ")]
    assert [name for name in own["augmented"] if name.startswith("quantise ")] == []
    assert "quantise derma.int8" in own["int8"]
