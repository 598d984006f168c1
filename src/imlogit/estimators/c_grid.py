"""A grid of values of C: its values, its fits in the order in which they start, its best value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imlogit.arrays import Floats
from imlogit.errors import ParameterError
from imlogit.estimators.fits import Fit, Fitted
from imlogit.estimators.folds import Fold, deviation

# The grid that a number of values of C stands for, as scikit-learn's.
GRID_ENDS = (1e-4, 1e4)


def grid_of(Cs: Any) -> Floats:
    """Return the values of C that a number of them, or their list, stands for."""
    if isinstance(Cs, (int, np.integer)) and not isinstance(Cs, bool) and Cs >= 1:
        return np.geomspace(*GRID_ENDS, int(Cs))
    try:
        values = np.asarray(Cs, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.ndim != 1 or not values.size or not (values > 0).all():
        raise ParameterError(
            f"Cs={Cs!r} must be a whole number of at least 1 or positive numbers", parameter="Cs"
        )
    return values


def fits_along(Cs: Floats, splits: Sequence[Fold]) -> tuple[list[Fit], list[list[int]]]:
    """Return all fits, C after C, and for each C where its own are: all rows, then the folds."""
    fits: list[Fit] = []
    places: list[list[int]] = [[] for _ in Cs]
    before = None
    for k in np.argsort(Cs, kind="stable"):
        whole = len(fits)
        C = float(Cs[k])
        fits += [Fit(C, None, before), *(Fit(C, s.times, whole, s.test) for s in splits)]
        places[k] = list(range(whole, len(fits)))
        before = whole
    return fits, places


def by_value(found: Sequence[Fitted | None], places: list[list[int]]) -> list[list[Fitted | None]]:
    """Return the fits of each C, that of all rows first."""
    return [[found[place] for place in of_C] for of_C in places]


def choose(Cs: Floats, scores: Floats, rule: str) -> tuple[int, int]:
    """Return the places of the best C and of the one that the rule chooses."""
    mean = scores.mean(axis=0)
    if np.isnan(mean).all():
        fold = int(np.isnan(scores).any(axis=1).argmax()) + 1
        raise ParameterError(
            f"the scoring is nan on the held-out rows, of fold {fold} for one, so no C can be "
            "chosen: take stratified folds, or another scoring",
            parameter="scoring",
        )
    mean = np.where(np.isnan(mean), -np.inf, mean)
    order = np.argsort(Cs, kind="stable")
    best = int(order[mean[order].argmax()])
    error = deviation(scores[:, best]) / np.sqrt(len(scores))
    if rule == "best" or np.isnan(error):
        return best, best
    near = order[mean[order] >= mean[best] - error]
    return best, int(near[0])
