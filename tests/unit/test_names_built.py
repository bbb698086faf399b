"""A small study run by the real stages, models apart: the same evidence and files whatever the names."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xaireport.engine.code import CodeHasher
from xaireport.engine.node import NodeReport
from xaireport.engine.scheduler import Engine
from xaireport.metrics import intervals
from xaireport.pipeline import run
from xaireport.pipeline.builder import Builder
from xaireport.pipeline.graph import add_evidence, add_results
from xaireport.pipeline.inputs import needed_by_card
from xaireport.pipeline.pages import add_index, add_pages
from xaireport.pipeline.stages import cost, explain, predict, quantise, trust
from xaireport.report.writers import formats
from xaireport.study_schema import Conversion, QuantiseSettings, StudySpec, VariantSpec
from xaireport.types.data import Located
from xaireport.types.device import Cost, Endpoint, Latency, Quantisation, Sections, TFLiteFile
from xaireport.types.models import LayerInfo, ModelSummary

PLAIN = ("xq0qx", "xq1qx", "xq2qx")
CLASHES = [("data", "_x", "audit"), ("assets", "cost", "x-")]
MORE = [("audit", "info", "pairs"), ("comparison", "figures", "variants")]
SIDE = 12


class Stripes:
    """Knows three classes by which stripe is bright, the less well the higher its number."""

    method_suffix = ""
    summary = ModelSummary((SIDE, SIDE, 3), 3, 10, 10, 100, (("fine", "Conv2D", "(None, 6, 6, 3)", 10),))

    def __init__(self, number: int) -> None:
        self.number = number

    def logits(self, images: Any, batch_size: int = 256) -> Any:
        stripes = images.reshape(len(images), 3, SIDE // 3, SIDE, 3).mean(axis=(2, 3, 4)) / 40
        noise = [
            [np.sin(7 * self.number + image.sum() + k) for k in range(3)] for image in images.astype(int)
        ]
        return (stripes + self.number * np.array(noise)).astype(np.float32)

    def predict(self, images: Any, batch_size: int = 256) -> Any:
        odds = np.exp(self.logits(images).astype(np.float64))
        return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)

    def learnt_layers(self, up_to: str = "") -> tuple[str, ...]:
        return ()

    def shuffled(self, layers: Any, seed: int) -> Any:
        return nullcontext(self)

    def spatial_layers(self) -> tuple[LayerInfo, ...]:
        return (LayerInfo("fine", "Conv2D", (6, 6), 3),)

    def activations_and_gradients(self, images: Any, targets: Any, layer: str) -> Any:
        activations = images[:, ::2, ::2].astype(np.float32)
        gradients = np.roll(np.ones_like(activations), self.number) * (1 + self.number)
        gradients[..., self.number % 3] += 1
        return activations, gradients, self.predict(images)


def opened(opener: Any, context: Any, params: Any, dataset: Any) -> Stripes:
    return Stripes(int(context.inputs["model"].read_text()))


def quantised(
    model: Path, conversion: Conversion, dataset: Any, *, out: Path, **_: Any
) -> tuple[Quantisation, None]:
    (out / "model.tflite").write_text("2" if conversion.mode != "float32" else model.read_text())
    file = TFLiteFile(
        9, (), (), (), Endpoint("int8", 1.0, 0), Endpoint("int8", 1.0, 0), Sections(5, 2, 2), "2"
    )
    return Quantisation(conversion.mode, file, None, 0, (), ("converted",), 1.0, "x", "y"), None


def measured(files: Mapping[str, Path], parents: Mapping[str, str]) -> dict[str, Cost]:
    return {
        name: Cost(
            100 - int(path.read_text()),
            0.5 if name in parents else None,
            None,
            (Latency(1, 1, 9, 1.0 + int(path.read_text()), 2.0, 0.5 if name in parents else None),),
        )
        for name, path in files.items()
    }


def write_data(folder: Path) -> None:
    """Patients of three images each; one test image is a copy of a training image: a find."""
    rng = np.random.default_rng(5)
    arrays, extras = {}, {}
    for split, n in (("train", 36), ("val", 18), ("test", 36)):
        labels = np.arange(n) % 3
        images = rng.integers(0, 156, (n, SIDE, SIDE, 3))
        for image, label in zip(images, labels, strict=True):
            image[4 * label : 4 * label + 4] += 40
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = images.astype(np.uint8), labels
        extras[f"{split}_patient"] = np.array([f"{split}{i // 3}" for i in range(n)])
        extras[f"{split}_age"] = rng.integers(30, 90, n)
    arrays["test_images"][0] = arrays["train_images"][0]
    np.savez(folder / "d.npz", **arrays)
    np.savez(folder / "d_extras.npz", **extras)
    for number in (0, 1):
        (folder / f"{number}.keras").write_text(str(number))


def study(folder: Path, names: Sequence[str]) -> StudySpec:
    brought = {"pixel_scale": "0-255", "output": "probabilities"}
    variants = {
        names[0]: VariantSpec(name=names[0], path="0.keras", **brought),  # type: ignore[arg-type]
        names[1]: VariantSpec(name=names[1], path="1.keras", **brought),  # type: ignore[arg-type]
        names[2]: VariantSpec(name=names[2], parent=names[0], quantise=QuantiseSettings(mode="int8")),
    }
    return StudySpec(
        name="index", data="d.npz", classes=("top", "middle", "bottom"), groups="patient", columns=("age",),
        folder=str(folder), variants=variants,
    )  # fmt: skip


@dataclass(frozen=True)
class Built:
    """What a build left."""

    folder: Path
    reports: list[NodeReport]

    @property
    def report(self) -> Path:
        return self.folder / "reports" / "index"

    @property
    def results(self) -> str:
        found = json.loads((self.report / "results.json").read_text("utf-8"))
        found["run"] = {}
        return json.dumps(found, indent=1)

    def files(self) -> dict[str, bytes]:
        roots = (self.folder / "reports", self.folder / "models")
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for root in roots
            for path in sorted(root.rglob("*"))
            if path.is_file()
        }


def build(folder: Path, names: Sequence[str]) -> Built:
    with pytest.MonkeyPatch.context() as patched:
        for stage in (predict, explain, trust):
            patched.setattr(stage, "opened", opened)
        patched.setattr(predict, "summary_of", lambda made: made.summary)
        patched.setattr(quantise, "quantise", quantised)
        patched.setattr(cost, "measure", measured)
        patched.setenv("SOURCE_DATE_EPOCH", "1700000000")
        patched.setattr(formats, "BUILTIN", [each for each in formats.BUILTIN if each.name in ("html", "md")])
        patched.setattr(intervals, "RESAMPLES", 200)
        patched.setattr(CodeHasher, "closure", lambda self, roots: {})  # not looked at here, and slow
        patched.chdir(folder)
        write_data(folder)
        spec = study(folder, names)
        builder = Builder(Path("reports"))
        located = Located("real", (folder / "d.npz", folder / "d_extras.npz"), "npz")
        add_evidence(builder, spec, located, names)
        made = add_results(builder, spec, names)
        add_pages(builder, spec.name, {name: needed_by_card(spec, name) for name in names}, made)
        add_index(builder, {spec.name: made["results"]})
        return Built(folder, Engine(Path("store")).run(builder.nodes))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[str, str, str]], Built]:
    return cache(lambda names: build(tmp_path_factory.mktemp("built"), names))


@pytest.fixture(scope="module")
def plain(built: Any) -> Built:
    made: Built = built(PLAIN)
    assert [(each.name, each.failure) for each in made.reports if each.status != "ran"] == []
    results = json.loads(made.results)
    assert not results["failed"]
    assert "cluster bootstrap" in made.results  # patients are resampled whole
    assert results["data_audit"]["gallery"]
    assert results["variants"][PLAIN[2]]["cost"]
    assert results["variants"][PLAIN[0]]["heatmaps"]["drift"]["moved"]
    return made


def renamed(text: str, names: Sequence[str]) -> str:
    return re.sub("|".join(PLAIN), lambda found: names[PLAIN.index(found[0])], text)


@pytest.mark.parametrize("names", [*CLASHES, *(pytest.param(each, marks=pytest.mark.slow) for each in MORE)])
def test_the_evidence_is_the_same_whatever_the_names(
    plain: Built, built: Any, names: tuple[str, str, str]
) -> None:
    made = built(names)
    assert [each.failure for each in made.reports if each.status != "ran"] == []
    assert made.results == renamed(plain.results, names)
    before, after = plain.files(), made.files()
    assert sorted(after) == sorted(renamed(name, names) for name in before)
    for name, content in before.items():
        if name.endswith((".jpg", ".npz", ".tflite")):
            assert after[renamed(name, names)] == content, name
    csv = "reports/index/predictions.csv"
    assert after[csv].decode() == renamed(before[csv].decode(), names)
    manifest = json.loads(after["reports/index/manifest.json"])
    assert {each["path"] for each in manifest["files"]} == {
        name.removeprefix("reports/index/")
        for name in after
        if name.startswith("reports/index/") and not name.endswith("manifest.json")
    }
    drawn = after["reports/index/assets/figures/scores.svg"].decode()
    assert all(f">{name}</text>" in drawn for name in names)


def test_an_audits_pictures_and_those_of_a_variant_of_its_name_are_both_there(built: Any) -> None:
    made = built(CLASHES[0])
    results = json.loads(made.results)
    finds = {each["file"] for each in results["data_audit"]["gallery"]}
    shown = {each["image"] for each in results["variants"]["audit"]["examples"]}
    assert finds
    assert shown
    assert not finds & shown
    for file in finds | shown:
        assert (made.report / file).is_file(), file


def rendered(built: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Render what was published and return the names of the steps that had to run."""
    monkeypatch.chdir(built)
    monkeypatch.setattr(CodeHasher, "closure", lambda self, roots: {})
    monkeypatch.setattr(formats, "BUILTIN", [each for each in formats.BUILTIN if each.name in ("html", "md")])
    result = run.render(["index"], False, Path("reports"), force=True)  # a copy is no build of ours
    assert result.failed == ()
    return {report.name for report in result.reports if report.status != "fresh"}


