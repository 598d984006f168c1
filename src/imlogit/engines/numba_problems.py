"""The Numba engine's problems: what belongs to each row, and loops over it by threads."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.core.contract import Leverages, Problem, Sums
from imlogit.core.loss import logistic_divergence, softmax_divergence, softmax_residual
from imlogit.core.regression import Regression, n_columns_of
from imlogit.engines import numba_kernels as kernels
from imlogit.engines.row_sampling import sample_rows

if TYPE_CHECKING:
    from imlogit.engines.numba_cpu import NumbaEngine


# Partial sums of pairs of classes, whatever the number of threads.
COUPLING_PARTS = 4


class NumbaProblem(Problem):
    """Regressions over a Numba engine's rows.

    Attributes
    ----------
    z : ndarray of float64, shape (S, K, n)
        The margins in every slot.
    u : ndarray of float64, shape (S, 2, K, n)
        Those of the last step and of the new direction.
    codes : ndarray of int32, shape (S, n)
    costs : ndarray of float64, shape (S, n)
    """

    def __init__(self, engine: NumbaEngine, n_slots: int, n_classes: int) -> None:
        self.engine, self.n_classes = engine, n_classes
        self.n_columns = n_columns_of(n_classes)
        n = engine.n_rows
        shape = n_slots, self.n_columns, n
        self.z, self.u = np.empty(shape), np.empty((n_slots, 2, *shape[1:]))
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

    def _curvature(self, slot: int, k: int, other: int, rows: slice) -> Floats:
        """Return the second derivative of some rows' loss in the margins of two columns."""
        raise NotImplementedError

    def draw(
        self, slot: int, column: int | None, positions: Floats, leverages: Leverages | None = None
    ) -> tuple[Rows, Floats]:
        """Draw rows in proportion to a column's curvature, or to that of all."""
        if column is None:
            return sample_rows(self._total_curvature(slot), positions, leverages)
        own = self._curvature(slot, column, column, slice(None))
        return sample_rows(own, positions, leverages)

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

    def _total_curvature(self, slot: int) -> Floats:
        """Return the sum over the columns of each row's second derivatives, shape (n,)."""
        raise NotImplementedError

    def margins(self, slot: int, rows: Rows) -> Floats:
        """Return the margins of some rows, without the intercepts."""
        return self.z[slot][:, rows].T

    def _real(self, precise: bool) -> type[np.floating]:
        return np.float64 if precise else self.engine.working


