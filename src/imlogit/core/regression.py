"""Regressions: the columns that are fitted over the same images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows


def n_columns_of(n_classes: int) -> int:
    """Return the number of weight vectors: 1 for two classes, else one a class."""
    return 1 if n_classes == 2 else n_classes


@dataclass(frozen=True, eq=False)
class Regression:
    """One logistic regression over ``n`` rows: a column, or columns tied by the softmax.

    It is the minimum over ``(W, b)`` of

        sum_i costs[i] * loss_i + penalty / 2 * |W|^2

    With two classes there is one column, and ``loss_i = log(1 + exp(-s_i (x_i . w + b)))`` with
    ``s_i`` = 1 for class 1 and -1 for class 0. With more there is one column a class, and
    ``loss_i = log(sum_k exp(x_i . w_k + b_k)) - (x_i . w_y + b_y)`` with ``y = codes[i]``.

    Attributes
    ----------
    codes : ndarray of int, shape (n,)
        Each row's class, from 0 to ``n_classes - 1``.
    n_classes : int
    costs : ndarray of float64, shape (n,)
        ``C * s_i``: what a unit of row ``i``'s loss costs; 0 leaves the row out.
        With ``C = inf`` the row weights ``s_i`` alone.
    penalty : float
        1, or 0 for ``C = inf``.
    intercept : bool
        Whether ``b`` is fitted; else it is 0.
    """

    codes: NDArray[np.integer]
    n_classes: int
    costs: Floats
    penalty: float = 1.0
    intercept: bool = True

    @property
    def n_columns(self) -> int:
        """The number of weight vectors, ``K``: 1 for two classes, else one a class."""
        return n_columns_of(self.n_classes)

    def rows(self, rows: Rows, scale: Floats) -> Regression:
        """Return the same regression over some rows, costs multiplied by ``scale`` (m,)."""
        costs = self.costs[rows] * scale
        return Regression(self.codes[rows], self.n_classes, costs, self.penalty, self.intercept)

    def class_costs(self) -> Floats:
        """Return the cost of all rows of each class, shape (n_classes,)."""
        return np.bincount(self.codes, self.costs, self.n_classes).astype(np.float64)


def regression(
    codes: NDArray[np.integer],
    n_classes: int,
    weights: Floats,
    C: float,
    *,
    intercept: bool = True,
) -> Regression:
    """Return the regression with row weights ``s_i`` (n,) and the inverse penalty ``C``.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
    n_classes : int
    weights : ndarray of float64, shape (n,)
    C : float
        ``inf`` for no penalty.
    intercept : bool
    """
    if np.isfinite(C):
        return Regression(codes, n_classes, weights * C, 1.0, intercept)
    return Regression(codes, n_classes, np.array(weights, dtype=float), 0.0, intercept)
