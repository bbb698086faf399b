"""predictions.csv: every prediction of a study, so that anyone can recompute its scores. It reads nothing."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xaireport.errors import StoreError
from xaireport.files import write_atomic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xaireport.types.data import Floats, Ints, SplitName, Strings

FACTS = ("variant", "seed", "split", "sample_id", "y_true", "y_pred")
"""The columns before the probabilities."""


@dataclass(frozen=True)
class Predictions:
    """What one trained model says about one split.

    Parameters
    ----------
    variant : str
        Its name in the study.
    seed : int
        Of the training.
    split : {"train", "val", "test"}
        What was predicted.
    sample_id : str array, (n,)
        The images.
    y_true : int64 array, (n,)
        True class indices.
    y_prob : float32 array, (n, K)
        Predicted probabilities.
    """

    variant: str
    seed: int
    split: SplitName
    sample_id: Strings
    y_true: Ints
    y_prob: Floats


def write_csv(path: Path, rows: Iterable[Predictions], classes: Sequence[str]) -> None:
    """Write predictions to a CSV file, atomically; the same predictions give the same bytes.

    Columns: ``variant, seed, split, sample_id, y_true, y_pred`` (class indices) and per class ``p_<class>``.

    Parameters
    ----------
    path : Path
        The file; compressed where its name ends in ``.gz``.
    rows : iterable of Predictions
        Written in this order; none leave the header alone.
    classes : sequence of K str
        Class names, in the order of the indices.

    Raises
    ------
    StoreError
        If the arrays do not fit together, or the file cannot be written.
    """
    import pandas as pd

    columns = [f"p_{label}" for label in classes]
    frames = [pd.DataFrame(columns=[*FACTS, *columns])]
    for block in rows:
        _check(block, len(columns))
        facts = (
            block.variant,
            block.seed,
            block.split,
            block.sample_id,
            block.y_true,
            block.y_prob.argmax(axis=1),
        )
        frame = pd.DataFrame(dict(zip(FACTS, facts, strict=True)))
        frames.append(pd.concat([frame, pd.DataFrame(block.y_prob, columns=columns)], axis=1))
    # Nine significant digits are what a float32 needs to come back the same.
    table = pd.concat(frames[1:] or frames)
    text = table.to_csv(index=False, float_format="%.9g", lineterminator="\n")
    content = text.encode()
    write_atomic(path, _gzip(content) if path.suffix == ".gz" else content)


def _check(block: Predictions, n_classes: int) -> None:
    n = len(block.sample_id)
    arrays: tuple[tuple[str, NDArray[Any], tuple[int, ...]], ...] = (
        ("y_true", block.y_true, (n,)),
        ("y_prob", block.y_prob, (n, n_classes)),
    )
    for name, array, shape in arrays:
        if array.shape != shape:
            raise StoreError(f"{name} of shape {shape}", array.shape, where=f"predictions of {block.variant}")


def _gzip(content: bytes) -> bytes:
    """Compress without the time and the file's name, which would differ each time."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=buffer, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()
