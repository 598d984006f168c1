"""The fits of a probe: scores along C on held-out rows, the refit, and few shots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from imlogit.arrays import Floats, Labels, Rows
from imlogit.core.loss import log_losses
from imlogit.core.solution import Observer
from imlogit.data.feature_set import Features
from imlogit.errors import DataError
from imlogit.estimators.c_grid import by_value, fits_along
from imlogit.estimators.fits import Fit, Fitted, begun_at, fit_all
from imlogit.estimators.fitted import adopt, warn_unless_converged
from imlogit.estimators.folds import Fold, split_rows
from imlogit.estimators.logistic import LogisticRegression
from imlogit.estimators.training_data import Prepared, prepare
from imlogit.evaluation.label_scores import mean_average_precision
from imlogit.runs.probes.protocols import best_of


class PathRow(NamedTuple):
    """What held-out rows say of one C, the mean over the folds.

    Of any number of labels a row, accuracy and log loss are means over the labels, and there is
    the mean average precision.
    """

    C: float
    accuracy: float
    log_loss: float
    relative_gap: float
    average_precision: float | None = None

    def score(self, scoring: str) -> float:
        """Return the score that C is chosen by; greater is better."""
        if scoring == "average_precision" and self.average_precision is not None:
            return self.average_precision
        return self.accuracy if scoring == "accuracy" else -self.log_loss

    def to_dict(self) -> dict[str, float]:
        """Return the figures that there are."""
        return {name: value for name, value in self._asdict().items() if value is not None}


class HeldOut(NamedTuple):
    """Rows that a fold held out, and the probabilities of their classes by its model."""

    rows: Rows
    probabilities: Floats


class Tried(NamedTuple):
    """A value of C, and what was said of held-out rows, fold by fold."""

    row: PathRow
    held_out: tuple[HeldOut, ...]


class Best:
    """The best value of C so far, by its place in a grid; of equal ones the first.

    Parameters
    ----------
    scoring : {"accuracy", "neg_log_loss", "average_precision"}
    """

    def __init__(self, scoring: str) -> None:
        self.scoring = scoring
        self.rows: dict[int, PathRow] = {}
        self.held_out: tuple[HeldOut, ...] = ()

    @property
    def place(self) -> int:
        """Where it is in the grid."""
        return best_of({k: row.score(self.scoring) for k, row in self.rows.items()})

    @property
    def row(self) -> PathRow:
        """What is known of it."""
        return self.rows[self.place]

    def look_at(self, found: dict[int, Tried]) -> None:
        """Take note of values; what was said of held-out rows is kept of the best alone."""
        self.rows |= {place: one.row for place, one in found.items()}
        if self.place in found:
            self.held_out = found[self.place].held_out


@dataclass(frozen=True)
class Fitter:
    """Fits over one set of rows, prepared once.

    Parameters
    ----------
    estimator : LogisticRegression
    X : ndarray, shape (n, d)
    y : ndarray of intp, shape (n,), or of uint8, shape (n, L)
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
        # a label that is rare may be in none of a fold's rows: there it is left out
        return split_rows(cv, self.data, {}, self.estimator.random_state, lacking=True)

    def path(self, Cs: Sequence[float], folds: Sequence[Fold]) -> list[Tried]:
        """Return what the held-out rows say of each C, in the order given."""
        grid = np.asarray(Cs, dtype=np.float64)
        fits, places = fits_along(grid, folds)
        found = by_value(self.fit_each(fits), places, len(folds))
        return [self._row(C, of_C, folds) for C, of_C in zip(Cs, found, strict=True)]

    def fit(self, C: float, fitted: Fitted | None = None) -> LogisticRegression:
        """Return the model of all rows, where it is known already as the estimator."""
        self.estimator.C = C
        if fitted is None:
            (fitted,) = self.fit_each([Fit(C)])
        adopt(self.estimator, self.data, fitted)
        warn_unless_converged(fitted.certificate)
        return self.estimator

    def along(self, Cs: Sequence[float]) -> list[Fitted]:
        """Return the models of all rows at every C, in the order given."""
        everything = np.arange(len(self.y))
        whole = Fold(everything, everything[:0], np.ones(len(everything), np.uint8))
        fits, places = fits_along(np.asarray(Cs, dtype=np.float64), [whole])
        found = self.fit_each(fits)
        return [found[place] for (place,) in places]

    def fit_each(self, fits: list[Fit]) -> list[Fitted]:
        """Return the models of some fits of these rows."""
        return fit_all(self.estimator, self.data, fits, observe=self.observe)

    def fit_from(self, start: Fitted | None, C: float, tol: float) -> Fitted:
        """Return the model of all rows at a gap of its own, begun at another model of theirs."""
        loose = clone(self.estimator).set_params(tol=tol)
        own = None if start is None else begun_at(start, self.data)
        (found,) = fit_all(
            loose, self.data, [Fit(C)], observe=self.observe, start=own, hand_on=True
        )
        return found

    def _row(self, C: float, of_C: Sequence[Fitted | None], folds: Sequence[Fold]) -> Tried:
        figures, held_out = [], []
        fitted = [one for one in of_C[1:] if one is not None]
        for one, fold in zip(fitted, folds, strict=True):
            if one.margins is None:
                continue  # a fold in which no label is told apart
            p, answers = one.probabilities(self.estimator.multi_class), self.data.answers[fold.test]
            figures.append(_figures_of(answers, p))
            held_out.append(HeldOut(fold.test, p))
        accuracy, loss, *precision = _mean(figures)
        gap = max(map(_worst_gap, fitted))
        return Tried(PathRow(float(C), accuracy, loss, gap, *precision), tuple(held_out))


def _mean(figures: Sequence[tuple[float, ...]]) -> list[float]:
    """Return the mean over the folds that have figures.

    Raises
    ------
    DataError
        Where none has.
    """
    defined = [one for one in figures if not np.isnan(one).any()]
    if not defined:
        raise DataError(
            "Every label is one that no row of a part has, or every row, in the rows that are "
            "fitted on or held out: C cannot be chosen. Give a part with validation=..., or one "
            "C with Cs=...",
            parameter="validation",
        )
    means: list[float] = np.mean(defined, axis=0).tolist()
    return means


def _figures_of(answers: NDArray[np.intp], p: Floats) -> tuple[float, ...]:
    """Return accuracy and log loss and, of any number of labels a row, mAP, too."""
    if answers.ndim == 1:
        own = p[np.arange(len(answers)), answers]
        return float((p.argmax(axis=1) == answers).mean()), float(log_losses(own).mean())
    defined = np.flatnonzero(~np.isnan(p).any(axis=0))
    p, answers = p[:, defined], answers[:, defined]
    losses = log_losses(np.where(answers == 1, p, 1 - p))
    right = (p > 0.5) == (answers == 1)
    precision = mean_average_precision(answers, p).value
    return float(right.mean()), float(losses.mean()), precision


def _worst_gap(fitted: Fitted) -> float:
    """Return the worst relative gap of the columns that there was something to fit of."""
    parts = fitted.certificate.columns or (fitted.certificate,)
    return max((one.relative_gap for one in parts if one.status != "undefined"), default=math.nan)
