"""Write a released ``.keras`` file: no optimiser, and the same weights give the same bytes."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from xaireport.files import write_atomic
from xaireport.nn.backend import import_keras

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest date a zip file can hold."""


def save_model(model: Any, path: Path) -> None:
    """Write ``model`` to ``path`` without compile and optimiser state, byte for byte reproducible.

    Keras stamps the hour of saving into the archive and its metadata; both are taken out here, so that a
    content hash names the model and not the moment.
    """
    keras = import_keras()
    bare = keras.Model.from_config(model.get_config())
    bare.set_weights(model.get_weights())
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        first = Path(folder) / "model.keras"
        bare.save(first)
        written = io.BytesIO()
        with zipfile.ZipFile(first) as source, zipfile.ZipFile(written, "w") as target:
            for name in sorted(source.namelist()):
                data = source.read(name)
                if name == "metadata.json":
                    metadata = json.loads(data)
                    metadata.pop("date_saved", None)
                    data = json.dumps(metadata, sort_keys=True).encode()
                target.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    write_atomic(path, written.getvalue())
