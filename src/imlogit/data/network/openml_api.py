"""scikit-learn's ``fetch_openml``, kept within bounds.

It has no timeout and no size limit of its own, and its cache has kept corrupt files, and takes
their places from the server. So it runs without a cache, and behind an opener that limits time
and size, and keeps what it asks for twice in a folder that is thrown away.
"""

from __future__ import annotations

import threading
import urllib.request
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.response import addinfourl

from imlogit.data.network.bounded_http import Bounds, open_bounded
from imlogit.data.network.download import CHUNK_BYTES, Meter, Patience
from imlogit.data.progress import Progress
from imlogit.errors import DataError
from imlogit.system.leftovers import scratch_folder
from imlogit.system.text import reason

# The opener, the warning filters and scikit-learn's retries are state of the whole process.
_ONE_AT_A_TIME = threading.Lock()
UNKNOWN_TO_OPENML = 412  # how it says that there is no such data set
GZIP_WINDOW = 31  # tells zlib to expect a gzip header


def fetch_table(
    which: dict[str, Any],
    dtype: dict[int, str],
    *,
    max_bytes: int,
    patience: Patience,
    progress: Progress | None = None,
) -> tuple[Any, str]:
    """Fetch a data set from OpenML with scikit-learn's own code.

    Parameters
    ----------
    which : dict
        ``name`` and ``version``, or ``data_id``, as ``fetch_openml`` takes them.
    dtype : dict of int to str
        The type of each column by position, "str" for the class. Naming it makes pandas decode
        MNIST in a third of the time and a quarter of the memory. (What does not fit is refused by
        pandas 3 and wrapped by pandas 2: the caller must verify.) The class as "category", which
        is scikit-learn's own choice, fails from pandas 3.1 on (scikit-learn #34892).
    max_bytes : int
        No single answer may be larger, packed or unpacked.
    patience : Patience
        How long to wait, and how often to try.
    progress : callable, optional
        Told of every piece that arrives.

    Returns
    -------
    found : Bunch
        As ``fetch_openml`` gives it: nothing about it has been verified.
    redirected : str
        The other host that OpenML redirected to, such as ``, redirected to HOST``; or nothing.

    Raises
    ------
    DataError
        Whatever went wrong, in one line.
    """
    from sklearn.datasets import fetch_openml

    try:
        with (
            _ONE_AT_A_TIME,
            scratch_folder() as home,
            _guarded(home, max_bytes, patience, progress) as guard,
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # it warns of every retry
            found = fetch_openml(
                **which,
                cache=False,
                as_frame=False,
                parser="pandas",
                n_retries=max(patience.attempts - 1, 1),
                delay=patience.delay,
                read_csv_kwargs={"dtype": dtype},
            )
            return found, f", redirected to {guard.elsewhere}" if guard.elsewhere else ""
    except DataError:
        raise
    except Exception as error:  # urllib, http, json, gzip, pandas and scikit-learn raise their own
        raise DataError(reason(error)) from error


@contextmanager
def _guarded(
    home: Path, max_bytes: int, patience: Patience, progress: Progress | None
) -> Iterator[_Guard]:
    """Put a guard before ``urllib.request.urlopen`` for this thread."""
    before = getattr(urllib.request, "_opener", None)
    others = before or urllib.request.build_opener()
    guard = _Guard(others, home, max_bytes, patience, progress)
    urllib.request.install_opener(guard)
    try:
        yield guard
    finally:
        urllib.request.install_opener(before)


class _Guard(urllib.request.OpenerDirector):
    """An opener with limits of time and size, which asks once; other threads pass it untouched."""

    def __init__(
        self,
        others: urllib.request.OpenerDirector,
        home: Path,
        max_bytes: int,
        patience: Patience,
        progress: Progress | None,
    ) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._others, self._home, self._max_bytes = others, home, max_bytes
        self._patience, self._progress = patience, progress
        self._kept: dict[str, tuple[Path, Message]] = {}
        self._failed: Counter[str] = Counter()
        self._given_up: DataError | None = None
        self.elsewhere = ""

    def open(self, fullurl: Any, data: Any = None, timeout: Any = None) -> Any:
        """Open an address for the guarded thread with limits, for others as it was."""
        if threading.get_ident() != self._thread:
            return self._others.open(fullurl, data, timeout)
        if self._given_up is not None:
            raise self._given_up
        url = fullurl.full_url
        try:
            if url not in self._kept:
                self._kept[url] = self._fetch(fullurl, self._home / str(len(self._kept)))
        except DataError as error:
            self._given_up = error
            raise
        except Exception as error:  # urllib, http, zlib and the disk raise their own
            self._failed[url] += 1
            unknown = isinstance(error, HTTPError) and error.code == UNKNOWN_TO_OPENML
            if unknown or self._failed[url] < self._patience.attempts:
                raise
            # scikit-learn tries again by itself, three times in any case; not after this.
            self._given_up = DataError(reason(error))
            raise self._given_up from error
        path, headers = self._kept[url]
        return addinfourl(path.open("rb"), headers, url)

    def _fetch(self, request: urllib.request.Request, path: Path) -> tuple[Path, Message]:
        """Write an answer to a file, as it comes, and see what it unpacks to."""
        patience = self._patience
        bounds = Bounds(patience.timeout, patience.deadline, self._max_bytes)
        try:
            with open_bounded(request, bounds) as response, path.open("wb") as file:
                headers: Message = response.headers
                for chunk in self._watched(response):
                    file.write(chunk)
        finally:
            self.elsewhere = bounds.elsewhere or self.elsewhere
        return path, headers

    def _watched(self, response: Any) -> Iterator[bytes]:
        packed = Meter("downloading from OpenML", self._max_bytes, self._progress)
        unpacked = Meter("unpacking", self._max_bytes, None)
        length = response.headers.get("Content-Length", "")
        zipped = response.headers.get("Content-Encoding", "") == "gzip"
        unzip = zlib.decompressobj(GZIP_WINDOW) if zipped else None
        while chunk := response.read1(CHUNK_BYTES):
            packed.add(len(chunk), int(length) if length.isdecimal() else None)
            if unzip is not None:
                unpacked.add(len(unzip.decompress(chunk)))
                if unzip.unused_data:
                    raise DataError("the answer goes on after its end")
            yield chunk
