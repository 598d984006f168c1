"""Rows of several arrays, one after another: shards, each in a file or in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Rows
from imlogit.engines.matrix import Matrix, as_matrix
from imlogit.errors import DataError
from imlogit.system.text import first_of


class ShardedMatrix(Matrix):
    """Rows of matrices of one kind, one after another.

    Parameters
    ----------
    shards : sequence of Matrix or ndarray, shapes (n_i, ...)
        Memory maps of files, as a rule. Some may have no rows.

    Raises
    ------
    DataError
        For shards whose rows differ in shape or type from those of the first, by their numbers.
    """

    def __init__(self, shards: Sequence[Any]) -> None:
        self.shards = [as_matrix(one) for one in shards]
        if not self.shards:
            raise DataError("there are no shards: give at least one")
        first = self.shards[0]
        for k, one in enumerate(self.shards):
            ours, theirs = ((m.shape[1:], m.dtype, m.values) for m in (one, first))
            if ours != theirs:
                raise DataError(
                    f"shard {k}, counted from 0, has rows of shape {ours[0]} and type {ours[1]}, "
                    f"and the first has {theirs[0]} and {theirs[1]}: write them alike"
                )
        self.borders = np.cumsum([0, *(len(one) for one in self.shards)])
        self.shape, self.dtype = (int(self.borders[-1]), *first.shape[1:]), first.dtype

    @property
    def in_place(self) -> NDArray[Any] | None:
        """The only shard, if there is one, where it allows."""
        return self.shards[0].in_place if len(self.shards) == 1 else None

    @property
    def values(self) -> np.dtype[Any]:
        """Those of the shards."""
        return self.shards[0].values

    @property
    def is_mapped(self) -> bool:
        """Whether shards lie in files."""
        return any(shard.is_mapped for shard in self.shards)

    def touch(self, start: int, stop: int) -> None:
        """Bring rows of the shards that lie in files into memory."""
        for shard, first, last in self._overlapping(start, stop):
            shard.touch(max(start - first, 0), min(stop, last) - first)

    def places(self, rows: Rows) -> str:
        """Return in which shards some rows are."""
        found = np.unique(np.searchsorted(self.borders, rows, side="right") - 1)
        name = "shard" if len(found) == 1 else "shards"
        return f", in {name} {first_of([str(one) for one in found.tolist()])}"

    def block(self, start: int, stop: int) -> NDArray[Any]:
        """Return rows without a copy where they are of one shard."""
        parts = [
            shard.block(max(start - first, 0), stop - first)
            for shard, first, _ in self._overlapping(start, stop)
        ]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([np.empty((0, *self.shape[1:]), self.dtype), *parts])

    def _overlapping(self, start: int, stop: int) -> Iterator[tuple[Matrix, int, int]]:
        """Yield the shards that hold some rows, and where they begin and end."""
        first = max(int(np.searchsorted(self.borders, start, side="right")) - 1, 0)
        for k in range(first, len(self.shards)):
            begin, end = self.borders[k], self.borders[k + 1]
            if begin >= stop:
                return
            if start < end:
                yield self.shards[k], begin, end

    def take(self, rows: Rows) -> NDArray[Any]:
        """Return a copy of a few rows."""
        rows = np.arange(len(self))[rows]
        of_shard = np.searchsorted(self.borders, rows, side="right") - 1
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for k in np.unique(of_shard):
            mine = np.flatnonzero(of_shard == k)
            found[mine] = self.shards[k].take(rows[mine] - self.borders[k])
        return found
