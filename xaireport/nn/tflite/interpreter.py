"""Run a TFLite file over any number of images, in batches that suit it, and read tensors as real numbers."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import ModelError
from xaireport.nn.backend import import_litert, silence
from xaireport.types.device import Endpoint

if TYPE_CHECKING:
    from xaireport.types.data import Floats, Pixels


def open_interpreter(
    content: bytes, threads: int, batch: int | None = None, *, keep_all: bool = False
) -> Any:
    """Return an interpreter that is ready to run.

    Parameters
    ----------
    content : bytes
        The whole file.
    threads : int
        Of the interpreter's own.
    batch : int, optional
        Images in one run; None for as many as the file says.
    keep_all : bool
        Keep every tensor of the graph after a run, so that it can be read.

    Raises
    ------
    ModelError
        The runtime refuses the file, or a batch of this size.
    """
    try:
        with silence(), warnings.catch_warnings():  # it tells which delegate it made
            warnings.filterwarnings("ignore", ".*experimental_preserve_all_tensors")  # it takes memory: known
            interpreter = import_litert().Interpreter(
                model_content=content, num_threads=threads, experimental_preserve_all_tensors=keep_all
            )
            if batch is not None:
                details = interpreter.get_input_details()[0]
                interpreter.resize_tensor_input(details["index"], (batch, *details["shape"][1:]))
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            "a TFLite file that the runtime takes",
            str(error).strip().splitlines()[0][:200],
            "convert it again",
        ) from error
    return interpreter


@dataclass(frozen=True)
class Read:
    """A tensor to be read after each run: its number, how values are stored, its shape without the batch."""

    index: int
    stored: Endpoint
    shape: tuple[int, ...]


class Runner:
    """A file that is run over and over; the interpreter is planned anew only for another batch size.

    Parameters
    ----------
    content : bytes
        The whole file.
    threads : int
        Of the interpreter.
    keep_all : bool
        Keep every tensor of the graph, or the output alone.
    """

    def __init__(self, content: bytes, threads: int, *, keep_all: bool) -> None:
        self._content, self._threads, self._keep_all = content, threads, keep_all
        self._interpreter: Any = None
        self._batch = self._asked = 0

    def run(
        self, images: Pixels, table: NDArray[Any], tensors: Sequence[Read], batch_size: int
    ) -> list[Floats]:
        """Return tensors as real numbers, float32 (n, …), for each of the images.

        Parameters
        ----------
        images : uint8 array, (n, *shape)
            Raw pixels.
        table : array, (256,)
            What each pixel value becomes in the input tensor.
        tensors : sequence of Read
            What is read; without ``keep_all`` only the output can be.
        batch_size : int
            Images in one run, at most.

        Raises
        ------
        ModelError
            The file does not run.
        """
        out = [np.empty((len(images), *tensor.shape), np.float32) for tensor in tensors]
        if not len(images):
            return out
        self._prepare(min(batch_size, len(images)))
        interpreter, batch = self._interpreter, self._batch
        at = interpreter.get_input_details()[0]["index"]
        for start in range(0, len(images), batch):
            part = table[images[start : start + batch]]
            n = len(part)
            if n < batch:  # padded: another batch size would have the interpreter plan its memory again
                part = np.concatenate([part, np.repeat(part[-1:], batch - n, axis=0)])
            interpreter.set_tensor(at, part)
            try:
                interpreter.invoke()
            except RuntimeError as error:
                raise ModelError(
                    "a TFLite file that runs", str(error).strip().splitlines()[0][:200]
                ) from error
            for found, tensor in zip(out, tensors, strict=True):
                found[start : start + n] = real(interpreter.get_tensor(tensor.index), tensor.stored)[:n]
        return out

    def _prepare(self, batch: int) -> None:
        if batch == self._asked:
            return
        try:
            self._interpreter = open_interpreter(self._content, self._threads, batch, keep_all=self._keep_all)
            self._batch = batch
        except ModelError:  # a file for a fixed number of images: as many at a time
            self._interpreter = open_interpreter(self._content, self._threads, keep_all=self._keep_all)
            self._batch = int(self._interpreter.get_input_details()[0]["shape"][0])
        self._asked = batch


def real(values: Any, stored: Endpoint) -> Floats:
    """Turn stored values into real ones."""
    if not stored.scale:
        return np.asarray(values, np.float32)
    return (values.astype(np.float32) - stored.zero_point) * np.float32(stored.scale)
