"""Scaling: what is done to features and rows before a fit, while they are read."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from imlogit.engines.matrix import Matrix
from imlogit.engines.scaled_matrix import NormalizedMatrix, Standardization, standardization_of
from imlogit.errors import ZeroRowsWarning
from imlogit.estimators.rows import check_finite, zero_rows
from imlogit.system.callers import caller_level

if TYPE_CHECKING:
    from imlogit.estimators.logistic import LogisticRegression


def scale_rows(
    estimator: LogisticRegression, matrix: Matrix
) -> tuple[Matrix, Standardization | None]:
    """Return the rows, normalised where they are to be, and how their features are standardised.

    One pass for each of the two, or one that looks for the largest of them, also tells whether
    all rows are finite.

    Raises
    ------
    DataError
        Where they are not.

    Warns
    -----
    ZeroRowsWarning
        Where rows are to be normalised that have no direction.
    """
    standardization = None
    if estimator.normalize is not None:
        matrix = NormalizedMatrix(matrix)
    if estimator.standardize:
        standardization = standardization_of(matrix, center=bool(estimator.fit_intercept))
    check_finite(matrix)
    zero = zero_rows(matrix) if isinstance(matrix, NormalizedMatrix) else None
    if zero is not None:
        warnings.warn(
            f"{zero} and have no direction: normalize='l2' leaves them zero, so that only the "
            "intercept speaks for them; leave them out if they are no data",
            ZeroRowsWarning,
            stacklevel=caller_level(),
        )
    return matrix, standardization
