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
# Fits that start from each other are at most so many values, and so far, apart.
MOST_STRIDE, STRIDE_DECADES = 4, 0.5


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
    """Return all fits, and for each C where its own are: that of all rows, then the folds'.

    Some values are fitted one after another along C, each from the one before, and then all those
    between them at once, each from its neighbour: they share the reads of the rows. Folds start
    from the fit of all rows. A single fold has nobody to share with, and goes along C itself; of
    all rows only the chosen C is fitted then, in the end.
    """
    fits: list[Fit] = []
    places: list[list[int]] = [[] for _ in Cs]
    order = np.argsort(Cs, kind="stable")
    stride = _stride(Cs[order])
    anchors = range(0, len(order), stride)
    between = [k for k in range(len(order)) if k % stride]
    for k in (*anchors, *between):
        # the next anchor below or above; along the anchors, the one before
        near = k - stride if k % stride == 0 else stride * round(k / stride)
        near -= stride * (near > anchors[-1])
        start = places[order[near]][0] if near >= 0 else None
        C, first = float(Cs[order[k]]), len(fits)
        if len(splits) == 1:
            fits.append(Fit(C, splits[0].times, start, splits[0].test))
        else:
            fits += [Fit(C, None, start), *(Fit(C, s.times, first, s.test) for s in splits)]
        places[order[k]] = list(range(first, len(fits)))
    return fits, places


def _stride(Cs: Floats) -> int:
    """Return how many steps of a grid lie between two values that are fitted one after another."""
    spacing = np.log10(Cs[-1] / Cs[0]) / max(1, len(Cs) - 1)
    return int(
        np.clip(STRIDE_DECADES // max(spacing, STRIDE_DECADES / MOST_STRIDE), 1, MOST_STRIDE)
    )


def by_value(
    found: Sequence[Fitted | None], places: list[list[int]], n_folds: int
) -> list[list[Fitted | None]]:
    """Return the fits of each C: that of all rows first, None where there is none."""
    by_C = [[found[place] for place in of_C] for of_C in places]
    return [[None, *fits] if len(fits) == n_folds else fits for fits in by_C]


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


def with_intercept(fitted: Fitted, intercept: bool) -> Floats:
    """Return the weights of a fit and, where one is fitted, the intercept behind them."""
    if not intercept:
        return fitted.coef
    return np.concatenate([fitted.coef, fitted.intercept[:, None]], axis=1)
