"""A flat functional copy of a Keras model: every layer in one graph, the user's model untouched.

Sequential and nested models hide their layers from anything that asks for an intermediate tensor. Here they
are inlined: each layer is made anew from its configuration, with the same weights, and applied in the order
of the data flow. Finding the logits is part of it; gradients are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from xaireport.errors import ModelError
from xaireport.nn.backend import import_keras
from xaireport.nn.keras.walk import ends, walk

OutputKind = Literal["probabilities", "logits"]

_NONLINEAR = frozenset(
    {"relu", "relu6", "leakyrelu", "prelu", "elu", "selu", "gelu", "silu", "softplus", "tanh", "sigmoid"}
)
LOGITS = "_logits"
"""Ends the name of the twin, without softmax, of the layer that gives probabilities."""

_PASS_THROUGH = frozenset({"Dropout", "Identity"})


@dataclass(frozen=True)
class Step:
    """One call of one operation: the operation, its first input and its output (symbolic tensors)."""

    name: str
    operation: Any
    source: Any
    output: Any

    @property
    def kind(self) -> str:
        """The operation's class, such as ``Conv2D``."""
        return type(self.operation).__name__

    @property
    def is_activated(self) -> bool:
        """Whether the output comes straight out of a nonlinearity: a layer of its own, or one's last act."""
        return self.kind.lower() in _NONLINEAR or _activation(self.operation) not in ("", "linear")


@dataclass(frozen=True)
class FlatGraph:
    """A flat copy: its symbolic input and output, and the steps between in the order of the data flow."""

    input: Any
    output: Any
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step:
        """Return the step called ``name``.

        Raises
        ------
        ModelError
            There is none of that name.
        """
        for step in self.steps:
            if step.name == name:
                return step
        names = ", ".join(step.name for step in self.steps)
        raise ModelError("the name of a layer", repr(name), f"layers of this model: {names}")


def flatten(model: Any, image_shape: tuple[int, ...] | None = None) -> FlatGraph:
    """Return the flat functional copy of a Sequential, functional or nested ``keras.Model``.

    Parameters
    ----------
    model : keras.Model
        With one input and one output. Only read: configuration, weights and call history stay as they are.
    image_shape : tuple of int, optional
        What a model for images of any size is copied for.

    Returns
    -------
    FlatGraph
        Without nested models; its layers are new and carry the same weights. Their names are those of
        :func:`xaireport.nn.keras.walk.walk`.

    Raises
    ------
    ModelError
        The model is subclassed, not built, has several inputs or outputs, or a layer cannot be made anew.
    """
    keras = import_keras()
    inputs, outputs = ends(model)
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelError("a model with one input and one output", f"{len(inputs)} and {len(outputs)}")
    shape = inputs[0].shape if image_shape is None else (None, *image_shape)
    start = keras.Input(batch_shape=shape, dtype=inputs[0].dtype, name=inputs[0].name)
    inliner = _Inliner()
    output = walk(model, start, inliner.call)
    inliner.copy_weights()
    return FlatGraph(start, output, tuple(inliner.steps))


def logits(graph: FlatGraph, kind: OutputKind) -> Any:
    """Return the symbolic tensor of the scores before the final softmax or sigmoid.

    A single output is turned into two: with ``z`` the logit of class 1, the pair ``(-z/2, z/2)`` has exactly
    ``sigmoid(z)`` as its softmax, and gives either class a gradient.

    Parameters
    ----------
    graph : FlatGraph
        The model's flat copy.
    kind : {"probabilities", "logits"}
        What the model's output is declared to be. Logits are taken as they come.

    Raises
    ------
    ModelError
        The output is declared probabilities, but no softmax or sigmoid makes it.
    """
    keras = import_keras()
    scores = graph.output if kind == "logits" else _before_final_activation(graph)
    if scores.shape[-1] != 1:
        return scores
    half = keras.ops.multiply(scores, 0.5)
    return keras.ops.concatenate([keras.ops.negative(half), half], axis=-1)


def _before_final_activation(graph: FlatGraph) -> Any:
    produced_by = {id(step.output): step for step in graph.steps}
    tensor = graph.output
    while (step := produced_by.get(id(tensor))) is not None:
        activation = _activation(step.operation)
        if step.kind in _PASS_THROUGH or (step.kind == "Activation" and activation == "linear"):
            tensor = step.source
        elif activation not in ("softmax", "sigmoid"):
            break
        elif step.kind in ("Softmax", "Sigmoid", "Activation"):
            return step.source
        else:
            return _with_linear_activation(step)
    raise ModelError(
        "a model whose probabilities come from a softmax or sigmoid",
        f"a last layer of kind {step.kind if step else 'InputLayer'}",
        'save the model with its logits as output and declare output = "logits"',
    )


def _activation(operation: Any) -> str:
    """Return the name of the activation that ends an operation, "" where there is none."""
    kind = type(operation).__name__
    if kind in ("Softmax", "Sigmoid"):
        return kind.lower()
    return str(getattr(getattr(operation, "activation", None), "__name__", ""))


def _with_linear_activation(step: Step) -> Any:
    """Apply a new layer, same weights, linear activation, where ``step`` applied its own."""
    layer = step.operation
    config = layer.get_config() | {"activation": "linear", "name": f"{layer.name}{LOGITS}"}
    linear = type(layer).from_config(config)
    scores = linear(step.source)
    _copy_weights(layer, linear)
    return scores


def _copy_weights(original: Any, copy: Any) -> None:
    for ours, theirs in zip(getattr(copy, "weights", []), getattr(original, "weights", []), strict=True):
        ours.assign(theirs.value)
    if hasattr(copy, "finalize_state"):  # Normalization derives what it uses from its weights
        copy.finalize_state()


class _Inliner:
    """Makes the calls of a model with a copy of each operation; shared layers stay shared."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._copies: dict[int, tuple[Any, Any]] = {}  # id of the original -> original, copy

    def call(self, name: str, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return what a copy of the operation gives, and note the step."""
        if id(operation) not in self._copies:
            self._copies[id(operation)] = operation, _made_anew(operation, name)
        copy = self._copies[id(operation)][1]
        output = copy(*args, **kwargs)
        if not isinstance(output, (list, tuple, dict)):
            source = args[0] if args and hasattr(args[0], "shape") else None
            self.steps.append(Step(name, copy, source, output))
        return output

    def copy_weights(self) -> None:
        """Give each copy its original's weights; possible once all are built."""
        for original, copy in self._copies.values():
            _copy_weights(original, copy)


def _made_anew(operation: Any, name: str) -> Any:
    try:
        config = operation.get_config()
        return type(operation).from_config(config | {"name": name} if "name" in config else config)
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ModelError(
            "layers that can be made anew from their configuration",
            f"{name} ({type(operation).__name__}): {error}",
            "use the layers of Keras, or give the layer get_config()",
        ) from error
