"""Measures of heatmaps for the evidence case, of random numbers: every interval is a real one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xaireport.explain.pictures import Painter
from xaireport.explain.trust.assess import judged
from xaireport.metrics.means import measure, over_seeds
from xaireport.types.data import Dataset
from xaireport.types.evidence import Skipped
from xaireport.types.notes import Note
from xaireport.types.pictures import Heatmaps, LayerChoice
from xaireport.types.trust import Cascade, CascadeStep, Drift, Measure, Moved, Trust, TrustVerdict

HEATMAPS = Heatmaps(
    "gradcam",
    "relu3",
    (7, 7),
    240,
    3,
    (Note("last_layer_coarse", {"layer": "relu4", "grid": "3 × 3", "read": "relu3"}),),
    "validation",
    (LayerChoice("relu2", (14, 14), 0.012), LayerChoice("relu3", (7, 7), 0.071)),
    80,
)


def around(mean: float, seed: int, n: int = 200, **controls: float) -> Measure:
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 0.05, n)
    return measure(
        mean + common + rng.normal(0, 0.03, n),
        {name: value + common + rng.normal(0, 0.03, n) for name, value in controls.items()},
    )


def trust(name: str, data: Dataset, other: str, folder: Path, *, energy: float = 0.5) -> Trust:
    """Return a variant's measures; its pictures lie in ``folder``."""
    painter = Painter(folder / "assets", f"{name}/moved")
    heat = np.random.default_rng(len(name)).random((2, 7, 7), np.float32)
    layers = [painter.explained(f"{name}{i}", data.test.images[0], each) for i, each in enumerate(heat)]
    moved = Moved(
        str(data.test.sample_id[0]), 0, 0, -0.31, layers[0].image, layers[0].overlay, layers[1].overlay
    )
    steps = tuple(
        CascadeStep(
            layer,
            i + 1,
            over_seeds(np.random.default_rng(i).normal(0.3 / (i + 1), 0.02, 5)),
            over_seeds(np.random.default_rng(9 + i).normal(0.4 / (i + 1), 0.02, 5)),
        )
        for i, layer in enumerate(("logits", "dense1", "conv3"))
    )
    found = Trust(
        zero_maps=measure(np.arange(240) < 3, {}),
        energy_in_mask=around(energy, 1, chance=0.26, centre=0.45, edges=0.43, random=0.261),
        pointing=around(0.7, 2, chance=0.26, centre=0.96, edges=0.84, random=0.27),
        iou=around(0.3, 3, centre=0.47, edges=0.36, random=0.11),
        deletion={"mean": around(0.4, 4, random=0.5), "blur": around(0.45, 5, random=0.52)},
        insertion={"mean": around(0.6, 6, random=0.5), "blur": around(0.62, 7, random=0.55)},
        randomisation=Cascade(steps, 2, 198, 5, 0.31, 0.42),
        wrong_class=around(0.2, 8, other_image=0.31),
        stability=around(0.93, 10, other_image=0.31),
        drift=Drift(
            other,
            "parent" if name != "baseline" else "sibling",
            around(0.55, 11, other_image=0.3),
            around(0.4, 12),
            around(0.38, 13, other_image=0.1),
            around(0.35, 14),
            (moved,),
        )
        if other
        else Skipped("drift", "the study has no other variant to compare with"),
        verdict=TrustVerdict("untested", ""),
    )
    return judged(found, None)
