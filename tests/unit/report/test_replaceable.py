"""Whether a report may take the place of another, whatever the state of the file that lies there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from xaireport.errors import ConfigError
from xaireport.results.replaceable import check_replaceable, check_source

REAL = {"data": {"source": "real"}, "variants": {"a": {}}}
PHANTOM = {"data": {"source": "phantom"}, "variants": {"a": {}}}
NONE_FINISHED = {"data": {"source": "real"}, "variants": {}}


def written(path: Path, told: object, encoding: str = "utf-8") -> Path:
    path.write_text(json.dumps(told), encoding)
    return path


@pytest.fixture
def phantom(tmp_path: Path) -> Path:
    return written(tmp_path / "coming.json", PHANTOM)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(REAL).encode(),
        json.dumps(REAL).encode("utf-8-sig"),
        json.dumps(REAL).encode("utf-16"),
        json.dumps(REAL).encode()[:20],
        b"",
        b"{",
        b"null",
        b"{}",
        b'{"data": {"source": "of a later version"}, "variants": {}}',
        b"\xff\xfe",
    ],
)
def test_synthetic_never_takes_the_place_of_what_is_real_or_may_be(
    tmp_path: Path, phantom: Path, text: bytes
) -> None:
    there = tmp_path / "results.json"
    there.write_bytes(text)
    for check in (lambda: check_source(there, False), lambda: check_replaceable(there, phantom)):
        with pytest.raises(ConfigError, match="synthetic data") as caught:
            check()
        assert "--out" in caught.value.hint
    check_source(there, True)


def test_synthetic_takes_the_place_of_synthetic_and_of_nothing(tmp_path: Path, phantom: Path) -> None:
    there = tmp_path / "results.json"
    check_replaceable(there, phantom)
    check_replaceable(written(there, PHANTOM), phantom)
    check_replaceable(written(there, PHANTOM, "utf-8-sig"), phantom)


def test_none_finished_never_takes_the_place_of_some(tmp_path: Path) -> None:
    coming = written(tmp_path / "coming.json", NONE_FINISHED)
    there = written(tmp_path / "results.json", REAL)
    with pytest.raises(ConfigError, match="every variant failed"):
        check_replaceable(there, coming)
    check_replaceable(written(there, NONE_FINISHED), coming)


def test_a_pipe_is_not_waited_for(tmp_path: Path, phantom: Path) -> None:
    os.mkfifo(tmp_path / "results.json")
    check_replaceable(tmp_path / "results.json", phantom)
