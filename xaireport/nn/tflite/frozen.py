"""A Keras model as one TensorFlow graph for the converter: weights as constants, its layers' own names kept.

The converter calls what it makes after the operations of the graph, and ``flatbuffer`` reads the layers
off there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from xaireport.errors import ModelError
from xaireport.nn.backend import import_tensorflow
from xaireport.nn.keras.predictor import KerasPredictor
from xaireport.nn.keras.walk import walk

_MODEL = "model"
"""The scope that all layers are in: a name at the top of a graph may not begin as a layer's may."""
_TOLERANCE = 1e-4
_IMAGES = 4


def freeze(predictor: KerasPredictor) -> Any:
    """Return any Keras 3 model as a concrete function, scaling and softmax included, weights as constants.

    Its operations are called ``model/LAYER/…``, with LAYER as in :func:`xaireport.nn.keras.walk.walk`. Those
    of a model that does not come apart into layers have the names that Keras gives.
    """
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    tf = import_tensorflow()
    by_layers = _by_layers(predictor)
    frozen = convert_variables_to_constants_v2(by_layers or _traced(predictor, predictor.probabilities))
    if by_layers is None:
        return frozen
    graph = frozen.graph.as_graph_def()
    for node in graph.node:
        node.name = _two_scopes(node.name)
        for i, name in enumerate(node.input):
            node.input[i] = _two_scopes(name)
    renamed = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    return renamed.prune(
        *([_two_scopes(each.name) for each in side] for side in (frozen.inputs, frozen.outputs))
    )


def operators(predictor: KerasPredictor) -> tuple[tuple[str, str], ...]:
    """Return layer and kind of every TensorFlow operator within a layer; none where no layers can be told."""
    traced = _by_layers(predictor)
    scopes = (
        []
        if traced is None
        else [(each.name.split("/"), each.type) for each in traced.graph.get_operations()]
    )
    return tuple((scope[1], kind) for scope, kind in scopes if scope[0] == _MODEL and len(scope) > 2)


def _by_layers(predictor: KerasPredictor) -> Any:
    """Trace a model layer by layer, each in a scope of its name; None where that is another function."""
    tf = import_tensorflow()

    def call(name: str, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if "training" in getattr(operation, "_call_context_args", ()):  # as Keras asks when it walks
            kwargs = {**kwargs, "training": False}
        # With the slash a scope is opened as it is called. Keras opens each twice, and the second, in which
        # it computes, would be numbered: NAME_1, which may well be another layer.
        with tf.name_scope(f"{_MODEL}/{name}/"):
            return operation(*args, **kwargs)

    def probabilities(images: Any) -> Any:
        return predictor.probabilities(images, lambda prepared: walk(predictor.model, prepared, call))

    try:
        traced = _traced(predictor, probabilities)
    except ModelError:
        return None
    shape = [32 if size is None else size for size in predictor.input_shape]
    images = np.random.default_rng(0).integers(0, 256, (_IMAGES, *shape), np.uint8)
    ours = traced(tf.constant(images, tf.float32)).numpy()
    expected = predictor.probabilities(tf.constant(images, tf.float32)).numpy()
    return traced if np.abs(ours - expected).max() <= _TOLERANCE else None


def _traced(predictor: KerasPredictor, function: Any) -> Any:
    tf = import_tensorflow()
    signature = [tf.TensorSpec((None, *predictor.input_shape), tf.float32)]
    return tf.function(function, input_signature=signature, autograph=False).get_concrete_function()


def _two_scopes(name: str) -> str:
    """Return an operation's name without scopes inside its layer's, of which the innermost would be read.

    >>> _two_scopes("^model/norm/norm_1/batchnorm/mul"), _two_scopes("Softmax:0")
    ('^model/norm/norm_1>batchnorm>mul', 'Softmax:0')
    """
    scope, *rest = name.split("/", 2)
    return "/".join([scope, *rest[:1], *(each.replace("/", ">") for each in rest[1:])])
