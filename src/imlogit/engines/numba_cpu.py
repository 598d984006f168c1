"""The Numba engine: uint8, float32 and float64 rows, read in place by threads over fixed lanes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.core.contract import Engine, Problem, Sums
from imlogit.core.loss import logistic_divergence, softmax_divergence
from imlogit.core.regression import Regression
from imlogit.engines import numba_kernels as kernels
from imlogit.engines.row_sampling import draw_rows
from imlogit.system.threads import Team, lanes

# Float32 sums of features outside these sizes would lose the gradient, or overflow on the way;
# they are added up in float64.
LARGEST_WORKING = 1e4
SMALLEST_WORKING = 1e-4
# The least rows of one piece of a Gram matrix.
GRAM_ROWS = 512
CENTER_ROWS = 4096
# From so many weight vectors on, BLAS on blocks of rows cast to floats beats a loop over bytes.
TOGETHER = 3
# These floats stay in the cache from the cast to the product.
BLOCK_ROWS, BLOCK_BYTES = 512, 2_000_000
# A product of so few rows takes OpenBLAS's kernels for small matrices, which pack nothing; from
# `MANY` weight vectors on, larger products have the faster kernels in gradients.
FEW_ROWS = 32
SOME_ROWS, ALL_ROWS, MANY = 64, 256, 17
# What a gradient's partial sums may take, and how many there are at least.
PARTS_BYTES = 64_000_000
FEWEST_PARTS = 8
# What the margins and derivatives in all slots may take, and take for each row and column.
STATE_BYTES = 128_000_000
COLUMN_BYTES = 57
MOST_SLOTS = 64


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

    def open(self, n_slots: int, n_classes: int) -> Problem:
        """Make room for regressions over these rows."""
        kind = LogisticProblem if n_classes == 2 else SoftmaxProblem
        return kind(self, n_slots, n_classes)

    def room(self, n_classes: int) -> int:
        """Return how many slots fit into `STATE_BYTES`, or half of what the rows take."""
        columns = 1 if n_classes == 2 else n_classes
        each = COLUMN_BYTES * columns * max(self.n_rows, 1)
        return int(np.clip(max(STATE_BYTES, self.x.nbytes // 2) // each, 1, MOST_SLOTS))

    def take(self, rows: Rows) -> Engine:
        """Return an engine over a copy of a few of the rows."""
        return NumbaEngine(self.x[rows], self.scale, self.team)

    def rows(self, rows: Rows, *, precise: bool) -> NDArray[np.floating]:
        """Return a few rows as floats."""
        taken = self.x[rows].astype(np.float64 if precise else self.working)
        taken *= self.scale
        return taken

    def multiply(self, weights: Floats) -> Floats:
        """Return the margins of ``weights``, shape (k, n), in float64."""
        out = np.empty((len(weights), self.n_rows))
        self.multiply_into(weights, np.float64, out, np.arange(len(weights)))
        return out

    def multiply_into(
        self, weights: Floats, real: type[np.floating], out: Floats, targets: Rows
    ) -> None:
        """Write the margins of ``weights`` to ``out[targets]``, added up in precision ``real``."""
        scaled = np.ascontiguousarray(weights * self.scale, dtype=real)

        def one_by_one(first: int, last: int) -> None:
            kernels.multiply(self.x, self.lanes, scaled, targets, first, last, out)

        def together(first: int, last: int) -> None:
            for rows, stack in self._stacks(first, last, real, FEW_ROWS):
                margins = scaled @ stack.transpose(0, 2, 1)
                out[targets, rows] = margins.transpose(1, 0, 2).reshape(len(scaled), -1)

        work = one_by_one if len(weights) < TOGETHER else together
        self.team.share(work, len(self.lanes) - 1)

    def accumulate(self, residual: Floats, sources: Rows, real: type[np.floating]) -> Floats:
        """Return ``residual[sources] @ X``, shape (k, d), added up in the precision ``real``."""
        k, d = len(sources), self.n_features
        n_lanes = len(self.lanes) - 1
        # as many partial sums as memory allows, whatever the number of threads
        n_parts = min(n_lanes, max(FEWEST_PARTS, PARTS_BYTES // (8 * k * d + 1)))
        borders = np.arange(n_parts + 1) * n_lanes // n_parts
        out = np.zeros((n_parts, k, d))

        def one_by_one(first: int, last: int) -> None:
            buffer = np.empty((k, d), real)
            for part in range(first, last):
                ends = borders[part], borders[part + 1]
                kernels.accumulate(self.x, self.lanes, residual, sources, buffer, *ends, out[part])

        def together(first: int, last: int) -> None:
            size = SOME_ROWS if k < MANY else ALL_ROWS
            for part in range(first, last):
                ends = borders[part], borders[part + 1]
                for rows, stack in self._stacks(*ends, real, size):
                    some = residual[sources, rows].astype(real).reshape(k, *stack.shape[:2])
                    out[part] += (some.transpose(1, 0, 2) @ stack).sum(axis=0)

        self.team.share(one_by_one if k < TOGETHER else together, n_parts)
        total: Floats = out.sum(axis=0) * self.scale
        return total

    def _stacks(
        self, first: int, last: int, real: type[np.floating], size: int
    ) -> Iterator[tuple[slice, NDArray[np.floating]]]:
        """Yield the lanes' rows as floats, stacked ``size`` by ``size``: shape (m, size, d).

        The last of a lane's stacks has one layer of the rows that are left.
        """
        d = self.n_features
        most = min(BLOCK_ROWS, BLOCK_BYTES // (np.dtype(real).itemsize * max(d, 1)))
        buffer = np.empty((max(most // size, 1) * size, d), real)
        for start, stop in pairwise(self.lanes[first : last + 1]):
            even = start + (stop - start) // size * size
            begins = [*range(start, even, len(buffer)), *([even] if even < stop else [])]
            for begin, end in pairwise([*begins, stop]):
                rows = slice(begin, end)
                block = self.x[rows]
                if block.dtype != real:
                    block = buffer[: end - begin]
                    block[:] = self.x[rows]
                yield rows, block.reshape(-1, min(size, end - begin), d)

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
    """Regressions over a Numba engine's rows.

    Attributes
    ----------
    z : ndarray of float64, shape (S, K, n)
        The margins in every slot.
    u : ndarray of float64, shape (S, 2, K, n)
        Those of the last step and of the new direction.
    m, r : ndarray of float64, shape (S, K, n)
        Margins and residuals where the loss was evaluated last.
    codes : ndarray of int32, shape (S, n)
    costs : ndarray of float64, shape (S, n)
    """

    def __init__(self, engine: NumbaEngine, n_slots: int, n_classes: int) -> None:
        self.engine, self.n_classes = engine, n_classes
        self.n_columns = 1 if n_classes == 2 else n_classes
        n = engine.n_rows
        shape = n_slots, self.n_columns, n
        self.z, self.u = np.empty(shape), np.empty((n_slots, 2, *shape[1:]))
        self.m, self.r = np.empty(shape), np.empty(shape)
        self.codes = np.empty((n_slots, n), dtype=np.int32)
        self.costs = np.empty((n_slots, n))

    def admit(self, slot: int, regression: Regression) -> None:
        """Put a regression into a slot."""
        self.codes[slot], self.costs[slot] = regression.codes, regression.costs
        self.z[slot] = self.u[slot] = 0.0

    def place(self, slots: Rows, weights: Floats, *, precise: bool) -> None:
        """Set the margins to those of ``weights``."""
        self._multiply(weights, self.z, slots, precise)
        self.u[slots] = 0.0

    def extend(self, slots: Rows, directions: Floats, *, precise: bool) -> None:
        """Set the margins of the new directions."""
        self._multiply(directions, self.u, slots * 2 + 1, precise)

    def _multiply(self, weights: Floats, out: Floats, places: Rows, precise: bool) -> None:
        """Write the margins of ``weights`` (a, K, d) to ``places`` of ``out`` (…, K, n)."""
        k, n = self.n_columns, self.engine.n_rows
        targets = (places[:, None] * k + np.arange(k)).ravel()
        flat = weights.reshape(targets.size, self.engine.n_features)
        self.engine.multiply_into(flat, self._real(precise), out.reshape(-1, n), targets)

    def step(self, slots: Rows, steps: Floats) -> None:
        """Move the margins; that becomes the last step."""
        lanes = self.engine.lanes

        def work(first: int, last: int) -> None:
            kernels.advance(lanes, slots, self.z, self.u, steps, first, last)

        self.engine.team.share(work, len(lanes) - 1)

    def _gradient(self, slots: Rows, residual: Floats, precise: bool) -> Floats:
        """Return the gradient (a, K, d) from residuals (…, K, n) in the places ``slots``."""
        k, n = self.n_columns, self.engine.n_rows
        sources = (slots[:, None] * k + np.arange(k)).ravel()
        found = self.engine.accumulate(residual.reshape(-1, n), sources, self._real(precise))
        return found.reshape(len(slots), k, -1)

    def _curvature(self, slot: int, k: int, other: int, rows: slice) -> Floats:
        """Return the second derivative of some rows' loss in the margins of two columns."""
        raise NotImplementedError

    def draw(self, slot: int, column: int, positions: Floats) -> tuple[Rows, Floats]:
        """Draw rows in proportion to a column's curvature."""
        return draw_rows(self._curvature(slot, column, column, slice(None)), positions)

    def gram(self, slot: int, center: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the Hessian of the loss over all rows, lane by lane."""
        engine, k = self.engine, self.n_columns
        d = engine.n_features
        second, mixed, total = np.zeros((k, d, k, d)), np.zeros((k, d, k)), np.zeros((k, k))
        pairs = [(one, other) for one in range(k) for other in range(one, k)]
        for start, stop in pairwise(engine.lanes):
            x = engine.rows(np.arange(start, stop), precise=True) - center
            for one, other in pairs:
                h = self._curvature(slot, one, other, slice(start, stop))
                second[one, :, other] += (x * h[:, None]).T @ x
                mixed[one, :, other] += h @ x
                total[one, other] += h.sum()
        for one, other in pairs:
            second[other, :, one] = second[one, :, other]
            mixed[other, :, one] = mixed[one, :, other]
            total[other, one] = total[one, other]
        return second.reshape(k * d, k * d), mixed.reshape(k * d, k), total

    def margins(self, slot: int, rows: Rows) -> Floats:
        """Return the margins of some rows, without the intercepts."""
        return self.z[slot][:, rows].T

    def _real(self, precise: bool) -> type[np.floating]:
        return np.float64 if precise else self.engine.working


class LogisticProblem(NumbaProblem):
    """Regressions of two classes, one column each; margins ``m`` are positive where right."""

    def __init__(self, engine: NumbaEngine, n_slots: int, n_classes: int) -> None:
        super().__init__(engine, n_slots, n_classes)
        self.signs = np.empty((n_slots, engine.n_rows), dtype=np.int8)
        self.h = np.empty((n_slots, engine.n_rows))

    def admit(self, slot: int, regression: Regression) -> None:
        """Put a regression into a slot."""
        super().admit(slot, regression)
        self.signs[slot] = np.where(regression.codes > 0, 1, -1)

    def evaluate(self, slots: Rows, steps: Floats, intercepts: Floats) -> Sums:
        """Evaluate the loss at a point of the span and keep its derivatives by row."""
        lanes = self.engine.lanes
        out = np.empty((len(lanes) - 1, len(slots), 3))
        state = self.signs, self.costs
        found = self.m[:, 0], self.r[:, 0], self.h

        def work(first: int, last: int) -> None:
            kernels.evaluate(
                lanes, slots, self.z, self.u, steps, intercepts, *state, first, last, *found, out
            )

        self.engine.team.share(work, len(lanes) - 1)
        total = out.sum(axis=0)
        return Sums(total[:, 0], np.maximum(total[:, 1:], 0.0))

    def project(self, slots: Rows) -> tuple[Floats, Floats]:
        """Return gradient and Hessian of the loss in the span."""
        lanes = self.engine.lanes
        out = np.empty((len(lanes) - 1, len(slots), 9))

        def work(first: int, last: int) -> None:
            kernels.project(lanes, slots, self.u, self.r[:, 0], self.h, first, last, out)

        self.engine.team.share(work, len(lanes) - 1)
        total = out.sum(axis=0)
        hessian = np.empty((len(total), 3, 3))
        rows, cols = np.triu_indices(3)
        hessian[:, rows, cols] = hessian[:, cols, rows] = total[:, 3:]
        return total[:, :3], hessian

    def gradient(self, slots: Rows, duals: Floats, *, precise: bool) -> tuple[Floats, Floats]:
        """Return the gradient of the loss in the weights, and its duals' divergence."""
        if (duals == 1).all():
            return self._gradient(slots, self.r, precise), np.zeros(len(slots))
        shrink = np.stack([d[c] for d, c in zip(duals, self.codes[slots], strict=True)])
        apart = logistic_divergence(self.m[slots, 0], shrink)
        residual = shrink[:, None] * self.r[slots]
        found = self._gradient(np.arange(len(slots)), residual, precise)
        return found, np.einsum("an,an->a", self.costs[slots], apart)

    def worst(self, slot: int) -> float:
        """Return the smallest margin by which a row is classified right."""
        return float(self.m[slot, 0].min(where=self.costs[slot] > 0, initial=np.inf))

    def _curvature(self, slot: int, k: int, other: int, rows: slice) -> Floats:
        return self.h[slot, rows]


class SoftmaxProblem(NumbaProblem):
    """Regressions of more than two classes; ``p`` are the probabilities (S, K, n)."""

    def __init__(self, engine: NumbaEngine, n_slots: int, n_classes: int) -> None:
        super().__init__(engine, n_slots, n_classes)
        self.p = np.empty_like(self.m)

    def evaluate(self, slots: Rows, steps: Floats, intercepts: Floats) -> Sums:
        """Evaluate the loss at a point of the span and keep its derivatives by row."""
        lanes = self.engine.lanes
        out = np.empty((len(lanes) - 1, len(slots), 1 + self.n_classes))
        state = self.codes, self.costs
        found = self.m, self.p, self.r

        def work(first: int, last: int) -> None:
            kernels.evaluate_softmax(
                lanes, slots, self.z, self.u, steps, intercepts, *state, first, last, *found, out
            )

        self.engine.team.share(work, len(lanes) - 1)
        total = out.sum(axis=0)
        return Sums(total[:, 0], total[:, 1:])

    def project(self, slots: Rows) -> tuple[Floats, Floats]:
        """Return gradient and Hessian of the loss in the span."""
        lanes = self.engine.lanes
        size = 2 + self.n_classes
        out = np.empty((len(lanes) - 1, len(slots), 1 + size, size))

        def work(first: int, last: int) -> None:
            kernels.project_softmax(
                lanes, slots, self.u, self.costs, self.p, self.r, first, last, out
            )

        self.engine.team.share(work, len(lanes) - 1)
        total = out.sum(axis=0)
        upper = np.triu(total[:, 1:])
        return total[:, 0], upper + np.triu(upper, 1).transpose(0, 2, 1)

    def gradient(self, slots: Rows, duals: Floats, *, precise: bool) -> tuple[Floats, Floats]:
        """Return the gradient of the loss in the weights, and its duals' divergence."""
        apart = np.zeros(len(slots))
        if not duals.any():
            return self._gradient(slots, self.r, precise), apart
        residual = self.r[slots]
        for a in np.flatnonzero(duals.any(axis=1)):
            slot, share = slots[a], duals[a].sum()
            q, rows = softmax_divergence(self.m[slot], duals[a] / share, share)
            residual[a] += self.costs[slot] * (q - self.p[slot])
            apart[a] = self.costs[slot] @ rows
        return self._gradient(np.arange(len(slots)), residual, precise), apart

    def worst(self, slot: int) -> float:
        """Return the smallest margin by which a row is classified right."""
        own = self.codes[slot] == np.arange(self.n_classes)[:, None]
        margins = self.m[slot]
        right = np.where(own, margins, 0.0).sum(axis=0) - np.where(own, -np.inf, margins).max(
            axis=0
        )
        return float(right.min(where=self.costs[slot] > 0, initial=np.inf))

    def _curvature(self, slot: int, k: int, other: int, rows: slice) -> Floats:
        costs, p = self.costs[slot, rows], self.p[slot, :, rows]
        return costs * p[k] * (1.0 - p[k]) if k == other else -costs * p[k] * p[other]
