"""Catalogue of explainers: what each needs of a model, and for how many images it can be afforded.

Their arithmetic is in `xaireport.explain.methods`; tests/unit/explain/test_explainers.py holds both equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ExplainerFacts:
    """One way to a heatmap.

    Parameters
    ----------
    name : str
        As ``explain.method`` takes it.
    by : {"gradients", "library", "perturbation"}
        What makes it: gradients at a layer, by our own arithmetic; a library that looks into the model
        (tf-keras-vis); or asking the model about changed images.
    reads_layer : bool
        Whether a map is read at a layer.
    affordable : int
        Test images for which maps are made again and again; of volumes a quarter.
    """

    name: str
    by: Literal["gradients", "library", "perturbation"]
    reads_layer: bool
    affordable: int


EXPLAINERS = {
    facts.name: facts
    for facts in (
        ExplainerFacts("gradcam", "gradients", True, 200),
        ExplainerFacts("hirescam", "gradients", True, 200),
        ExplainerFacts("layercam", "gradients", True, 200),
        ExplainerFacts("gradcam++", "gradients", True, 200),
        ExplainerFacts("scorecam", "library", True, 12),
        ExplainerFacts("smoothgrad", "library", False, 24),
        ExplainerFacts("occlusion", "perturbation", False, 96),
        ExplainerFacts("rise", "perturbation", False, 8),
    )
}
"""By name."""

EXPLAINER_LABELS = {
    "gradcam": "Grad-CAM",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "gradcam++": "Grad-CAM++",
    "scorecam": "Score-CAM",
    "smoothgrad": "SmoothGrad",
    "occlusion": "Occlusion",
    "rise": "RISE",
}
"""Names for readers, apart: another word makes no heatmap anew."""
