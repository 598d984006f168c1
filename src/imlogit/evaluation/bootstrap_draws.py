"""The bootstrap's draws of rows, and the intervals of what comes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state, column_or_1d

from imlogit.arrays import Floats
from imlogit.errors import ParameterError
from imlogit.estimators.training_data import raise_as
from imlogit.evaluation.intervals import UNDEFINED, Interval, percentiles

Counts = NDArray[np.unsignedinteger]


def draw_replicates(
    n: int, n_rows: int, groups: ArrayLike | None, random_state: Any
) -> list[Counts]:
    """Return how often each of ``n`` replicates draws each row, shape (n_rows,).

    Raises
    ------
    ParameterError
        For groups that do not go with the rows, and for a single one.
    """
    group = np.arange(n_rows)
    if groups is not None:
        with raise_as(ParameterError, "groups"):
            labels = column_or_1d(groups)
        if len(labels) != n_rows:
            raise ParameterError(
                f"{len(labels)} groups for {n_rows} rows: give one for each row", parameter="groups"
            )
        group = np.unique(labels, return_inverse=True)[1]
    n_groups = int(group.max()) + 1
    if n_groups < 2:
        raise ParameterError(
            "groups names one group only: every draw would be the same", parameter="groups"
        )
    with raise_as(ParameterError, "random_state"):
        random = check_random_state(random_state)
    draws = []
    for _ in range(n):
        drawn = np.bincount(random.randint(n_groups, size=n_groups), minlength=n_groups)
        # a byte a row as a rule: eight would be 96 MB for 200 replicates of 60,000 rows
        draws.append(drawn.astype(np.min_scalar_type(drawn.max()))[group])
    return draws


def interval(values: Floats, confidence: float) -> Interval[Floats]:
    """Return the percentiles of (n, k, ...), class by class."""
    parts = [percentiles(of_class, confidence) for of_class in np.moveaxis(values, 1, 0)]
    return Interval(*np.stack(parts, axis=1))


def spread(values: Floats, confidence: float) -> Interval[float]:
    """Return the percentiles of one score of every replicate; nan where both are the same."""
    low, high = map(float, percentiles(values, confidence))
    return Interval(low, high) if low < high else UNDEFINED
