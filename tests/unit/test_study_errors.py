"""Whatever is wrong with a study file is named with file, key, what was expected and what was received."""

from __future__ import annotations

from pathlib import Path

import pytest

from xaireport.errors import ConfigError
from xaireport.study.load import load_study
from xaireport.study.rules import check_costs
from xaireport.study_schema import StudySpec

GOOD = 'dataset = "dermamnist"\n[variants.a]\narchitecture = "cnn2d"\n'

QUANTISED = GOOD + "[variants.q]\n"

WRONG_FILES = {
    "malformed": ('dataset = "x\n', "valid TOML", "line 1"),
    "no variants": ('dataset = "x"\n', "at least one table", "none"),
    "variants no table": ("variants = 3\n", "a table", "3"),
    "variant no table": ("[variants]\na = 3\n", "a table", "3"),
    "unknown study key": ("hedline = 1\n" + GOOD, "did you mean headline", "'hedline'"),
    "reserved study key": ('folder = "x"\n' + GOOD, "a key that exists", "'folder'"),
    "unknown variant key": (GOOD + 'titel = "x"\n', "did you mean title", "variants.a"),
    "reserved variant key": (GOOD + 'name = "x"\n', "a key that exists", "'name'"),
    "unknown setting": (GOOD + "train = { epoch = 3 }\n", "did you mean epochs", "variants.a.train"),
    "wrong type": (GOOD + 'train = { epochs = "3" }\n', "an integer", "'3'"),
    "float for integer": (GOOD + "train = { epochs = 3.0 }\n", "an integer", "3.0"),
    "quoted boolean": (GOOD + 'train = { class_weight = "True" }\n', "true or false", "small letters"),
    "integer for boolean": (GOOD + "train = { class_weight = 1 }\n", "true or false", "train.class_weight"),
    "range": (GOOD + "train = { epochs = 0 }\n", "a number of at least 1", "variants.a.train.epochs"),
    "open range": (GOOD + "augment = { zoom = 1.0 }\n", "a number of less than 1", "augment.zoom"),
    "not finite": (GOOD + "train = { learning_rate = inf }\n", "a finite number", "inf"),
    "not a number": (GOOD + "train = { learning_rate = nan }\n", "finite number", "nan"),
    "choice": (GOOD + 'train = { optimizer = "adm" }\n', "one of adam, sgd", "did you mean adam"),
    "table for setting": (GOOD + "train = 3\n", "a table", "variants.a.train"),
    "list of words for seeds": (GOOD + 'seeds = ["x"]\n', "an integer", "seeds.0"),
    "margin of nothing": ("margin = 0.0\n" + GOOD, "more than 0 and less than 1", "margin"),
    "margin of everything": ("margin = 1.0\n" + GOOD, "more than 0 and less than 1", "1.0"),
    "margin below": ("margin = -0.02\n" + GOOD, "more than 0 and less than 1", "-0.02"),
    "family": ('family = "some"\n' + GOOD, "one of all, parents", "'some'"),
    "costs in words": ('cost_matrix = [["a"]]\n' + GOOD, "a number", "cost_matrix.0.0"),
    "kappa without an order": ('headline = "kappa_weighted"\n' + GOOD, "ordinal = true", "headline"),
    "seed twice": (GOOD + "seeds = [1, 1]\n", "each once", "variants.a.seeds"),
    "reference without source": (GOOD + "reference = { accuracy = 0.5 }\n", "a value", "reference.source"),
    "reference with unknown key": (GOOD + 'reference = { source = "x", f2 = 1 }\n', "a key", "reference)"),
    "date in options": (
        GOOD + "options = { a = [2020-01-01] }\n",
        "a string, a finite number",
        "options.a.0",
    ),
    "phantom no table": (GOOD + "phantom = 3\n", "a table", "phantom"),
    "phantom key": (GOOD + "phantom = { title = 'x' }\n", "train, options, quantise", "variants.a.phantom"),
    "phantom setting": (
        GOOD + "phantom = { train = { epochs = 0 } }\n",
        "at least 1",
        "phantom.train.epochs",
    ),
    "variant name": (GOOD.replace("variants.a", 'variants."A b"'), "lower-case", "'A b'"),
    "missing parent": (
        GOOD + 'parent = "bb"\n[variants.b]\nparent = "a"\n',
        "did you mean b?",
        "variants.a.parent",
    ),
    "quantise without mode": (GOOD + "quantise = { epochs = 3 }\n", "mode, one of dynamic", "quantise.mode"),
    "quantise mode": (
        GOOD + 'quantise = { mode = "int4" }\n',
        "one of dynamic, float16, int8, qat",
        "'int4'",
    ),
    "quantise key": (GOOD + 'quantise = { mood = "int8" }\n', "did you mean mode", "a.quantise"),
    "quantise range": (GOOD + "quantise = { calibration_images = 0 }\n", "at least 1", "calibration_images"),
    "quantise without parent": (
        QUANTISED + 'quantise = { mode = "int8" }\n',
        "parent, the variant",
        "variants.q",
    ),
    "quantise with a parent of another study": (
        QUANTISED + 'parent = "derma.a"\nquantise = { mode = "int8" }\n',
        "a variant that exists",
        "'derma.a'",
    ),
    "quantise a quantised parent": (
        QUANTISED
        + 'parent = "a"\nquantise = { mode = "int8" }\n'
        + '[variants.r]\nparent = "q"\nquantise = { mode = "dynamic" }\n',
        "a parent in floating point",
        "q, which is quantised itself",
    ),
    "quantise a tflite file": (
        QUANTISED
        + 'parent = "t"\nquantise = { mode = "int8" }\n'
        + '[variants.t]\npath = "t.tflite"\npixel_scale = "0-1"\noutput = "logits"\n',
        "a parent in floating point",
        "t.tflite",
    ),
    "retrain a brought parent": (
        QUANTISED
        + 'parent = "t"\nquantise = { mode = "qat" }\n'
        + '[variants.t]\npath = "t.keras"\npixel_scale = "0-1"\noutput = "logits"\n',
        "a parent that is trained here",
        "brought along",
    ),
    "quantise and train": (
        QUANTISED + 'parent = "a"\nquantise = { mode = "int8" }\ntrain = { epochs = 3 }\n',
        "no train beside quantise",
        "variants.q.train",
    ),
    "quantise and another architecture": (
        QUANTISED + 'parent = "a"\nquantise = { mode = "int8" }\narchitecture = "resnet"\n',
        "no architecture beside quantise",
        "'resnet'",
    ),
    "epochs without retraining": (
        QUANTISED + 'parent = "a"\nquantise = { mode = "int8", epochs = 3 }\n',
        "epochs with mode qat only",
        "mode int8",
    ),
    "calibration without ranges": (
        QUANTISED + 'parent = "a"\nquantise = { mode = "dynamic", calibration_images = 3 }\n',
        "calibration_images with mode int8 or qat only",
        "mode dynamic",
    ),
    "own parent": (GOOD + 'parent = "a"\n', "parents that end", "a → a"),
    "cycle": (GOOD + 'parent = "b"\n[variants.b]\nparent = "a"\n', "parents that end", "a → b → a"),
    "cycle below": (
        GOOD + 'parent = "b"\n[variants.b]\nparent = "c"\n[variants.c]\nparent="b"',
        "end",
        "b → c → b",
    ),
    "no origin": ('dataset = "x"\n[variants.a]\n', "architecture (to train one) or path", "neither"),
    "two origins": (GOOD + 'path = "m.keras"\n', "not both", "variants.a.architecture"),
    "scale of a trained one": (GOOD + 'pixel_scale = "0-1"\n', "with path only", "variants.a.pixel_scale"),
    "warm-up alone": (GOOD + "train = { warmup_epochs = 1 }\n", "cosine", "train.warmup_epochs"),
    "two that steer": (
        GOOD + 'train = { schedule = "cosine", reduce_lr = 2 }\n',
        "reduce_lr = 0",
        "reduce_lr",
    ),
    "headline": ('headline = "f1"\n' + GOOD, "did you mean", "'f1'"),
    "headline that is a loss": ('headline = "log_loss"\n' + GOOD, "a score that exists", "headline"),
    "no data": (GOOD.partition("\n")[2], "either dataset", "neither"),
    "two data": ('data = "x.npz"\nclasses = ["a", "b"]\n' + GOOD, "either dataset", "both"),
    "classes of a known set": ('classes = ["a", "b"]\n' + GOOD, "classes with data only", "brings its own"),
    "no classes": (GOOD.replace("dataset", "data"), "the name of each label", "nothing"),
    "one class": ('classes = ["a"]\n' + GOOD.replace("dataset", "data"), "at least two", "['a']"),
    "class twice": ('classes = ["a", "a"]\n' + GOOD.replace("dataset", "data"), "each once", "classes"),
    "classes no list": ('classes = "ab"\n' + GOOD.replace("dataset", "data"), "a list", "'ab'"),
    "negative seed": ("seed = -1\n" + GOOD, "at least 0", "seed"),
}


