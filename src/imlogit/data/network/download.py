"""Downloads that cannot hang, cannot grow without end, and are thrown away if they are wrong."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlparse

from imlogit.data.progress import Progress
from imlogit.errors import DataError
from imlogit.system.text import reason

if TYPE_CHECKING:
    from imlogit.data.network.bounded_http import Bounds

CHUNK_BYTES = 1 << 14


@dataclass(frozen=True)
class Patience:
    """How long to wait, and how often to try again.

    Attributes
    ----------
    timeout : float
        Seconds without a byte after which a connection is given up.
    deadline : float
        Seconds that one download may take in all, from the connection on.
    attempts : int
        How often a download is tried.
    delay : float
        Seconds before the second attempt; doubled before each further one.
    """

    timeout: float = 20.0
    deadline: float = 900.0
    attempts: int = 3
    delay: float = 0.5


class Remote(NamedTuple):
    """A file that mirrors offer: its name, its size in bytes, and ``algorithm:digest``."""

    name: str
    size: int
    known_hash: str


class Meter:
    """Counts what arrives, and stops what grows too large."""

    def __init__(self, what: str, max_bytes: int, progress: Progress | None) -> None:
        self._what, self._max_bytes, self._progress = what, max_bytes, progress
        self._done = 0

    def add(self, n_bytes: int, total: int | None = None) -> None:
        """Count `n_bytes` more."""
        self._done += n_bytes
        if self._done > self._max_bytes:
            raise DataError(f"the answer is larger than {self._max_bytes:,} bytes")
        if self._progress is not None:
            self._progress(self._what, self._done, total)


def offline() -> bool:
    """Return whether ``IMLOGIT_OFFLINE`` forbids the network."""
    return os.environ.get("IMLOGIT_OFFLINE", "") not in ("", "0")


def from_mirrors(
    remote: Remote,
    mirrors: Sequence[str],
    path: Path,
    patience: Patience,
    progress: Progress | None = None,
) -> tuple[Path, str]:
    """Download one file from whichever mirror gives it whole.

    Every mirror is asked before any is asked again.

    Parameters
    ----------
    remote : Remote
        The file's name, size and hash.
    mirrors : sequence of str
        Addresses, each ending in a slash, to which the file's name is added.
    path : Path
        The folder to put it into.
    patience : Patience
        How long to wait, and how often to try.
    progress : callable, optional
        Told of every piece that arrives.

    Returns
    -------
    path, host : Path, str
        The verified file, and the mirror that gave it, with the host that it redirected to.

    Raises
    ------
    DataError
        If no mirror gave it: one reason for each.
    """
    from imlogit.data.network.bounded_http import (
        Bounds,  # its urllib.request would double the time of `import imlogit`
    )

    reasons: dict[str, str] = {}
    for attempt in range(patience.attempts):
        if attempt:
            time.sleep(patience.delay * 2 ** (attempt - 1))
        for mirror in mirrors:
            host = urlparse(mirror).netloc
            bounds = Bounds(patience.timeout, patience.deadline, remote.size)
            try:
                file = _retrieve(mirror + remote.name, remote, path, bounds, progress)
            except Exception as error:  # urllib, http, pooch and the disk raise their own
                reasons[mirror] = f"{bounds.said(host)}: {reason(error)}"
            else:
                return file, bounds.said(host)
    raise DataError(f"{remote.name} from " + "; ".join(reasons.values()))


def _retrieve(
    url: str, remote: Remote, path: Path, bounds: Bounds, progress: Progress | None
) -> Path:
    import pooch

    def downloader(url: str, output_file: str, _: object) -> None:
        meter = Meter(f"downloading {remote.name}", remote.size, progress)
        _stream(url, Path(output_file), meter, remote.size, bounds)

    with _silent(pooch.get_logger()):
        return Path(
            pooch.retrieve(
                url, remote.known_hash, fname=remote.name, path=path, downloader=downloader
            )
        )


def _stream(url: str, path: Path, meter: Meter, total: int, bounds: Bounds) -> None:
    """Write an answer to a file; pooch's own downloader has no limit of size or of time in all."""
    from urllib.request import Request

    from imlogit.data.network.bounded_http import open_bounded

    # "identity": what is hashed must be the file itself, not what a server makes of it.
    request = Request(url, headers={"Accept-Encoding": "identity"})
    with open_bounded(request, bounds) as response, path.open("wb") as file:
        while chunk := response.read1(CHUNK_BYTES):
            meter.add(len(chunk), total)
            file.write(chunk)


_LOGGER_LOCK = threading.Lock()


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch from printing; its logger writes to the screen at every level."""
    with _LOGGER_LOCK:
        level = logger.level
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
