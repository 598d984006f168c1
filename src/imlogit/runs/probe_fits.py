"""The fits of a probe: scores along C on held-out rows, the refit, and few shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from imlogit.arrays import Labels, Rows
from imlogit.core.loss import log_losses
from imlogit.core.solution import Observer
from imlogit.data.feature_set import Features
from imlogit.errors import DataError
from imlogit.estimators.c_grid import by_value, fits_along
from imlogit.estimators.fits import Fit, Fitted, fit_all
from imlogit.estimators.fitted import adopt, warn_unless_converged
from imlogit.estimators.folds import Fold, split_rows
from imlogit.estimators.logistic import LogisticRegression
from imlogit.estimators.training_data import Prepared, prepare

# Of the root that a norm that is not squared asks for, in log C.
ROOT_TOLERANCE, MOST_DECADES = 1e-7, 12


class PathRow(NamedTuple):
    """What held-out rows say of one C, the mean over the folds."""

    C: float
    accuracy: float
    log_loss: float
    relative_gap: float

    def score(self, scoring: str) -> float:
        """Return the score that C is chosen by; greater is better."""
        return self.accuracy if scoring == "accuracy" else -self.log_loss


@dataclass(frozen=True)
class Fitter:
    """Fits over one set of rows, prepared once.

    Parameters
    ----------
    estimator : LogisticRegression
    X : ndarray, shape (n, d)
    y : ndarray of intp, shape (n,)
    observe : callable, optional
    """

    estimator: LogisticRegression
    X: Features
    y: Labels
    observe: Observer | None = None

    @cached_property
    def data(self) -> Prepared:
        """The rows as fits need them."""
        return prepare(self.estimator, self.X, self.y, None)

    def folds(self, cv: Any) -> list[Fold]:
        """Return the folds of a number, or of pairs of row numbers."""
        return split_rows(cv, self.data, {}, self.estimator.random_state)

    def path(self, Cs: Sequence[float], folds: Sequence[Fold]) -> list[PathRow]:
        """Return what the held-out rows say of each C, in the order given."""
        grid = np.asarray(Cs, dtype=np.float64)
        fits, places = fits_along(grid, folds)
        found = by_value(self.fit_each(fits), places, len(folds))
        return [self._row(C, of_C, folds) for C, of_C in zip(Cs, found, strict=True)]

    def fit(self, C: float) -> LogisticRegression:
        """Return the model of all rows."""
        self.estimator.C = C
        (fitted,) = self.fit_each([Fit(C)])
        adopt(self.estimator, self.data, fitted)
        warn_unless_converged(fitted.certificate)
        return self.estimator

    def replicates(self, C: float, draws: Sequence[Rows]) -> list[Fitted]:
        """Return the models of some rows each, fitted together."""
        return self.fit_each([Fit(C, _times(rows, len(self.y))) for rows in draws])

    def fit_each(self, fits: list[Fit]) -> list[Fitted]:
        """Return the models of some fits of these rows."""
        return fit_all(self.estimator, self.data, fits, observe=self.observe)

    def _row(self, C: float, of_C: Sequence[Fitted | None], folds: Sequence[Fold]) -> PathRow:
        accuracies, losses = [], []
        fitted = [one for one in of_C[1:] if one is not None]
        for one, fold in zip(fitted, folds, strict=True):
            p, codes = one.probabilities(self.estimator.multi_class), self.data.codes[fold.test]
            accuracies.append(float((p.argmax(axis=1) == codes).mean()))
            losses.append(float(log_losses(p[np.arange(len(codes)), codes]).mean()))
        gap = max(one.certificate.relative_gap for one in fitted)
        return PathRow(float(C), float(np.mean(accuracies)), float(np.mean(losses)), float(gap))


def _times(rows: Rows, n: int) -> NDArray[np.uint8]:
    times = np.zeros(n, dtype=np.uint8)
    times[rows] = 1
    return times


def equivalent_C(fitter: Fitter, C: float) -> float:  # noqa: N802
    """Return our C whose optimum is that of mean loss + (1/C) 0.5 ||W||, the norm not squared.

    Where the gradient of the summed loss is -W / ours in our optimum and -n W / (2 C ||W||) in the
    other, both are one where ``||W(ours)|| / ours = n / (2 C)``. The left side is the norm of the
    gradient along our path, which only falls with C: there is one root.

    Raises
    ------
    DataError
        Where the optimum is W = 0, which no C of ours has.
    """
    n = len(fitter.y)

    def excess(log_C: float) -> float:
        ours = float(np.exp(log_C))
        (fitted,) = fitter.fit_each([Fit(ours)])
        # two classes have one column here, and in a softmax two of half the weight each: there
        # the same step along it costs less, by the root of two
        norm = np.linalg.norm(fitted.coef) * (np.sqrt(2) if len(fitted.coef) == 1 else 1)
        return float(np.log(norm / ours) - np.log(n / (2 * C)))

    # a small W is C times the gradient at W = 0
    low = high = float(np.log(C / n))
    step = np.log(10.0)
    for _ in range(MOST_DECADES):
        if excess(low) > 0:
            break
        low -= step
    else:
        raise DataError(
            f"At C = {C:g} the optimum of mean loss + (1/C) 0.5 ||W|| is W = 0: the penalty is "
            "stronger than the gradient there, and no model is fitted. Take another protocol.",
            parameter="protocol",
        )
    high = max(high, low + step)
    while excess(high) > 0:
        high += step
    return float(np.exp(brentq(excess, low, high, xtol=ROOT_TOLERANCE)))