@pytest.mark.parametrize("what", WRONG_FILES)
@pytest.mark.parametrize("phantom", [False, True])
def test_wrong_files(tmp_path: Path, what: str, phantom: bool) -> None:
    text, *words = WRONG_FILES[what]
    path = tmp_path / "lab.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_study(path, phantom=phantom)
    message = caught.value.message
    assert message.startswith("Expected ")
    assert str(path) in caught.value.where
    for word in words:
        assert word in message


BROUGHT = """
data = "x.npz"
classes = ["a", "b"]
[variants.m]
path = "m.keras"
pixel_scale = "0-1"
output = "logits"
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('pixel_scale = "0-1"\n', "", "never guessed"),
        ('output = "logits"\n', "", "never guessed"),
        ('"0-1"', '"0-2"', "one of 0-255, 0-1, -1-1"),
        ('"logits"', '"logit"', "did you mean logits"),
        ('output = "logits"\n', 'output = "logits"\ntrain = { epochs = 3 }\n', "no train beside path"),
        ('output = "logits"\n', 'output = "logits"\nseeds = [1]\n', "no seeds beside path"),
    ],
)
def test_what_cannot_be_read_off_a_model_file_must_be_stated(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(BROUGHT, encoding="utf-8")
    load_study(path)
    path.write_text(BROUGHT.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as caught:
        load_study(path)
    assert "variants.m" in caught.value.where


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("a.train.epochs", "variant.key=value"),
        ("=3", "variant.key=value"),
        ("a..epochs=3", "variant.key=value"),
        ("a=3", "a key of the variant"),
        ("b.train.epochs=3", "a variant that exists"),
        ("title=x", "a variant that exists"),
        ("a.train.epochs=many", "an integer"),
        ("a.train.epochs=0", "at least 1"),
        ("a.train.epoch=3", "did you mean epochs"),
        ("a.trian.epochs=3", "did you mean train"),
        ("a.name=b", "a key that exists"),
        ("a.options.x=[1", "a TOML value"),
        ("a.options.x=1\ny=2", "one value"),
        ("a.train.class_weight=True", "small letters"),
        ("seed=-1", "at least 0"),
        ("headline=beauty", "a score that exists"),
    ],
)
def test_wrong_settings_name_themselves_as_written(tmp_path: Path, override: str, words: str) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as caught:
        load_study(path, [override])
    assert "--set" in caught.value.where
    assert override in f"{caught.value.where} {caught.value.received}".replace("\\n", "\n")


@pytest.mark.parametrize(("epochs", "seed", "where"), [(0, None, "--epochs 0"), (None, -1, "--seed -1")])
def test_wrong_epochs_and_seed(tmp_path: Path, epochs: int | None, seed: int | None, where: str) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_study(path, epochs=epochs, seed=seed)
    assert where in caught.value.where


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can be read"):
        load_study(tmp_path / "absent.toml")
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    with pytest.raises(ConfigError, match="can be read"):
        load_study(folder)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'title = "ok"\ntask = "\xe4"\n')
    with pytest.raises(ConfigError, match="line 2"):
        load_study(latin)
    named = tmp_path / "My Study.toml"
    named.write_text(GOOD)
    with pytest.raises(ConfigError, match="name of a study in lower-case"):
        load_study(named)


ARCHITECTURES = {"cnn2d": ("filters", "dense"), "resnet": ("filters", "blocks")}


@pytest.mark.parametrize(
    ("text", "override", "words", "where"),
    [
        (GOOD.replace("cnn2d", "cnn2"), [], "did you mean cnn2d", "variants.a.architecture"),
        (GOOD + "options = { filtrs = [1] }\n", [], "did you mean filters", "variants.a.options"),
        (GOOD, ["a.architecture=rsnet"], "did you mean resnet", "--set a.architecture=rsnet"),
        (GOOD, ["a.options.blocks=2"], "an option that exists", "--set a.options.blocks=2"),
        (GOOD + '[variants.b]\nparent = "a"\noptions = { dens = 1 }\n', [], "dense", "variants.b.options"),
    ],
)
def test_architectures_and_their_options_are_looked_up_where_known(
    tmp_path: Path, text: str, override: list[str], words: str, where: str
) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(text, encoding="utf-8")
    load_study(path, override)
    with pytest.raises(ConfigError, match=words) as caught:
        load_study(path, override, architectures=ARCHITECTURES)
    assert where in caught.value.where
    path.write_text(GOOD + "options = { dense = [1] }\n", encoding="utf-8")
    load_study(path, ["a.options.filters=[2]"], architectures=ARCHITECTURES)


def test_a_brought_model_needs_no_architecture(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(BROUGHT, encoding="utf-8")
    assert load_study(path, architectures=ARCHITECTURES).variants["m"].architecture == ""


def test_costs_fit_the_classes(tmp_path: Path) -> None:
    """How many classes there are is known only with the data set: the build asks before any work."""
    path = tmp_path / "mine.toml"

    def study(matrix: str) -> StudySpec:
        path.write_text(f"cost_matrix = {matrix}\n{GOOD}")
        return load_study(path)

    check_costs(study("[[0, 1], [5, 0]]"), 2, "mine.toml: cost_matrix")
    check_costs(study("[]"), 7, "mine.toml: cost_matrix")
    for matrix, classes, received in (
        ("[[0, 1], [5, 0]]", 3, "2 rows of 2"),
        ("[[0, 1], [5]]", 2, "2 rows of 1 and 2"),
        ("[[0, -1], [5, 0]]", 2, "-1.0"),
        ("[[2, 1], [5, 0]]", 2, "2.0"),
    ):
        with pytest.raises(ConfigError, match="cost") as caught:
            check_costs(study(matrix), classes, "mine.toml: cost_matrix")
        assert received in str(caught.value)
        assert caught.value.where == "mine.toml: cost_matrix"
