"""A small project to build: an input file, templates, a package of code, an installed distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from xaireport.engine.scheduler import Context, Engine, Input, Node, NodeReport

SOURCES = {
    "__init__.py": '"""A toy package."""\n',
    "train.py": "from toypkg.layers import dense\n\ndef train():\n    return dense()\n",
    "layers.py": "def dense():\n    return 1\n",
    "predict.py": "def predict():\n    return 2\n",
    "unrelated.py": "x = 1\n",
}


@dataclass
class Project:
    root: Path
    params: dict[str, Any] = field(default_factory=lambda: {"train": {"epochs": 20}, "note": "a"})
    ran: list[str] = field(default_factory=list)
    train: Callable[[Context], None] | None = None
    galleries: tuple[str, ...] = ("one", "two")
    out: Path = Path()

    def __post_init__(self) -> None:
        self.out = self.root / "out"
        if (self.root / "data.txt").exists():  # a copy
            return
        for name, text in {
            "data.txt": "pixels",
            "templates/card.html": "<p>",
            "templates/partials/table.html": "<td>",
            **{f"toypkg/{name}": text for name, text in SOURCES.items()},
        }.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (self.root / "site/gadget-1.0.dist-info").mkdir(parents=True)

    @property
    def store(self) -> Path:
        return self.root / ".store"

    def nodes(self) -> list[Node]:
        """train -> predict -> render, which also reads a folder of templates."""
        epochs = self.params["train"]["epochs"]

        def train(context: Context) -> None:
            self.ran.append("train")
            data = context.inputs["data"].read_text()
            (context.out / "model.txt").write_text(f"{data} after {epochs} epochs")
            (context.out / "log").mkdir()
            (context.out / "log/history.txt").write_text("1 2 3")

        def predict(context: Context) -> None:
            self.ran.append("predict")
            (context.out / "predictions.txt").write_text(context.inputs["model"].read_text().upper())

        def render(context: Context) -> None:
            self.ran.append("render")
            template = (context.inputs["templates"] / "card.html").read_text()
            (context.out / "card.html").write_text(template + context.inputs["predictions"].read_text())
            (context.out / "assets/small").mkdir(parents=True)
            for name in self.galleries:
                (context.out / f"assets/small/{name}.svg").write_text(name)

        return [
            Node(
                "train toy",
                "train",
                self.params,
                {"data": Input(path=self.root / "data.txt")},
                ("toypkg.train",),
                ("gadget",),
                self.train or train,
                {"model.txt": self.out / "models/model.txt"},
                loose=("train.max_minutes",),
            ),
            Node(
                "predict toy",
                "predict",
                {},
                {"model": Input(node="train toy", file="model.txt")},
                ("toypkg.predict",),
                (),
                predict,
            ),
            Node(
                "render toy",
                "render",
                {},
                {
                    "predictions": Input(node="predict toy", file="predictions.txt"),
                    "templates": Input(path=self.root / "templates"),
                },
                (),
                (),
                render,
                {"card.html": self.out / "card.html", "assets/": self.out / "assets"},
            ),
        ]

    def build(self, nodes: list[Node] | None = None, **options: Any) -> dict[str, NodeReport]:
        """Build, and return the reports by stage."""
        self.ran.clear()
        reports = Engine(self.store).run(self.nodes() if nodes is None else nodes, **options)
        return {report.stage: report for report in reports}

    def statuses(self, **options: Any) -> list[str]:
        return [report.status for report in self.build(**options).values()]

    def artefact(self, stage: str) -> Path:
        """The only artefact of a stage."""
        (folder,) = (self.store / "artefacts" / stage).iterdir()
        return folder


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and modification time of every file below a folder."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def take_snapshot() -> Callable[[Path], dict[str, tuple[bytes, int]]]:
    return snapshot


@pytest.fixture
def make_project(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Project]:
    def make(root: Path) -> Project:
        project = Project(root)
        monkeypatch.syspath_prepend(root)
        monkeypatch.syspath_prepend(root / "site")
        return project

    return make


@pytest.fixture
def project(tmp_path: Path, make_project: Callable[[Path], Project]) -> Project:
    return make_project(tmp_path)
