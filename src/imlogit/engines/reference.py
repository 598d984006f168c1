"""The reference engine: NumPy in float64, written to be read. The others are tested against it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imlogit.core.columns import Columns, Floats
from imlogit.core.contract import Engine, Problem, Sums
from imlogit.core.loss import divergence, logistic
from imlogit.engines.draw import draw_rows
from imlogit.engines.threads import SingleThreadedBlas


class ReferenceEngine(Engine):
    """All rows as one float64 array.

    Parameters
    ----------
    features : ndarray of uint8, float32 or float64, shape (n, d)
    scale : float
        What each feature is multiplied by.
    """

    def __init__(self, features: NDArray[np.generic], scale: float = 1.0) -> None:
        self.x = np.asarray(features, dtype=np.float64) * scale
        self.context = SingleThreadedBlas()
        self.n_rows, self.n_features = self.x.shape
        self.largest = float(np.abs(self.x).max(initial=0.0))

    def open(self, columns: Columns) -> Problem:
        """Bind columns to these rows, with all margins zero."""
        return ReferenceProblem(self.x, columns)

    def take(self, rows: NDArray[np.intp]) -> Engine:
        """Return an engine over a few of the rows."""
        return ReferenceEngine(self.x[rows])

    def rows(self, rows: NDArray[np.intp], *, precise: bool) -> NDArray[np.floating]:
        """Return a copy of a few rows."""
        return self.x[rows]

    def multiply(self, weights: Floats) -> Floats:
        """Return the margins of ``weights``, shape (k, n)."""
        return weights @ self.x.T

    def crossproduct(self, rows: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return ``rows.T @ rows``."""
        return rows.T @ rows

    def center(self) -> Floats:
        """Return the mean of the rows."""
        mean: Floats = self.x.mean(axis=0)
        return mean


class ReferenceProblem(Problem):
    """Columns over one float64 array; every attribute is of shape (k, n) or (k, 2, n)."""

    def __init__(self, x: Floats, columns: Columns) -> None:
        self.x, self.columns = x, columns
        self.z = np.zeros(columns.signs.shape)
        self.u = np.zeros((columns.n_columns, 2, len(x)))

    def place(self, weights: Floats, *, precise: bool) -> None:
        """Set the margins to those of ``weights``."""
        self.z = weights @ self.x.T
        self.u[:] = 0.0

    def extend(self, direction: Floats, *, precise: bool) -> None:
        """Set the margins of the new direction."""
        self.u[:, 1] = direction @ self.x.T

    def evaluate(self, steps: Floats, intercepts: Floats) -> Sums:
        """Evaluate the loss at a point of the span."""
        signs, costs = self.columns.signs, self.columns.costs
        self.m = signs * (self.z + np.einsum("ks,ksn->kn", steps, self.u) + intercepts[:, None])
        loss, self.dual, curvature = logistic(self.m)
        self.h = costs * curvature
        residual = costs * self.dual
        return Sums(
            (costs * loss).sum(axis=1),
            np.stack([(residual * (signs == side)).sum(axis=1) for side in (-1, 1)], axis=1),
            np.where(costs > 0, self.m, np.inf).min(axis=1),
        )

    def project(self) -> tuple[Floats, Floats]:
        """Return gradient and Hessian of the loss in the span."""
        residual = -self.columns.signs * self.columns.costs * self.dual
        span = np.concatenate([self.u, np.ones_like(self.u[:, :1])], axis=1)
        gradient = np.einsum("kan,kn->ka", span, residual)
        hessian = np.einsum("kan,kn,kbn->kab", span, self.h, span)
        return gradient, hessian

    def step(self, steps: Floats) -> None:
        """Move the margins; that becomes the last step."""
        self.u[:, 0] = np.einsum("ks,ksn->kn", steps, self.u)
        self.z += self.u[:, 0]

    def gradient(self, shrink: Floats, *, precise: bool) -> tuple[Floats, Floats]:
        """Return the gradient of the loss in the weights, and its duals' divergence."""
        signs, costs = self.columns.signs, self.columns.costs
        s = np.where(signs > 0, shrink[:, 1:], shrink[:, :1])
        gradient = (-signs * costs * s * self.dual) @ self.x
        return gradient, (costs * divergence(self.m, s)).sum(axis=1)

    def draw(self, column: int, positions: Floats) -> tuple[NDArray[np.intp], Floats]:
        """Draw rows in proportion to their curvature."""
        return draw_rows(self.h[column], positions)

    def gram(self, column: int, center: Floats) -> tuple[Floats, Floats, float]:
        """Return the curvature-weighted sums of all rows."""
        x, h = self.x - center, self.h[column]
        return (x.T * h) @ x, h @ x, float(h.sum())

    def margins(self) -> Floats:
        """Return the margins, without the intercept."""
        return self.z
