"""The Dask engine: the Numba engine's sums, computed by workers where the rows are.

A worker holds nothing but blocks of rows, which any other can read again from their source. What
belongs to each row, margins, residuals, targets and costs, is the client's, which does what needs
no features. So each product with the rows is one task a block, a function of the block and of what
is sent with the task: a worker that is lost takes nothing with it, and a task runs again elsewhere.

The price is 8 bytes a row and column sent and returned in each pass, 8 MB at a million rows of
one column, beside sums of size K x d a lane, and `slot_bytes` in the client's memory. Margins kept
by the workers would save these bytes, and would be lost with a worker, to be computed anew by a
chain of all steps before.

Sums are those of the Numba engine's lanes, added up by the client in order: the bits are those of
one process, whatever the number of workers. Rows of which a 64th is more than a block have more
lanes, and bits that depend on the rows alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

import imlogit
from imlogit.arrays import Floats, Rows
from imlogit.engines.cluster import check_version
from imlogit.engines.dask_matrix import DaskMatrix, spread_rows
from imlogit.engines.matrix import ArrayMatrix, Matrix
from imlogit.engines.numba_cpu import Fill, NumbaEngine
from imlogit.engines.row_products import lane_squares, squares_apart
from imlogit.engines.scaled_matrix import ChangedMatrix
from imlogit.system.threads import SingleThreadedBlas

# Partial sums that are on their way to the client at a time.
SUMS_BYTES = 64_000_000


@dataclass(frozen=True, eq=False)
class BlockTask:
    """What a worker needs to know of a block, beside its rows.

    Attributes
    ----------
    lanes : ndarray of int64
        The borders of its lanes, from 0.
    scale : float
    changes : list of ChangedMatrix
        What is done to the rows, the last one first, without the rows.
    version : str
        Of imlogit.
    """

    lanes: NDArray[np.int64]
    scale: float
    changes: list[ChangedMatrix]
    version: str

    def over(self, block: NDArray[Any]) -> NumbaEngine:
        """Return the engine over the block's rows, in the task's own thread."""
        check_version(imlogit.__version__, self.version)
        matrix: Matrix = ArrayMatrix(block)
        for change in reversed(self.changes):
            matrix = change.over(matrix)
        return NumbaEngine(matrix, self.scale, borders=self.lanes)


class DaskEngine(NumbaEngine):
    """Rows on workers, the state of each row here.

    Parameters
    ----------
    matrix : Matrix, shape (n, d)
        A `DaskMatrix`, changed or not, is read where it is; others are sent to the workers.
    scale : float
        What each feature is multiplied by.
    """

    def __init__(self, matrix: Matrix, scale: float = 1.0) -> None:
        changes, inner = [], matrix
        while isinstance(inner, ChangedMatrix):
            changes.append(inner)
            inner = inner.inner
        self.held = inner if isinstance(inner, DaskMatrix) else spread_rows(inner)
        super().__init__(matrix, scale, borders=self.held.lanes)
        self.x = None  # not to be read but by workers
        held = self.held
        self.parts = [
            BlockTask(
                self.lanes[first : last + 1] - start,
                self.scale,
                [change.part(slice(start, stop)) for change in changes],
                imlogit.__version__,
            )
            for (first, last), (start, stop) in zip(
                pairwise(held.block_lanes), pairwise(held.borders), strict=True
            )
        ]

    def gather(self, rows: Rows, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return a copy of a few rows, asked for at once."""
        return self.matrix.take(rows).astype(dtype, copy=False)

    def multiply_into(
        self, weights: Floats, real: type[np.floating], out: Floats, targets: Rows
    ) -> None:
        """Write the margins of ``weights`` to ``out[targets]``, computed by the workers."""
        held, n = self.held, len(self.parts)
        found = held.cluster.call(_margins, held.futures, self.parts, [weights] * n, [real] * n)
        for (start, stop), margins in zip(pairwise(held.borders), found, strict=True):
            out[targets, start:stop] = margins

    def column_squares(self, center: Floats, shares: Floats) -> Floats:
        """Return each feature's sum of squares about a center, computed by the workers."""
        held, n = self.held, len(self.parts)
        each = [shares[start:stop] for start, stop in pairwise(held.borders)]
        given = held.futures, self.parts, [center] * n, each, [self.working] * n
        lanes = np.concatenate(held.cluster.call(_lane_squares, *given))
        return np.asarray(lanes.sum(axis=0))

    def row_squares(self, center: Floats, unit: Floats) -> Floats:
        """Return each row's squared distance from a center, computed by the workers."""
        held, n = self.held, len(self.parts)
        given = held.futures, self.parts, [center] * n, [unit] * n, [self.working] * n
        return np.concatenate(held.cluster.call(_squares_apart, *given))

    def partial_sums(
        self, residual: Floats, sources: Rows, real: type[np.floating], borders: Rows
    ) -> Floats:
        """Return the sums of the lanes between borders, computed by the workers."""
        each = [residual[sources, start:stop] for start, stop in pairwise(self.held.borders)]
        return self._sums(_sums, each, real, borders)

    def partial_sums_of_many(
        self, fill: Fill, k: int, real: type[np.floating], borders: Rows
    ) -> Floats:
        """Return the same of many columns, whose residuals are filled in here."""
        size, width = self._piece_size(k, real)
        ends = self.held.borders
        each = [np.empty((k, stop - start), real) for start, stop in pairwise(ends)]

        def work(first: int, last: int) -> None:
            for block in range(first, last):
                begin, end = self.held.block_lanes[block : block + 2].tolist()
                for rows in self._pieces(begin, end, real, size, width):
                    some = np.empty((k, rows.stop - rows.start), real)
                    fill(rows, some)
                    each[block][:, rows.start - ends[block] : rows.stop - ends[block]] = some

        self.team.share(work, len(each))
        return self._sums(_sums_of_many, each, real, borders)

    def _sums(
        self, function: Any, each: list[Any], real: type[np.floating], borders: Rows
    ) -> Floats:
        """Return the blocks' partial sums (parts, k, d), or of many one that is their total."""
        held, n = self.held, len(self.parts)
        by_lane = len(borders) == len(self.lanes)
        futures = held.cluster.start(
            function, held.futures, self.parts, each, [real] * n, [by_lane] * n
        )
        if by_lane:
            return np.concatenate(held.cluster.gather(futures))
        k = len(each[0])
        total = np.zeros((1, k, self.n_features))
        at_once = max(1, SUMS_BYTES // (8 * total.size))
        for first in range(0, n, at_once):
            for sums in held.cluster.gather(futures[first : first + at_once]):
                total += sums
        return total


def _margins(
    block: NDArray[Any], part: BlockTask, weights: Floats, real: type[np.floating]
) -> Floats:
    """Return the margins (k, m) of a block's rows."""
    engine = part.over(block)
    out = np.empty((len(weights), engine.n_rows))
    with SingleThreadedBlas():
        engine.multiply_into(weights, real, out, np.arange(len(weights)))
    return out


def _lane_squares(
    block: NDArray[Any], part: BlockTask, center: Floats, shares: Floats, real: type[np.floating]
) -> Floats:
    """Return the sums of squares of a block's lanes, (lanes, d)."""
    return lane_squares(part.over(block), center, shares, real)


def _squares_apart(
    block: NDArray[Any], part: BlockTask, center: Floats, unit: Floats, real: type[np.floating]
) -> Floats:
    """Return the squared distances of a block's rows, (m,)."""
    return squares_apart(part.over(block), center, unit, real)


def _sums(
    block: NDArray[Any], part: BlockTask, residual: Floats, real: type[np.floating], by_lane: bool
) -> Floats:
    """Return the residuals (k, m) times a block's rows, (lanes or 1, k, d)."""
    engine, sources = part.over(block), np.arange(len(residual))
    with SingleThreadedBlas():
        return engine.partial_sums(residual, sources, real, _borders_of(engine, by_lane))


def _sums_of_many(
    block: NDArray[Any],
    part: BlockTask,
    residual: NDArray[np.floating],
    real: type[np.floating],
    by_lane: bool,
) -> Floats:
    """Return the same of many columns."""

    def fill(rows: slice, some: NDArray[np.floating]) -> None:
        some[:] = residual[:, rows]

    engine = part.over(block)
    with SingleThreadedBlas():
        borders = _borders_of(engine, by_lane)
        return engine.partial_sums_of_many(fill, len(residual), real, borders)


def _borders_of(engine: NumbaEngine, by_lane: bool) -> Rows:
    n_lanes = len(engine.lanes) - 1
    return np.arange(n_lanes + 1) if by_lane else np.array([0, n_lanes])
