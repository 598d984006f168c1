"""Whether data are separable, decided by linear programming."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imlogit.core.columns import Columns


def is_quasi_separated(rows: NDArray[np.floating], column: Columns) -> bool:
    """Return whether some direction classifies no row wrong and at least one strictly right.

    Then the likelihood has no maximum [1]_. The linear programme maximises the sum of the
    signed margins, each held within [0, 1]: it is positive if and only if there is one.

    Parameters
    ----------
    rows : ndarray of float, shape (n, d)
    column : Columns
        One column; rows that cost nothing are left out.

    References
    ----------
    .. [1] A. Albert and J. A. Anderson, On the existence of maximum likelihood estimates in
       logistic regression models, Biometrika 71 (1984).
    """
    from scipy.optimize import linprog

    used = column.costs[0] > 0
    signed = rows[used]
    scale = np.abs(signed).max(axis=0)
    signed = signed[:, scale > 0] / scale[scale > 0]
    if column.intercept:
        signed = np.column_stack([signed, np.ones(len(signed))])
    signed = signed * column.signs[0, used, None]
    found = linprog(
        -signed.sum(axis=0),
        A_ub=np.concatenate([-signed, signed]),
        b_ub=np.concatenate([np.zeros(len(signed)), np.ones(len(signed))]),
        bounds=(None, None),
        method="highs",
    )
    return bool(found.status == 0 and -found.fun > 1e-6)
