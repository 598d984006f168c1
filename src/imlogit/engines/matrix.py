"""What an engine reads, as a value: rows that are asked for, wherever they are."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Rows
from imlogit.engines.memory_map import MapEnd, map_end
from imlogit.system.shards import ShardedRows

# Rows of so many bytes are looked at together.
BLOCK_BYTES = 2**24
# No page of a file is smaller.
PAGE_BYTES = 4096
# Numbers of 16 bits, by the names of their types (bfloat16 is ml_dtypes'): float32 holds them all.
HALVES = ("float16", "bfloat16")
# Types that engines compute with where they are.
IN_PLACE = (np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.float64))

Real = TypeVar("Real", bound=np.floating)


class Matrix(ABC):
    """Rows that are read a block at a time.

    A kind of matrix knows where its rows are, and what is done to them on the way: it defines
    `block` and `take`, and sets the attributes. Whoever computes asks it, and holds no rows.

    Attributes
    ----------
    shape : tuple of int
        (n, d) for rows of features; images may keep theirs, (n, h, w) or (n, h, w, c).
    dtype : dtype
        Of what `block` and `take` return.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @abstractmethod
    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Return the rows from ``start`` to ``stop`` in C order, without a copy where possible.

        What it returns is not to be written to. As in a slice, ``stop`` may lie beyond the end.
        """

    @abstractmethod
    def take(self, rows: Rows) -> NDArray[Any]:
        """Return a few rows, by their numbers, as a new array."""

    @property
    def in_place(self) -> NDArray[Any] | None:
        """All rows, where they are an array in C order of a type that engines compute with."""
        return None

    @property
    def values(self) -> np.dtype[Any]:
        """The type whose digits the rows have, whatever is done to them on the way."""
        return self.dtype

    @property
    def engine(self) -> str | None:
        """The name of the only engine that reads these rows where they are; None for any."""
        return None

    def places(self, rows: Rows) -> str:  # noqa: ARG002 - one place
        """Return where some rows are, to be said of them: nothing, unless in several blocks."""
        return ""

    @property
    def is_mapped(self) -> bool:
        """Whether rows are read from files, so that it pays to touch them before they are used."""
        return False

    @property
    def row_bytes(self) -> int:
        """What a row takes where it lies."""
        return math.prod(self.shape[1:]) * self.values.itemsize

    def touch(self, start: int, stop: int) -> None:  # noqa: B027 - nothing to read
        """Bring the rows from ``start`` to ``stop`` into memory, if they lie in files.

        Raises
        ------
        DataError
            For a file that was cut short.
        """

    def given(self) -> Any:
        """Return the rows as they were given, for those who know arrays only."""
        return self.block(0, len(self))

    def cast(self, start: int, stop: int, real: type[Real]) -> NDArray[Real]:
        """Return the rows from ``start`` to ``stop`` as floats of a type, in C order."""
        return self.block(start, stop).astype(real, copy=False)

    def __len__(self) -> int:
        return self.shape[0]

    def blocks(self, real: type[np.floating] | None = None) -> Iterator[NDArray[Any]]:
        """Yield all rows in order, a block at a time, as they are or as floats of a type."""
        size = np.dtype(real or self.dtype).itemsize * math.prod(self.shape[1:])
        step = max(1, BLOCK_BYTES // max(1, size))
        for start in range(0, len(self), step):
            stop = start + step
            yield self.block(start, stop) if real is None else self.cast(start, stop, real)

    def by_block(
        self, function: Callable[[NDArray[Any]], Any], real: type[np.floating] | None = None
    ) -> list[Any]:
        """Return what a function of the rows, as `blocks` yields them, finds in each block.

        It is computed where the rows are, in parts of any size: let it be a function of a module.
        """
        return [function(block) for block in self.blocks(real)]

    @cached_property
    def largest(self) -> float:
        """The largest absolute value, found by a look at all of them; nan if any is."""
        return float(np.abs(self.by_block(ends_of)).max(initial=0.0))


def ends_of(block: NDArray[Any]) -> tuple[float, float]:
    """Return the least and the greatest of zero and all values; nan if any is."""
    with np.errstate(invalid="ignore"):
        return float(block.min(initial=0)), float(block.max(initial=0))


class ArrayMatrix(Matrix):
    """Rows of an array, in memory or a file's, of any layout.

    Parameters
    ----------
    array : ndarray, shape (n, ...)
        Read where it is. Numbers of 16 bits are returned as float32, others of foreign byte order
        in the machine's own.
    flat : bool, default=False
        Whether each image is one row of features, (n, d).
    """

    def __init__(self, array: NDArray[Any], *, flat: bool = False) -> None:
        self.array = array
        self.shape = (len(array), math.prod(array.shape[1:])) if flat else array.shape
        name = array.dtype.name
        self.dtype = np.dtype(np.float32) if name in HALVES else array.dtype.newbyteorder("=")
        self._end: MapEnd | None = map_end(array)

    @property
    def in_place(self) -> NDArray[Any] | None:
        """The array itself, if its type and order allow."""
        flags = self.array.flags
        if self.array.dtype not in IN_PLACE or not (flags.c_contiguous and flags.aligned):
            return None
        self.check_whole()
        return self.array.reshape(self.shape).view(np.ndarray)

    def given(self) -> Any:
        """Return the array, images as rows where that takes no copy."""
        flags = self.array.flags
        return self.array.reshape(self.shape) if flags.c_contiguous else self.array

    def check_whole(self) -> None:
        """Refuse a file that has become shorter since it was mapped: to read on kills the process.

        Raises
        ------
        DataError
        """
        if self._end is not None:
            self._end.check()

    @property
    def is_mapped(self) -> bool:
        """Whether it lies in a file, row after row."""
        return self._end is not None and self.array.flags.c_contiguous

    def touch(self, start: int, stop: int) -> None:
        """Read a byte of every page."""
        if self.is_mapped:
            self.check_whole()
            self.array[start:stop].reshape(-1).view(np.uint8)[::PAGE_BYTES].max(initial=0)

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Return a part of the array itself, if its type and order allow."""
        self.check_whole()
        return self._plain(self.array[start:stop])

    def take(self, rows: Rows) -> NDArray[Any]:
        """Return a copy of a few rows."""
        self.check_whole()
        return self._plain(self.array[rows])

    def _plain(self, part: NDArray[Any]) -> NDArray[Any]:
        plain = np.ascontiguousarray(part, dtype=self.dtype)
        return plain.reshape(len(part), *self.shape[1:])


def as_matrix(X: Any) -> Matrix:
    """Return a matrix as it is, and an array or several as the matrix of its rows."""
    if isinstance(X, Matrix):
        return X
    if isinstance(X, ShardedRows):
        from imlogit.engines.sharded_matrix import ShardedMatrix  # which is made of this

        return ShardedMatrix(X.parts)
    return ArrayMatrix(X if isinstance(X, np.memmap) else np.asarray(X))
