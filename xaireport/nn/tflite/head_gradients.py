"""The layers of a TFLite file behind one of its tensors, rebuilt in TensorFlow from the file's own weights.

A TFLite file gives no gradients. What its last layers compute is known, though, and so are their weights: in
floating point they are a function whose slopes can be taken. What goes into it is the file's own activation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from xaireport.errors import ModelError
from xaireport.nn.backend import import_tensorflow
from xaireport.nn.tflite.flatbuffer import Graph, Step
from xaireport.types.data import Floats

PASSED_THROUGH = ("QUANTIZE", "DEQUANTIZE")
"""Operators that change how a value is stored, not what it stands for."""

Operator = Callable[[Any, "_Operands"], Any]
"""``(tf, operands) -> tensor``."""


class _Operands:
    """What an operator reads while the head is traced."""

    def __init__(self, step: Step, known: dict[int, Any]) -> None:
        self.step, self._known = step, known

    def __getitem__(self, i: int) -> Any:
        return self._known[id(self.step.inputs[i])]

    def __len__(self) -> int:
        return len(self.step.inputs)

    def option(self, name: str) -> Any:
        return getattr(self.step.options, name)

    @property
    def padding(self) -> str:
        return "SAME" if self.option("padding") == 0 else "VALID"

    @property
    def bias(self) -> Any:
        return self[2] if len(self) > 2 else 0.0


class Head:
    """Everything between a layer's output and the scores, as a function with slopes.

    Parameters
    ----------
    graph : Graph
        The file.
    layer : tensor
        Where it begins: the output of one of the graph's steps.
    logits : tensor
        Where it ends.

    Raises
    ------
    ModelError
        The scores do not depend on the layer alone, or by an operator whose slope is not known.
    """

    def __init__(self, graph: Graph, layer: Any, logits: Any) -> None:
        self._layer, self._logits = layer, logits
        self._steps = tuple(_between(graph, layer, logits))
        read = {id(tensor): tensor for step in self._steps for tensor in step.inputs}
        self._stored = {id_: graph.index(tensor) for id_, tensor in read.items() if _is_stored(graph, tensor)}
        self._compiled: Any = None

    def weights(self, graph: Graph) -> list[Floats]:
        """Return the numbers that the head is made of, from this file or one of the same structure."""
        return [_numbers(graph, index) for index in self._stored.values()]

    def slopes(self, activations: Floats, targets: Any, weights: Sequence[Floats]) -> tuple[Floats, Floats]:
        """Return the slopes of each target's score by the activations, and the scores.

        Parameters
        ----------
        activations : float32 array, (n, *grid, channels)
            The layer's output.
        targets : int array, (n,)
            The class, per image.
        weights : list of arrays
            Of :meth:`weights`.

        Returns
        -------
        slopes : float32 array, (n, *grid, channels)
        logits : float32 array, (n, n_classes)
        """
        tf = import_tensorflow()
        if self._compiled is None:
            self._compiled = self._compile(weights)
        slopes, logits = self._compiled(
            tf.constant(activations, tf.float32), tf.constant(targets, tf.int64), list(weights)
        )
        return slopes.numpy(), logits.numpy()

    def _compile(self, weights: Sequence[Floats]) -> Any:
        tf = import_tensorflow()

        def run(activations: Any, targets: Any, weights: Any) -> Any:
            logits = pair(tf, self._run(tf, activations, weights))
            score = tf.reduce_sum(logits * tf.one_hot(targets, logits.shape[-1], dtype=logits.dtype))
            (slopes,) = tf.gradients(score, activations)
            return slopes, logits

        # The weights are arguments: a file whose weights were shuffled is no new function.
        shape = [None, *(int(size) for size in self._layer.shape[1:])]
        signature = [
            tf.TensorSpec(shape, tf.float32),
            tf.TensorSpec((None,), tf.int64),
            [tf.TensorSpec(each.shape, each.dtype) for each in weights],
        ]
        return tf.function(run, input_signature=signature, autograph=False)

    def _run(self, tf: Any, activations: Any, weights: Sequence[Any]) -> Any:
        known = {id(self._layer): activations, **dict(zip(self._stored, weights, strict=True))}
        for step in self._steps:
            value = _activated(tf, _OPERATORS[step.operator](tf, _Operands(step, known)), step)
            # Axes and margins are arguments, too: TensorFlow alone would not know how many channels are left.
            value.set_shape([None, *(int(size) for size in step.output.shape[1:])])
            known[id(step.output)] = value
        return known[id(self._logits)]


def pair(tf: Any, logits: Any) -> Any:
    """Return scores for two classes where there is one output; see `xaireport.nn.keras.flatten.logits`."""
    if logits.shape[-1] != 1:
        return logits
    return tf.concat([-logits / 2, logits / 2], axis=-1)


def _is_stored(graph: Graph, tensor: Any) -> bool:
    return graph.source(tensor) is not None


def _numbers(graph: Graph, index: int) -> Any:
    """Return weights as what they stand for; whole numbers, such as axes, as they are."""
    tensor = graph.tensors[index]
    axes = graph.type_of(tensor) in ("int32", "int64") and not graph.endpoint(tensor).scale
    return graph.values(tensor) if axes else graph.real(tensor)


def _between(graph: Graph, layer: Any, logits: Any) -> list[Step]:
    """Return the steps that lead from a layer to the scores; what they read is stored, or computed there."""
    wanted, found = [logits], []
    for step in reversed(graph.steps):
        if step.output is layer or not any(step.output is each for each in wanted):
            continue
        if _is_stored(graph, step.output):  # float16 weights on their way to float32
            continue
        found.append(step)
        if step.operator not in _OPERATORS:
            raise ModelError(
                "operators whose slope is known", step.operator, "maps by occlusion need no gradients"
            )
        wanted += step.inputs[:1] if step.operator == "RESHAPE" else step.inputs
    steps = found[::-1]
    computed = [layer, *(step.output for step in steps)]
    for step in steps:
        read = step.inputs[:1] if step.operator == "RESHAPE" else step.inputs
        for tensor in read:
            if not any(tensor is each for each in computed) and not _is_stored(graph, tensor):
                raise ModelError(
                    "scores that depend on the image through this layer alone",
                    f"{step.layer} ({step.operator}), which reads another one",
                    "name a layer behind the place where they meet as explain.layer",
                )
    if not any(step.output is logits for step in steps):
        raise ModelError("a layer before the scores", "one behind them")
    return [step._replace(inputs=step.inputs[:1]) if step.operator == "RESHAPE" else step for step in steps]


def _activated(tf: Any, value: Any, step: Step) -> Any:
    kind = "" if step.operator in _OPERATORS_NONLINEAR else step.activation
    if kind == "unknown":
        raise ModelError("a nonlinearity whose slope is known", step.operator)
    return _NONLINEAR[kind](tf, value)


def _conv2d(tf: Any, at: _Operands) -> Any:
    kernel = tf.transpose(at[1], [1, 2, 3, 0])
    strides = [at.option("strideH"), at.option("strideW")]
    dilations = [at.option("dilationHFactor"), at.option("dilationWFactor")]
    return tf.nn.conv2d(at[0], kernel, strides, at.padding, dilations=dilations) + at.bias


def _depthwise(tf: Any, at: _Operands) -> Any:
    kernel = at[1]
    height, width, taken = kernel.shape[1], kernel.shape[2], at[0].shape[-1]
    strides = [1, at.option("strideH"), at.option("strideW"), 1]
    dilations = [at.option("dilationHFactor"), at.option("dilationWFactor")]
    kernel = tf.reshape(kernel, [height, width, taken, -1])
    return tf.nn.depthwise_conv2d(at[0], kernel, strides, at.padding, dilations=dilations) + at.bias


def _conv3d(tf: Any, at: _Operands) -> Any:
    strides = [1, at.option("strideD"), at.option("strideH"), at.option("strideW"), 1]
    return tf.nn.conv3d(at[0], at[1], strides, at.padding) + at.bias


def _dense(tf: Any, at: _Operands) -> Any:
    flat = tf.reshape(at[0], [-1, at[1].shape[-1]])
    found = tf.matmul(flat, at[1], transpose_b=True) + at.bias
    return tf.reshape(found, [-1, *(int(size) for size in at.step.output.shape[1:])])


def _pool(kind: str) -> Operator:
    def pool(tf: Any, at: _Operands) -> Any:
        size = [at.option("filterHeight"), at.option("filterWidth")]
        strides = [at.option("strideH"), at.option("strideW")]
        return getattr(tf.nn, kind)(at[0], size, strides, at.padding)

    return pool


def _mean(tf: Any, at: _Operands) -> Any:
    return tf.reduce_mean(at[0], at[1], keepdims=bool(at.option("keepDims")))


def _reshape(tf: Any, at: _Operands) -> Any:
    return tf.reshape(at[0], [-1, *(int(size) for size in at.step.output.shape[1:])])


def _concatenation(tf: Any, at: _Operands) -> Any:
    return tf.concat([at[i] for i in range(len(at))], axis=at.option("axis"))


def _nonlinear(name: str) -> Operator:
    return lambda tf, at: _NONLINEAR[name](tf, at[0])


_NONLINEAR: dict[str, Callable[[Any, Any], Any]] = {
    "": lambda tf, x: x,
    "RELU": lambda tf, x: tf.nn.relu(x),
    "RELU6": lambda tf, x: tf.nn.relu6(x),
    "TANH": lambda tf, x: tf.tanh(x),
    "LOGISTIC": lambda tf, x: tf.sigmoid(x),
    "HARD_SWISH": lambda tf, x: x * tf.nn.relu6(x + 3) / 6,
    "ELU": lambda tf, x: tf.nn.elu(x),
}
_OPERATORS_NONLINEAR = ("RELU", "RELU6", "TANH", "LOGISTIC", "HARD_SWISH", "ELU", "LEAKY_RELU")
_OPERATORS: dict[str, Operator] = {
    "CONV_2D": _conv2d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "CONV_3D": _conv3d,
    "FULLY_CONNECTED": _dense,
    "MAX_POOL_2D": _pool("max_pool2d"),
    "AVERAGE_POOL_2D": _pool("avg_pool2d"),
    "MEAN": _mean,
    "RESHAPE": _reshape,
    "CONCATENATION": _concatenation,
    "ADD": lambda tf, at: at[0] + at[1],
    "SUB": lambda tf, at: at[0] - at[1],
    "MUL": lambda tf, at: at[0] * at[1],
    "NEG": lambda tf, at: -at[0],
    "PAD": lambda tf, at: tf.pad(at[0], at[1]),
    "PADV2": lambda tf, at: tf.pad(at[0], at[1], constant_values=tf.reshape(at[2], [])),
    # The converter writes a dilated convolution as a plain one between these.
    "SPACE_TO_BATCH_ND": lambda tf, at: tf.space_to_batch(at[0], at[1], at[2]),
    "BATCH_TO_SPACE_ND": lambda tf, at: tf.batch_to_space(at[0], at[1], at[2]),
    "LEAKY_RELU": lambda tf, at: tf.nn.leaky_relu(at[0], at.option("alpha")),
    **{name: _nonlinear(name) for name in ("RELU", "RELU6", "TANH", "LOGISTIC", "HARD_SWISH", "ELU")},
    **{name: (lambda tf, at: at[0]) for name in PASSED_THROUGH},
}
