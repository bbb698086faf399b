"""Labels of inputs and folders of pictures: where a name that somebody chose stands among ours.

It stands behind a word of ours, in a part of its own: a variant may be called ``data`` or ``audit``.
"""

from __future__ import annotations


def of_variant(name: str, what: str = "") -> str:
    """Return the label of an input that is one variant's own.

    >>> of_variant("data"), of_variant("data", "model/0")
    ('variant/data', 'variant/data/model/0')
    """
    return f"variant/{name}/{what}" if what else f"variant/{name}"


def pictures_of(name: str) -> str:
    """Return the folder of a variant's pictures: in what the stages store, and below ``assets`` in a report.

    >>> pictures_of("audit")
    'variants/audit'
    """
    return f"variants/{name}"
