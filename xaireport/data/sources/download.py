"""Fetch one official file: checked against its MD5, and there only when complete. Decides nothing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

OnProgress = Callable[[int, int], None]
"""Called with the bytes that have arrived and the bytes in all (0 where the server does not say)."""

CONNECT_SECONDS = 3.0
READ_SECONDS = 60.0


class DownloadFailed(Exception):
    """Why a file could not be fetched, in a few words that are the same for the same cause."""


def download(url: str, md5: str, target: Path, on_progress: OnProgress | None = None) -> None:
    """Fetch ``url`` into ``target``; a partial or wrong file never bears that name.

    Parameters
    ----------
    url, md5 : str
        The address and the published checksum.
    target : Path
        Where the file shall be; its folder is made.
    on_progress : callable, optional
        Without it, a bar is drawn where the error stream is a terminal.

    Raises
    ------
    DownloadFailed
        If the server cannot be reached within three seconds, refuses, sends something else, or the file
        cannot be written.
    """
    import pooch
    import requests

    bar = _Progress(on_progress) if on_progress else sys.stderr.isatty()
    fetch = pooch.HTTPDownloader(progressbar=bar, timeout=(CONNECT_SECONDS, READ_SECONDS))
    pooch.get_logger().setLevel("WARNING")  # the notice is ours to give
    host = urlsplit(url).hostname
    try:
        pooch.retrieve(url, f"md5:{md5}", fname=target.name, path=target.parent, downloader=fetch)
    except requests.HTTPError as problem:
        status = problem.response.status_code if problem.response is not None else "with an error"
        raise DownloadFailed(f"{host} answered {status}") from problem
    except requests.RequestException as problem:
        raise DownloadFailed(f"no connection to {host}") from problem
    except ValueError as problem:  # pooch's word for a checksum that differs
        raise DownloadFailed(f"{host} sent a file whose checksum is not the published one") from problem
    except OSError as problem:
        raise DownloadFailed(f"{target.parent} cannot be written: {problem.strerror}") from problem


class _Progress:
    """What pooch asks of a progress bar, handed on as two numbers."""

    def __init__(self, on_progress: OnProgress) -> None:
        self.total = 0
        self._done = 0
        self._on_progress = on_progress

    def update(self, n: int) -> None:
        """Note that ``n`` more bytes have arrived."""
        self._done += n
        self._on_progress(self._done, self.total)

    def reset(self) -> None:
        """Start from nothing; pooch does so before it reports the whole once more at the end."""
        self._done = 0

    def close(self) -> None:
        """Nothing is held open."""
