"""Models: how they were trained, what they are, and what they can be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from xaireport.types.data import Floats, Ints, Pixels
from xaireport.types.notes import Note


@dataclass(frozen=True)
class Epoch:
    """What training says after each epoch; ``seconds`` is the training time so far, over all resumptions."""

    number: int
    total: int
    seconds: float
    logs: Mapping[str, float]


OnEpoch = Callable[[Epoch], None]


@dataclass(frozen=True)
class TrainingRecord:
    """How a training went.

    Parameters
    ----------
    epochs_run : int
        Epochs completed, over all resumptions.
    best_epoch : int
        The epoch (from 1) whose weights were kept.
    seconds : float
        Wall time of training, over all resumptions.
    stopped_by : {"epochs", "early_stopping", "max_minutes"}
        What ended it.
    history : mapping of str to list of float
        ``loss``, ``accuracy``, ``val_loss``, ``val_accuracy``, and the ``learning_rate`` it began with;
        one value per epoch.
    notes : tuple of Note
        What the card must say: a backbone left at random weights, for one.
    """

    epochs_run: int
    best_epoch: int
    seconds: float
    stopped_by: str
    history: Mapping[str, Sequence[float]]
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class LayerInfo:
    """A layer whose output is a grid over the image: where a heatmap can be made.

    ``activated`` says whether its values come out of a nonlinearity such as ReLU.
    """

    name: str
    kind: str
    grid: tuple[int, ...]
    channels: int
    activated: bool = False


@dataclass(frozen=True)
class ModelSummary:
    """Facts about a model file that the card prints."""

    input_shape: tuple[int, ...]
    n_classes: int
    parameters: int
    trainable_parameters: int
    size_bytes: int
    layers: tuple[tuple[str, str, str, int], ...]
    """Per layer: name, kind, output shape, parameters."""


@runtime_checkable
class Classifier(Protocol):
    """A trained model, whatever runs it."""

    @property
    def summary(self) -> ModelSummary:
        """Facts for the card."""

    def predict(self, images: Pixels, batch_size: int = 256) -> Floats:
        """Class probabilities, float32 (n, n_classes), rows sum to 1, of raw pixels 0–255."""

    def logits(self, images: Pixels, batch_size: int = 256) -> Floats:
        """Scores before the final softmax, float32 (n, n_classes), of raw pixels.

        Where they cannot be had, logarithms of the probabilities, which differ by a constant per image.
        """

    def learnt_layers(self, up_to: str = "") -> tuple[str, ...]:
        """Layers with a kernel, in the order of the data flow; those up to and including a layer, or all."""

    def shuffled(self, layers: Sequence[str], seed: int) -> AbstractContextManager[Classifier]:
        """Within the context, the model with the weights of some layers in random order.

        The values of each weight tensor stay, their places are drawn anew: what was learnt is gone, the scale
        is not. A normalisation that follows a layer goes with it. Once the context is left, the classifier
        itself is as before.
        """


@runtime_checkable
class DifferentiableClassifier(Classifier, Protocol):
    """A classifier that has gradients.

    ``method_suffix`` ends the name of a method that uses them: empty where they are the model's own,
    "-hybrid" where a file's activations meet a head rebuilt from the file's weights.
    """

    method_suffix: str

    def spatial_layers(self) -> tuple[LayerInfo, ...]:
        """Layers with a spatial output, in the order of the data flow."""

    def activations_and_gradients(
        self, images: Pixels, targets: Ints, layer: str
    ) -> tuple[Floats, Floats, Floats]:
        """Return activations, the gradients of the target logits, and the probabilities.

        The first two are float32 (n, *grid, channels) at the output of ``layer``, the third (n, n_classes).
        """
