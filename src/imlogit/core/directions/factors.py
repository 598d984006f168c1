"""Preconditioners: the factored Hessian of all rows, or of a drawn sample of them.

With several columns the Hessian of the softmax is approximated by its blocks on the diagonal,
one a column. That alone would miss that adding one vector to all columns changes no probability:
its curvature is the penalty alone, where each block sees the curvature of its class. So steps are
confined to columns that add up to zero, as the optimum's do: with ``P_k`` the blocks,

    D_k = -P_k^-1 (G_k - v),    v = (sum_k P_k^-1)^-1 sum_k P_k^-1 G_k

is the minimum of the quadratic model among these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dtrsv, strsv
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs, spotrf, spotri, spotrs

from imlogit.arrays import Floats
from imlogit.errors import TooLargeError

Floating = NDArray[np.floating]


class Crossproduct(Protocol):
    """``A -> A'A``, as `Engine.crossproduct` is."""

    def __call__(self, rows: Floating, *, precise: bool = False) -> Floating:
        """Return ``rows.T @ rows``."""


# Float32 sums resolve a penalty of 1 beside a diagonal of at most about this much.
FLOAT32_DIAGONAL = 1e5
# Without a penalty the Hessian may be singular; a shift by this share of its diagonal keeps the
# factor finite, and only slows the flat directions.
SHARE = 1e-12
SINGLE = 4
TOO_LARGE = "the features are too large: their squares overflow float64; scale them down"


class Steps(NamedTuple):
    """Directions of descent in weights (m, K, d), and how intercepts (m, K) go along, if known."""

    weights: Floats
    shifts: Floats | None


@dataclass(frozen=True, eq=False)
class Factor:
    """The Cholesky factor of ``A'A + ridge I`` (primal) or of ``A A' + ridge I`` (dual).

    Attributes
    ----------
    triangle : ndarray, shape (d, d) or (m, m)
        The lower Cholesky factor, in Fortran order.
    ridge : float
        What was added to the diagonal (the dual form needs it again).
    rows : ndarray of shape (m, d), or None
        ``A``, for the dual form; None for the primal.
    center : ndarray, shape (d,), or None
        Around which rows were taken: what a slope in the intercept adds to a gradient.
    """

    triangle: Floating
    ridge: float
    rows: Floating | None = None
    center: Floating | None = None

    def solve(self, right: Floats) -> Floats:
        """Return ``(A'A + ridge I)^-1 r`` for every row ``r`` of ``right``, shape (m, d)."""
        if self.rows is None:
            return self._solve(right)
        # (A'A + r I)^-1 g = (g - A' (A A' + r I)^-1 A g) / r, an m x m problem for m < d
        inner = self._solve(right @ self.rows.T)
        solved: Floats = (right - inner @ self.rows) / self.ridge
        return solved

    @property
    def nbytes(self) -> int:
        """The memory that the arrays take."""
        return self.triangle.nbytes + (0 if self.rows is None else self.rows.nbytes)

    def inverse(self) -> Floating:
        """Return the lower triangle of ``(A'A + ridge I)^-1``, primal form only."""
        invert = spotri if self.triangle.dtype == np.float32 else dpotri
        inverse, _ = invert(self.triangle, lower=1)
        return inverse

    def _solve(self, right: Floats) -> Floats:
        # scaled, so that float32 neither overflows nor underflows
        scale = np.abs(right).max(axis=1, initial=0.0, keepdims=True)
        scale[scale == 0] = 1.0
        solution = _substitute(self.triangle, (right / scale).astype(self.triangle.dtype))
        return np.asarray(solution, dtype=np.float64) * scale


def _substitute(triangle: Floating, right: Floating) -> Floating:
    """Return ``(L L')^-1 r`` for every row ``r`` of ``right``."""
    single = triangle.dtype == np.float32
    if len(right) == 1:  # without the copies that a block of right-hand sides is worth
        solve = strsv if single else dtrsv
        half = solve(triangle, right[0], lower=1)
        return np.asarray(solve(triangle, half, lower=1, trans=1))[None]
    solution, _ = (spotrs if single else dpotrs)(triangle, right.T, lower=1)
    return np.asarray(solution.T)


