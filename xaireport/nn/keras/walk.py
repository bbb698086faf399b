"""A walk through a Keras model along the data flow: every call of every operation has a name of its own.

Whatever tells a model's layers apart takes their names from here, so that a layer has one name everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from xaireport.errors import ModelError
from xaireport.nn.backend import import_keras

Call = Callable[[str, Any, tuple[Any, ...], dict[str, Any]], Any]
"""Is given name, operation, arguments and keyword arguments of a call; returns what the operation gives."""


def walk(model: Any, inputs: Any, call: Call) -> Any:
    """Return what a Sequential, functional or nested ``keras.Model`` gives when ``call`` makes each call.

    Names stay, but for those that occur twice: the later one is prefixed with its model's name. The second
    call of a shared layer is ``name.2``. All characters are such as the names of a TensorFlow graph may have.

    Parameters
    ----------
    model : keras.Model
        With one input and one output. Only read.
    inputs : tensor
        Symbolic or not.
    call : callable
        See :data:`Call`.

    Raises
    ------
    ModelError
        The model, or one within it, is subclassed or not built.
    """
    return _Walk({each.name for each in ends(model)[0]}, call).run(model, inputs)


def ends(model: Any) -> tuple[list[Any], list[Any]]:
    """Return a model's symbolic inputs and outputs; raises as :func:`walk` does."""
    keras = import_keras()
    if not isinstance(model, (keras.Sequential, keras.Function)):
        raise ModelError(
            "a Sequential or functional Keras model",
            f"{type(model).__name__}, a subclassed model",
            "its layers cannot be told from outside; rebuild it with keras.Model(inputs, outputs)",
        )
    if not model.built:
        raise ModelError("a model whose input shape is known", f"{model.name}, which is not built")
    return list(model.inputs), list(model.outputs)


class _Walk:
    def __init__(self, taken: set[str], call: Call) -> None:
        self._taken = taken
        self._call = call
        self._known: dict[int, tuple[Any, str]] = {}  # id of an operation -> itself, name

    def run(self, model: Any, inputs: Any, prefix: str = "") -> Any:
        if isinstance(model, import_keras().Sequential):
            for layer in model.layers:
                inputs = self._apply(layer, prefix)(inputs)
            return inputs
        # The walk is Keras' own: it knows which call comes first and how arguments are nested.
        return model._run_through_graph(inputs, operation_fn=lambda op: self._apply(op, prefix))

    def _apply(self, operation: Any, prefix: str) -> Any:
        keras = import_keras()

        def call(*args: Any, **kwargs: Any) -> Any:
            if isinstance(operation, (keras.Sequential, keras.Function)):
                nested = args[0] if args else next(iter(kwargs.values()))
                return self.run(operation, nested, f"{prefix}{operation.name}.")
            if isinstance(operation, keras.Model):
                ends(operation)
            return self._call(self._name(operation, prefix), operation, args, kwargs)

        return call

    def _name(self, operation: Any, prefix: str) -> str:
        if id(operation) not in self._known:
            name = operation.name if operation.name not in self._taken else f"{prefix}{operation.name}"
            while name in self._taken:
                name = f"{name}_"
            self._known[id(operation)] = operation, name
        else:
            first, n = self._known[id(operation)][1], 2
            while (name := f"{first}.{n}") in self._taken:
                n += 1
        self._taken.add(name)
        return name
