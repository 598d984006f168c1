"""The Numba engine's problems: what belongs to each row, and loops over it by threads."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.core.contract import Problem, Sums
from imlogit.core.loss import logistic_divergence, softmax_divergence, softmax_residual
from imlogit.core.regression import Regression, n_columns_of
from imlogit.engines import numba_kernels as kernels
from imlogit.engines.row_sampling import sample_rows

if TYPE_CHECKING:
    from imlogit.engines.numba_cpu import NumbaEngine


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
        self.n_columns = n_columns_of(n_classes)
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
        return sample_rows(self._curvature(slot, column, column, slice(None)), positions)

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


class NumbaLogistic(NumbaProblem):
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
            kernels.project_logistic(lanes, slots, self.u, self.r[:, 0], self.h, first, last, out)

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

    def _curvature(self, slot: int, k: int, other: int, rows: slice) -> Floats:  # noqa: ARG002 - one column
        return self.h[slot, rows]


class NumbaSoftmax(NumbaProblem):
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
            residual[a] = self.costs[slot] * softmax_residual(q, self._own(slot))
            apart[a] = self.costs[slot] @ rows
        return self._gradient(np.arange(len(slots)), residual, precise), apart

    def worst(self, slot: int) -> float:
        """Return the smallest margin by which a row is classified right."""
        own, margins = self._own(slot), self.m[slot]
        right = np.where(own, margins, 0.0).sum(axis=0) - np.where(own, -np.inf, margins).max(
            axis=0
        )
        return float(right.min(where=self.costs[slot] > 0, initial=np.inf))

    def _own(self, slot: int) -> NDArray[np.bool_]:
        own: NDArray[np.bool_] = self.codes[slot] == np.arange(self.n_classes)[:, None]
        return own

    def _curvature(self, slot: int, k: int, other: int, rows: slice) -> Floats:
        costs, p = self.costs[slot, rows], self.p[slot, :, rows]
        return costs * p[k] * (1.0 - p[k]) if k == other else -costs * p[k] * p[other]
