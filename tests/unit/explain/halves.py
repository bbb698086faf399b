"""A classifier that needs no training, with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from xaireport.types.models import LayerInfo, ModelSummary


class Halves:
    """Knows three classes by the brightness of the image's halves; its gradients follow from that."""

    grid = (8, 8)
    method_suffix = ""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def logits(self, images: Any, batch_size: int = 256) -> Any:
        spatial = tuple(range(1, images.ndim))
        half = images.shape[-2] // 2
        left, right = images[..., :half, :].mean(axis=spatial), images[..., half:, :].mean(axis=spatial)
        return (np.stack([left, right, np.full(len(images), 60.0)], axis=1) / 40).astype(np.float32)

    def learnt_layers(self, up_to: str = "") -> tuple[str, ...]:
        return ("fine", "coarse")

    def shuffled(self, layers: Any, seed: int) -> Any:
        raise AssertionError("pictures need no random weights")

    @property
    def summary(self) -> ModelSummary:
        return ModelSummary((16, 16, 1), 3, 0, 0, 0, ())

    def predict(self, images: Any, batch_size: int = 256) -> Any:
        logits = self.logits(images)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)

    def spatial_layers(self) -> tuple[LayerInfo, ...]:
        coarse = tuple(2 for _ in self.grid)
        return (LayerInfo("fine", "Conv2D", self.grid, 1), LayerInfo("coarse", "Conv2D", coarse, 1))

    def activations_and_gradients(self, images: Any, targets: Any, layer: str) -> Any:
        self.batches.append(len(images))
        size = next(info.grid for info in self.spatial_layers() if info.name == layer)
        steps = tuple(slice(None, None, images.shape[i + 1] // cells) for i, cells in enumerate(size))
        activations = images[(slice(None), *steps)].astype(np.float32)
        sign = np.where(targets == 2, -1, 1).astype(np.float32)
        gradients = np.ones_like(activations) * sign.reshape(-1, *(1,) * (activations.ndim - 1))
        return activations, gradients, self.predict(images)
