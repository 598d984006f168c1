"""The Numba engine: uint8, float32 and float64 rows, read in place by threads over fixed lanes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imlogit.core.columns import Columns, Floats
from imlogit.core.contract import SPAN, Engine, Problem, Sums
from imlogit.core.loss import divergence
from imlogit.engines import numba_kernels as kernels
from imlogit.engines.draw import draw_rows
from imlogit.engines.threads import Team, lanes

# Float32 sums of features outside these sizes would lose the gradient, or overflow on the way;
# they are added up in float64.
LARGEST_WORKING = 1e4
SMALLEST_WORKING = 1e-4
# The least rows of one piece of a Gram matrix.
GRAM_ROWS = 512
CENTER_ROWS = 4096


class NumbaEngine(Engine):
    """Rows read in place; sums in float32 on the way and in float64 for the proof.

    Parameters
    ----------
    features : ndarray of uint8, float32 or float64, shape (n, d)
        In C order.
    scale : float
        What each feature is multiplied by: the weights are, before a row is read.
    team : Team, optional
        The threads to use.
    """

    def __init__(
        self, features: NDArray[np.generic], scale: float = 1.0, team: Team | None = None
    ) -> None:
        # Read-only views of all arrays have one type, so the kernels are compiled once for it.
        self.x = np.ascontiguousarray(features).view()
        self.x.flags.writeable = False
        self.scale = float(scale)
        self.context = self.team = team or Team()
        self.lanes = lanes(len(self.x))
        self.n_rows, self.n_features = self.x.shape
        self.largest = self._largest() * self.scale
        self.working = self._working_precision()

    def _largest(self) -> float:
        if self.x.dtype == np.uint8:
            return 255.0
        return max(abs(float(self.x.max(initial=0))), abs(float(self.x.min(initial=0))))

    def _working_precision(self) -> type[np.floating]:
        if self.x.dtype == np.float64:
            return np.float64
        sized = SMALLEST_WORKING <= self.largest <= LARGEST_WORKING
        return np.float32 if sized else np.float64

    def open(self, columns: Columns) -> Problem:
        """Bind columns to these rows, with all margins zero."""
        return NumbaProblem(self, columns)

    def take(self, rows: NDArray[np.intp]) -> Engine:
        """Return an engine over a copy of a few of the rows."""
        return NumbaEngine(self.x[rows], self.scale, self.team)

    def rows(self, rows: NDArray[np.intp], *, precise: bool) -> NDArray[np.floating]:
        """Return a few rows as floats."""
        taken = self.x[rows].astype(np.float64 if precise else self.working)
        taken *= self.scale
        return taken

    def multiply(self, weights: Floats) -> Floats:
        """Return the margins of ``weights``, shape (k, n), in float64."""
        out = np.empty((len(weights), self.n_rows))
        self.multiply_into(weights, np.float64, out)
        return out

    def multiply_into(self, weights: Floats, real: type[np.floating], out: Floats) -> None:
        """Write the margins of ``weights`` to ``out``, added up in the precision ``real``."""
        scaled = np.ascontiguousarray(weights * self.scale, dtype=real)

        def work(first: int, last: int) -> None:
            kernels.multiply(self.x, self.lanes, scaled, first, last, out)

        self.team.share(work, len(self.lanes) - 1)

    def accumulate(self, residual: Floats, real: type[np.floating]) -> Floats:
        """Return ``residual @ X``, shape (k, d), added up in the precision ``real``."""
        k, d = len(residual), self.n_features
        out = np.zeros((len(self.lanes) - 1, k, d))

        def work(first: int, last: int) -> None:
            buffer = np.empty((k, d), real)
            kernels.accumulate(self.x, self.lanes, residual, buffer, first, last, out)

        self.team.share(work, len(self.lanes) - 1)
        total: Floats = out.sum(axis=0) * self.scale
        return total

    def crossproduct(self, rows: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return ``rows.T @ rows``, added up piece by piece in order."""
        size = max(GRAM_ROWS, rows.shape[1] // 2)  # fewer pieces where each is large
        starts = range(0, max(len(rows), 1), size)
        pieces: list[NDArray[np.floating]] = [np.empty(0)] * len(starts)

        def work(first: int, last: int) -> None:
            for piece in range(first, last):
                part = rows[starts[piece] : starts[piece] + size]
                # NumPy sees that it is symmetric, and unlike SciPy's wrappers lets threads run
                pieces[piece] = part.T @ part

        self.team.share(work, len(starts))
        total = pieces[0]
        for piece in pieces[1:]:
            total += piece
        return total

    def center(self) -> Floats:
        """Return the mean of evenly spaced rows."""
        some = self.x[:: max(1, self.n_rows // CENTER_ROWS)]
        mean: Floats = some.mean(axis=0, dtype=np.float64) * self.scale
        return mean


class NumbaProblem(Problem):
    """Columns over a Numba engine's rows; the state is one array (k, n) for each quantity."""

    def __init__(self, engine: NumbaEngine, columns: Columns) -> None:
        self.engine, self.columns = engine, columns
        shape = columns.signs.shape
        self.z = np.zeros(shape)
        self.u = np.zeros((shape[0], 2, shape[1]))
        self.m, self.r, self.h = np.empty(shape), np.empty(shape), np.empty(shape)

    def place(self, weights: Floats, *, precise: bool) -> None:
        """Set the margins to those of ``weights``."""
        self.engine.multiply_into(weights, self._real(precise), self.z)
        self.u[:] = 0.0

    def extend(self, direction: Floats, *, precise: bool) -> None:
        """Set the margins of the new direction."""
        self.engine.multiply_into(direction, self._real(precise), self.u[:, 1])

    def evaluate(self, steps: Floats, intercepts: Floats) -> Sums:
        """Evaluate the loss at a point of the span and keep its derivatives by row."""
        lanes = self.engine.lanes
        out = np.empty((len(lanes) - 1, self.columns.n_columns, 4))

        def work(first: int, last: int) -> None:
            kernels.evaluate(
                lanes,
                self.z,
                self.u,
                steps,
                intercepts,
                self.columns.signs,
                self.columns.costs,
                first,
                last,
                self.m,
                self.r,
                self.h,
                out,
            )

        self.engine.team.share(work, len(lanes) - 1)
        total = out[:, :, :3].sum(axis=0)
        return Sums(total[:, 0], total[:, 1:], out[:, :, 3].min(axis=0))

    def project(self) -> tuple[Floats, Floats]:
        """Return gradient and Hessian of the loss in the span."""
        lanes = self.engine.lanes
        out = np.empty((len(lanes) - 1, self.columns.n_columns, 9))

        def work(first: int, last: int) -> None:
            kernels.project(lanes, self.u, self.r, self.h, first, last, out)

        self.engine.team.share(work, len(lanes) - 1)
        total = out.sum(axis=0)
        hessian = np.empty((len(total), SPAN, SPAN))
        rows, cols = np.triu_indices(SPAN)
        hessian[:, rows, cols] = hessian[:, cols, rows] = total[:, SPAN:]
        return total[:, :SPAN], hessian

    def step(self, steps: Floats) -> None:
        """Move the margins; that becomes the last step."""
        moved = self.u[:, 0]
        moved *= steps[:, :1]
        moved += steps[:, 1:] * self.u[:, 1]
        self.z += moved

    def gradient(self, shrink: Floats, *, precise: bool) -> tuple[Floats, Floats]:
        """Return the gradient of the loss in the weights, and its duals' divergence."""
        residual, apart = self.r, np.zeros(len(shrink))
        if (shrink < 1).any():
            columns = self.columns
            s = np.where(columns.signs > 0, shrink[:, 1:], shrink[:, :1])
            residual = s * self.r
            apart = (columns.costs * divergence(self.m, s)).sum(axis=1)
        return self.engine.accumulate(residual, self._real(precise)), apart

    def draw(self, column: int, positions: Floats) -> tuple[NDArray[np.intp], Floats]:
        """Draw rows in proportion to their curvature."""
        return draw_rows(self.h[column], positions)

    def gram(self, column: int, center: Floats) -> tuple[Floats, Floats, float]:
        """Return the curvature-weighted sums of all rows, lane by lane."""
        engine, h = self.engine, self.h[column]
        second = np.zeros((engine.n_features, engine.n_features))
        first = np.zeros(engine.n_features)
        for start, stop in pairwise(engine.lanes):
            rows = engine.rows(np.arange(start, stop), precise=True) - center
            first += h[start:stop] @ rows
            rows *= np.sqrt(h[start:stop])[:, None]
            second += engine.crossproduct(rows)
        return second, first, float(h.sum())

    def margins(self) -> Floats:
        """Return the margins, without the intercept."""
        return self.z

    def _real(self, precise: bool) -> type[np.floating]:
        return np.float64 if precise else self.engine.working
