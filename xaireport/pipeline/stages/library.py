"""Maps by tf-keras-vis for a model that it can look into, drawn by the study's seed."""

from __future__ import annotations

from functools import partial

from xaireport.explain.methods.explainers import VisMaps
from xaireport.nn.keras.classifier import KerasClassifier
from xaireport.nn.keras.tf_keras_vis import vis_maps
from xaireport.types.models import Classifier


def library_maps(classifier: Classifier, seed: int) -> VisMaps | None:
    """Return what makes the maps of the library's methods; None for a model that is no Keras model."""
    return partial(vis_maps, classifier, seed=seed) if isinstance(classifier, KerasClassifier) else None
