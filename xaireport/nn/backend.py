"""The one way to import TensorFlow and Keras: quiet, and with the settings that must be there first.

Does nothing at import time; whoever calls a function here pays for the import.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_DEFAULTS = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",  # what goes wrong comes as an exception; the log is about rebuilt binaries
    "TF_ENABLE_ONEDNN_OPTS": "1",  # 3D convolutions train about four times as fast on AVX2
}


def import_tensorflow() -> Any:
    """Return the module ``tensorflow``."""
    return _import("tensorflow")


def import_keras() -> Any:
    """Return the module ``keras``."""
    _import("tensorflow")
    return _import("keras")


def import_tf_keras() -> Any:
    """Return the module ``tf_keras``: Keras 2, which quantisation-aware training still needs."""
    _import("tensorflow")
    return _import("tf_keras")


def import_tfmot() -> Any:
    """Return the module ``tensorflow_model_optimization``."""
    import_tf_keras()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it compares versions with distutils
        return _import("tensorflow_model_optimization")


def import_litert() -> Any:
    """Return ``ai_edge_litert.interpreter``, which runs TFLite files; TensorFlow is not imported for it."""
    return _import("ai_edge_litert.interpreter")


def _import(name: str) -> Any:
    """Import a module with the defaults set where the user has set nothing."""
    if name not in sys.modules:
        for variable, value in _DEFAULTS.items():
            os.environ.setdefault(variable, value)
        with silence():
            module = importlib.import_module(name)
        if name == "tensorflow":
            # Warns whenever models are opened one after the other, that each is traced anew.
            module.get_logger().setLevel("ERROR")
        return module
    return sys.modules[name]


@contextmanager
def silence() -> Iterator[None]:
    """Keep from the reader's screen what TensorFlow writes past Python: at start-up, and while it converts.

    It heeds no log level there. What went wrong comes as an exception. Its converter also gives Python's root
    logger a handler, which from then on would print the warnings of every other library; it is taken away.
    """
    handlers = list(logging.root.handlers)
    try:
        screen = os.dup(2)
    except OSError:  # closed
        yield
        return
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)
        os.close(nowhere)
        logging.root.handlers[:] = handlers
