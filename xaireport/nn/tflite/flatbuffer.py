"""Read what a TFLite file is made of, from its own bytes: operators, tensors, and what stayed float.

Nothing is run here, and nothing is made.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import ModelError
from xaireport.types.device import Endpoint, FloatLayer, Operator, Sections, TensorKind, TFLiteFile

FLOATS = ("float32", "float16", "float64", "bfloat16")
SMALL_WEIGHTS = 1024
"""The converter leaves weights of fewer elements in float under dynamic range quantisation
(``weights_min_num_elements_`` of TensorFlow Lite's quantize_weights)."""
NONLINEAR = ("RELU", "RELU6", "LEAKY_RELU", "PRELU", "ELU", "TANH", "LOGISTIC", "HARD_SWISH", "GELU")
_FUSED = {0: "", 1: "RELU", 3: "RELU6", 4: "TANH"}
_STORED = ("int8", "uint8", "int16", "int32", "int64", "float16", "float32")
_NUMBERS = ("int8", "uint8", "int16", *FLOATS)
_WITH_VECTORS = ("ADD", "MUL", "SUB", "DEQUANTIZE")
"""Operators that may read a learnt vector without a kernel beside it."""
_IDENTIFIER = b"TFL3"


class Step(NamedTuple):
    """One operator: the layer it comes from, its kind, the tensors it reads and gives, its options."""

    layer: str
    operator: str
    inputs: tuple[Any, ...]
    output: Any
    options: Any = None

    @property
    def activation(self) -> str:
        """The nonlinearity that ends the operator, or that it is; empty where there is none."""
        if self.operator in NONLINEAR:
            return self.operator
        return _FUSED.get(getattr(self.options, "fusedActivationFunction", 0), "unknown")


class Graph:
    """The main subgraph of a TFLite file.

    Parameters
    ----------
    content : bytes
        The whole file.

    Raises
    ------
    ModelError
        It is no TFLite file, it is cut short, or it has more than one input or output.
    """

    def __init__(self, content: bytes) -> None:
        if content[4:8] != _IDENTIFIER:
            raise ModelError(
                "a TFLite file", f"{len(content):,} bytes that begin otherwise", "convert the model again"
            )
        from ai_edge_litert import schema_py_generated as schema

        self.size_bytes = len(content)
        try:
            self._model = schema.ModelT.InitFromPackedBuf(content, 0)
            self._graph = self._model.subgraphs[0]
            self._names = _names(schema.TensorType, str.lower)
            self._operators = _names(schema.BuiltinOperator, str)
            self.input, self.output = self._only("inputs"), self._only("outputs")
            self.steps = tuple(self._steps())
        except ModelError:
            raise
        except Exception as error:  # a damaged buffer fails anywhere in the generated reader, with any type
            raise ModelError(
                "a complete TFLite file", f"{type(error).__name__} while reading it", "it may be cut short"
            ) from error

    def _only(self, side: str) -> Any:
        found = getattr(self._graph, side)
        if len(found) != 1:
            raise ModelError(f"a model with one of {side}", len(found))
        return self._graph.tensors[found[0]]

    def _steps(self) -> Iterator[Step]:
        tensors, codes = self._graph.tensors, self._model.operatorCodes
        for step in self._graph.operators:
            code = codes[step.opcodeIndex]
            kind = self._operators[max(code.builtinCode, code.deprecatedBuiltinCode)]
            if kind == "CUSTOM":
                kind = (code.customCode or b"custom").decode()
            output = tensors[step.outputs[0]]
            inputs = tuple(tensors[i] for i in step.inputs if i >= 0)
            yield Step(
                _layer((output.name or b"").decode()) or kind, kind, inputs, output, step.builtinOptions
            )

    @property
    def tensors(self) -> Sequence[Any]:
        """Every tensor of the graph."""
        return tuple(self._graph.tensors)

    def type_of(self, tensor: Any) -> str:
        """Return a tensor's type, such as ``int8``."""
        return self._names[tensor.type]

    def stored_bytes(self, tensor: Any) -> int:
        """Return how many bytes of the file a tensor's values take; 0 where it is computed."""
        data = self._model.buffers[tensor.buffer].data
        return 0 if data is None else len(data)

    def index(self, tensor: Any) -> int:
        """Return a tensor's number within the graph, by which the interpreter knows it."""
        return next(i for i, each in enumerate(self._graph.tensors) if each is tensor)

    def values(self, tensor: Any) -> NDArray[Any] | None:
        """Return what the file stores of a tensor, of its type and shape; None where it is computed."""
        data = self._model.buffers[tensor.buffer].data
        if data is None or len(data) == 0:
            return None
        kind = self.type_of(tensor)
        if kind not in _STORED:
            raise ModelError(f"stored values of type {', '.join(_STORED)}", kind)
        return np.frombuffer(bytes(data), kind).reshape([int(size) for size in tensor.shape])

    def real(self, tensor: Any) -> NDArray[np.float32] | None:
        """Return what a stored tensor stands for, float32: integers by the file's own scales."""
        source = self.source(tensor)
        stored = None if source is None else self.values(source)
        if stored is None:
            return None
        how = source.quantization
        if not _has_scale(source):
            return stored.astype(np.float32)
        along = [1] * stored.ndim
        if len(how.scale) > 1:
            along[how.quantizedDimension] = -1
        scale = np.asarray(how.scale, np.float32).reshape(along)
        zero = np.asarray(how.zeroPoint if how.zeroPoint is not None else 0).reshape(along)
        return (stored.astype(np.float64) - zero).astype(np.float32) * scale

    def numbers(self, step: Step) -> list[Any]:
        """Return the stored numbers that a step computes with: kernel, biases, factors; no shapes or axes."""
        if step.operator == "DEQUANTIZE":
            return []
        stored = [each for each in map(self.source, step.inputs) if each is not None]
        return [each for each in stored if self.type_of(each) in _NUMBERS or _has_scale(each)]

    def has_kernel(self, step: Step) -> bool:
        """Return whether a step multiplies by stored weights; constants that scale pixels are none."""
        return step.operator not in _WITH_VECTORS and any(len(each.shape) > 1 for each in self.numbers(step))

    def source(self, tensor: Any) -> Any:
        """Return the tensor that holds the stored values of one: itself, or its source; None for neither."""
        if self.stored_bytes(tensor):
            return tensor
        # Half-precision weights are stored as such, and made float32 by an operator.
        made = next((step for step in self.steps if step.output is tensor), None)
        if made is None or made.operator != "DEQUANTIZE" or not self.stored_bytes(made.inputs[0]):
            return None
        return made.inputs[0]

    def weights(self, step: Step) -> Any:
        """Return the kernel that a step multiplies by; None where it has none."""
        stored = [
            each
            for each in step.inputs
            if self.stored_bytes(each) and len(each.shape) >= 2 and self.type_of(each) in _NUMBERS
        ]
        return max(stored, key=lambda each: math.prod(each.shape), default=None)

    def endpoint(self, tensor: Any) -> Endpoint:
        """Return how the real values of an input or output are stored."""
        how = tensor.quantization
        if how is None or how.scale is None or len(how.scale) == 0:
            return Endpoint(self.type_of(tensor), 0.0, 0)
        return Endpoint(
            self.type_of(tensor), float(how.scale[0]), 0 if how.zeroPoint is None else int(how.zeroPoint[0])
        )

    def metadata(self, name: str) -> str:
        """Return a piece of the file's metadata as text; empty where there is none."""
        for each in self._model.metadata or ():
            if each.name == name.encode():
                data = self._model.buffers[each.buffer].data
                return bytes(data).rstrip(b"\0").decode("utf-8", "replace") if data is not None else ""
        return ""


def _has_scale(tensor: Any) -> bool:
    how = tensor.quantization
    return how is not None and how.scale is not None and len(how.scale) > 0


def describe(content: bytes, mode: str = "") -> TFLiteFile:
    """Return what a TFLite file is made of.

    Parameters
    ----------
    content : bytes
        The whole file.
    mode : str
        How it was quantised, where that is known: it says why a layer stayed in floating point.

    Raises
    ------
    ModelError
        See :class:`Graph`.
    """
    graph = Graph(content)
    counted: Counter[tuple[str, str, str]] = Counter()
    for step in graph.steps:
        kernel = graph.weights(step)
        counted[step.operator, graph.type_of(step.output), graph.type_of(kernel) if kernel else ""] += 1
    kinds: dict[str, list[int]] = defaultdict(list)
    for tensor in graph.tensors:
        kinds[graph.type_of(tensor)].append(graph.stored_bytes(tensor))
    return TFLiteFile(
        size_bytes=graph.size_bytes,
        operators=tuple(Operator(*key, n) for key, n in sorted(counted.items())),
        tensors=tuple(TensorKind(name, len(sizes), sum(sizes)) for name, sizes in sorted(kinds.items())),
        float_layers=tuple(_float_layers(graph, mode)),
        input=graph.endpoint(graph.input),
        output=graph.endpoint(graph.output),
        sections=_sections(graph),
        runtime=graph.metadata("min_runtime_version"),
    )


def layer_table(graph: Graph) -> tuple[tuple[str, str, str, int], ...]:
    """Return per operator: layer, kind, output shape, and how many weights and biases it reads."""
    rows = []
    for step in graph.steps:
        signature = getattr(step.output, "shapeSignature", None)
        shape = step.output.shape if signature is None or len(signature) == 0 else signature
        text = " × ".join("?" if size < 0 else str(size) for size in shape[1:])
        rows.append((step.layer, step.operator, text, sum(_size(each) for each in _learnt(graph, step))))
    return tuple(rows)


def parameters(graph: Graph) -> int:
    """Return how many weights and biases are stored; a shared tensor counts once."""
    found = {id(each): _size(each) for step in graph.steps for each in _learnt(graph, step)}
    return sum(found.values())


def _learnt(graph: Graph, step: Step) -> list[Any]:
    """Return what a step reads of stored numbers, but for shapes and axes."""
    kernel = graph.weights(step)
    if kernel is None and step.operator not in _WITH_VECTORS:
        return []
    vectors = [
        each
        for each in step.inputs
        if each is not kernel
        and graph.stored_bytes(each)
        and len(each.shape) == 1
        and (graph.type_of(each) in _NUMBERS or each.quantization)
    ]
    return vectors if kernel is None else [kernel, *vectors]


def _size(tensor: Any) -> int:
    return math.prod(int(size) for size in tensor.shape)


def _sections(graph: Graph) -> Sections:
    buffers: dict[int, tuple[int, bool]] = {}
    for step in graph.steps:
        kernel = graph.weights(step)
        for tensor in _learnt(graph, step):
            buffers[tensor.buffer] = (graph.stored_bytes(tensor), tensor is kernel)
    weights = sum(size for size, is_kernel in buffers.values() if is_kernel)
    biases = sum(size for size, is_kernel in buffers.values() if not is_kernel)
    return Sections(weights, biases, graph.size_bytes - weights - biases)


def _float_layers(graph: Graph, mode: str) -> Iterator[FloatLayer]:
    """Yield the steps that compute in floating point although the mode would have them otherwise."""
    if mode in ("", "float32", "float16"):
        return
    for step in graph.steps:
        if graph.type_of(step.output) not in FLOATS:
            continue
        if mode in ("int8", "qat"):
            yield FloatLayer(step.layer, step.operator, "the converter found no integer form of it")
            continue
        kernel = graph.weights(step)
        if kernel is None or graph.type_of(kernel) not in FLOATS:
            continue  # dynamic range: activations are float by design
        n = _size(kernel)
        few = f"it has {n:,} weights, and the converter leaves fewer than {SMALL_WEIGHTS:,} as they are"
        yield FloatLayer(
            step.layer, step.operator, few if n < SMALL_WEIGHTS else "the converter has no dynamic form of it"
        )


def _layer(name: str) -> str:
    """Return the layer that a tensor's name tells of: ``cnn2d/relu1/Relu;cnn2d/bn1/…`` -> ``relu1``.

    >>> _layer("cnn2d/relu1/Relu;cnn2d/bn1/FusedBatchNormV3"), _layer("StatefulPartitionedCall_1:0")
    ('relu1', 'StatefulPartitionedCall_1:0')
    """
    parts = name.split(";", 1)[0].split("/")
    return parts[-2].removeprefix("quant_") if len(parts) > 1 else name


def _names(enumeration: Any, form: Any) -> dict[int, str]:
    return {value: form(name) for name, value in vars(enumeration).items() if isinstance(value, int)}


def read(path: Path) -> bytes:
    """Return a file's bytes.

    Raises
    ------
    ModelError
        There is no such file, or it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError("a model file", error.strerror or error, where=str(path)) from error
