"""Regressions: the columns that are fitted over the same images."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
    ``loss_i = log(sum_k exp(x_i . w_k + b_k)) - (x_i . w_y + b_y)`` with ``y = codes[i]``. Soft
    labels weigh the losses of all classes with ``targets[i]``: the cross-entropy.

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
    targets : ndarray of float64, shape (n, n_classes), or None
        Soft labels: not negative, and each row adds up to 1; ``codes`` are their largest.
    """

    codes: NDArray[np.integer]
    n_classes: int
    costs: Floats
    penalty: float = 1.0
    intercept: bool = True
    targets: Floats | None = None

    @property
    def n_columns(self) -> int:
        """The number of weight vectors, ``K``: 1 for two classes, else one a class."""
        return n_columns_of(self.n_classes)

    def rows(self, rows: Rows, scale: Floats) -> Regression:
        """Return the same regression over some rows, costs multiplied by ``scale`` (m,)."""
        costs = self.costs[rows] * scale
        targets = None if self.targets is None else self.targets[rows]
        return replace(self, codes=self.codes[rows], costs=costs, targets=targets)

    def class_costs(self) -> Floats:
        """Return the cost of all rows of each class, shape (n_classes,)."""
        if self.targets is not None:
            return self.costs @ self.targets
        return np.bincount(self.codes, self.costs, self.n_classes).astype(np.float64)

    def labels(self, rows: Rows | NDArray[np.bool_]) -> tuple[Rows, NDArray[np.integer]]:
        """Return the classes of some rows: places among these rows, and the class of each.

        A row with soft labels has every class of a positive share.
        """
        if self.targets is None:
            codes = self.codes[rows]
            return np.arange(len(codes)), codes
        places, classes = np.nonzero(self.targets[rows] > 0)
        return places, classes


def regression(
    codes: NDArray[np.integer],
    n_classes: int,
    weights: Floats,
    C: float,
    *,
    intercept: bool = True,
    targets: Floats | None = None,
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
    targets : ndarray of float64, shape (n, n_classes), optional
        Soft labels.
    """
    if np.isfinite(C):
        return Regression(codes, n_classes, weights * C, 1.0, intercept, targets)
    costs = np.array(weights, dtype=float)
    return Regression(codes, n_classes, costs, 0.0, intercept, targets)
