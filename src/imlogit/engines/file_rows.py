"""Rows in files that a worker reads itself, where it has the same files as the client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.engines.matrix import IN_PLACE, ArrayMatrix, Matrix
from imlogit.engines.memory_map import place_in_file
from imlogit.engines.sharded_matrix import ShardedMatrix
from imlogit.errors import DataError
from imlogit.system.regular_file import open_regular
from imlogit.system.text import printable


@dataclass(frozen=True)
class FileRows:
    """A part of a file that is rows, one after another.

    Attributes
    ----------
    path : str
    start : int
        Where the first row begins, in bytes.
    shape : tuple of int
    dtype : dtype
    size, changed : int
        Of the file: its bytes, and when it was last written to, in nanoseconds. A file of the same
        name with others is not the same.
    """

    path: str
    start: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    size: int
    changed: int

    @property
    def is_here(self) -> bool:
        """Whether this process finds the same file."""
        try:
            found = Path(self.path).stat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (self.size, self.changed)

    def read(self) -> NDArray[Any]:
        """Return the rows, mapped.

        Raises
        ------
        DataError
            If the file is gone, or another.
        """
        if not self.is_here:
            raise DataError(
                f"{printable(self.path)} has changed, or is not there for a worker that has joined "
                "since: fit again"
            )
        with open_regular(self.path) as (file, _):
            return np.memmap(file, self.dtype, "r", self.start, self.shape)


def rows_in_files(matrix: Matrix, start: int, stop: int) -> list[FileRows] | None:
    """Return where rows are that lie in files as they are asked for; None for others."""
    if isinstance(matrix, ShardedMatrix):
        parts = [
            rows_in_files(shard, max(start - first, 0), min(stop, last) - first)
            for shard, (first, last) in zip(matrix.shards, pairwise(matrix.borders), strict=True)
            if first < stop and start < last
        ]
        known = [one for one in parts if one is not None]
        return list(chain(*known)) if len(known) == len(parts) else None
    if not isinstance(matrix, ArrayMatrix):
        return None
    array = matrix.array[start:stop]
    place = place_in_file(array)
    if place is None or array.dtype not in IN_PLACE or not array.flags.c_contiguous:
        return None
    path, position = place
    try:
        found = Path(path).stat()
    except OSError:
        return None
    shape = len(array), *matrix.shape[1:]
    return [FileRows(path, position, shape, array.dtype, found.st_size, found.st_mtime_ns)]


def are_here(files: Sequence[FileRows]) -> bool:
    """Whether this process finds all of these files."""
    return all({one.path: one.is_here for one in files}.values())


def read_files(files: Sequence[FileRows]) -> NDArray[Any]:
    """Return rows that lie in several files, one after another; of one file a memory map.

    Raises
    ------
    DataError
        If a file is gone, or another.
    """
    found = [one.read() for one in files]
    return found[0] if len(found) == 1 else np.concatenate(found)
