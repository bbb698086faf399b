"""Our table against the package's own, which is read as text: importing it would need PyTorch."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from xaireport.data.sources.known import known, names
from xaireport.data.sources.medmnist import MedMnist, table
from xaireport.errors import ConfigError


@pytest.fixture(scope="module")
def info(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    path = _installed() or _fetched(tmp_path_factory.mktemp("medmnist"))
    if path is None:
        pytest.skip("the package medmnist is not installed and cannot be had: pip install --no-deps medmnist")
    spec = importlib.util.spec_from_file_location("medmnist_info", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:  # it makes ~/.medmnist when run
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        spec.loader.exec_module(module)
    found: dict[str, dict[str, Any]] = module.INFO
    return found


def _installed() -> Path | None:
    try:
        files = metadata.files("medmnist") or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(f.locate())) for f in files if f.as_posix() == "medmnist/info.py"), None)


def _fetched(target: Path) -> Path | None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
        str(target),
        "medmnist",
    ]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return target / "medmnist" / "info.py"


def test_the_same_data_sets(info: dict[str, dict[str, Any]]) -> None:
    assert list(table()) == list(info)


@pytest.mark.parametrize("entry", table().values(), ids=table())
def test_the_same_facts(entry: MedMnist, info: dict[str, dict[str, Any]]) -> None:
    theirs = info[entry.name]
    assert entry.title == theirs["python_class"]
    assert entry.url == theirs["url"]
    assert entry.md5 == theirs["MD5"]
    assert entry.kind == theirs["task"]
    assert {str(i): label for i, label in enumerate(entry.classes)} == theirs["label"]
    assert entry.channels == theirs["n_channels"]
    assert entry.splits == theirs["n_samples"]
    assert entry.license == theirs["license"]
    # They write "28×28×28" of volumes and "3×28×28" or "1×28×28" of pictures.
    assert (entry.spatial == 3) == (
        "2D" not in theirs["python_class"] and theirs["python_class"].endswith("3D")
    )


def test_seventeen_data_sets_have_one_label_per_image() -> None:
    assert [name for name, entry in table().items() if not entry.is_single_label] == ["chestmnist"]
    assert len(names()) == 18  # and CIFAR-10
    for name in names():
        assert known(name).task


def test_several_labels_per_image_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"one label per image.*chestmnist"):
        known("chestmnist")


def test_a_misspelt_name_is_set_right() -> None:
    with pytest.raises(ConfigError, match="Did you mean dermamnist") as caught:
        known("dermanist")
    assert "organamnist" in caught.value.expected


def test_a_name_like_no_other() -> None:
    with pytest.raises(ConfigError, match="your own file"):
        known("imagenet")
