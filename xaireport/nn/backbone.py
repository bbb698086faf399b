"""Pretrained weights for the frozen trunk: from Keras' cache, by download, or from a file."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from xaireport.errors import ModelError
from xaireport.nn.backend import import_keras
from xaireport.types.notes import Note

_CONNECT_SECONDS = 10.0

RANDOM_TRUNK = Note("random_trunk")

_IMAGENET_FILE = Path(".keras/models/vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5")


def weights_of(options: Mapping[str, Any]) -> str:
    """Return what an architecture's options say of the weights; without a word ``imagenet``."""
    return str(options.get("weights", "imagenet"))


def weights_file(weights: str, folder: Path) -> Path | None:
    """Return the file that ``weights`` stands for, where there is one already.

    Parameters
    ----------
    weights : str
        ``imagenet`` (looked for in Keras' cache), ``random``, or a path.
    folder : Path
        What a path is relative to.
    """
    if weights == "random":
        return None
    if weights == "imagenet":
        cached = Path.home() / _IMAGENET_FILE
        return cached if cached.is_file() else None
    return folder / weights


def load_vgg19(model: Any, weights: str, *, allow_random: bool) -> tuple[Note, ...]:
    """Put VGG-19's convolution weights into the layers of ``model`` that bear their names.

    Parameters
    ----------
    model : keras.Model
        Its layers ``block1_conv1`` … are filled and frozen.
    weights : str
        ``imagenet``, ``random``, or the path of a weights file of ``keras.applications.VGG19`` without top.
    allow_random : bool
        Leave the trunk as it is where the weights cannot be had.

    Returns
    -------
    tuple of Note
        What the card must say; empty where all went as asked.

    Raises
    ------
    ModelError
        The weights cannot be had, and random ones were not allowed.
    """
    keras = import_keras()
    notes: tuple[Note, ...] = ()
    if weights == "random":
        notes = (RANDOM_TRUNK,)
    else:
        if weights != "imagenet" and not Path(weights).is_file():
            raise ModelError(
                "a file of VGG-19 weights", f"no such file: {weights}", 'use weights = "imagenet"'
            )
        try:
            with _impatient(), redirect_stdout(io.StringIO()):  # Keras prints the address it loads from
                source = keras.applications.VGG19(include_top=False, weights=weights, input_shape=(32, 32, 3))
        except Exception as error:  # Keras wraps network errors in bare Exception
            if not allow_random:
                raise ModelError(
                    f"VGG-19 weights ({weights})",
                    f"{type(error).__name__}: {str(error).splitlines()[0]}",
                    "put vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 into ~/.keras/models, give a path "
                    "as options.weights, or accept a random trunk with --allow-random-backbone",
                ) from error
            notes = (RANDOM_TRUNK,)
        else:
            _copy(source, model)
    for layer in model.layers:
        if layer.name.startswith("block"):
            layer.trainable = False
    return notes


def _copy(source: Any, model: Any) -> None:
    names = {layer.name for layer in model.layers}
    for layer in source.layers:
        if layer.name in names and layer.get_weights():
            kernel, bias = layer.get_weights()
            if layer.name == "block1_conv1":
                kernel = kernel[:, :, ::-1, :]  # published for BGR; our images are RGB
            model.get_layer(layer.name).set_weights([kernel, bias])


@contextmanager
def _impatient() -> Iterator[None]:
    """Bound the time a dead network may take: Keras' downloader sets no time-out of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_CONNECT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
