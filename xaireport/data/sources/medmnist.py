"""The table of MedMNIST's data sets at 28 pixels: addresses, checksums, classes, split sizes, licences.

The facts are those of the package ``medmnist``, which a test holds them against; the package itself brings
PyTorch and is not needed. Reads one JSON file, no data.

References
----------
Yang, J. et al. (2023). MedMNIST v2: a large-scale lightweight benchmark for 2D and 3D biomedical image
classification. Scientific Data 10:41. https://doi.org/10.1038/s41597-022-01721-8
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HOMEPAGE = "https://medmnist.com"
CITATION = (
    "Yang et al., MedMNIST v2: a large-scale lightweight benchmark for 2D and 3D biomedical image "
    "classification, Scientific Data 10:41 (2023)"
)


@dataclass(frozen=True)
class MedMnist:
    """One data set of the collection.

    Parameters
    ----------
    name, title : str
        Its flag, such as ``dermamnist``, and its name for readers.
    kind : str
        MedMNIST's own word for the task: "multi-class", "binary-class", "ordinal-regression", or
        "multi-label, binary-class", which has several labels per image and is not supported.
    task : str
        One line: what is to be told apart, on what.
    classes : tuple of str
        In the order of the labels.
    channels : int
        1 or 3.
    splits : dict of str to int
        Images per split in the official file.
    license, url, md5 : str
        Of the official file.
    """

    name: str
    title: str
    kind: str
    task: str
    classes: tuple[str, ...]
    channels: int
    splits: dict[str, int]
    license: str
    url: str
    md5: str

    @property
    def spatial(self) -> int:
        """Spatial axes of an image: 2 or 3."""
        return 3 if self.name.endswith("3d") else 2

    @property
    def is_single_label(self) -> bool:
        """Whether each image has exactly one class."""
        return not self.kind.startswith("multi-label")


@cache
def table() -> dict[str, MedMnist]:
    """Return every data set of the collection by its flag."""
    entries = json.loads(Path(__file__).with_name("medmnist.json").read_text(encoding="utf-8"))
    return {
        name: MedMnist(name=name, **{**entry, "classes": tuple(entry["classes"])})
        for name, entry in entries.items()
    }