@dataclass(frozen=True, eq=False)
class Preconditioner:
    """One factor a column, and that of the sum of their inverses.

    Attributes
    ----------
    factors : tuple of Factor
        One a column.
    total : Factor or None
        Of ``sum_k P_k^-1``; None for one column, where the factors are in dual form, and where that
        overflows.
    """

    factors: tuple[Factor, ...]
    total: Factor | None = None
    tied_centers = None
    """Intercepts do not go along with the weights."""

    @classmethod
    def of(cls, factors: Sequence[Factor]) -> Preconditioner:
        """Return the preconditioner that the columns' factors make."""
        if len(factors) == 1 or any(f.rows is not None for f in factors):
            return cls(tuple(factors))
        total = np.zeros(factors[0].triangle.shape)
        for factor in factors:
            total += factor.inverse()
        # where the curvature vanishes its inverse overflows, and there is nothing to tie
        tied = factor_gram(total, 0.0) if np.isfinite(total).all() else None
        return cls(tuple(factors), tied)

    @property
    def nbytes(self) -> int:
        """The memory that the factors take."""
        return sum(f.nbytes for f in (*self.factors, self.total) if f is not None)

    def directions(self, gradients: Floats, slopes: Floats) -> Steps:
        """Return where to go from gradients in weights (m, K, d) and in intercepts (m, K)."""
        inner = gradients.copy()
        for k, factor in enumerate(self.factors):
            if factor.center is not None:
                inner[:, k] -= slopes[:, k, None] * factor.center
        return Steps(-self._confined(inner), None)

    def _confined(self, gradients: Floats) -> Floats:
        found = self._blocks(gradients)
        if len(self.factors) == 1:
            return found
        if self.total is not None:
            shift = self.total.solve(found.sum(axis=1))
            found -= self._blocks(np.repeat(shift[:, None], len(self.factors), axis=1))
        # exactly, or rounding would leave what no later step can take away
        found -= found.mean(axis=1, keepdims=True)
        return found

    def _blocks(self, right: Floats) -> Floats:
        return np.stack([f.solve(right[:, k]) for k, f in enumerate(self.factors)], axis=1)


def factor_price(m: int, d: int) -> float:
    """Return the multiplications of a factor of ``m`` sampled rows of ``d`` features."""
    return m * d * min(m, d) / 2 + min(m, d) ** 3 / 6


def factor_bytes(m: int, d: int) -> int:
    """Return the bytes of a factor of ``m`` sampled rows of ``d`` features, in float32."""
    return SINGLE * (d * d if d <= m else m * m + m * d)


def factor_rows(
    rows: Floating,
    weights: Floats,
    penalty: float,
    *,
    intercept: bool,
    crossproduct: Crossproduct,
) -> Factor:
    """Factor the Hessian that weighted rows give, the intercept eliminated.

    Eliminating an unpenalised intercept from the Hessian is the same as centring the rows at
    their weighted mean.

    Parameters
    ----------
    rows : ndarray of float32 or float64, shape (m, d)
        Overwritten.
    weights : ndarray of float64, shape (m,)
    penalty : float
        The coefficient of the identity; 0 with ``C = inf``.
    intercept : bool
    crossproduct : callable
        ``A -> A'A`` (`Engine.crossproduct`).
    """
    total, center = weights.sum(), None
    if intercept and total > 0:
        # in the rows' own precision: NumPy would first copy all of them to the other's
        center = (weights / total).astype(rows.dtype) @ rows
        rows -= center
    rows *= np.sqrt(weights).astype(rows.dtype)[:, None]
    dual = rows.shape[0] < rows.shape[1]
    a = np.ascontiguousarray(rows.T) if dual else rows
    factor = _factor(crossproduct, a, penalty, rows if dual else None)
    return replace(factor, center=center)


def _factor(
    crossproduct: Crossproduct, a: Floating, penalty: float, rows: Floating | None
) -> Factor:
    # known before the sum over all rows, which may then be taken once
    largest = np.einsum("ij,ij->j", a, a).max(initial=0.0)
    precise = a.dtype == np.float32 and not largest <= FLOAT32_DIAGONAL * penalty
    if precise and rows is not None:
        rows = rows.astype(np.float64)
    return factor_gram(crossproduct(a, precise=precise), penalty, rows)


def factor_gram(hessian: Floating, penalty: float, rows: Floating | None = None) -> Factor:
    """Factor ``hessian + penalty I``, shifting the diagonal until it is numerically positive.

    The shift is a share of each diagonal entry, which keeps the factor indifferent to the
    features' units; the dual form knows only a multiple of the identity.
    """
    diagonal = np.array(hessian.diagonal(), dtype=np.float64)
    if not np.isfinite(diagonal).all():
        raise TooLargeError(TOO_LARGE)
    own = np.where(diagonal > 0, diagonal, 1.0) if rows is None else diagonal.max(initial=1e-300)
    factor = spotrf if hessian.dtype == np.float32 else dpotrf
    share = 0.0 if penalty else SHARE
    while True:
        ridge = penalty + share * own
        shifted = np.array(hessian, order="F")
        shifted.flat[:: len(shifted) + 1] += ridge
        triangle, info = factor(shifted, lower=1, overwrite_a=1)
        if info == 0:
            return Factor(triangle, float(np.max(ridge)), rows)
        share = max(share, float(np.finfo(hessian.dtype).eps)) * 10
