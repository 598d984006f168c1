"""Drawing rows in proportion to their curvature, which all engines share, and copying them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.core.contract import Leverages
from imlogit.engines.matrix import Matrix
from imlogit.system.threads import Team

# Rows are cast in the cache: so many bytes, in float64, at a time.
GATHERED_BYTES = 2_000_000


def sample_rows(
    curvature: Floats, positions: Floats, leverages: Leverages | None = None
) -> tuple[Rows, Floats]:
    """Return the rows that hold ``positions`` of a running total, and weights.

    The total is of the curvature, or half of it of curvatures times leverages: rows that alone
    have a feature are hardly ever among those that have the curvature. See
    `imlogit.core.contract.Problem.draw`.
    """
    if positions.size >= curvature.size:
        return np.arange(curvature.size), curvature
    chance = curvature
    if leverages is not None:
        weighted = curvature * leverages(curvature)
        total, of_all = curvature.sum(), weighted.sum()
        if 0 < of_all < np.inf:
            chance = 0.5 * curvature + (0.5 * total / of_all) * weighted
    running = np.cumsum(chance)
    rows = np.searchsorted(running, positions * running[-1], side="right")
    rows = np.minimum(rows, curvature.size - 1)
    weights = np.full(positions.size, running[-1] / positions.size)
    if leverages is not None:
        weights *= np.divide(
            curvature[rows], chance[rows], out=np.ones(rows.size), where=chance[rows] > 0
        )
    return rows, weights


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
