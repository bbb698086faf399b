"""Quantised variants for the made-up study of `sample.py`."""

from __future__ import annotations

from typing import Any

from sample import descend, digest, refer, variant

PARENT_BYTES = 2_750_000


def cost(size: int, ms: float, ratio: float | None) -> dict[str, Any]:
    settings = [(1, 1, 1.0), (1, 2, 0.7), (32, 1, 24.0), (32, 2, 13.0)]
    return {
        "tflite_bytes": size,
        "size_ratio": None if ratio is None else size / PARENT_BYTES,
        "peak_memory_bytes": 4 * size,
        "latency": [
            {
                "batch": batch, "threads": threads, "runs": 100,
                "median_ms": ms * factor, "p95_ms": 1.3 * ms * factor, "ratio": ratio,
            }
            for batch, threads, factor in settings
        ],
    }  # fmt: skip


def file(size: int, full: bool) -> dict[str, Any]:
    computed = "int8" if full else "float32"
    integer = {"type": "int8", "scale": 1.0, "zero_point": -128}
    real = {"type": "float32", "scale": 0.0, "zero_point": 0}
    small = {"layer": "relu1", "operator": "CONV_2D", "reason": "it has 864 weights, too few"}
    return {
        "size_bytes": size,
        "operators": [
            {"operator": "CONV_2D", "activations": computed, "weights": "int8", "n": 4},
            {"operator": "SOFTMAX", "activations": computed, "weights": "", "n": 1},
        ],
        "tensors": [{"type": "int8", "n": 9, "stored_bytes": size - 27_000}],
        "float_layers": [] if full else [small],
        "input": integer if full else real,
        "output": integer | {"scale": 0.00390625} if full else real,
        "sections": {"weights": size - 30_000, "biases": 3_000, "other": 27_000},
        "runtime": "1.14.0" if full else "",
    }


def record(mode: str, size: int) -> dict[str, Any]:
    full = mode == "int8"
    return {
        "mode": mode,
        "file": file(size, full),
        "calibration": {"asked": 200, "n": 150, "sha256": digest("calibration")} if full else None,
        "epochs_run": 0,
        "packages": [],
        "steps": ["load the parent's weights", "convert, all in 8-bit integers"],
        "seconds": 2.65,
        "converter": "TensorFlow 2.21.0",
        "operator_set": "TFLITE_BUILTINS_INT8" if full else "TFLITE_BUILTINS",
        "notes": ["Calibrated on all 150 training images: 200 were asked for."] if full else [],
    }


def compared(classes: list[str], counts: list[int], flips: int) -> dict[str, Any]:
    """Every other flip of ``flips`` gains an image of the second class, the others lose one of the first."""
    total, gained = sum(counts), flips // 2
    lost = flips - gained
    changes = (-lost, gained, *[0] * len(counts))
    return {
        "agreement": {"value": (total - flips) / total, "n": total, "same": total - flips},
        "agreement_per_class": [
            {
                "label": label, "n": n, "right_from": n // 2, "right_to": n // 2 + change,
                "gained": max(change, 0), "lost": max(-change, 0),
            }
            for label, n, change in zip(classes, counts, changes, strict=False)
        ],
        "flips": [
            {
                "sample_id": f"test-{i:05d}", "y_true": i % 2, "from": 0, "to": 1,
                "p_from": 0.52, "p_to": 0.51,
                "effect": "gained" if i % 2 else "lost",
            }
            for i in range(flips)
        ],
        "flip_counts": {"lost": lost, "gained": gained, "neither": 0},
    }  # fmt: skip


def quantise(results: dict[str, Any]) -> None:
    """Add two children of ``augmented`` to a sample, with their costs; full integer is the larger file."""
    parent, classes = results["variants"]["augmented"], results["classes"]
    counts = [row["n"] for row in parent["per_class"]]
    results["variants"]["baseline"]["cost"] = cost(PARENT_BYTES, 0.31, None)
    parent["cost"] = cost(PARENT_BYTES, 0.3, None)
    for mode, size, ratio, flips in (("dynamic", 701_400, 0.34, 1), ("int8", 709_128, 0.29, 30)):
        one = variant(mode, counts, classes, 0.65, trained=False, heat=False)
        one |= {
            "title": f"CNN, {mode}",
            "size_bytes": size,
            "settings": {"train": {}, "augment": {}, "options": {}, "quantise": {"mode": mode}},
            "cost": cost(size, 0.3 * ratio, ratio),
            "size_ratio": size / PARENT_BYTES,
            "latency_ratio": ratio,
            "quantisation": record(mode, size),
            **compared(classes, counts, flips),
        }
        refer(one, True, accuracy=0.7, approximate=True, size_reduction="high", remark="best trade-off")
        descend(one, "augmented", parent, {"quantise.mode": {"from": None, "to": mode}})
        results["variants"][mode] = one
    results["pareto"] = {
        "score": "balanced_accuracy",
        "measured": ["baseline", "augmented", "dynamic", "int8"],
        "front": ["augmented", "int8"],
    }
