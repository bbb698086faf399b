"""Activations and gradients of the target logits at a layer: compiled, one trace per layer.

Takes a batch and returns it; splitting a data set into batches, and reducing each to a map, is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from xaireport.errors import ModelError
from xaireport.nn.backend import import_keras, import_tensorflow
from xaireport.nn.outputs import check_targets, softmax
from xaireport.types.models import LayerInfo

if TYPE_CHECKING:
    from xaireport.nn.keras.flatten import FlatGraph
    from xaireport.types.data import Floats, Ints, Pixels


def spatial_layers(graph: FlatGraph) -> tuple[LayerInfo, ...]:
    """Return the steps whose output is a grid over the image (channels last), in data flow order."""
    rank = len(graph.input.shape)
    return tuple(
        LayerInfo(
            step.name, step.kind, tuple(step.output.shape[1:-1]), step.output.shape[-1], step.is_activated
        )
        for step in graph.steps
        if len(step.output.shape) == rank and None not in step.output.shape[1:]
    )


class GradientEngine:
    """Runs a flat model forward once and its head backward once per batch.

    Parameters
    ----------
    graph : FlatGraph
        The flat copy.
    logits : KerasTensor, (batch, n_classes)
        The scores whose gradients are taken. Of softmax outputs they would vanish where the model is sure.
    prepare : callable
        From raw uint8 pixels to what the model takes, in TensorFlow.
    plain : bool
        Leave the gradient of a convolution to TensorFlow, as is done anyway where there is a GPU.
    """

    def __init__(
        self, graph: FlatGraph, logits: Any, prepare: Callable[[Any], Any], *, plain: bool = False
    ) -> None:
        self._graph = graph
        self._logits = logits
        self._prepare = prepare
        self._plain = plain
        self._compiled: dict[str, Any] = {}

    def __call__(self, images: Pixels, targets: Ints, layer: str) -> tuple[Floats, Floats, Floats]:
        """Return activations and gradients, float32 (n, *grid, channels), and probabilities (n, n_classes).

        Raises
        ------
        ModelError
            No such spatial layer, a target that is no class, or an output that does not depend on the layer.
        """
        check_targets(targets, len(images), self._logits.shape[-1])
        if layer not in self._compiled:
            self._compiled[layer] = self._compile(layer)
        tf = import_tensorflow()
        activations, gradients, logits = self._compiled[layer](
            tf.constant(images, tf.uint8), tf.constant(targets, tf.int64)
        )
        return activations.numpy(), gradients.numpy(), softmax(logits.numpy())

    def _compile(self, layer: str) -> Any:
        keras, tf = import_keras(), import_tensorflow()
        overrides = {"MaxPool3D": _pooling_gradient()}
        if not self._plain and not tf.config.list_physical_devices("GPU"):
            overrides["Conv2D"] = _convolution_gradient()
        names = [info.name for info in spatial_layers(self._graph)]
        if layer not in names:
            raise ModelError("a layer with a spatial output", repr(layer), f"such layers: {', '.join(names)}")
        model = keras.Model(self._graph.input, [self._graph.step(layer).output, self._logits])

        def run(images: Any, targets: Any) -> Any:
            with tf.compat.v1.get_default_graph().gradient_override_map(overrides):
                activations, logits = model(self._prepare(images), training=False)
            # Images do not see each other at inference, so the gradient of the sum holds each one's own.
            score = tf.reduce_sum(logits * tf.one_hot(targets, logits.shape[-1], dtype=logits.dtype))
            # Not a tape: this needs no watched path from the pixels, only one from the layer to the score.
            (gradients,) = tf.gradients(score, activations)
            if gradients is None:
                raise ModelError("a layer that the output depends on", repr(layer))
            return tuple(tf.cast(tensor, tf.float32) for tensor in (activations, gradients, logits))

        shape = (None, *self._graph.input.shape[1:])
        signature = [tf.TensorSpec(shape, tf.uint8), tf.TensorSpec((None,), tf.int64)]
        return tf.function(run, input_signature=signature, autograph=False)


@cache
def _pooling_gradient() -> str:
    """Return the registered name of a gradient of 3D max pooling that is the same on every machine.

    Where several cells of a window share the maximum, as they do wherever a ReLU left zeros, TensorFlow's own
    kernel gives each the gradient: raising any one of them raises the maximum. The oneDNN kernel, which takes
    its place in compiled graphs on x86 unless switched off, gives it to one. Maps must not depend on that
    switch, so the gradient is run eagerly, where the kernel is never replaced.
    """
    tf = import_tensorflow()
    name = "XaiReportMaxPool3D"

    @tf.RegisterGradient(name)
    def gradient(op: Any, flowing: Any) -> Any:
        settings = {key: op.get_attr(key) for key in ("ksize", "strides", "padding", "data_format")}
        settings = {
            key: value.decode() if isinstance(value, bytes) else value for key, value in settings.items()
        }

        def own_kernel(cells: Any, pooled: Any, incoming: Any) -> Any:
            return tf.raw_ops.MaxPool3DGrad(orig_input=cells, orig_output=pooled, grad=incoming, **settings)

        cells = op.inputs[0]
        result = tf.py_function(own_kernel, [cells, op.outputs[0], flowing], cells.dtype)
        result.set_shape(cells.shape)
        return result

    return name


@cache
def _convolution_gradient() -> str:
    """Return the registered name of a gradient of 2D convolution that is itself a forward convolution.

    With stride 1 the slope of a convolution is the convolution with the kernel turned over. TensorFlow's CPU
    kernel for the slope (``Conv2DBackpropInput``) takes several times as long as its forward one, which gives
    the same numbers. Only the slope by the input is made: a heatmap needs none by the weights.
    """
    tf = import_tensorflow()
    name = "XaiReportConv2D"

    @tf.RegisterGradient(name)
    def gradient(op: Any, flowing: Any) -> Any:
        kernel = op.inputs[1]
        height, width, taken, _ = kernel.shape
        # Grouped kernels, strides, dilation and padding of the caller's own stay with TensorFlow.
        turned = (
            op.get_attr("data_format") == b"NHWC"
            and op.get_attr("padding") in (b"SAME", b"VALID")
            and {*op.get_attr("strides"), *op.get_attr("dilations")} == {1}
            and taken == op.inputs[0].shape[-1]
        )
        if not turned:
            slope = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(op.inputs[0]),
                filter=kernel,
                out_backprop=flowing,
                strides=op.get_attr("strides"),
                padding=op.get_attr("padding"),
                explicit_paddings=op.get_attr("explicit_paddings"),
                dilations=op.get_attr("dilations"),
                data_format=op.get_attr("data_format").decode(),
            )
            return slope, None
        same = op.get_attr("padding") == b"SAME"
        margins = [[0, 0]]
        for size in (height, width):
            before = (size - 1) // 2 if same else 0
            after = size - 1 - before if same else 0
            margins.append([size - 1 - before, size - 1 - after])
        turned_over = tf.transpose(tf.reverse(kernel, [0, 1]), [0, 1, 3, 2])
        padding = "SAME" if same and height % 2 and width % 2 else [*margins, [0, 0]]
        return tf.nn.conv2d(flowing, turned_over, 1, padding), None

    return name
