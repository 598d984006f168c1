"""One factor for all classes of a softmax: a Kronecker product of two small matrices.

The Hessian of the loss in the weights has a block for each pair of classes,
``sum_i h_ikl x_i x_i'`` with ``h_ikl = c_i (p_ik [k = l] - p_ik p_il)``. If curvatures and features
were independent over the rows, it would be ``A x S``, with ``A`` (K, K) the Hessian in the
intercepts and ``S`` (d, d) the covariance of the features, rows weighted with their curvature. With
the eigenvectors of both, ``A x S + penalty`` is diagonal. It takes ``d^2 + K^2`` numbers where a
factor a class takes ``K d^2``.

Each class's rows are taken around their own mean ``m_k``, weighted with its curvature: a step that
changes ``w_k`` moves the intercept by ``-m_k . w_k``, and the two hardly know each other then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import eigh

from imlogit.arrays import Floats
from imlogit.core.contract import Engine, Leverages, Problem
from imlogit.core.directions.factors import FLOAT32_DIAGONAL, TOO_LARGE, Floating, Steps
from imlogit.core.regression import Regression
from imlogit.errors import TooLargeError

# Without a penalty curvatures below this share of the largest are taken for as much.
SHARE = 1e-10
# Of fewer rows than features, one in so many tells the variance that is left.
HOLD_OUT = 5


@dataclass(frozen=True, eq=False)
class SharedFactor:
    """``(A x S + penalty)^-1``.

    Attributes
    ----------
    centers : ndarray of float64, shape (K, d)
        The classes' means ``m_k``; zeros without an intercept.
    vectors, spread : ndarray, shapes (d, r) and (r,)
        Orthonormal eigenvectors and eigenvalues of ``S``.
    outside : float
        The variance in every direction outside them, if there is any.
    classes, coupling : ndarray of float64, shapes (K, K) and (K,)
        Eigenvectors and eigenvalues of ``A``.
    penalty : float
    tied : bool
        Whether intercepts go along with the weights.
    """

    centers: Floats
    vectors: Floating
    spread: Floats
    outside: float
    classes: Floats
    coupling: Floats
    penalty: float
    tied: bool

    def coupled_by(self, coupling: Floats) -> SharedFactor:
        """Return the same with another Hessian of the classes, (K, K)."""
        values, classes = _eigen_of_classes(coupling)
        return replace(self, classes=classes, coupling=values)

    @property
    def tied_centers(self) -> Floats | None:
        """The classes' means, where intercepts go along with the weights."""
        return self.centers if self.tied else None

    @property
    def nbytes(self) -> int:
        """The memory that the arrays take."""
        return self.centers.nbytes + self.vectors.nbytes + self.classes.nbytes

    def directions(self, gradients: Floats, slopes: Floats) -> Steps:
        """Return where to go from gradients in weights (m, K, d) and in intercepts (m, K)."""
        inner = gradients - slopes[:, :, None] * self.centers
        weights = -np.stack([self._solve(one) for one in inner])
        # exactly, or rounding would leave what no later step can take away
        weights -= weights.mean(axis=1, keepdims=True)
        if not self.tied:
            return Steps(weights, None)
        shifts = np.stack([self._shift(slope) for slope in slopes])
        return Steps(weights, shifts - np.einsum("mkd,kd->mk", weights, self.centers))

    def _solve(self, right: Floats) -> Floats:
        """Return ``(A x S + penalty)^-1 right``, shape (K, d)."""
        real = self.vectors.dtype.type
        scale = float(np.abs(right).max(initial=0.0)) or 1.0  # float32 neither over- nor underflows
        scaled, classes = (right / scale).astype(real), self.classes.astype(real)
        along = classes.T @ scaled
        inside, outside = self._inverse(self.spread), self._inverse(np.array([self.outside]))
        d, r = self.vectors.shape
        if r < d:
            inside = (inside - outside).astype(real)
            solved = outside.astype(real) * along
            solved += inside * (along @ self.vectors) @ self.vectors.T
        else:
            solved = inside.astype(real) * (along @ self.vectors) @ self.vectors.T
        return np.asarray(classes @ solved, dtype=np.float64) * scale

    def _inverse(self, spread: Floats) -> Floats:
        """Return the inverse of the curvatures along each pair of eigenvectors, (K, r)."""
        curved = self.coupling[:, None] * spread + self.penalty
        most = self.coupling.max(initial=0.0) * self.spread.max(initial=0.0) + self.penalty
        inverse: Floats = 1 / np.maximum(curved, max(SHARE * most, np.finfo(float).tiny))
        return inverse

    def _shift(self, slope: Floats) -> Floats:
        """Return the Newton step of the intercepts alone; the softmax sees no equal shift."""
        least = max(SHARE * self.coupling.max(initial=0.0), np.finfo(float).tiny)
        inverse = np.where(self.coupling > least, 1 / np.maximum(self.coupling, least), 0.0)
        shift: Floats = -(self.classes @ (inverse * (self.classes.T @ slope)))
        return shift


