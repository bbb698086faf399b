"""A made-up study that looks like a real one: results.json as a mapping, and small images. Deterministic.

Scores are worked out here from the confusion matrix with plain arithmetic, so that the report's parts agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

CLASSES = (
    "actinic keratosis",
    "basal cell carcinoma",
    "benign keratosis",
    "dermatofibroma",
    "melanoma",
    "melanocytic nevus",
    "vascular lesion",
)
COUNTS = (65, 103, 220, 23, 223, 1341, 29)
SCORES = [
    "accuracy",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
    "mcc",
    "log_loss",
    "auroc",
]


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def confusion(counts: Sequence[int], skill: float, shift: int = 1) -> list[list[int]]:
    """A plausible confusion matrix: ``skill`` of each class is right, the rest goes to its neighbours."""
    k = len(counts)
    matrix = [[0] * k for _ in range(k)]
    for i, n in enumerate(counts):
        right = round(n * min(0.97, skill + 0.06 * (i % 3) - 0.05 * (i % 2)))
        matrix[i][i] = right
        left = n - right
        first = round(left * 0.7)
        matrix[i][(i + shift) % k] += first
        matrix[i][(i + 2) % k] += left - first
    return matrix


def ratio(top: float, bottom: float, n: int, reason: str) -> dict[str, Any]:
    return {"value": top / bottom, "n": n} if bottom else {"value": None, "n": n, "reason": reason}


def evaluate(matrix: list[list[int]], classes: Sequence[str]) -> dict[str, Any]:
    """Scores, per-class scores and shares of a confusion matrix."""
    k = len(matrix)
    total = sum(map(sum, matrix))
    predicted = [sum(matrix[i][j] for i in range(k)) for j in range(k)]
    per_class = []
    for i in range(k):
        n, hit = sum(matrix[i]), matrix[i][i]
        both = n + predicted[i]
        per_class.append(
            {
                "label": classes[i],
                "n": n,
                "precision": ratio(hit, predicted[i], n, "never predicted"),
                "recall": ratio(hit, n, n, "no test image of this class"),
                "f1": ratio(2 * hit, both, n, "neither shown nor predicted"),
            }
        )
    scores: dict[str, Any] = {}
    hits = sum(matrix[i][i] for i in range(k))
    scores["accuracy"] = {"value": hits / total, "n": total}
    for name in ("precision", "recall", "f1"):
        values = [row[name]["value"] for row in per_class]
        shown = [(v, row["n"]) for v, row in zip(values, per_class, strict=True) if v is not None]
        scores[f"macro_{name}"] = {"value": sum(v for v, _ in shown) / len(shown), "n": total}
        scores[f"weighted_{name}"] = {"value": sum(v * n for v, n in shown) / total, "n": total}
    scores["balanced_accuracy"] = dict(scores["macro_recall"])
    top = hits * total - sum(sum(matrix[i]) * predicted[i] for i in range(k))
    bottom = (
        (total**2 - sum(p * p for p in predicted)) * (total**2 - sum(sum(r) ** 2 for r in matrix))
    ) ** 0.5
    scores["mcc"] = ratio(top, bottom, total, "one class only")
    scores["log_loss"] = {"value": 1.4 - scores["accuracy"]["value"], "n": total}
    scores["auroc"] = {"value": 0.6 + 0.4 * scores["macro_recall"]["value"], "n": total}
    shares = [[cell / sum(row) if sum(row) else None for cell in row] for row in matrix]
    wrong = [
        {"y_true": i, "y_pred": j, "n": matrix[i][j], "share": shares[i][j]}
        for i in range(k)
        for j in range(k)
        if i != j and matrix[i][j]
    ]
    wrong.sort(key=lambda error: -error["n"])
    return {
        "scores": {name: scores[name] for name in SCORES},
        "per_class": per_class,
        "confusion": matrix,
        "confusion_normalised": shares,
        "errors": wrong[:5],
    }


def example(
    variant: str, i: int, y_true: int, y_pred: int, heat: bool, slices: Sequence[str] = ()
) -> dict[str, Any]:
    stem = f"assets/{variant}/{i:03d}"
    return {
        "sample_id": f"test-{i:05d}",
        "y_true": y_true,
        "y_pred": y_pred,
        "p": 0.5 + 0.49 * int(digest("p", i, y_pred)[:6], 16) / 0xFFFFFF,
        "outcome": "hit" if y_true == y_pred else "miss",
        "chosen": "most confident hit" if y_true == y_pred else "most confident miss",
        "image": f"assets/common/{i:03d}.jpg",
        "map": f"{stem}-map.jpg" if heat else "",
        "overlay": f"{stem}-overlay.jpg" if heat else "",
        "peak": "upper left" if heat else "",
        "slices": list(slices),
    }


def variant(
    name: str,
    counts: Sequence[int],
    classes: Sequence[str],
    skill: float,
    *,
    trained: bool = True,
    heat: bool = True,
) -> dict[str, Any]:
    k = len(classes)
    epochs = 24
    measured = evaluate(confusion(counts, skill), classes)
    shown = min(k, 7)
    examples = [
        example(name, 10 * c + i, c, c if i < 4 else (c + 1) % k, heat)
        for c in range(shown)
        for i in range(6)
        if counts[c]
    ]
    return {
        "title": f"CNN, {name}",
        "summary": "Four blocks of convolution, 32 to 256 filters.",
        "parent": None,
        "changed_from_parent": {},
        "architecture": "cnn2d",
        "settings": {
            "train": {"epochs": 150, "learning_rate": 0.001, "class_weight": True, "optimizer": "adam"},
            "augment": {"rotation_degrees": 0.0, "horizontal_flip": False},
            "options": {"filters": [32, 64, 128, 256]},
        },
        "parameters": 684551,
        "trainable_parameters": 683591,
        "size_bytes": 2774312,
        "layers": [
            {"name": "rescale", "kind": "Rescaling", "shape": "28 × 28 × 3", "parameters": 0},
            {"name": "conv1", "kind": "Conv2D", "shape": "28 × 28 × 32", "parameters": 896},
            {"name": "dense", "kind": "Dense", "shape": str(k), "parameters": 903},
        ],
        "training": {
            "epochs_run": epochs,
            "best_epoch": 18,
            "seconds": 754.25,
            "stopped_by": "early_stopping",
            "history": {
                "loss": [1.6 * 0.93**e + 0.2 for e in range(epochs)],
                "val_loss": [1.5 * 0.94**e + 0.35 + 0.004 * (e % 3) for e in range(epochs)],
                "accuracy": [0.84 - 0.5 * 0.9**e for e in range(epochs)],
                "val_accuracy": [0.76 - 0.4 * 0.88**e - 0.005 * (e % 2) for e in range(epochs)],
                "learning_rate": [0.001] * epochs,
            },
            "notes": [],
        }
        if trained
        else None,
        **measured,
        "reference": None,
        "reference_difference": None,
        "parent_difference": None,
        "heatmaps": {
            "method": "gradcam",
            "layer": "relu3",
            "grid": [7, 7],
            "n": sum(counts),
            "zero_maps": 12,
            "notes": [],
        }
        if heat
        else {
            "skipped": {"what": "heatmaps", "reason": "the model file has no gradients", "hint": "use .keras"}
        },
        "examples": examples if heat else [],
        "gallery": [example(name, 200 + i, i % shown, (i * i) % shown, False) for i in range(8)],
        "common": [
            example(name, 300 + i, i, i if skill > 0.55 or i % 2 else (i + 1) % k, heat)
            for i in range(min(shown, 5))
        ],
        "runs": {
            "0": {
                "seed": 0,
                "model_sha256": digest(name, "m"),
                "predictions_sha256": digest(name, "p"),
                "epochs_run": epochs,
                "scores": measured["scores"],
            }
        },
    }


def refer(one: dict[str, Any], phantom: bool, **figures: Any) -> None:
    """Give a variant reference figures, and on real data the differences to them."""
    one["reference"] = {
        "source": "project brief",
        "loss": None,
        "averaging": "weighted",
        "approximate": False,
        "f1": None,
        "precision": None,
        "recall": None,
        **figures,
    }
    if phantom:
        return
    ours = {
        "accuracy": "accuracy",
        "f1": "weighted_f1",
        "precision": "weighted_precision",
        "recall": "weighted_recall",
    }
    one["reference_difference"] = {
        key: one["scores"][score]["value"] - one["reference"][key] for key, score in ours.items()
    }


def descend(child: dict[str, Any], parent_name: str, parent: dict[str, Any], changed: dict[str, Any]) -> None:
    """Make one variant the child of another."""
    child["parent"] = parent_name
    child["changed_from_parent"] = changed
    child["parent_difference"] = {
        name: child["scores"][name]["value"] - parent["scores"][name]["value"]
        for name in ("accuracy", "balanced_accuracy", "weighted_f1", "mcc")
        if child["scores"][name]["value"] is not None and parent["scores"][name]["value"] is not None
    }


def sample(
    *, phantom: bool = False, classes: Sequence[str] = CLASSES, counts: Sequence[int] = COUNTS
) -> dict[str, Any]:
    """results.json of a study with three variants; the last was brought along and has no heatmaps."""
    baseline = variant("baseline", counts, classes, 0.52)
    augmented = variant("augmented", counts, classes, 0.66)
    mine = variant("mine", counts, classes, 0.6, trained=False, heat=False)
    mine |= {
        "architecture": "",
        "title": "mine",
        "summary": "",
        "settings": {"train": {}, "augment": {}, "options": {}},
    }
    reference = {"f1": 0.583, "precision": 0.6516}
    refer(baseline, phantom, accuracy=0.5387, recall=0.5387, **reference)
    refer(augmented, phantom, accuracy=0.7417, f1=0.7194, precision=0.7178, recall=0.7417, approximate=True)
    descend(
        augmented,
        "baseline",
        baseline,
        {
            "train.class_weight": {"from": True, "to": False},
            "augment.rotation_degrees": {"from": 0.0, "to": 15.0},
            "options.schedule": {"from": None, "to": "cosine"},
        },
    )
    total = sum(counts)
    return {
        "schema_version": "1.0",
        "study": "derma",
        "title": "Skin lesions, 28 × 28",
        "task": "Tell seven kinds of skin lesion apart",
        "classes": list(classes),
        "headline": {"score": "balanced_accuracy", "reason": "the classes are very unequal in size"},
        "run": {
            "evidence_digest": digest("evidence", phantom),
            "seed": 0,
            "versions": {"xaireport": "0.1.0", "python": "3.11.9", "tensorflow": "2.21.0", "keras": "3.15.1"},
            "created": "2026-11-23T17:00:00+00:00",
            "overrides": ["augmented.train.epochs=24"],
            "machine": {"cpus": 2, "memory_gib": 24, "platform": "Linux x86_64"},
        },
        "data": {
            "name": "dermamnist",
            "title": "Phantom lesions" if phantom else "DermaMNIST",
            "source": "phantom" if phantom else "real",
            "sha256": digest("data"),
            "official": None if phantom else False,
            "license": "CC BY-NC 4.0",
            "citation": "Tschandl et al. 2018",
            "url": "https://medmnist.com",
            "notes": ["not the official release: another checksum"],
            "input_shape": [28, 28, 3],
            "splits": {
                "train": {"n": 7 * total, "groups": 5 * total, "per_class": [7 * n for n in counts]},
                "val": {"n": total, "groups": None, "per_class": list(counts)},
                "test": {"n": total, "groups": 900, "per_class": list(counts)},
            },
        },
        "baselines": {"chance": 1 / len(classes), "no_information_rate": max(counts) / total},
        "variants": {"baseline": baseline, "augmented": augmented, "mine": mine},
        "failed": [
            {
                "variant": "broken",
                "stage": "train",
                "message": "Expected 7 classes. Received: 3.",
                "hint": "See the log.",
            }
        ],
    }


def write_images(results: dict[str, Any], folder: Path) -> None:
    """Draw the JPEG files that ``results`` names: a blob on skin, and a glow where the map peaks."""
    import numpy as np
    from PIL import Image

    y, x = np.mgrid[0:112, 0:112] / 112
    for one in results["variants"].values():
        for place in (*one["examples"], *one["gallery"], *one["common"]):
            rng = np.random.default_rng(int(digest(place["sample_id"])[:8], 16))
            cx, cy, r = [*rng.uniform(0.35, 0.65, 2).tolist(), float(rng.uniform(0.12, 0.28))]
            blob = np.clip((r - np.hypot(x - cx, (y - cy) * 1.2)) * 14 + rng.normal(0, 0.06, x.shape), 0, 1)[
                ..., None
            ]
            skin = np.array([226, 178, 164]) + rng.normal(0, 3, (112, 112, 1))
            image = skin * (1 - blob) + np.array([112, 66, 56]) * blob
            glow = np.exp(-(((x - cx + 0.06) / r) ** 2 + ((y - cy) / r) ** 2))[..., None]
            heat = np.array([0, 34, 78]) * (1 - glow) + np.array([254, 232, 56]) * glow
            for key, pixels in (("image", image), ("map", heat), ("overlay", 0.45 * image + 0.55 * heat)):
                if place[key]:
                    path = folder / place[key]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(np.clip(pixels, 0, 255).astype("uint8")).save(path, quality=85)


@dataclass(frozen=True)
class Study:
    """A study on disk, as a build leaves it."""

    results: dict[str, Any]
    folder: Path


def make_study(folder: Path, drawn: Sequence[str] = (), quantised: bool = False, **options: Any) -> Study:
    """Write the images and drawings of a sample; drawings of the variants ``drawn`` only, or of all."""
    from xaireport.report.figures.charts import lineage
    from xaireport.report.figures.draw import draw
    from xaireport.report.figures.plotting import save

    results = sample(**options)
    if quantised:
        from sample_quantised import quantise

        quantise(results)
    write_images(results, folder)
    variants = {name: one for name, one in results["variants"].items() if not drawn or name in drawn}
    draw(results | {"variants": variants}, folder / "assets/figures")
    if drawn:  # those of the comparison are about all variants
        path = folder / "assets/figures/lineage.svg"
        save(path, partial(lineage, results), "lineage", "Lineage", "What was made from what.")
    return Study(results, folder)
