"""What rounding may hide of a duality gap that has come down to it."""

from __future__ import annotations

import math

import numpy as np

from imlogit.arrays import Floats
from imlogit.core.contract import Engine
from imlogit.core.descent import Descent
from imlogit.core.loss import logistic, softmax, softmax_residual

EPSILON = float(np.finfo(np.float64).eps)
# Roundings of what is no sum: an exponential, a division, a product.
FEW = 8
# So many features are looked at together.
BLOCK_ENTRIES = 1_000_000
# A step of the intercepts that changes no row's curvature by more than half.
SMALL_STEP = 0.5
# Below this share of the diagonal a curvature in the intercepts is no more than rounding.
SINGULAR = 1e-12


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
    hidden, sizes = np.zeros((k, d + 1)), np.zeros((k, d + 1))
    slope, curvature = np.zeros(k), np.zeros((k, k))
    for rows in np.array_split(np.arange(n), max(1, n * (d + k) // BLOCK_ENTRIES)):
        x = np.column_stack([engine.rows(rows, precise=True), np.ones(len(rows))])
        r, bent = _derivatives(descent, rows, x)
        slope += r.sum(axis=1)
        curvature += bent
        reach = np.abs(x) @ np.abs(np.column_stack([descent.weights, descent.b])).T
        roundings = math.sqrt(n) + FEW + 2 * (math.sqrt(d) + FEW) * reach.max(axis=1)
        sizes += np.abs(r) @ np.abs(x)
        hidden += (np.abs(r) * (EPSILON * roundings)) @ np.abs(x)
    error = float(np.linalg.norm(hidden[:, :d]))
    error += EPSILON * FEW * float(np.linalg.norm(descent.weights))
    lost = 0.0
    if descent.regression.intercept:
        lost, step = newton_gain(np.abs(slope) + hidden[:, d], curvature)
        error += 2 * step * float(np.linalg.norm(sizes[:, :d]))
    return 0.5 * (math.sqrt(2 * descent.gap) + error) ** 2 + lost


def newton_gain(slope: Floats, curvature: Floats) -> tuple[float, float]:
    """Return at most what intercepts off their minimum lose, and how far they are from it.

    Twice Newton's promise, where its step is so small that no curvature changes by more than
    that; infinite elsewhere.

    Parameters
    ----------
    slope : ndarray of float64, shape (K,)
        The absolute gradient in the intercepts.
    curvature : ndarray of float64, shape (K, K)
        With more than one column singular: the softmax does not see an equal shift.
    """
    diagonal = curvature.diagonal()
    if not (diagonal > 0).all():
        return math.inf, math.inf
    unit = 1 / np.sqrt(diagonal)
    values = np.linalg.eigvalsh(curvature * unit[:, None] * unit)
    least = float(values[min(1, len(values) - 1)])
    scaled = float(np.linalg.norm(unit * slope))
    if least <= SINGULAR or (step := float(unit.max()) * scaled / least) > SMALL_STEP:
        return math.inf, math.inf
    return scaled**2 / least, step


def _derivatives(descent: Descent, rows: np.ndarray, x: Floats) -> tuple[Floats, Floats]:
    """Return some rows' residuals (K, m), and their curvature in the intercepts (K, K)."""
    regression = descent.regression
    codes, costs = regression.codes[rows], regression.costs[rows]
    margins = np.column_stack([descent.weights, descent.b]) @ x.T
    if len(margins) == 1:
        signs = np.where(codes > 0, 1.0, -1.0)
        _, dual, bent = logistic(margins[0] * signs)
        return (-signs * costs * dual)[None], np.array([[costs @ bent]])
    _, p = softmax(margins, codes)
    own = np.arange(len(p))[:, None] == codes
    weighted = costs * p
    # less the others' share, not one minus the own: where p is 1 no digit would be left
    bent = -(weighted @ p.T)
    np.fill_diagonal(bent, 0.0)
    np.fill_diagonal(bent, -bent.sum(axis=1))
    return costs * softmax_residual(p, own), bent
