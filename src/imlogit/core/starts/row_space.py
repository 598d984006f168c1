"""Fewer rows than features: regressions in the coordinates of the rows.

The optimum lies in the span of the rows, and an orthogonal change of coordinates changes neither
the penalty nor a margin. One look at the features gives the products of the rows with each other;
their Cholesky factor ``L L'``, pivoted, holds the rows in coordinates of an orthonormal basis, of
which there are no more than rows. All regressions are fitted there. Weights return as sums of rows,
and what is claimed of them is proved on the features themselves.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpstrf

from imlogit.arrays import Floats, Rows
from imlogit.core.contract import Engine
from imlogit.core.directions.factors import factor_price
from imlogit.core.directions.schedule import SAMPLE_ROWS, STEP_READS
from imlogit.core.solution import Solution
from imlogit.core.starts.start import Start
from imlogit.core.way import EXACT_WEIGHTS

# Of a fit: how often factors are drawn, and how many steps there are, as a rule.
DRAWS, STEPS = 2, 30
# Of all features: for the products of rows, and for the weights.
READS = 2


@dataclass(frozen=True, eq=False)
class RowSpace:
    """The rows of an engine in coordinates of their own.

    Attributes
    ----------
    engine : Engine
        Of the features.
    coordinates : ndarray of float64, shape (n, r)
        The rows less ``center``, in an orthonormal basis of their span.
    basis : ndarray of intp, shape (r,)
        The rows that the basis is made of.
    center : ndarray of float64, shape (d,)
        Zero without an intercept, which could not make up for another.
    seconds : float
        What it took to find them.
    """

    engine: Engine
    coordinates: Floats
    basis: Rows
    center: Floats
    seconds: float

    @classmethod
    def of(cls, engine: Engine, *, intercept: bool) -> RowSpace:
        """Return the rows in coordinates of their own."""
        began = time.perf_counter()
        center = engine.center() if intercept else np.zeros(engine.n_features)
        # turned, they lie as LAPACK wants them, and are not copied
        products = engine.row_products(center).T
        factor, pivots, rank, _ = dpstrf(products, lower=1, overwrite_a=1)
        order = pivots - 1
        coordinates = np.empty((engine.n_rows, rank))
        coordinates[order] = np.tril(factor)[:, :rank]
        basis = order[:rank].astype(np.intp)
        return cls(engine, coordinates, basis, center, time.perf_counter() - began)

    def open(self) -> Engine:
        """Return an engine over the coordinates."""
        return self.engine.over(self.coordinates)

    def lift(self, solution: Solution) -> Start:
        """Return a solution's weights for the features, and the steps that led there."""
        triangle = self.coordinates[self.basis]
        shares = np.zeros((len(solution.weights), self.engine.n_rows))
        shares[:, self.basis] = solve_triangular(
            triangle, solution.weights.T, lower=True, trans=1, check_finite=False
        ).T
        weights = self.engine.combine(shares) - np.outer(shares.sum(axis=1), self.center)
        b = solution.intercept - weights @ self.center
        spent = self.seconds + solution.certificate.seconds
        certificate = solution.certificate
        return Start(weights, b, certificate.iterations, READS, certificate.history, seconds=spent)

    def lift_unproved(self, solution: Solution) -> Solution:
        """Return what an interrupt left, for the features; nothing was proved there."""
        start = self.lift(solution)
        known = solution.certificate.status == "undefined"
        status = "undefined" if known else "interrupted"
        certificate = replace(solution.certificate, status=status)
        return Solution(start.weights, start.b, certificate, solution.margins)


def pays(engine: Engine, columns: int) -> bool:
    """Whether the way through the rows' own coordinates is cheaper, in multiplications.

    For a regression of so many columns alone: its bits do not depend on what is fitted with it.
    """
    n, d = engine.n_rows, engine.n_features
    if columns * (d + 1) <= EXACT_WEIGHTS:  # exact steps are cheaper still
        return False
    through = n * n * d / 2 + n**3 / 3 + columns * _price(n, n)
    return n < d and through < columns * _price(n, d)


def _price(n: int, d: int) -> float:
    """Return what fitting a column takes."""
    return DRAWS * factor_price(min(n, SAMPLE_ROWS), d) + STEPS * STEP_READS * n * d
