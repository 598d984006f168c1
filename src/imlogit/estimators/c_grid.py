"""A grid of values of C: its values, its fits in the order in which they start, its best value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from imlogit.arrays import Floats
from imlogit.core.starts.start import Blend
from imlogit.errors import ParameterError
from imlogit.estimators.fits import Fit, Fitted
from imlogit.estimators.folds import Fold, deviation

# The grid that a number of values of C stands for, as scikit-learn's.
GRID_ENDS = (1e-4, 1e4)
# Values that are fitted one after another are at most so many steps of the grid apart, and so many
# decades; the next ones are so many times closer.
STRIDES, STRIDE_DECADES = (1, 2, 4, 8), 1.2
FINER = 4
# So many neighbours say where a fit between them begins, so many before it where one beyond them;
# none says anything of a C so many decades away.
NEIGHBOURS, POINTING = 6, 3
FARTHEST = 1.2


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

    Each begins at the polynomial in log C through its neighbours (`_course`). Folds begin at the
    fit of all rows, and at what sets them apart from it at the neighbours. A single fold has
    nobody to share with, and goes along C itself; of all rows only the chosen C is fitted then, in
    the end.
    """
    fits: list[Fit] = []
    places: list[list[int]] = [[] for _ in Cs]
    order = np.argsort(Cs, kind="stable")
    logs = np.log10(Cs[order])
    for k, near in _course(logs):
        shares = _shares(logs[near], logs[k])
        known = [places[order[one]] for one in near[: len(shares)]]
        C, first = float(Cs[order[k]]), len(fits)
        start = _blend([(of[0], share) for of, share in zip(known, shares, strict=True)])
        if len(splits) == 1:
            fits.append(Fit(C, splits[0].times, start, splits[0].test))
        else:
            fits.append(Fit(C, None, start))
            for fold, split in enumerate(splits, start=1):
                apart = zip(known, shares, strict=True)
                terms = [(first, 1.0)]
                terms += [pair for of, s in apart for pair in ((of[fold], s), (of[0], -s))]
                fits.append(Fit(C, split.times, _blend(terms), split.test))
        places[order[k]] = list(range(first, len(fits)))
    return fits, places


def _course(logs: Floats) -> Iterator[tuple[int, list[int]]]:
    """Yield the values in the order in which they are fitted, and their neighbours before them.

    A few far apart come one after another, from where those before point to; then those between
    them at once, which share the reads of the rows, and last those between all of these.
    """
    n = len(logs)
    stride = _stride(logs)
    done = sorted({*range(0, n, stride), n - 1})
    for place, k in enumerate(done):
        yield k, done[max(0, place - POINTING) : place][::-1]
    while stride > 1:
        stride = max(1, stride // FINER)
        known, done = done, sorted({*done, *range(0, n, stride)})
        for k in sorted({*done} - {*known}):
            yield k, sorted(known, key=lambda one: abs(logs[one] - logs[k]))[:NEIGHBOURS]


def _blend(terms: Sequence[tuple[int, float]]) -> Blend | None:
    places, shares = zip(*terms, strict=True) if terms else ((), ())
    return Blend(places, shares) if places else None


def _shares(known: Floats, wanted: float) -> list[float]:
    """Return the shares of known points in the polynomial through them, nearest first.

    Fewer are taken where the wanted one is so far away that a polynomial would lead astray: then
    the nearest alone, whole.
    """
    if len(known) > 1 and abs(known - wanted).min() <= FARTHEST and len(set(known)) == len(known):
        factors = [
            [(wanted - other) / (one - other) for other in known if other != one] for one in known
        ]
        return [float(np.prod(each)) for each in factors]
    return [1.0] * min(1, len(known))


def _stride(logs: Floats) -> int:
    """Return how many steps of a grid lie between two values that are fitted one after another."""
    spacing = (logs[-1] - logs[0]) / max(1, len(logs) - 1)
    return max((one for one in STRIDES if one * spacing <= STRIDE_DECADES), default=1)


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
