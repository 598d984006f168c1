"""Arrays that lie in several files, one after another, as one that is never put together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class ShardedRows:
    """Rows of arrays of one kind, one after another, to be read as those of one array.

    A part of all rows is a view, without a copy; rows by their numbers are copied, unless they
    follow on each other.

    Parameters
    ----------
    parts : sequence of ndarray, shapes (n_i, ...)
        Of one shape of row and one type; as a rule memory maps, and read only.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    """

    def __init__(self, parts: Sequence[NDArray[Any]]) -> None:
        self.parts = tuple(parts)
        self._borders = np.cumsum([0, *map(len, self.parts)])
        self.shape = (int(self._borders[-1]), *self.parts[0].shape[1:])
        self.dtype = self.parts[0].dtype

    @property
    def ndim(self) -> int:
        """How many dimensions there are."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """How many bytes all rows take."""
        return sum(part.nbytes for part in self.parts)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        for part in self.parts:
            yield from part

    def __getitem__(self, rows: Any) -> Any:
        """Return a row, a part of the rows, or a copy of some of them."""
        if isinstance(rows, int | np.integer):
            return self._copied(np.array([rows]))[0]
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(len(self))
            return self._between(start, max(start, stop))
        numbers = np.arange(len(self))[rows]
        if len(numbers) and np.array_equal(numbers, numbers[0] + np.arange(len(numbers))):
            return self._between(int(numbers[0]), int(numbers[-1]) + 1)
        return self._copied(numbers)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return all rows as one array: a copy, where there are several parts."""
        found = self.parts[0] if len(self.parts) == 1 else np.concatenate(self.parts)
        return np.array(found, dtype, copy=bool(copy)) if copy else np.asarray(found, dtype)

    def max(self) -> Any:
        """Return the largest number."""
        return max(part.max() for part in self.parts if part.size)

    def _between(self, start: int, stop: int) -> Any:
        """Return rows that follow on each other: of one part an array, else parts of some."""
        found = [
            part[max(start - first, 0) : stop - first]
            for part, first in zip(self.parts, self._borders[:-1].tolist(), strict=True)
            if first < stop and start < first + len(part)
        ]
        if not found:
            return self.parts[0][:0]
        return found[0] if len(found) == 1 else ShardedRows(found)

    def _copied(self, numbers: NDArray[np.intp]) -> NDArray[Any]:
        numbers = np.arange(len(self))[numbers]
        of_part = np.searchsorted(self._borders, numbers, side="right") - 1
        found = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        for k in np.unique(of_part):
            mine = np.flatnonzero(of_part == k)
            found[mine] = self.parts[k][numbers[mine] - self._borders[k]]
        return found
