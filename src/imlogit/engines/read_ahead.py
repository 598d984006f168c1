"""Rows of files that are read before they are needed, by one thread, while others compute."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Self

from imlogit.engines.matrix import Matrix
from imlogit.errors import DataError
from imlogit.system.interrupts import DeferredInterrupt

# So much lies between what is computed with and what is read, for each thread that computes.
AHEAD_BYTES = 1 << 24
NAME = "imlogit-read-ahead"


class ReadAhead:
    """A thread that reads ahead, alive inside ``with``, which is a pass; none for rows in memory.

    It brings pages of files into memory and holds nothing, so that sums keep their bits.

    Parameters
    ----------
    matrix : Matrix or None
        None where there is nothing to read.
    """

    def __init__(self, matrix: Matrix | None) -> None:
        self._matrix = matrix
        self._asked: SimpleQueue[tuple[int, int] | None] = SimpleQueue()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._matrix is None or not self._matrix.is_mapped:
            return self
        with DeferredInterrupt():
            self._asked, self._over = SimpleQueue(), threading.Event()
            self._thread = threading.Thread(target=self._read, args=(self._matrix,), name=NAME)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with DeferredInterrupt():
            self._over.set()
            self._asked.put(None)
            if self._thread is not None:
                self._thread.join()
            self._thread = None

    def over(self, pieces: Iterable[tuple[int, int]], stop: int) -> Iterator[tuple[int, int]]:
        """Yield pieces of rows that follow on each other, while what follows is read.

        Parameters
        ----------
        pieces : iterable of (int, int)
            Where each begins and ends.
        stop : int
            Where the last one ends.
        """
        if self._thread is None:
            yield from pieces
            return
        assert self._matrix is not None
        read, most = -1, max(1, AHEAD_BYTES // max(1, self._matrix.row_bytes))
        for begin, end in pieces:
            if read < min(end + most // 2, stop):  # half of what was asked for is used up
                first, read = max(read, end), min(end + most, stop)
                self._asked.put((first, read))
            yield begin, end

    def _read(self, matrix: Matrix) -> None:
        """Read what is asked for, a little at a time, until the pass is over."""
        some = max(1, AHEAD_BYTES // 16 // max(1, matrix.row_bytes))
        while (rows := self._asked.get()) is not None:
            # a file that was cut short is named by whoever needs its rows
            with suppress(DataError):
                for start in range(*rows, some):
                    if self._over.is_set():
                        return
                    matrix.touch(start, min(start + some, rows[1]))
