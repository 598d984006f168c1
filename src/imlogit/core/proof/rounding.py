"""What rounding may hide of a duality gap that has come down to it."""

from __future__ import annotations

import math

import numpy as np

from imlogit.arrays import Floats, Rows
from imlogit.core.contract import Engine
from imlogit.core.descent import Descent
from imlogit.core.loss import logistic, softmax, softmax_residual
from imlogit.core.regression import Regression

EPSILON = float(np.finfo(np.float64).eps)
# Roundings of what is no sum: an exponential, a division, a product.
FEW = 8
# So many features are looked at together.
BLOCK_ENTRIES = 1_000_000
# A step of the intercepts that changes no row's curvature by more than half.
SMALL_STEP = 0.5
# Below this share of the diagonal a curvature in the intercepts is no more than rounding.
SINGULAR = 1e-13


def gap_with_rounding(engine: Engine, descent: Descent) -> float:
    """Return the duality gap with all that rounding may have hidden, in one look at the rows.

    A sum of n terms is off by the square root of n roundings of what its terms add up to in size
    [1]_. A residual is off by as much as the margins it is made of, which are sums over features.
    A slope that is left in the intercepts costs at most twice what a Newton step would gain.

    References
    ----------
    .. [1] N. J. Higham, T. Mary, A new approach to probabilistic rounding error analysis, SIAM
       Journal on Scientific Computing 41 (2019).
    """
    k, d, n = len(descent.weights), engine.n_features, engine.n_rows
    hidden, sizes, slope, noise = np.zeros((k, d)), np.zeros((k, d)), np.zeros(k), np.zeros(k)
    curvature, within, spread = np.zeros((k, k)), 0.0, 0.0
    for rows in np.array_split(np.arange(n), max(1, n * (d + k) // BLOCK_ENTRIES)):
        x = engine.rows(rows, precise=True).astype(np.float64, copy=False)
        r, size, bent = _derivatives(descent, rows, x)
        of_sums = EPSILON * (math.sqrt(n) + FEW)
        reach = (np.abs(x) @ np.abs(descent.weights).T + np.abs(descent.b)).max(axis=1)
        of_margins = EPSILON * (math.sqrt(d) + FEW) * reach
        hidden += (size * (of_sums + 2 * of_margins)) @ np.abs(x)
        sizes += size @ np.abs(x)
        slope += r.sum(axis=1)
        noise += of_sums * size.sum(axis=1)
        curvature += bent
        within += 2 * float(size.sum(axis=0) @ of_margins**2)
        spread += 2 * float(size.sum(axis=0) @ np.square(x).sum(axis=1))
    error = float(np.linalg.norm(hidden))
    error += EPSILON * FEW * float(np.linalg.norm(descent.weights))
    lost = 0.0
    if descent.regression.intercept:
        lost, step = newton_gain(slope, noise, within, curvature)
        if math.isinf(lost):
            return math.inf
        error += min(2 * step * float(np.linalg.norm(sizes)), math.sqrt(spread * lost))
    return 0.5 * (math.sqrt(2 * descent.gap) + error) ** 2 + lost


def newton_gain(
    slope: Floats, noise: Floats, within: float, curvature: Floats
) -> tuple[float, float]:
    """Return at most what intercepts off their minimum lose, and how far they are from it.

    Twice Newton's promise, where its step is so small that no curvature changes by more than
    that; infinite elsewhere.

    Parameters
    ----------
    slope, noise : ndarray of float64, shape (K,)
        The gradient in the intercepts, and how far sums may take it from the true one.
    within : float
        What roundings of margins may do to the promise: these move a row's probabilities with
        its curvature, so that no small curvature of all rows makes more of them.
    curvature : ndarray of float64, shape (K, K)
        With more than one column singular: the softmax does not see an equal shift.
    """
    diagonal = curvature.diagonal()
    if not (diagonal > 0).all():
        return math.inf, math.inf
    unit = 1 / np.sqrt(diagonal)
    values, vectors = np.linalg.eigh(curvature * unit[:, None] * unit)
    seen = slice(min(1, len(values) - 1), None)
    values, vectors = values[seen], vectors[:, seen]
    if values[0] <= SINGULAR:
        return math.inf, math.inf
    along = np.abs(vectors.T @ (unit * slope)) + np.abs(vectors.T) @ (unit * noise)
    lost = (float(np.linalg.norm(along / np.sqrt(values))) + math.sqrt(within)) ** 2
    step = float(unit.max()) * math.sqrt(lost / values[0])
    return (lost, step) if step <= SMALL_STEP else (math.inf, math.inf)


def _derivatives(descent: Descent, rows: Rows, x: Floats) -> tuple[Floats, Floats, Floats]:
    """Return some rows' residuals (K, m), the size of their terms, and their curvature (K, K).

    The curvature is in the intercepts.
    """
    regression = descent.regression
    codes, costs = regression.codes[rows], regression.costs[rows]
    margins = descent.weights @ x.T + descent.b[:, None]
    if len(margins) == 1:
        signs = np.where(codes > 0, 1.0, -1.0)
        _, dual, bent = logistic(margins[0] * signs)
        residuals = (-signs * costs * dual)[None]
        return *_with_size(regression, rows, residuals), np.array([[costs @ bent]])
    _, p = softmax(margins, codes)
    own = np.arange(len(p))[:, None] == codes
    weighted = costs * p
    # less the others' share, not one minus the own: where p is 1 no digit would be left
    bent = -(weighted @ p.T)
    np.fill_diagonal(bent, 0.0)
    np.fill_diagonal(bent, -bent.sum(axis=1))
    return *_with_size(regression, rows, costs * softmax_residual(p, own)), bent


def _with_size(regression: Regression, rows: Rows, residuals: Floats) -> tuple[Floats, Floats]:
    """Return residuals of classes as those of the labels, and the size of what they are made of.

    Of soft labels they are that and what `imlogit.core.soft` adds.
    """
    if regression.targets is None:
        return residuals, np.abs(residuals)
    own = np.arange(regression.n_classes)[:, None] == regression.codes[rows]
    linear = (regression.costs[rows] * (own - regression.targets[rows].T))[-len(residuals) :]
    return residuals + linear, np.abs(residuals) + np.abs(linear)
