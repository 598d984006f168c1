"""Copies of rows that lie far apart, made by several threads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Rows
from imlogit.engines.matrix import Matrix
from imlogit.system.threads import Team

# Rows are cast in the cache: so many bytes, in float64, at a time.
GATHERED_BYTES = 2_000_000


def gather(matrix: Matrix, rows: Rows, dtype: np.dtype[Any], team: Team) -> NDArray[Any]:
    """Return a copy of some rows in a type, shape (m, d): of many rows, all wait for memory."""
    d = matrix.shape[1]
    taken = np.empty((len(rows), d), dtype)
    size = max(1, GATHERED_BYTES // (8 * max(d, 1)))
    starts = range(0, len(rows), size)

    def work(first: int, last: int) -> None:
        for start in starts[first:last]:
            part = slice(start, start + size)
            taken[part] = matrix.take(rows[part])

    team.share(work, len(starts))
    return taken
