"""The data sets known by name: MedMNIST's and CIFAR-10. Light, for it is asked while a build is planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xaireport.data.sources import medmnist
from xaireport.errors import ConfigError

CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"  # of cifar-10-binary.tar.gz, as its publisher gives it


@dataclass(frozen=True)
class Known:
    """A data set known by name: what the card says of it, and where its file may lie.

    Parameters
    ----------
    name, title, task, license, citation, homepage : str
        For the card.
    classes : tuple of str
        In the order of the labels.
    url, md5, file : str
        The official file: where it is, its checksum, and what it is called locally.
    loader : {"medmnist", "cifar10"}
        How its files are read.
    folder : str
        Below the home folder: where other libraries keep the file.
    other_files : tuple of str
        Further files that are read, where ``--data-dir`` holds one.
    pickles : tuple of str
        Files or folders that many have and that are never read.
    """

    name: str
    title: str
    task: str
    classes: tuple[str, ...]
    license: str
    citation: str
    homepage: str
    url: str
    md5: str
    file: str
    loader: Literal["medmnist", "cifar10"] = "medmnist"
    folder: str = ".medmnist"
    other_files: tuple[str, ...] = ()
    pickles: tuple[str, ...] = ()


_CIFAR10 = Known(
    name="cifar10",
    title="CIFAR-10",
    task="Ten kinds of animal and vehicle in photographs of 32×32 pixels",
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    license="",
    citation="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, technical report (2009)",
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
    url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    md5=CIFAR10_MD5,
    file="cifar-10-binary.tar.gz",
    loader="cifar10",
    folder=".keras/datasets",
    other_files=("cifar10.npz",),
    pickles=("cifar-10-python.tar.gz", "cifar-10-batches-py", "cifar-10-batches-py-target"),
)
_OTHERS = {_CIFAR10.name: _CIFAR10}
"""Data sets that MedMNIST's table does not hold."""


def known(name: str, where: str = "") -> Known:
    """Return the facts of the data set called ``name``.

    Raises
    ------
    ConfigError
        If no data set is called so, or it has several labels per image.
    """
    if name in _OTHERS:
        return _OTHERS[name]
    entry = medmnist.table().get(name)
    if entry is None:
        raise ConfigError(f"a data set: {', '.join(names())}", repr(name), _hint(name), where)
    if not entry.is_single_label:
        raise ConfigError(
            "a data set with one label per image",
            f"{name!r}, whose images have several",
            "Multi-label data sets are not supported.",
            where,
        )
    return Known(
        name=name,
        title=entry.title,
        task=entry.task,
        classes=entry.classes,
        license=entry.license,
        citation=medmnist.CITATION,
        homepage=medmnist.HOMEPAGE,
        url=entry.url,
        md5=entry.md5,
        file=f"{name}.npz",
    )


def names() -> tuple[str, ...]:
    """Return the names of all supported data sets, sorted."""
    return tuple(sorted([*_OTHERS, *(n for n, entry in medmnist.table().items() if entry.is_single_label)]))


def _hint(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, names(), n=3)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return 'For your own file, give data = "….npz" and classes = […] instead.'