class NumbaLogistic(NumbaProblem):
    """Regressions of two classes, one column each.

    Attributes
    ----------
    m, r, h : ndarray of float64, shape (S, n)
        Margins, positive where right, residuals and curvatures where the loss was evaluated last.
    """

    def __init__(self, engine: NumbaEngine, n_slots: int, n_classes: int) -> None:
        super().__init__(engine, n_slots, n_classes)
        shape = n_slots, engine.n_rows
        self.signs = np.empty(shape, dtype=np.int8)
        self.m, self.r, self.h = np.empty(shape), np.empty(shape), np.empty(shape)

    def admit(self, slot: int, regression: Regression) -> None:
        """Put a regression into a slot."""
        super().admit(slot, regression)
        self.signs[slot] = np.where(regression.codes > 0, 1, -1)

    def evaluate(self, slots: Rows, steps: Floats, intercepts: Floats) -> Sums:
        """Evaluate the loss at a point of the span and keep its derivatives by row."""
        lanes = self.engine.lanes
        out = np.empty((len(lanes) - 1, len(slots), 3))
        state = self.signs, self.costs
        found = self.m, self.r, self.h

        def work(first: int, last: int) -> None:
            kernels.evaluate_logistic(
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
            kernels.project_logistic(lanes, slots, self.u, self.r, self.h, first, last, out)

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
        apart = logistic_divergence(self.m[slots], shrink)
        found = self._gradient(np.arange(len(slots)), shrink * self.r[slots], precise)
        return found, np.einsum("an,an->a", self.costs[slots], apart)

    def _gradient(self, slots: Rows, residual: Floats, precise: bool) -> Floats:
        """Return the gradient (a, 1, d) from residuals (…, n) in the places ``slots``."""
        return self.engine.accumulate(residual, slots, self._real(precise))[:, None]

    def worst(self, slot: int) -> float:
        """Return the smallest margin by which a row is classified right."""
        return float(self.m[slot].min(where=self.costs[slot] > 0, initial=np.inf))

    def curved_means(self, slot: int) -> Floats:
        """Return the mean of the rows, weighted with the curvature."""
        total = self.h[slot].sum() or 1.0
        return self.engine.accumulate(self.h, np.array([slot]), np.float64) / total

    def _total_curvature(self, slot: int) -> Floats:
        return self.h[slot]

    def _curvature(self, slot: int, k: int, other: int, rows: slice) -> Floats:  # noqa: ARG002 - one column
        return self.h[slot, rows]


class NumbaSoftmax(NumbaProblem):
    """Regressions of more than two classes.

    Attributes
    ----------
    p : ndarray of float64, shape (S, K, n)
        Probabilities where the loss was evaluated last.
    own : ndarray of float64, shape (S, n)
        The residuals of the rows' own classes; the others' are ``costs * p``.
    """

    def __init__(self, engine: NumbaEngine, n_slots: int, n_classes: int) -> None:
        super().__init__(engine, n_slots, n_classes)
        self.p, self.own = np.empty_like(self.z), np.empty_like(self.costs)
        self.points: list[tuple[Floats, Floats]] = [(np.empty(0), np.empty(0))] * n_slots

    def evaluate(self, slots: Rows, steps: Floats, intercepts: Floats) -> Sums:
        """Evaluate the loss at a point of the span and keep its derivatives by row."""
        lanes = self.engine.lanes
        out = np.empty((len(lanes) - 1, len(slots), 1 + self.n_classes))
        state = self.codes, self.costs
        for slot, *point in zip(slots, steps, intercepts, strict=True):
            self.points[slot] = point[0].copy(), point[1].copy()

        def work(first: int, last: int) -> None:
            span = self.z, self.u, steps, intercepts
            kernels.evaluate_softmax(
                lanes, slots, *span, *state, first, last, self.p, self.own, out
            )

        self.engine.team.share(work, len(lanes) - 1)
        total = out.sum(axis=0)
        return Sums(total[:, 0], total[:, 1:])

    def step(self, slots: Rows, steps: Floats) -> None:
        """Move the margins to where the loss was evaluated last; that becomes the last step."""
        super().step(slots, steps)
        for slot in slots:
            self.points[slot] = np.zeros(2), self.points[slot][1]

    def project(self, slots: Rows) -> tuple[Floats, Floats]:
        """Return gradient and Hessian of the loss in the span."""
        lanes = self.engine.lanes
        size = 2 + self.n_classes
        out = np.empty((len(lanes) - 1, len(slots), 1 + size, size))

        def work(first: int, last: int) -> None:
            state = self.codes, self.costs, self.p, self.own
            kernels.project_softmax(lanes, slots, self.u, *state, first, last, out)

        self.engine.team.share(work, len(lanes) - 1)
        total = out.sum(axis=0)
        upper = np.triu(total[:, 1:])
        return total[:, 0], upper + np.triu(upper, 1).transpose(0, 2, 1)

    def project_along(self, slots: Rows, shifts: Floats) -> tuple[Floats, Floats]:
        """Return gradient and Hessian of the loss along directions with intercepts."""
        lanes = self.engine.lanes
        out = np.empty((len(lanes) - 1, len(slots), 5))

        def work(first: int, last: int) -> None:
            state = self.codes, self.costs, self.p, self.own
            kernels.project_softmax_along(lanes, slots, self.u, shifts, *state, first, last, out)

        self.engine.team.share(work, len(lanes) - 1)
        total = out.sum(axis=0)
        return total[:, :2], total[:, [2, 3, 3, 4]].reshape(-1, 2, 2)

    def coupling(self, slot: int) -> Floats:
        """Return the Hessian of the loss in the intercepts, added up part by part in order."""
        lanes, k = self.engine.lanes, self.n_classes
        n_parts = min(COUPLING_PARTS, len(lanes) - 1)
        borders = np.arange(n_parts + 1) * (len(lanes) - 1) // n_parts
        parts = np.zeros((n_parts, k, k))

        def work(first: int, last: int) -> None:
            for part in range(first, last):
                for start, stop in pairwise(lanes[borders[part] : borders[part + 1] + 1]):
                    p = self.p[slot, :, start:stop].astype(np.float32)
                    parts[part] += (p * self.costs[slot, start:stop].astype(np.float32)) @ p.T

        self.engine.team.share(work, n_parts)
        found = -parts.sum(axis=0)
        found = 0.5 * (found + found.T)
        np.fill_diagonal(found, 0.0)
        np.fill_diagonal(found, -found.sum(axis=1))
        return found

    def gradient(self, slots: Rows, duals: Floats, *, precise: bool) -> tuple[Floats, Floats]:
        """Return the gradient of the loss in the weights, and its duals' divergence."""
        k, engine = self.n_classes, self.engine
        shrunk = np.flatnonzero(duals.any(axis=1))
        apart = np.zeros((len(slots), len(engine.lanes) - 1))
        starts = np.asarray(engine.lanes)

        def fill(rows: slice, some: NDArray[np.floating]) -> None:
            found = some.reshape(len(slots), k, -1)
            state = self.codes, self.costs, self.p, self.own
            kernels.residuals_softmax(rows.start, rows.stop, slots, *state, found)
            lane = np.searchsorted(starts, rows.start, side="right") - 1
            for a in shrunk:
                found[a], lost = self._shrunk(slots[a], duals[a], rows)
                apart[a, lane] += lost

        found = engine.accumulate_many(fill, len(slots) * k, self._real(precise))
        return found.reshape(len(slots), k, -1), apart.sum(axis=1)

    def _shrunk(self, slot: int, duals: Floats, rows: slice) -> tuple[Floats, float]:
        """Return the residuals (K, m) of some rows' feasible duals, and how far these are off."""
        share = duals.sum()
        q, apart = softmax_divergence(self._margins(slot, rows), duals / share, share)
        costs = self.costs[slot, rows]
        return costs * softmax_residual(q, self._own(slot, rows)), float(costs @ apart)

    def worst(self, slot: int) -> float:
        """Return the smallest margin by which a row is classified right."""
        every = slice(0, self.engine.n_rows)
        own, margins = self._own(slot, every), self._margins(slot, every)
        right = np.where(own, margins, 0.0).sum(axis=0) - np.where(own, -np.inf, margins).max(
            axis=0
        )
        return float(right.min(where=self.costs[slot] > 0, initial=np.inf))

    def _margins(self, slot: int, rows: slice) -> Floats:
        """Return the margins (K, m) of some rows where the loss was evaluated last."""
        steps, b = self.points[slot]
        along = np.tensordot(steps, self.u[slot, :, :, rows], axes=1)
        margins: Floats = self.z[slot, :, rows] + along + b[:, None]
        return margins

    def _own(self, slot: int, rows: slice) -> NDArray[np.bool_]:
        own: NDArray[np.bool_] = self.codes[slot, rows] == np.arange(self.n_classes)[:, None]
        return own

    def _curvature(self, slot: int, k: int, other: int, rows: slice) -> Floats:
        costs, p = self.costs[slot, rows], self.p[slot, :, rows]
        return costs * p[k] * (1.0 - p[k]) if k == other else -costs * p[k] * p[other]

    def curved_means(self, slot: int) -> Floats:
        """Return the mean of the rows for each column, weighted with its curvature."""
        engine, lanes = self.engine, self.engine.lanes
        totals = np.zeros((self.n_classes, len(lanes) - 1))
        starts = np.asarray(lanes)

        def fill(rows: slice, some: NDArray[np.floating]) -> None:
            p = self.p[slot, :, rows]
            some[:] = self.costs[slot, rows] * p * (1.0 - p)
            lane = np.searchsorted(starts, rows.start, side="right") - 1
            totals[:, lane] += some.sum(axis=1, dtype=np.float64)

        found = engine.accumulate_many(fill, self.n_classes, engine.working)
        total = totals.sum(axis=1, keepdims=True)
        return np.divide(found, total, where=total > 0, out=np.zeros_like(found))

    def _total_curvature(self, slot: int) -> Floats:
        """Return the sum over the columns of each row's second derivatives, shape (n,)."""
        lanes, found = self.engine.lanes, np.empty(self.engine.n_rows)

        def work(first: int, last: int) -> None:
            for start, stop in pairwise(lanes[first : last + 1]):
                p = self.p[slot, :, start:stop]
                found[start:stop] = 1.0 - np.einsum("kn,kn->n", p, p)

        self.engine.team.share(work, len(lanes) - 1)
        # of a sure row no digit is left, nor any need
        total: Floats = self.costs[slot] * np.maximum(found, 0.0)
        return total
