from __future__ import annotations

import hashlib
import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xaireport.data import locate as module
from xaireport.data.locate import locate
from xaireport.data.sources.download import DownloadFailed, download
from xaireport.data.sources.known import known
from xaireport.errors import ConfigError, DataError
from xaireport.study_schema import StudySpec

CONTENT = b"stands in for an official file" * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()


def study(dataset: str = "dermamnist", **fields: Any) -> StudySpec:
    return StudySpec(name="mine", dataset=dataset, variants={}, **fields)


class Server:
    """A web server on this machine that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                there = self.path != "/gone"
                self.send_response(200 if there else 404)
                self.send_header("Content-Length", str(len(CONTENT) if there else 0))
                self.end_headers()
                if there:
                    # One half of the promised bytes, and the line is cut.
                    self.wfile.write(CONTENT if self.path != "/cut" else CONTENT[: len(CONTENT) // 2])

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "store" / "downloads.json"


@pytest.fixture
def official(monkeypatch: pytest.MonkeyPatch, server: Server) -> Server:
    """The official files lie on this machine."""
    monkeypatch.setattr(
        module, "known", lambda name, where="": replace(known(name), url=f"{server.url}/file", md5=MD5)
    )
    return server


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch, server: Server) -> Server:
    """The official files have gone."""
    monkeypatch.setattr(
        module, "known", lambda name, where="": replace(known(name), url=f"{server.url}/gone")
    )
    return server


def put(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"x")
    return folder / name


def test_the_data_folder_comes_before_the_cache(tmp_path: Path, home: Path, memory: Path) -> None:
    cached = put(home / ".medmnist", "dermamnist.npz")
    assert locate(study(), "auto", None, memory).files == (cached,)
    given = put(tmp_path / "given", "dermamnist.npz")
    located = locate(study(), "real", tmp_path / "given", memory)
    assert (located.files, located.source, located.loader) == ((given,), "real", "medmnist")
    assert located.notice == ""


def test_extras_lie_beside_the_data(tmp_path: Path, memory: Path) -> None:
    data, extras = put(tmp_path, "dermamnist.npz"), put(tmp_path, "dermamnist_extras.npz")
    assert locate(study(), "auto", tmp_path, memory).files == (data, extras)


@pytest.mark.parametrize(
    ("where", "name"),
    [
        ("given", "cifar10.npz"),
        ("given", "cifar-10-binary.tar.gz"),
        ("home/.keras/datasets", "cifar-10-binary.tar.gz"),
    ],
)
def test_cifar10_has_two_forms(tmp_path: Path, memory: Path, where: str, name: str) -> None:
    (tmp_path / "given").mkdir()
    file = put(tmp_path / where, name)
    located = locate(study("cifar10"), "auto", tmp_path / "given", memory)
    assert (located.files, located.loader) == ((file,), "cifar10")


def test_phantom_at_once(tmp_path: Path, memory: Path, gone: Server) -> None:
    put(tmp_path, "dermamnist.npz")
    located = locate(study(), "phantom", tmp_path, memory)
    assert (located.source, located.files, located.loader, located.notice) == ("phantom", (), "phantom", "")
    assert gone.asked == []


def test_auto_downloads(home: Path, memory: Path, official: Server) -> None:
    seen: list[tuple[int, int]] = []
    located = locate(study(), "auto", None, memory, lambda done, total: seen.append((done, total)))
    assert located.files == (home / ".medmnist" / "dermamnist.npz",)
    assert located.files[0].read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert not memory.exists()


def test_downloads_go_to_the_data_folder(tmp_path: Path, memory: Path, official: Server) -> None:
    (tmp_path / "given").mkdir()
    located = locate(study(), "auto", tmp_path / "given", memory)
    assert located.files == (tmp_path / "given" / "dermamnist.npz",)


def test_auto_falls_back_to_the_phantom_and_remembers(memory: Path, gone: Server) -> None:
    first = locate(study(), "auto", None, memory)
    assert first.source == "phantom"
    assert "answered 404" in first.notice
    assert "say nothing about real images" in first.notice
    assert locate(study(), "auto", None, memory) == first
    assert gone.asked == ["/gone"]
    assert json.loads(memory.read_text()) == {"dermamnist": "127.0.0.1 answered 404"}
    assert locate(study("cifar10"), "auto", None, memory).source == "phantom"  # remembered one by one
    assert len(gone.asked) == 2


def test_real_tries_again_and_success_is_the_end_of_it(
    memory: Path, gone: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    locate(study(), "auto", None, memory)
    with pytest.raises(DataError, match=r"dermamnist\.npz.*answered 404.*--data phantom"):
        locate(study(), "real", None, memory)
    assert len(gone.asked) == 2
    monkeypatch.setattr(
        module, "known", lambda name, where="": replace(known(name), url=f"{gone.url}/file", md5=MD5)
    )
    assert locate(study(), "auto", None, memory).source == "phantom"
    assert locate(study(), "real", None, memory).source == "real"
    assert json.loads(memory.read_text()) == {}


def test_a_file_that_came_by_other_means_is_found_in_spite_of_the_memory(
    tmp_path: Path, memory: Path, gone: Server
) -> None:
    locate(study(), "auto", None, memory)
    put(tmp_path / "given", "dermamnist.npz")
    assert locate(study(), "auto", tmp_path / "given", memory).source == "real"


def test_a_damaged_memory_costs_one_try(memory: Path, gone: Server) -> None:
    memory.parent.mkdir()
    memory.write_text("{")
    assert locate(study(), "auto", None, memory).source == "phantom"
    assert "dermamnist" in json.loads(memory.read_text())


@pytest.mark.parametrize("mode", ["auto", "phantom"])
def test_most_data_sets_have_no_phantom(memory: Path, gone: Server, mode: Any) -> None:
    with pytest.raises(DataError, match=r"bloodmnist|BloodMNIST") as refused:
        locate(study("bloodmnist"), mode, None, memory)
    assert "--data phantom" not in refused.value.hint


def test_the_pickled_cifar10_is_explained(home: Path, memory: Path, gone: Server) -> None:
    put(home / ".keras" / "datasets", "cifar-10-python.tar.gz")
    with pytest.raises(DataError, match="is a pickle, which is never read"):
        locate(study("cifar10"), "real", None, memory)


def test_own_data_is_always_real(tmp_path: Path, memory: Path) -> None:
    file = put(tmp_path / "studies", "my.npz")
    own = study("", data="my.npz", classes=("a", "b"), folder=str(tmp_path / "studies"))
    for mode in ("auto", "real", "phantom"):
        located = locate(own, mode, None, memory)  # type: ignore[arg-type]
        assert (located.source, located.files, located.loader) == ("real", (file,), "npz")
        assert bool(located.notice) == (mode == "phantom")
    extras = put(tmp_path / "studies", "my_extras.npz")
    assert locate(own, "auto", None, memory).files == (file, extras)


def test_own_data_that_is_missing(tmp_path: Path, memory: Path) -> None:
    own = study("", data="my.npz", classes=("a", "b"), folder=str(tmp_path))
    with pytest.raises(DataError, match=r"my\.npz.*\(.*/mine\.toml: data\).*relative to the study file"):
        locate(own, "auto", None, memory)


@pytest.mark.parametrize(
    ("spec", "data_dir", "message"),
    [
        (study("dermanist"), None, "Did you mean dermamnist"),
        (study("chestmnist"), None, "one label per image"),
        (study(""), None, "neither"),
        (study("", data="my.npz"), None, "class names"),
        (study(), Path("/nowhere"), "an existing folder"),
    ],
)
def test_wrong_before_any_work(memory: Path, spec: StudySpec, data_dir: Path | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        locate(spec, "auto", data_dir, memory)


@pytest.mark.parametrize(
    ("path", "md5", "message"),
    [("/gone", MD5, "404"), ("/file", "0" * 32, "checksum is not the published one"), ("/cut", MD5, "127")],
)
def test_a_failed_download_leaves_nothing(
    tmp_path: Path, server: Server, path: str, md5: str, message: str
) -> None:
    with pytest.raises(DownloadFailed, match=message):
        download(server.url + path, md5, tmp_path / "new" / "file.npz")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_server_that_is_not_there(tmp_path: Path, server: Server) -> None:
    server.close()
    with pytest.raises(DownloadFailed, match=r"^no connection to 127\.0\.0\.1$"):
        download(f"{server.url}/file", MD5, tmp_path / "file.npz")


def test_a_folder_that_cannot_be_made(tmp_path: Path, server: Server) -> None:
    put(tmp_path, "file")
    with pytest.raises(DownloadFailed, match="cannot be written"):
        download(f"{server.url}/file", MD5, tmp_path / "file" / "new.npz")


def test_deciding_imports_nothing_heavy(tmp_path: Path) -> None:
    put(tmp_path, "dermamnist.npz")
    (tmp_path / "memory.json").write_text('{"cifar10": "no connection"}')
    code = (
        "import sys; from pathlib import Path; from xaireport.study_schema import StudySpec\n"
        "from xaireport.data.locate import locate\n"
        "for name in ('dermamnist', 'cifar10'):\n"
        f"    study = StudySpec(name='s', dataset=name, variants={{}})\n"
        f"    locate(study, 'auto', Path({str(tmp_path)!r}), Path({str(tmp_path / 'memory.json')!r}))\n"
        "heavy = {'numpy', 'pooch', 'requests', 'tqdm', 'scipy', 'pandas', 'tensorflow', 'urllib3'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
