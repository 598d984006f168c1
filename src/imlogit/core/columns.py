"""Columns: the logistic regressions that are fitted over the same images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Columns:
    """Binary logistic regressions over the same ``n`` rows.

    Column ``j`` is the minimum over ``(w, b)`` of

        sum_i costs[j, i] * log(1 + exp(-signs[j, i] * (x_i . w + b))) + penalty[j] / 2 * |w|^2

    Attributes
    ----------
    signs : ndarray of int8, shape (k, n)
        +1 where a row is of the positive class, -1 elsewhere.
    costs : ndarray of float64, shape (k, n)
        ``C * s_i``: what a unit of row ``i``'s loss costs; 0 leaves the row out.
        With ``C = inf`` the row weights ``s_i`` alone.
    penalty : ndarray of float64, shape (k,)
        1, or 0 for ``C = inf``.
    intercept : bool
        Whether ``b`` is fitted; else it is 0.
    """

    signs: NDArray[np.int8]
    costs: Floats
    penalty: Floats
    intercept: bool = True

    @property
    def n_columns(self) -> int:
        """The number of columns, ``k``."""
        return self.signs.shape[0]

    def one(self, j: int) -> Columns:
        """Column ``j`` alone, without a copy."""
        part = slice(j, j + 1)
        return Columns(self.signs[part], self.costs[part], self.penalty[part], self.intercept)

    def rows(self, rows: NDArray[np.intp], scale: Floats) -> Columns:
        """Return the same columns over some of the rows, costs multiplied by ``scale`` (m,)."""
        return Columns(
            self.signs[:, rows], self.costs[:, rows] * scale, self.penalty, self.intercept
        )

    def side_costs(self) -> Floats:
        """Return each column's cost of all negative and of all positive rows, shape (k, 2)."""
        positive = np.where(self.signs > 0, self.costs, 0.0).sum(axis=1)
        return np.stack([self.costs.sum(axis=1) - positive, positive], axis=1)


def binary_columns(
    positive: NDArray[np.bool_], weights: Floats, C: float, *, intercept: bool = True
) -> Columns:
    """Return the columns of one-against-the-rest problems.

    Parameters
    ----------
    positive : ndarray of bool, shape (k, n)
        Which rows are positive, for each column.
    weights : ndarray of float64, shape (k, n)
        The row weights ``s_i``, for each column.
    C : float
        The inverse of the penalty's strength; ``inf`` for none.
    intercept : bool
        Whether the intercepts are fitted.
    """
    signs = np.where(positive, np.int8(1), np.int8(-1))
    penalised = np.isfinite(C)
    costs = weights * C if penalised else np.array(weights, dtype=float)
    penalty = np.full(len(signs), 1.0 if penalised else 0.0)
    return Columns(signs, costs, penalty, intercept)
