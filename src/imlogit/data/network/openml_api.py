"""scikit-learn's ``fetch_openml``, kept within bounds.

It has no timeout and no size limit of its own, and its cache has kept corrupt files. So it runs
with a cache folder that is thrown away (without one it would download everything twice), and
behind an opener that limits time and size.
"""

from __future__ import annotations

import threading
import urllib.request
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from typing import Any
from urllib.error import URLError

from imlogit.data.network.download import CHUNK_BYTES, Meter, Patience
from imlogit.data.progress import Progress
from imlogit.errors import DataError
from imlogit.system.leftovers import scratch_folder
from imlogit.system.text import reason

# The opener, the warning filters and scikit-learn's retries are state of the whole process.
_ONE_AT_A_TIME = threading.Lock()
GZIP_WINDOW = 31  # tells zlib to expect a gzip header


def fetch_table(
    which: dict[str, Any],
    dtype: dict[int, str],
    *,
    max_bytes: int,
    patience: Patience,
    progress: Progress | None = None,
) -> Any:
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
    Bunch
        As ``fetch_openml`` gives it: nothing about it has been verified.

    Raises
    ------
    DataError
        Whatever went wrong, in one line.
    """
    from sklearn.datasets import fetch_openml

    try:
        with (
            _ONE_AT_A_TIME,
            _guarded(max_bytes, patience, progress),
            warnings.catch_warnings(),
            scratch_folder() as home,
        ):
            warnings.simplefilter("ignore")  # it warns of every retry
            return fetch_openml(
                **which,
                data_home=str(home),
                as_frame=False,
                parser="pandas",
                n_retries=max(patience.attempts - 1, 1),
                delay=patience.delay,
                read_csv_kwargs={"dtype": dtype},
            )
    except Exception as error:  # urllib, http, json, gzip, pandas and scikit-learn raise their own
        raise DataError(reason(error)) from error


@contextmanager
def _guarded(max_bytes: int, patience: Patience, progress: Progress | None) -> Iterator[None]:
    """Put a guard before ``urllib.request.urlopen`` for this thread."""
    before = getattr(urllib.request, "_opener", None)
    guard = _Guard(before or urllib.request.build_opener(), max_bytes, patience, progress)
    urllib.request.install_opener(guard)
    try:
        yield
    finally:
        urllib.request.install_opener(before)


class _Guard(urllib.request.OpenerDirector):
    """An opener with a timeout and a size limit; other threads pass it untouched."""

    def __init__(
        self,
        inner: urllib.request.OpenerDirector,
        max_bytes: int,
        patience: Patience,
        progress: Progress | None,
    ) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._inner, self._max_bytes = inner, max_bytes
        self._patience, self._progress = patience, progress

    def open(self, fullurl: Any, data: Any = None, timeout: Any = None) -> Any:
        """Open an address for the guarded thread with limits, for others as it was."""
        if threading.get_ident() != self._thread:
            return self._inner.open(fullurl, data, timeout)
        response = self._inner.open(fullurl, data, self._patience.timeout)
        packed = Meter("downloading from OpenML", self._max_bytes, self._patience, self._progress)
        unpacked = Meter("unpacking", self._max_bytes, self._patience, None)
        return _Watched(response, packed, unpacked)


class _Watched:
    """An HTTP response that counts its bytes, and what they unpack to."""

    def __init__(self, response: Any, packed: Meter, unpacked: Meter) -> None:
        self._response, self._packed, self._unpacked = response, packed, unpacked
        self._length = response.headers.get("Content-Length", "")
        zipped = response.headers.get("Content-Encoding", "") == "gzip"
        self._unzip = zlib.decompressobj(GZIP_WINDOW) if zipped else None

    def info(self) -> Message:
        """Return the answer's headers."""
        headers: Message = self._response.info()
        return headers

    def read(self, n: int = -1) -> bytes:
        """Read some bytes, or all there are, and count them."""
        if n is None or n < 0:
            return b"".join(iter(lambda: self.read(CHUNK_BYTES), b""))
        chunk: bytes = self._response.read1(n)  # what has arrived: the deadline is seen in between
        try:
            self._packed.add(len(chunk), int(self._length) if self._length.isdigit() else None)
            if self._unzip is not None:
                self._unpacked.add(len(self._unzip.decompress(chunk)))
                if self._unzip.unused_data:
                    raise DataError("the answer goes on after its end")
        except DataError as error:
            # scikit-learn tries again after any other exception, and this would only repeat itself.
            raise URLError(reason(error)) from error
        return chunk

    def close(self) -> None:
        """Close the connection."""
        self._response.close()
