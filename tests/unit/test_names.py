"""Names that people choose never share a namespace with ours: the graph is the same whatever they are."""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import xaireport
from xaireport import resources
from xaireport.engine.node import Input, Node, Publication, Step
from xaireport.engine.plan import check
from xaireport.errors import ConfigError
from xaireport.pipeline.builder import Builder
from xaireport.pipeline.graph import add_evidence, add_results
from xaireport.pipeline.inputs import needed_by_card
from xaireport.pipeline.labels import pictures_of
from xaireport.pipeline.pages import add_index, add_pages
from xaireport.report.document.blocks import Paragraph
from xaireport.report.document.drawings import drawing
from xaireport.report.figures.draw import BUILTIN, draw
from xaireport.report.plugins import Drawing, Format, Plugin
from xaireport.report.sections.registry import Card, SectionMaker, sections
from xaireport.report.writers import formats
from xaireport.report.writers.html import beginning
from xaireport.study.file import NAME, check_name
from xaireport.study.find import select
from xaireport.study_schema import QuantiseSettings, StudySpec, VariantSpec
from xaireport.types.artefacts import AUDIT_FOLDER as AUDIT
from xaireport.types.data import Located

KINDS = ("trained", "seeds", "brought", "int8", "qat")
LOCATED = Located("real", (Path("d/data.npz"), Path("d/extras.npz")), "npz")


@dataclass(frozen=True)
class Shape:
    """What is built, without names: of each study the kinds of its variants; the first one is trained."""

    studies: tuple[tuple[str, ...], ...]

    @property
    def counts(self) -> list[int]:
        return [len(kinds) for kinds in self.studies]


def study(name: str, variants: Sequence[str], kinds: Sequence[str]) -> StudySpec:
    made = {}
    for i, (variant, kind) in enumerate(zip(variants, kinds, strict=True)):
        if kind in ("int8", "qat"):
            quantise = QuantiseSettings(mode=kind)  # type: ignore[arg-type]
            made[variant] = VariantSpec(name=variant, parent=variants[0], quantise=quantise)
        elif kind == "brought":
            made[variant] = VariantSpec(
                name=variant, path="brought.keras", pixel_scale="0-1", output="logits"
            )
        else:
            parent = variants[i - 1] if i and kinds[i - 1] in ("trained", "seeds") else ""
            seeds = (4, 7) if kind == "seeds" else ()
            made[variant] = VariantSpec(name=variant, parent=parent, architecture="cnn2d", seeds=seeds)
    return StudySpec(name=name, data="data.npz", classes=("a", "b"), groups="g", variants=made)


def graph(shape: Shape, names: Sequence[tuple[str, Sequence[str]]]) -> list[Step]:
    """All nodes of a build of these studies; ``names``: each study's, and its variants'."""
    builder = Builder(Path("reports"))
    results = {}
    for kinds, (name, variants) in zip(shape.studies, names, strict=True):
        spec = study(name, variants, kinds)
        add_evidence(builder, spec, LOCATED, variants)
        evidence = add_results(builder, spec, variants)
        results[name] = evidence["results"]
        add_pages(builder, name, {variant: needed_by_card(spec, variant) for variant in variants}, evidence)
    add_index(builder, results)
    check(builder.nodes)  # unique names, each after what it reads
    return builder.nodes


def harmless(shape: Shape) -> list[tuple[str, list[str]]]:
    """Names that nothing else is made of."""
    return [(f"xqs{i}qx", [f"xqs{i}v{j}qx" for j in range(count)]) for i, count in enumerate(shape.counts)]


def renamed(text: str, before: Any, after: Any) -> str:
    """The text with all names replaced at once."""
    pairs = {
        old: new
        for (study, variants), (other, others) in zip(before, after, strict=True)
        for old, new in zip((study, *variants), (other, *others), strict=True)
    }
    return re.sub("|".join(map(re.escape, pairs)), lambda found: pairs[found[0]], text)


