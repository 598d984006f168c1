"""The reference engine: NumPy in float64, written to be read; the others are tested on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.core.contract import Engine, Leverages, Problem, Sums
from imlogit.core.loss import (
    logistic,
    logistic_divergence,
    softmax,
    softmax_divergence,
    softmax_residual,
)
from imlogit.core.regression import Regression, n_columns_of
from imlogit.engines.matrix import ArrayMatrix, Matrix
from imlogit.engines.row_sampling import sample_rows
from imlogit.system.threads import SingleThreadedBlas

# Margins, those of two directions, and what is made of them by row and column.
COLUMN_BYTES = 64


class ReferenceEngine(Engine):
    """All rows as one float64 array.

    Parameters
    ----------
    matrix : Matrix of uint8, float32 or float64, shape (n, d)
    scale : float
        What each feature is multiplied by.
    """

    def __init__(self, matrix: Matrix, scale: float = 1.0) -> None:
        self.x = matrix.cast(0, len(matrix), np.float64) * scale
        self.context = SingleThreadedBlas()
        self.n_rows, self.n_features = self.x.shape
        self.largest = float(np.abs(self.x).max(initial=0.0))

    def open(self, n_slots: int, n_classes: int) -> Problem:
        """Make room for regressions over these rows."""
        return ReferenceProblem(self.x, n_slots)

    def slot_bytes(self, n_classes: int) -> int:
        """Return what a slot takes."""
        return COLUMN_BYTES * n_columns_of(n_classes) * self.n_rows

    def take(self, rows: Rows) -> Engine:
        """Return an engine over a few of the rows."""
        return ReferenceEngine(ArrayMatrix(self.x[rows]))

    def over(self, features: NDArray[np.floating]) -> Engine:
        """Return an engine over other features."""
        return ReferenceEngine(ArrayMatrix(features))

    def row_products(self, center: Floats) -> Floats:
        """Return the products of all rows less ``center`` with each other."""
        centred = self.x - center
        return centred @ centred.T

    def combine(self, shares: Floats) -> Floats:
        """Return sums of rows."""
        return shares @ self.x

    def rows(self, rows: Rows, *, precise: bool) -> NDArray[np.floating]:
        """Return a copy of a few rows."""
        return self.x[rows]

    def multiply(self, weights: Floats) -> Floats:
        """Return the margins of ``weights``, shape (k, n)."""
        return weights @ self.x.T

    def crossproduct(
        self, rows: NDArray[np.floating], *, precise: bool = False
    ) -> NDArray[np.floating]:
        """Return ``rows.T @ rows``."""
        rows = rows.astype(np.float64, copy=False) if precise else rows
        return rows.T @ rows

    def center(self) -> Floats:
        """Return the mean of the rows."""
        mean: Floats = self.x.mean(axis=0)
        return mean

    def column_squares(self, center: Floats, shares: Floats) -> Floats:
        """Return each feature's sum of squares about a center, shares of each row."""
        return np.asarray(shares @ (self.x - center) ** 2)

    def row_squares(self, center: Floats, unit: Floats) -> Floats:
        """Return each row's squared distance from a center, in units."""
        return np.asarray((((self.x - center) * unit) ** 2).sum(axis=1))


class Slot:
    """One regression over one float64 array.

    Attributes
    ----------
    z : ndarray, shape (K, n)
    u : ndarray, shape (2, K, n)
    m : ndarray, shape (K, n)
        Margins where the loss was evaluated last; with two classes positive where right.
    p : ndarray, shape (K, n)
        Probabilities; with two classes of being wrong.
    """

    def __init__(self, x: Floats, regression: Regression) -> None:
        self.x, self.regression = x, regression
        shape = regression.n_columns, len(x)
        self.z, self.u = np.zeros(shape), np.zeros((2, *shape))
        self.binary = regression.n_classes == 2
        self.signs = np.where(regression.codes > 0, 1.0, -1.0)
        self.own = np.arange(regression.n_classes)[:, None] == regression.codes

    def evaluate(self, steps: Floats, intercepts: Floats) -> tuple[float, Floats]:
        """Return the sum of the losses, and the masses of the classes."""
        costs = self.regression.costs
        margins = self.z + np.einsum("s,skn->kn", steps, self.u) + intercepts[:, None]
        if self.binary:
            self.m = margins * self.signs
            loss, self.p, _ = logistic(self.m)
            return float((costs * loss).sum()), (self.own * costs * self.p).sum(axis=1)
        self.m = margins
        one, self.p = softmax(margins, self.regression.codes)
        return float(costs @ one), self.p @ costs

    def residual(self) -> Floats:
        """Return the derivative of the loss in the margins, shape (K, n)."""
        costs = self.regression.costs
        if self.binary:
            return -self.signs * costs * self.p
        return costs * softmax_residual(self.p, self.own)

    def curvature(self) -> Floats:
        """Return the second derivative of the loss in the margins, shape (K, K, n)."""
        costs = self.regression.costs
        if self.binary:
            return (costs * logistic(self.m)[2])[None]  # m is of shape (1, n)
        diagonal = np.eye(len(self.p))[:, :, None] * self.p
        return costs * (diagonal - self.p[:, None] * self.p[None])

    def project(self) -> tuple[Floats, Floats]:
        """Return gradient (2 + K,) and Hessian (2 + K, 2 + K) of the loss in the span."""
        k, n = self.z.shape
        span = np.concatenate([self.u, np.eye(k)[:, :, None] * np.ones(n)])
        hessian = np.einsum("akn,kln,bln->ab", span, self.curvature(), span, optimize=True)
        return np.einsum("akn,kn->a", span, self.residual()), hessian

    def gradient(self, duals: Floats) -> tuple[Floats, float]:
        """Return the gradient of the loss in the weights, and its duals' divergence."""
        costs = self.regression.costs
        if self.binary:
            shrink = duals[self.regression.codes.astype(np.intp)]
            apart = float(costs @ logistic_divergence(self.m[0], shrink))
            return (shrink * self.residual()) @ self.x, apart
        if not duals.any():
            return self.residual() @ self.x, 0.0
        share = duals.sum()
        q, apart_rows = softmax_divergence(self.m, duals / share, share)
        return (costs * softmax_residual(q, self.own)) @ self.x, float(costs @ apart_rows)

    def worst(self) -> float:
        """Return the smallest margin by which a row is classified right."""
        used = self.regression.costs > 0
        if self.binary:
            return float(self.m[0, used].min())
        own = np.where(self.own, self.m, 0.0).sum(axis=0)
        others = np.where(self.own, -np.inf, self.m).max(axis=0)
        return float((own - others)[used].min())


