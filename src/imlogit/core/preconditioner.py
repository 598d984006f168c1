"""Preconditioners: the factored Hessian of all rows, or of a drawn sample of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotrs, spotrf, spotrs

from imlogit.core.columns import Floats

Floating = NDArray[np.floating]
Crossproduct = Callable[[Floating], Floating]

# Float32 sums resolve a penalty of 1 beside a diagonal of at most about this much.
FLOAT32_DIAGONAL = 1e5
# Without a penalty the Hessian may be singular; a shift by this share of its diagonal keeps the
# factor finite, and only slows the flat directions.
SHARE = 1e-12
TOO_LARGE = "the features are too large: their squares overflow float64; scale them down"


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
    """

    triangle: Floating
    ridge: float
    rows: Floating | None = None

    def descent(self, gradient: Floats) -> Floats:
        """Return the direction ``-(A'A + ridge I)^-1 gradient``, shape (d,)."""
        if self.rows is None:
            return -self._solve(gradient)
        # (A'A + r I)^-1 g = (g - A' (A A' + r I)^-1 A g) / r, an m x m problem for m < d
        inner = self._solve(self.rows @ gradient)
        return -(gradient - self.rows.T @ inner) / self.ridge

    def _solve(self, right: Floats) -> Floats:
        solve = spotrs if self.triangle.dtype == np.float32 else dpotrs
        # scaled, so that float32 neither overflows nor underflows
        scale = float(np.abs(right).max()) or 1.0
        solution, _ = solve(self.triangle, (right / scale).astype(self.triangle.dtype), lower=1)
        return np.asarray(solution, dtype=np.float64) * scale


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
    total = weights.sum()
    if intercept and total > 0:
        rows -= (weights @ rows / total).astype(rows.dtype)
    rows *= np.sqrt(weights).astype(rows.dtype)[:, None]
    dual = rows.shape[0] < rows.shape[1]
    a = np.ascontiguousarray(rows.T) if dual else rows
    return _factor(crossproduct, a, penalty, rows if dual else None)


def _factor(
    crossproduct: Crossproduct, a: Floating, penalty: float, rows: Floating | None
) -> Factor:
    hessian = crossproduct(a)
    if a.dtype == np.float32 and hessian.diagonal().max(initial=0.0) > FLOAT32_DIAGONAL * penalty:
        a = a.astype(np.float64)
        hessian = crossproduct(a)
        rows = None if rows is None else rows.astype(np.float64)
    return factor_gram(hessian, penalty, rows)


def factor_gram(hessian: Floating, penalty: float, rows: Floating | None = None) -> Factor:
    """Factor ``hessian + penalty I``, shifting the diagonal until it is numerically positive.

    The shift is a share of each diagonal entry, which keeps the factor indifferent to the
    features' units; the dual form knows only a multiple of the identity.
    """
    diagonal = np.array(hessian.diagonal(), dtype=np.float64)
    if not np.isfinite(diagonal).all():
        raise FloatingPointError(TOO_LARGE)
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
