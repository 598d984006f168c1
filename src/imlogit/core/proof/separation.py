"""Whether data are separable, decided by linear programming."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from imlogit.arrays import Floats
from imlogit.core.contract import Engine
from imlogit.core.descent import Descent
from imlogit.core.newton import System
from imlogit.core.regression import Regression

# What the margins that are sought add up to counts as more than rounding from here on.
SOME_MARGIN = 1e-6
# How often a wait looks for an interrupt that reached another thread.
LISTEN_SECONDS = 0.1
# Larger programmes take too long.
MOST_ENTRIES = 1_000_000
# Margins below this share of what they are made of are rounding errors of zero.
HOLDS = 1e-12
# Eigenvalues of the Hessian above this share of its diagonal are seen in float64; a direction of
# another changes no margin by more than this.
SEEN, UNSEEN = 1e-12, 1e-9
# So many numbers are worked on together.
BLOCK_ENTRIES = 4_000_000


def status_without_penalty(
    engine: Engine, descent: Descent, system: System | None, status: str
) -> str:
    """Return the status of a fit with ``C = inf``.

    A vanishing gradient may also mean an optimum at infinity. What decides is a proof that there
    is an optimum, or a linear programme.

    Parameters
    ----------
    engine : Engine
    descent : Descent
        Not separated where it is.
    system : System or None
        Newton's equations there; None where they are too large.
    status : str
        How the fit ended.
    """
    rows = (
        engine.rows(np.arange(engine.n_rows), precise=True) if _is_small(engine, descent) else None
    )
    if system is not None and rows is not None and has_optimum(system, rows, descent):
        return status
    found = None if rows is None else separation(rows, descent.regression)
    if found is None:
        return "undetermined" if status == "converged" else status
    return found or status


def _is_small(engine: Engine, descent: Descent) -> bool:
    entries = engine.n_rows * engine.n_features
    if descent.b.size > 1:
        entries *= descent.b.size**2
    return entries <= MOST_ENTRIES


def has_optimum(system: System, rows: NDArray[np.floating], descent: Descent) -> bool:
    """Return whether Newton's equations at a point prove that there is an optimum.

    Along a direction that changes margins by ``t``, curvatures change by a factor of at most
    ``exp(t)``. So a Newton decrement of at most ``1 / (2 R)`` proves an optimum nearby [1]_, with
    ``R`` the most that a direction of length 1 in the metric of the Hessian does to a margin.
    Directions that change no margin at all are left out.

    Parameters
    ----------
    system : System
    rows : ndarray of float64, shape (n, d)
    descent : Descent

    References
    ----------
    .. [1] F. Bach, Self-concordant analysis for logistic regression, Electronic Journal of
       Statistics 4 (2010), proposition 2.
    """
    k, used = system.n_columns, descent.regression.costs > 0
    unit = system.units()
    values, vectors = np.linalg.eigh(system.hessian * unit[:, None] * unit)
    seen = values > SEEN * max(1.0, float(values[-1]))
    x = rows[used] - system.center
    if descent.regression.intercept:
        x = np.column_stack([x, np.ones(len(x))])
    # a feature that the Hessian does not see is constant, or its curvature has vanished
    blind = (unit[: k * len(system.center)] == 0).reshape(k, -1).any(axis=0)
    if (np.abs(x[:, : len(blind)][:, blind]) > UNSEEN * np.abs(system.center[blind])).any():
        return False
    basis = unit[:, None] * vectors
    slope = basis.T @ system.gradient
    reach = 0.0
    for part in np.array_split(x, max(1, x.size * basis.shape[1] // BLOCK_ENTRIES)):
        moved = _moved(part, basis, k, descent.regression.intercept)
        if (np.abs(moved[..., ~seen]) > UNSEEN).any():
            return False
        scaled = moved[..., seen] / np.sqrt(values[seen])
        reach = max(reach, float(np.linalg.norm(scaled, axis=-1).max(initial=0.0)))
    decrement = float(np.linalg.norm(slope[seen] / np.sqrt(values[seen])))
    return 2 * reach * (1 if k == 1 else 2) * decrement <= 1


def _moved(x: Floats, basis: Floats, k: int, intercept: bool) -> Floats:
    """Return what each basis vector does to margins, less the mean over classes, (K, n, m)."""
    d = x.shape[1] - intercept
    weights = basis[: k * d].reshape(k, d, -1)
    moved: Floats = np.einsum("nd,kdm->knm", x[:, :d], weights, optimize=True)
    if intercept:
        moved += basis[k * d :, None]
    return moved if k == 1 else moved - moved.mean(axis=0)


def separation(rows: NDArray[np.floating], regression: Regression) -> str | None:
    """Return "separated", "quasi-separated" or, where there is an optimum, an empty string.

    There is none if and only if some direction classifies no row wrong and at least one strictly
    right [1]_. The linear programme maximises the sum of the margins by which rows are classified
    right, against each other class, each held within [0, 1]. As directions may be of any length,
    each margin that can be positive is 1 then, and the sum is their number: all of them where the
    classes can be told apart. None where it came to no end, or where its direction does not hold.

    Parameters
    ----------
    rows : ndarray of float, shape (n, d)
    regression : Regression
        Rows that cost nothing are left out.

    References
    ----------
    .. [1] A. Albert and J. A. Anderson, On the existence of maximum likelihood estimates in
       logistic regression models, Biometrika 71 (1984).
    """
    used = regression.costs > 0
    scale = np.abs(rows[used]).max(axis=0)
    scaled = rows[used][:, scale > 0] / scale[scale > 0]
    if regression.intercept:
        scaled = np.column_stack([scaled, np.ones(len(scaled))])
    if not scaled.shape[1]:
        return ""
    places, codes = regression.labels(used)
    margins = _margins(scaled[places], codes, regression.n_columns)
    found = _optimum(
        -np.asarray(margins.sum(axis=0)).ravel(),
        A_ub=sparse.vstack([-margins, margins]),
        b_ub=np.concatenate([np.zeros(margins.shape[0]), np.ones(margins.shape[0])]),
        bounds=(None, None),
        method="highs",
    )
    if found.status != 0:
        return None
    reached = margins @ found.x
    rounding = HOLDS * (abs(margins) @ np.abs(found.x))
    if (reached < -rounding).any():
        return None
    right = np.count_nonzero(reached > np.maximum(rounding, SOME_MARGIN))
    return "" if not right else "separated" if right == len(reached) else "quasi-separated"


def _optimum(*programme: Any, **options: Any) -> Any:
    """Solve a linear programme in a thread that an interrupt leaves behind: HiGHS sees none."""
    from scipy.optimize import linprog

    answer: Future[Any] = Future()

    def solve() -> None:
        try:
            answer.set_result(linprog(*programme, **options))
        except Exception as error:
            answer.set_exception(error)

    thread = Thread(target=solve, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(LISTEN_SECONDS)
    return answer.result()


def _margins(rows: Floats, codes: NDArray[np.integer], n_columns: int) -> sparse.csr_array:
    """Return the matrix that takes weights, column by column, to margins of the own class."""
    if n_columns == 1:
        return sparse.csr_array(rows * np.where(codes > 0, 1.0, -1.0)[:, None])
    identity = np.eye(n_columns)
    against = [
        np.einsum("ik,id->ikd", identity[codes] - identity[k], rows)[codes != k].reshape(
            -1, n_columns * rows.shape[1]
        )
        for k in range(n_columns)
    ]
    return sparse.csr_array(np.concatenate(against))