def written(steps: Sequence[Step], rename: Callable[[str], str] = str) -> list[str]:
    """Everything a graph says, mappings as lists of pairs: two keys that became one are one pair fewer."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return sorted([rename(str(key)), plain(item)] for key, item in value.items())
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        if isinstance(value, Input):
            return [rename(value.node), rename(value.file), rename(str(value.path)), value.optional]
        return rename(str(value)) if isinstance(value, str | Path) else value

    def parts(step: Step) -> list[Any]:
        if isinstance(step, Publication):
            return [step.home, step.files, step.seal, list(step.guards)]
        return [step.params, step.inputs, step.publish]

    return [json.dumps(plain([step.name, step.stage, *parts(step)])) for step in steps]


def published(steps: Sequence[Step], names: Any) -> list[str]:
    """Every file that the build may put where people look; of pictures one of each kind."""
    found = []
    for step in steps:
        if isinstance(step, Node):
            found += [place.as_posix() for place in step.publish.values()]
            continue
        for file in step.files:
            place = step.home / file
            if file != "assets":
                found.append(place.as_posix())
                continue
            (variants,) = (variants for name, variants in names if place.parent.name == name)
            found.append(f"{place}/{AUDIT}/01-exact.jpg")
            for variant in variants:
                found += [
                    f"{place}/{pictures_of(variant)}/{file}.jpg" for file in ("a", "moved/a", "moved/other/a")
                ]
            files = [
                drawing(each.name, variant)
                for each in BUILTIN
                for variant in (variants if each.per_variant else ("",))
            ]
            found += [(place.parent / file).as_posix() for file in files]
    return found


@cache
def ours() -> list[str]:
    """Our own words that could be names: in the source, in labels and nodes, of files and folders."""
    package = Path(xaireport.__path__[0])
    words: set[str] = set()
    for file in package.rglob("*.py"):
        for found in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(found, ast.Constant) and isinstance(found.value, str):
                words.update(re.split(r"[/. ]", found.value) if len(found.value) < 60 else ())
    for root in (package, resources.shipped("templates")):
        words.update(part for file in root.rglob("*") for part in (file.name, file.stem))
    return sorted(word for word in words if len(word) < 25 and NAME.fullmatch(word))


@cache
def of_the_graph() -> list[str]:
    """The words of labels, nodes, stages, files and folders of a graph."""
    shape = Shape((KINDS,))
    said = " ".join(written(graph(shape, harmless(shape))))
    return sorted({word for word in re.split(r'["\s\[\],/.:]+', said) if NAME.fullmatch(word)})


def names() -> st.SearchStrategy[str]:
    word = st.one_of(st.sampled_from(of_the_graph()), st.sampled_from(ours()))
    joined = st.builds("{}{}{}".format, word, st.sampled_from("-_"), word)
    return st.one_of(word, joined, st.from_regex(r"\A[a-z0-9_-]{1,6}\Z"))


@st.composite
def builds(draw: st.DrawFn) -> tuple[Shape, list[tuple[str, list[str]]]]:
    kinds = st.sampled_from(KINDS)
    first = st.sampled_from(("trained", "seeds"))
    one = st.builds(lambda first, more: (first, *more), first, st.lists(kinds, max_size=3))
    shape = Shape(tuple(draw(st.lists(one, min_size=1, max_size=2))))
    studies = draw(st.lists(names(), unique=True, min_size=len(shape.studies), max_size=len(shape.studies)))
    chosen = [
        (name, draw(st.lists(names(), unique=True, min_size=count, max_size=count)))
        for name, count in zip(studies, shape.counts, strict=True)
    ]
    return shape, chosen


CLASHES = (
    (Shape((("trained", "int8"),)), [("data", ["data", "info"])]),
    (Shape((("trained", "brought", "int8", "qat"),)), [("index", ["assets", "figures", "pairs", "cost"])]),
    (Shape((("seeds", "seeds"), ("trained",))), [("all", ["0", "words"]), ("studies", ["x-"])]),
)


@settings(max_examples=60, deadline=None)
@example(CLASHES[0])
@example(CLASHES[1])
@example(CLASHES[2])
@given(builds())
def test_a_graph_is_the_same_whatever_the_names(build: tuple[Shape, list[tuple[str, list[str]]]]) -> None:
    """No label, node, parameter or place is lost to another one, or mistaken for it."""
    shape, chosen = build
    plain = harmless(shape)
    nodes = graph(shape, chosen)
    expected = written(graph(shape, plain), lambda text: renamed(text, plain, chosen))
    assert written(nodes) == expected
    places = [place.lower() for place in published(nodes, chosen)]  # as a Mac or Windows tells them apart
    assert len(places) == len(set(places))
    folders = {parent.as_posix() for place in places for parent in PurePosixPath(place).parents}
    assert not folders & set(places)


def long() -> st.SearchStrategy[str]:
    """Names up to the longest that are allowed; many begin alike."""
    of_any_length = st.from_regex(rf"\A{NAME.pattern}\Z")
    alike = st.builds(
        "{}{}".format, st.sampled_from(("a" * 63, "a-b_" * 15, "a--b", "a_b")), st.sampled_from("a0_-")
    )
    return st.one_of(names(), of_any_length, alike).filter(NAME.fullmatch)


@given(st.lists(st.tuples(long(), long()), min_size=2, max_size=2, unique=True))
@example([("a", "b-image"), ("a", "b")])
@example([("a-b", "c"), ("a", "b-c")])
@example([("a", "b--c"), ("a", "b-c")])
@example([("a", "_b"), ("a", "b_")])
@example([("a" * 64, "b"), ("a" * 63 + "b", "b")])
@example([("a" * 41, "b"), ("a" * 40, hashlib.sha256(b"a" * 41).hexdigest()[:6])])
def test_ids_of_two_cards_differ_whatever_follows(cards: list[tuple[str, str]]) -> None:
    one, other = (beginning(*card) for card in cards)
    assert not one.startswith(other)
    assert not other.startswith(one)


@pytest.mark.parametrize(
    "name",
    ["con", "prn", "aux", "nul", "com1", "com9", "lpt1", "lpt9", "-x", "--help", "-", "a" * 65, "", "A",
     "a.b", "a/b", "ä", "a\n"],
)  # fmt: skip
@pytest.mark.parametrize("what", ["study", "variant"])
def test_names_that_cannot_be_a_folder_or_an_argument_everywhere_are_refused(name: str, what: str) -> None:
    with pytest.raises(ConfigError, match=f"the name of a {what}"):
        check_name(name, what, "")


@pytest.mark.parametrize("name", ["a" * 64, "conx", "con-", "com0", "com10", "lpt", "a-b_c", "0", "_"])
def test_other_names_are_taken(name: str) -> None:
    check_name(name, "study", "")


def test_our_own_words_are_found() -> None:
    assert {"data", "audit", "variant", "assets", "figures", "card", "moved", "toml"} <= set(ours())
    assert {"training", "predictions", "evaluation", "seed", "file0"} <= set(of_the_graph())


def test_a_variant_may_be_called_as_the_suffix_of_a_study_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.toml").write_text("[variants.toml]\n[variants.other]\n")
    (chosen,) = select(("mine.toml",))
    assert (chosen.path.name, chosen.variants) == ("mine.toml", ("toml",))
    with pytest.raises(ConfigError, match="a study file that exists"):
        select(("derma.toml",))
    (tmp_path / "mine.toml").write_text("[variants.here]\n")
    assert select(("mine.toml",))[0].variants == ("here",)


def with_plugin(monkeypatch: pytest.MonkeyPatch, **parts: Any) -> None:
    for module in (formats, __import__("xaireport.report.figures.draw", fromlist=["loaded"])):
        monkeypatch.setattr(module, "loaded", lambda: (Plugin(**parts),))


@pytest.mark.parametrize("name", ["data", "manifest", "publish", "train"])
def test_a_format_called_as_a_step_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with_plugin(monkeypatch, formats=(Format(name, ".txt", "acme:write"),))
    with pytest.raises(ConfigError, match=f"not called as a step of a build. Received: {name}"):
        graph(Shape((("trained",),)), [("s", ["v"])])


@pytest.mark.parametrize("suffix", ["/x.txt", "txt", ".pdf", ".HTML", ""])
def test_two_formats_never_write_one_file(monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    with_plugin(monkeypatch, formats=(Format("acme", suffix, "acme:write"),))
    with pytest.raises(ConfigError, match="suffix"):
        formats.formats()


@pytest.mark.parametrize("name", ["variants/a/x", "../x", "a.b", ""])
def test_a_drawing_stays_in_its_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    with_plugin(monkeypatch, figures=(Drawing(name, lambda *_: None, "", "", per_variant=False),))  # type: ignore[arg-type, return-value]
    monkeypatch.setattr("xaireport.report.figures.draw.BUILTIN", ())
    with pytest.raises(ConfigError, match="a drawing's name"):
        draw({"variants": {}}, tmp_path)


def test_sections_differ_by_more_than_the_case_of_their_mark() -> None:
    """The ids of a page are in small letters."""
    makers = [SectionMaker(mark, "", lambda card: ("computed", (Paragraph(("x",)),)), 1) for mark in "Aa"]
    with pytest.raises(ConfigError, match="one section per letter"):
        sections(Card(None, None), makers)  # type: ignore[arg-type]
