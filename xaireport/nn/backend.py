"""The one way to import TensorFlow and Keras: quiet, and with the settings that must be there first.

Does nothing at import time; whoever calls a function here pays for the import.
"""

from __future__ import annotations

import os
from typing import Any

_DEFAULTS = {
    "KERAS_BACKEND": "tensorflow",
    "TF_CPP_MIN_LOG_LEVEL": "3",  # what goes wrong comes as an exception; the log is about rebuilt binaries
    "TF_ENABLE_ONEDNN_OPTS": "1",  # 3D convolutions train about four times as fast on AVX2
}


def _set_defaults() -> None:
    """Set what TensorFlow reads from the environment, where the user has not."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)


def import_tensorflow() -> Any:
    """Return the module ``tensorflow``."""
    _set_defaults()
    import tensorflow

    return tensorflow


def import_keras() -> Any:
    """Return the module ``keras``."""
    _set_defaults()
    import keras

    return keras