class ReferenceProblem(Problem):
    """Regressions over one float64 array, one after the other."""

    def __init__(self, x: Floats, n_slots: int) -> None:
        self.x = x
        self.slots: list[Slot | None] = [None] * n_slots

    def admit(self, slot: int, regression: Regression) -> None:
        """Put a regression into a slot."""
        self.slots[slot] = Slot(self.x, regression)

    def place(self, slots: Rows, weights: Floats, *, precise: bool) -> None:
        """Set the margins to those of ``weights``."""
        for one, w in zip(self._at(slots), weights, strict=True):
            one.z = w @ self.x.T
            one.u[:] = 0.0

    def extend(self, slots: Rows, directions: Floats, *, precise: bool) -> None:
        """Set the margins of the new directions."""
        for one, direction in zip(self._at(slots), directions, strict=True):
            one.u[1] = direction @ self.x.T

    def evaluate(self, slots: Rows, steps: Floats, intercepts: Floats) -> Sums:
        """Evaluate the loss at a point of the span."""
        each = zip(self._at(slots), steps, intercepts, strict=True)
        found = [one.evaluate(s, b) for one, s, b in each]
        return Sums(np.array([loss for loss, _ in found]), np.stack([mass for _, mass in found]))

    def project(self, slots: Rows) -> tuple[Floats, Floats]:
        """Return gradient and Hessian of the loss in the span."""
        found = [one.project() for one in self._at(slots)]
        return np.stack([g for g, _ in found]), np.stack([h for _, h in found])

    def step(self, slots: Rows, steps: Floats) -> None:
        """Move the margins; that becomes the last step."""
        for one, s in zip(self._at(slots), steps, strict=True):
            one.u[0] = np.einsum("s,skn->kn", s, one.u)
            one.z = one.z + one.u[0]

    def gradient(self, slots: Rows, duals: Floats, *, precise: bool) -> tuple[Floats, Floats]:
        """Return the gradient of the loss in the weights, and its duals' divergence."""
        found = [one.gradient(dual) for one, dual in zip(self._at(slots), duals, strict=True)]
        return np.stack([g for g, _ in found]), np.array([apart for _, apart in found])

    def worst(self, slot: int) -> float:
        """Return the smallest margin by which a row is classified right."""
        return self._at([slot])[0].worst()

    def draw(
        self, slot: int, column: int | None, positions: Floats, leverages: Leverages | None = None
    ) -> tuple[Rows, Floats]:
        """Draw rows in proportion to a column's curvature, or to that of all."""
        own = np.einsum("kkn->kn", self._at([slot])[0].curvature())
        curvature = own.sum(axis=0) if column is None else own[column]
        return sample_rows(curvature, positions, leverages)

    def curved_means(self, slot: int) -> Floats:
        """Return the mean of the rows for each column, weighted with its curvature."""
        curved = np.einsum("kkn->kn", self._at([slot])[0].curvature())
        total = curved.sum(axis=1, keepdims=True)
        return np.divide(
            curved @ self.x, total, where=total > 0, out=np.zeros((len(curved), self.x.shape[1]))
        )

    def gram(self, slot: int, center: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the Hessian of the loss over all rows."""
        x, h = self.x - center, self._at([slot])[0].curvature()
        k, d = len(h), x.shape[1]
        second = np.einsum("nd,kln,ne->kdle", x, h, x, optimize=True).reshape(k * d, k * d)
        mixed = np.einsum("nd,kln->kdl", x, h).reshape(k * d, k)
        return second, mixed, h.sum(axis=2)

    def margins(self, slot: int, rows: Rows) -> Floats:
        """Return the margins of some rows, without the intercepts."""
        return self._at([slot])[0].z[:, rows].T

    def _at(self, slots: Rows | list[int]) -> list[Slot]:
        found = [self.slots[slot] for slot in slots]
        return [one for one in found if one is not None]