def draw_shared_factor(
    engine: Engine,
    problem: Problem,
    slot: int,
    regression: Regression,
    positions: Floats,
    leverages: Leverages | None = None,
    *,
    precise: bool,
    tied: bool,
) -> SharedFactor:
    """Return the factor of rows drawn by their curvature at the current point of a slot.

    Parameters
    ----------
    positions : ndarray of float64, shape (m,)
    leverages : callable, optional
        As in `imlogit.core.contract.Problem.draw`.
    precise : bool
        Whether to compute in float64.
    tied : bool
        Whether intercepts go along with the weights.
    """
    rows, weights = problem.draw(slot, None, positions, leverages)
    coupling = problem.coupling(slot)
    taken = engine.rows(rows, precise=precise)
    steepest = float(np.einsum("md,md->m", taken, taken).max(initial=0.0))
    if coupling.diagonal().max() * steepest > FLOAT32_DIAGONAL * regression.penalty:
        taken = engine.rows(rows, precise=True)
    spread, vectors, outside = _spectrum(engine, taken, weights, centered=regression.intercept)
    values, classes = _eigen_of_classes(coupling)
    centers = np.zeros((len(coupling), engine.n_features))
    if regression.intercept:
        centers = problem.curved_means(slot)
    return SharedFactor(
        centers, vectors, spread, outside, classes, values, regression.penalty, tied
    )


def _eigen_of_classes(coupling: Floats) -> tuple[Floats, Floats]:
    values, vectors = np.linalg.eigh(coupling)
    return np.maximum(values, 0.0), vectors


def _spectrum(
    engine: Engine, rows: Floating, weights: Floats, *, centered: bool
) -> tuple[Floats, Floating, float]:
    """Return eigenvalues and eigenvectors of the covariance of weighted rows (m, d).

    And the variance outside them, where there are fewer rows than features: drawn rows say too
    much of the variance in their own span and nothing of that outside, so that some are held out to
    tell. The rows are overwritten; of the weights only the ratios matter.
    """
    total = weights.sum()
    even = np.full(len(rows), 1 / len(rows))
    shares = (weights / total if total > 0 else even).astype(rows.dtype)
    if centered:
        rows -= shares @ rows
    rows *= np.sqrt(shares)[:, None]
    m, d = rows.shape
    if m >= d:
        return *_eigen(engine.crossproduct(rows)), 0.0
    held_out = np.arange(m) % HOLD_OUT == 0 if m < engine.n_rows else np.zeros(m, dtype=bool)
    own, others = rows[~held_out], rows[held_out]
    values, inner = _eigen(engine.crossproduct(np.ascontiguousarray(own.T)))
    seen = values > np.finfo(rows.dtype).eps * values.max(initial=0.0) * len(values)
    values, inner = values[seen], inner[:, seen]
    vectors = own.T @ (inner / np.sqrt(values).astype(inner.dtype))
    if not len(others):
        return values, vectors, 0.0
    scale = 1 / max(float(shares[held_out].sum()), np.finfo(float).tiny)
    along = np.square(others @ vectors).sum(axis=0, dtype=np.float64) * scale
    left = float(np.square(others).sum(dtype=np.float64)) * scale - along.sum()
    return along, vectors, max(left, 0.0) / max(d - len(values), 1)


def _eigen(gram: Floating) -> tuple[Floats, Floating]:
    if not np.isfinite(gram).all():
        raise TooLargeError(TOO_LARGE)
    values, vectors = eigh(gram, overwrite_a=True, check_finite=False, driver="evd")
    return np.maximum(values, 0.0).astype(np.float64), vectors
