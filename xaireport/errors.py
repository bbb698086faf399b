"""Errors that a user can mend: each says what was expected, what was received, and what to do."""

from __future__ import annotations

import errno
from dataclasses import dataclass

REFUSALS = {
    errno.ENOSPC: ("free space on the disk", "Free some space, or move the store; then build again."),
    errno.EDQUOT: ("free space within the quota", "Free some space, or move the store; then build again."),
    errno.EACCES: ("permission to read and write", "Check the owner and the mode of the folder."),
    errno.EPERM: ("permission to read and write", "Check the owner and the mode of the folder."),
    errno.EROFS: ("a file system that can be written", "Choose another folder."),
    errno.ENOTDIR: ("a folder", "A file lies where a folder is needed: move it away."),
    errno.EEXIST: ("a folder", "A file lies where a folder is needed: move it away."),
    errno.EISDIR: ("a file", "A folder lies where a file is needed: move it away."),
    errno.ENAMETOOLONG: ("a shorter name", "Rename it, or choose another folder."),
    errno.ELOOP: ("links that lead somewhere", "A link leads back to itself: remove it."),
    errno.EXDEV: ("one disk for all of it", "Move the folder that is on another disk back."),
    errno.EFBIG: ("room for a file of this size", "Raise the limit on the size of files; then build again."),
}
"""What a system says of a file that it refuses: what is expected instead, and a hint."""
OTHER_REFUSAL = ("a file that can be written", "")


class XaiReportError(Exception):
    """A problem with a known cause.

    Parameters
    ----------
    expected : str
        What would have been right.
    received : object
        What was found instead; printed with ``str``.
    hint : str, optional
        What the reader can do about it.
    where : str, optional
        File and key, such as ``models/derma.toml: variants.int8.train.epochs``.
    """

    def __init__(self, expected: str, received: object, hint: str = "", where: str = "") -> None:
        self.expected = expected
        self.received = str(received)
        self.hint = hint
        self.where = where
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The whole sentence, on one line."""
        place = f" ({self.where})" if self.where else ""
        hint = f" Hint: {self.hint}" if self.hint else ""
        return f"Expected {self.expected}. Received: {self.received}.{place}{hint}"


class ConfigError(XaiReportError):
    """Arguments, study files and names: wrong before any work begins (exit code 2)."""


class DataError(XaiReportError):
    """A data file that cannot be used as it is (exit code 1)."""


class ModelError(XaiReportError):
    """A model file that cannot be loaded, trained or asked (exit code 1)."""


class RenderError(XaiReportError):
    """Evidence that cannot be drawn or written (exit code 1)."""


class StoreError(XaiReportError):
    """The store or an output folder cannot be used (exit code 1)."""


@dataclass(frozen=True)
class Failure:
    """A stage that did not finish; the build goes on and the report lists it."""

    stage: str
    message: str
    hint: str = ""