def test_a_card_is_no_reason_to_render_a_card(
    built: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card of a variant called assets lies between the folders of pictures, and is none of them."""
    shutil.copytree(built(CLASHES[1]).folder / "reports", tmp_path / "reports")
    rendered(tmp_path, monkeypatch)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "foot.html").write_text("<footer>ours</footer>")
    rendered(tmp_path, monkeypatch)
    assert "ours" in (tmp_path / "reports/index/assets/card.html").read_text("utf-8")
    assert rendered(tmp_path, monkeypatch) == set()


def test_reports_of_earlier_builds_render(
    plain: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They had the variants' folders right below assets, and one folder for all drawings."""
    shutil.copytree(plain.folder / "reports", tmp_path / "reports")
    report = tmp_path / "reports" / "index"
    text = (report / "results.json").read_text("utf-8").replace("assets/variants/", "assets/")
    (report / "results.json").write_text(text, "utf-8")
    figures = report / "assets" / "figures"
    for drawing in sorted(figures.glob("*.svg")):
        drawing.rename(figures / f"comparison-{drawing.name}")
    for drawing in sorted(figures.glob("variants/*/*.svg")):
        drawing.rename(figures / f"{drawing.parent.name}-{drawing.name}")
    shutil.rmtree(figures / "variants")
    for folder in sorted((report / "assets" / "variants").iterdir()):
        folder.rename(report / "assets" / folder.name)
    (report / "assets" / "variants").rmdir()
    rendered(tmp_path, monkeypatch)
    for name in PLAIN:
        words = (report / name / "card.md").read_text("utf-8")
        linked = re.findall(r"\]\(<(\.\./assets/[^>]+)>\)", words)
        assert len(linked) > 5
        assert [file for file in linked if not (report / name / file).is_file()] == []
        assert f"assets/figures/{name}-per-class.svg" in words
