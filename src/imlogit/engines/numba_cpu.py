"""The Numba engine: threads over fixed lanes of rows.

uint8, float32 and float64 in C order are read in place, everything else is cast block by block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.core.contract import Engine, Problem
from imlogit.engines import numba_kernels as kernels
from imlogit.engines.matrix import IN_PLACE, ArrayMatrix, Matrix
from imlogit.engines.numba_problems import NumbaLogistic, NumbaSoftmax
from imlogit.engines.read_ahead import ReadAhead
from imlogit.engines.row_products import (
    crossproduct,
    lane_of,
    lane_squares,
    move_origin,
    products_of_rows,
    squares_apart,
)
from imlogit.engines.row_sampling import gather
from imlogit.system.threads import Team, lanes

# Float32 sums of features outside these sizes would lose the gradient, or overflow on the way;
# they are added up in float64.
LARGEST_WORKING = 1e4
SMALLEST_WORKING = 1e-4
CENTER_ROWS = 4096
# From so many weight vectors on, BLAS on blocks of rows cast to floats beats a loop over bytes.
TOGETHER = 3
# These floats stay in the cache from the cast to the product.
BLOCK_ROWS, BLOCK_BYTES = 512, 2_000_000
# OpenBLAS has kernels for products of at most so many multiplications that pack nothing. Margins
# of up to so many weight vectors are taken of as few rows at a time as that needs.
SMALL_PRODUCT, SMALL_COLUMNS = 1_000_000, 64
FEW_ROWS, FEWEST_ROWS = 32, 4
# Gradients are summed over so many rows at a time, of long rows half as many; from `MANY` weight
# vectors on, larger products have the faster kernels. Longer rows yet are cast a few columns at a
# time.
SOME_ROWS, ALL_ROWS, MANY = 64, 256, 17
LONG, LONGER, COLUMNS = 1024, 2048, 512
# What a gradient's partial sums may take, and how many there are at least.
PARTS_BYTES = 64_000_000
FEWEST_PARTS = 8
# What margins and derivatives take for each row: of two classes; of more, and of each of these.
LOGISTIC_BYTES, ROW_BYTES, COLUMN_BYTES = 61, 20, 32

Fill = Callable[[slice, NDArray[np.floating]], None]


class NumbaEngine(Engine):
    """Rows read where they are; sums in float32 on the way and in float64 for the proof.

    Parameters
    ----------
    matrix : Matrix of uint8, float32 or float64, shape (n, d)
        Read in place where it is an array, else a block at a time.
    scale : float
        What each feature is multiplied by: the weights are, before a row is read.
    team : Team, optional
        The threads to use.
    borders : ndarray of int64, optional
        Of the lanes; by default those of so many rows.
    """

    def __init__(
        self,
        matrix: Matrix,
        scale: float = 1.0,
        team: Team | None = None,
        borders: NDArray[np.int64] | None = None,
    ) -> None:
        self.matrix = matrix
        plain = matrix.in_place
        self.x = None if plain is None else _read_only(plain)
        self.ahead = ReadAhead(None if self.x is not None else matrix)
        self.scale = float(scale)
        self.context = self.team = team or Team()
        self.lanes = lanes(len(matrix)) if borders is None else borders
        self.n_rows, self.n_features = matrix.shape

    @cached_property
    def largest(self) -> float:  # type: ignore[override]  # a look at all rows, where it is asked for
        """The largest absolute feature, scaled."""
        # the most that a byte can be is known without a look at all of them
        largest = 255.0 if self.matrix.dtype == np.uint8 else self.matrix.largest
        return largest * self.scale

    @cached_property
    def working(self) -> type[np.floating]:
        """The precision of sums on the way."""
        return self._working_precision()

    def _working_precision(self) -> type[np.floating]:
        if self.matrix.values == np.float64:
            return np.float64
        sized = SMALLEST_WORKING <= self.largest <= LARGEST_WORKING
        return np.float32 if sized else np.float64

    def open(self, n_slots: int, n_classes: int) -> Problem:
        """Make room for regressions over these rows."""
        kind = NumbaLogistic if n_classes == 2 else NumbaSoftmax
        return kind(self, n_slots, n_classes)

    def slot_bytes(self, n_classes: int) -> int:
        """Return what a slot takes."""
        if n_classes == 2:
            return LOGISTIC_BYTES * self.n_rows
        return (ROW_BYTES + COLUMN_BYTES * n_classes) * self.n_rows

    @property
    def n_bytes(self) -> int:
        """What the rows take, before they are cast."""
        return self.n_rows * self.n_features * self.matrix.values.itemsize

    def take(self, rows: Rows) -> Engine:
        """Return an engine over a copy of a few of the rows."""
        taken = self.gather(rows, self.matrix.dtype)
        return NumbaEngine(ArrayMatrix(taken), self.scale, self.team)

    def over(self, features: NDArray[np.floating]) -> Engine:
        """Return an engine over other features, with the same threads."""
        return NumbaEngine(ArrayMatrix(features), team=self.team)

    def row_products(self, center: Floats) -> Floats:
        """Return the products of all rows less ``center`` with each other, block by block.

        Of bytes they are exact: sums of so few products of so small whole numbers are, in float32.
        """
        found, exact = products_of_rows(self.matrix, self.scale, center, self.team)
        if exact:
            move_origin(found, self.multiply(center[None])[0], float(center @ center))
        return found

    def combine(self, shares: Floats) -> Floats:
        """Return sums of rows."""
        return self.accumulate(shares, np.arange(len(shares)), np.float64)

    def rows(self, rows: Rows, *, precise: bool) -> NDArray[np.floating]:
        """Return a few rows as floats."""
        taken = self.gather(rows, np.dtype(np.float64 if precise else self.working))
        taken *= self.scale
        return taken

    def gather(self, rows: Rows, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return a copy of a few rows as they are given, in a type."""
        return gather(self.matrix, rows, dtype, self.team)

    def multiply(self, weights: Floats) -> Floats:
        """Return the margins of ``weights``, shape (k, n), in float64."""
        out = np.empty((len(weights), self.n_rows))
        self.multiply_into(weights, np.float64, out, np.arange(len(weights)))
        return out

    def multiply_into(
        self, weights: Floats, real: type[np.floating], out: Floats, targets: Rows
    ) -> None:
        """Write the margins of ``weights`` to ``out[targets]``, added up in precision ``real``."""
        if weights.shape[1] != self.n_features:  # a kernel would read past their end
            raise ValueError(f"{weights.shape[1]} weights for {self.n_features} features")
        scaled = np.ascontiguousarray(weights * self.scale, dtype=real)

        def one_by_one(first: int, last: int) -> None:
            if self.x is not None:
                kernels.multiply(self.x, self.lanes, scaled, targets, first, last, out)
                return
            for rows, block in self.blocks(first, last, real):
                some = np.empty((len(scaled), len(block)))
                kernels.multiply(block, lane_of(block), scaled, np.arange(len(scaled)), 0, 1, some)
                out[targets, rows] = some

        def together(first: int, last: int) -> None:
            size, width = _few_rows(*scaled.shape), self.n_features
            for rows in self._pieces(first, last, real, size, width):
                for _, stack in self._stacks(rows, real, size, width):
                    margins = scaled @ stack.transpose(0, 2, 1)
                    out[targets, rows] = margins.transpose(1, 0, 2).reshape(len(scaled), -1)

        work = one_by_one if len(weights) < TOGETHER else together
        with self.ahead:
            self.team.share(work, len(self.lanes) - 1)

    def accumulate(self, residual: Floats, sources: Rows, real: type[np.floating]) -> Floats:
        """Return ``residual[sources] @ X``, shape (k, d), added up in the precision ``real``."""
        if len(sources) >= TOGETHER:

            def fill(rows: slice, some: NDArray[np.floating]) -> None:
                some[:] = residual[sources, rows]

            return self.accumulate_many(fill, len(sources), real)
        out = self.partial_sums(residual, sources, real, self._borders(len(sources)))
        total: Floats = out.sum(axis=0) * self.scale
        return total

    def partial_sums(
        self, residual: Floats, sources: Rows, real: type[np.floating], borders: Rows
    ) -> Floats:
        """Return what `accumulate` adds up, of the lanes between borders, (parts, k, d)."""
        k, d = len(sources), self.n_features
        n_parts = len(borders) - 1
        out = np.zeros((n_parts, k, d))

        def one_by_one(first: int, last: int) -> None:
            buffer = np.empty((k, d), real)
            for part in range(first, last):
                ends = borders[part], borders[part + 1]
                if self.x is not None:
                    given = residual, sources, buffer
                    kernels.accumulate(self.x, self.lanes, *given, *ends, out[part])
                    continue
                for rows, block in self.blocks(*ends, real):
                    state = np.ascontiguousarray(residual[sources, rows]), np.arange(k), buffer
                    kernels.accumulate(block, lane_of(block), *state, 0, 1, out[part])

        with self.ahead:
            self.team.share(one_by_one, n_parts)
        return out

    def accumulate_many(self, fill: Fill, k: int, real: type[np.floating]) -> Floats:
        """Return the residuals of ``k`` columns times the rows, shape (k, d).

        ``fill`` writes the residuals of a slice of rows to an array of shape (k, m).
        """
        total: Floats = self.partial_sums_of_many(fill, k, real, self._borders(k)).sum(axis=0)
        return total * self.scale

    def partial_sums_of_many(
        self, fill: Fill, k: int, real: type[np.floating], borders: Rows
    ) -> Floats:
        """Return what `accumulate_many` adds up, of the lanes between borders, (parts, k, d)."""
        out = np.zeros((len(borders) - 1, k, self.n_features))
        size, width = self._piece_size(k, real)

        def together(first: int, last: int) -> None:
            for part in range(first, last):
                ends = borders[part], borders[part + 1]
                for rows in self._pieces(*ends, real, size, width):
                    some = np.empty((k, rows.stop - rows.start), real)
                    fill(rows, some)
                    for columns, stack in self._stacks(rows, real, size, width):
                        layers = some.reshape(k, *stack.shape[:2]).transpose(1, 0, 2)
                        out[part, :, columns] += (layers @ stack).sum(axis=0)

        with self.ahead:
            self.team.share(together, len(borders) - 1)
        return out

    def _piece_size(self, k: int, real: type[np.floating]) -> tuple[int, int]:
        """Return how many rows gradients of ``k`` columns take at a time, and columns of these."""
        casts = self.matrix.dtype != real
        width = COLUMNS if casts and self.n_features > LONGER else self.n_features
        some_rows = SOME_ROWS if width <= LONG else SOME_ROWS // 2
        return (some_rows if k < MANY else ALL_ROWS), width

    def _borders(self, k: int) -> Rows:
        """Return which lanes' sums are added up together, for ``k`` columns.

        As many partial sums as memory allows, whatever the number of threads.
        """
        n_lanes = len(self.lanes) - 1
        n_parts = min(n_lanes, max(FEWEST_PARTS, PARTS_BYTES // (8 * k * self.n_features + 1)))
        borders: Rows = np.arange(n_parts + 1) * n_lanes // n_parts
        return borders

    def blocks(
        self, first: int, last: int, real: type[np.floating]
    ) -> Iterator[tuple[slice, NDArray[np.floating]]]:
        """Yield the lanes' rows for the kernels, a block at a time.

        Where memory allows, blocks end where the kernels go over into float64. With the type that
        rows read in place would have, sums have the bits of theirs: how a compiler adds up depends
        on it.
        """
        size = max(1, BLOCK_BYTES // (np.dtype(real).itemsize * max(self.n_features, 1)))
        if size > kernels.FLUSH_ROWS:
            size -= size % kernels.FLUSH_ROWS
        pieces = (
            one
            for start, stop in pairwise(self.lanes[first : last + 1].tolist())
            for one in pairwise([*range(start, stop, size), stop])
        )
        for begin, end in self.ahead.over(pieces, int(self.lanes[last])):
            block = self.matrix.block(begin, end)
            if self.matrix.dtype not in IN_PLACE:
                block = block.astype(real)
            yield slice(begin, end), _read_only(block)

    def _pieces(
        self, first: int, last: int, real: type[np.floating], size: int, width: int
    ) -> Iterator[slice]:
        """Yield the lanes' rows, as many at a time as the cache holds of ``width`` columns.

        Their number is a multiple of ``size``, except for the last of a lane.
        """
        most = min(BLOCK_ROWS, BLOCK_BYTES // (np.dtype(real).itemsize * max(width, 1)))
        step = max(most // size, 1) * size

        def pieces() -> Iterator[tuple[int, int]]:
            for start, stop in pairwise(self.lanes[first : last + 1].tolist()):
                even = start + (stop - start) // size * size
                begins = [*range(start, even, step), *([even] if even < stop else [])]
                yield from pairwise([*begins, stop])

        for begin, end in self.ahead.over(pieces(), int(self.lanes[last])):
            yield slice(begin, end)

    def _stacks(
        self, rows: slice, real: type[np.floating], size: int, width: int
    ) -> Iterator[tuple[slice, NDArray[np.floating]]]:
        """Yield some rows as floats, ``width`` columns at a time, stacked ``size`` by ``size``.

        Shape (m, size, width); rows that are fewer than ``size`` are one layer.
        """
        n = rows.stop - rows.start
        layers = max(n // size, 1), min(size, n)
        every = self.matrix.cast(rows.start, rows.stop, real) if self.x is None else self.x[rows]
        for begin in range(0, max(self.n_features, 1), max(width, 1)):
            columns = slice(begin, begin + width)
            block = every[:, columns].astype(real, copy=False)
            yield columns, block.reshape(*layers, block.shape[1])

    def crossproduct(
        self, rows: NDArray[np.floating], *, precise: bool = False
    ) -> NDArray[np.floating]:
        """Return ``rows.T @ rows``, added up piece by piece in order."""
        return crossproduct(rows, self.team, precise=precise)

    def column_squares(self, center: Floats, shares: Floats) -> Floats:
        """Return each feature's sum of squares about a center, shares of each row."""
        return np.asarray(lane_squares(self, center, shares, self.working).sum(axis=0))

    def row_squares(self, center: Floats, unit: Floats) -> Floats:
        """Return each row's squared distance from a center, in units."""
        return squares_apart(self, center, unit, self.working)

    def center(self) -> Floats:
        """Return the mean of evenly spaced rows."""
        step = max(1, self.n_rows // CENTER_ROWS)
        if self.x is not None:
            mean: Floats = self.x[::step].mean(axis=0, dtype=np.float64) * self.scale
            return mean
        some = np.arange(0, self.n_rows, step)
        size = max(1, BLOCK_BYTES // (8 * max(self.n_features, 1)))
        total = np.zeros(self.n_features)
        for start in range(0, len(some), size):
            taken = self.matrix.take(some[start : start + size])
            total += taken.sum(axis=0, dtype=np.float64)
        return total / len(some) * self.scale


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view of the one type that the kernels are compiled for."""
    view = array.view()
    view.flags.writeable = False
    return view


def _few_rows(k: int, d: int) -> int:
    """Return of how many rows at a time the margins of ``k`` weight vectors are taken."""
    size = FEW_ROWS
    while k <= SMALL_COLUMNS and size > FEWEST_ROWS and k * d * size > SMALL_PRODUCT:
        size //= 2
    return size
