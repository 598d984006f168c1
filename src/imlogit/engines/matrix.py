"""What an engine reads, as a value: rows that are asked for, wherever they are."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Rows

# Rows of so many bytes are looked at together.
BLOCK_BYTES = 2**24


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

    def __len__(self) -> int:
        return self.shape[0]

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Yield all rows in order, a block at a time."""
        size = max(1, BLOCK_BYTES // max(1, self.dtype.itemsize * math.prod(self.shape[1:])))
        for start in range(0, len(self), size):
            yield self.block(start, start + size)

    @cached_property
    def largest(self) -> float:
        """The largest absolute value, found by a look at all of them."""
        ends = [
            (float(block.min(initial=0)), float(block.max(initial=0))) for block in self.blocks()
        ]
        return float(np.abs(ends).max(initial=0.0))


class ArrayMatrix(Matrix):
    """Rows of an array in memory.

    Parameters
    ----------
    array : ndarray, shape (n, ...)
        In C order; read in place.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Return a part of the array itself."""
        return self.array[start:stop]

    def take(self, rows: Rows) -> NDArray[Any]:
        """Return a copy of a few rows."""
        return self.array[rows]


def as_matrix(X: Any) -> Matrix:
    """Return a matrix as it is, and an array as the matrix of its rows."""
    return X if isinstance(X, Matrix) else ArrayMatrix(np.asarray(X))
