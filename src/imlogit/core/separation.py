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
from imlogit.core.regression import Regression

# What the margins that are sought add up to counts as more than rounding from here on.
SOME_MARGIN = 1e-6
# How often a wait looks for an interrupt that reached another thread.
LISTEN_SECONDS = 0.1
# Larger programmes take too long.
QUASI_SEPARATION_ENTRIES = 1_000_000


def status_without_penalty(engine: Engine, regression: Regression, status: str) -> str:
    """Return the status of a fit with ``C = inf``.

    A vanishing gradient may also mean an optimum at infinity.

    Parameters
    ----------
    engine : Engine
    regression : Regression
        Not separated.
    status : str
        How the fit ended.
    """
    entries = engine.n_rows * engine.n_features
    if regression.n_columns > 1:
        entries *= regression.n_columns**2
    found = None
    if entries <= QUASI_SEPARATION_ENTRIES:
        rows = engine.rows(np.arange(engine.n_rows), precise=True)
        found = is_quasi_separated(rows, regression)
    if found is None:
        return "undetermined" if status == "converged" else status
    return "quasi-separated" if found else status


def is_quasi_separated(rows: NDArray[np.floating], regression: Regression) -> bool | None:
    """Return whether some direction classifies no row wrong and at least one strictly right.

    Then the likelihood has no maximum [1]_. The linear programme maximises the sum of the
    margins by which rows are classified right, against each other class, each held within
    [0, 1]: it is positive if and only if there is one. None where it came to no end.

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
    margins = _margins(scaled, regression.codes[used], regression.n_columns)
    found = _optimum(
        -np.asarray(margins.sum(axis=0)).ravel(),
        A_ub=sparse.vstack([-margins, margins]),
        b_ub=np.concatenate([np.zeros(margins.shape[0]), np.ones(margins.shape[0])]),
        bounds=(None, None),
        method="highs",
    )
    return bool(-found.fun > SOME_MARGIN) if found.status == 0 else None


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
