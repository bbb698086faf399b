"""What goes wrong is one clear line, the right exit code, and nothing half-written."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np
import project as small
import pytest

from xaireport.files import PART

STUDY = """
data = "../data/{name}.npz"
classes = ["top", "middle", "bottom"]

[variants.cnn]
architecture = "cnn2d"
"""
NO_PANGO = """
import sys

class NoPango:
    def find_spec(self, name, path=None, target=None):
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")

sys.meta_path.insert(0, NoPango())
"""


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    for name in ("models", "data", "home"):
        (tmp_path / name).mkdir()
    return tmp_path


def bad_files(folder: Path) -> dict[str, str]:
    """Write one .npz per mistake; name -> words that its message must hold."""
    good = small.stripes()

    def save(name: str, arrays: dict[str, Any]) -> None:
        np.savez(folder / f"{name}.npz", **arrays)

    save("truncated", good)
    whole = (folder / "truncated.npz").read_bytes()
    (folder / "truncated.npz").write_bytes(whole[: len(whole) // 2])
    save("pickled", {**good, "train_labels": np.array([*good["train_labels"][:-1], None], dtype=object)})
    save("floats", {**good, "val_images": good["val_images"] / 255.0})
    save("labels", {**good, "test_labels": good["test_labels"] + 1})
    save("lacking", {name: array for name, array in good.items() if not name.startswith("val")})
    save("empty", {**good, "test_images": good["test_images"][:0], "test_labels": good["test_labels"][:0]})
    return {
        "truncated": "a complete .npz archive",
        "pickled": "pickled Python objects",
        "floats": "uint8",
        "labels": "labels",
        "lacking": "missing: val_images, val_labels",
        "empty": "image",
    }


def test_each_bad_npz_is_one_clear_line_and_leaves_nothing_behind(empty: Path) -> None:
    expected = bad_files(empty / "data")
    for name in expected:
        (empty / "models" / f"{name}.toml").write_text(STUDY.format(name=name))
    told = small.build(empty, *expected, code=1)
    assert small.by_status(told, "failed") == {f"data {name}" for name in expected}
    failures = {each["node"]: each for each in told["failures"]}
    for name, words in expected.items():
        message = failures[f"data {name}"]["message"]
        assert message.startswith("Expected "), message
        assert "Received: " in message
        assert words in message
        assert "\n" not in message
    assert small.files(empty / "reports") == {"index.html", "index.pdf"}
    index = (empty / "reports" / "index.html").read_text("utf-8")
    assert all(name in index for name in expected)
    assert [path for path in (empty / "models").iterdir() if path.is_dir()] == [empty / "models" / ".store"]
    store = empty / "models" / ".store"
    assert not list((store / "tmp").iterdir())
    assert not (store / "log.txt").exists(), (store / "log.txt").read_text()


def test_images_where_volumes_are_expected(empty: Path) -> None:
    np.savez(empty / "data" / "flat.npz", **small.stripes())
    (empty / "models" / "flat.toml").write_text(STUDY.format(name="flat").replace("cnn2d", "cnn3d"))
    told = small.build(empty, "flat", code=1)
    assert small.by_status(told, "failed") == {"train flat.cnn seed 0"}
    failure = next(each for each in told["failures"] if each["status"] == "failed")
    assert "3 spatial axes" in failure["message"]
    assert "(12, 12, 3)" in failure["message"]
    assert not (empty / "models" / "flat").exists()
    assert small.results(empty, "flat")["failed"][0]["message"] == failure["message"]


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        (["nobody"], "", "nobody"),
        (["mine.other"], STUDY, "mine.other"),
        (["mine"], "[variants.cnn\n", "models/mine.toml"),
        (["mine"], STUDY + "train = { epoch = 3 }\n", "epochs"),
        (["mine"], STUDY.replace("cnn2d", "cnn4d"), "cnn4d"),
        (["mine", "--set", "cnn.train.epochs=many"], STUDY, "many"),
        (["mine", "--epochs", "0"], STUDY, "epochs"),
        ([], STUDY, "--all"),
    ],
)
def test_what_is_wrong_before_any_work_exits_with_2(
    empty: Path, arguments: list[str], text: str, words: str
) -> None:
    np.savez(empty / "data" / "mine.npz", **small.stripes())
    if text:
        (empty / "models" / "mine.toml").write_text(text.replace("{name}", "mine"))
    before = small.files(empty)
    done = small.xaireport(empty, "build", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert small.files(empty) == before
    assert not (empty / "models" / ".store").exists()


def test_data_that_are_not_there(empty: Path) -> None:
    (empty / "models" / "mine.toml").write_text(STUDY.format(name="mine"))
    done = small.xaireport(empty, "build", "mine")
    assert done.returncode == 1
    (line,) = (line for line in done.stderr.splitlines() if line)
    assert line.startswith("Error: Expected a data file. Received: nothing at ")
    assert not (empty / "reports").exists()


def test_without_pango_there_is_html_and_the_package_is_named(own_copy: Path) -> None:
    (own_copy / "hooks").mkdir()
    (own_copy / "hooks" / "sitecustomize.py").write_text(NO_PANGO)
    for path in own_copy.glob("reports/**/*.*"):
        if path.suffix in (".html", ".pdf"):
            path.unlink()
    # Another template, so that pages have to be made again.
    (own_copy / "templates").mkdir()
    shipped = Path(small.__file__).parents[2] / "templates" / "screen.css"
    (own_copy / "templates" / "screen.css").write_text(shipped.read_text() + ".edited { color: red }\n")
    done = small.xaireport(own_copy, "render", "faulty", "--json", PYTHONPATH=str(own_copy / "hooks"))
    told = small.document(done, code=1)
    pages = {"faulty.whole", "faulty", "all studies"}
    others = {"md faulty.whole", "fragment faulty.whole", "manifest faulty"}
    others |= {"publish faulty", "publish all studies"}
    assert small.by_status(told, "ran") == {f"html {page}" for page in pages} | others
    assert small.by_status(told, "failed") == {f"pdf {page}" for page in pages}
    for failure in told["failures"]:
        assert "Pango" in failure["message"]
        assert "libpango" in failure["message"] + failure["hint"]
    made = {
        path for path in small.files(own_copy / "reports") if path.endswith((".html", ".pdf")) or PART in path
    }
    whole = {"faulty/whole/card.html", "faulty/whole/card.fragment.html"}
    assert made == {"index.html", "faulty/index.html"} | whole
    manifest = json.loads((own_copy / "reports" / "faulty" / "manifest.json").read_text("utf-8"))
    assert not [file for file in manifest["files"] if file["path"].endswith(".pdf")]


@pytest.mark.parametrize("how", ["a file is there", "read only"])
def test_a_report_folder_that_cannot_be_written(own_copy: Path, how: str) -> None:
    out = own_copy / "elsewhere"
    if how == "a file is there":
        out.write_text("somebody's notes")
    else:
        out.mkdir()
        out.chmod(stat.S_IRUSR | stat.S_IXUSR)
        if os.access(out, os.W_OK):
            pytest.skip("this user may write everywhere")
    done = small.xaireport(own_copy, "build", "own", "--out", "elsewhere")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "elsewhere" in done.stderr
    assert "log.txt" not in done.stderr
    if how == "a file is there":
        assert out.read_text() == "somebody's notes"
    else:
        assert list(out.iterdir()) == []
