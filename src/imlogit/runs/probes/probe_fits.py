"""The fits of a probe: scores along C on held-out rows, the refit, and few shots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from imlogit.arrays import Floats, Labels, Rows
from imlogit.core.loss import log_losses
from imlogit.core.solution import Observer
from imlogit.data.feature_set import Features
from imlogit.estimators.c_grid import by_value, fits_along
from imlogit.estimators.fits import Fit, Fitted, fit_all
from imlogit.estimators.fitted import adopt, warn_unless_converged
from imlogit.estimators.folds import Fold, split_rows
from imlogit.estimators.logistic import LogisticRegression
from imlogit.estimators.training_data import Prepared, prepare
from imlogit.runs.probes.protocols import best_of


class PathRow(NamedTuple):
    """What held-out rows say of one C, the mean over the folds."""

    C: float
    accuracy: float
    log_loss: float
    relative_gap: float

    def score(self, scoring: str) -> float:
        """Return the score that C is chosen by; greater is better."""
        return self.accuracy if scoring == "accuracy" else -self.log_loss


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
    scoring : {"accuracy", "neg_log_loss"}
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
        loose, own = clone(self.estimator).set_params(tol=tol), None
        if start is not None:
            own = SimpleNamespace(
                coef=start.coef,
                intercept=start.intercept,
                classes=self.data.classes,
                preconditioner=start.preconditioner,
            )
        (found,) = fit_all(
            loose, self.data, [Fit(C)], observe=self.observe, start=own, hand_on=True
        )
        return found

    def _row(self, C: float, of_C: Sequence[Fitted | None], folds: Sequence[Fold]) -> Tried:
        accuracies, losses, held_out = [], [], []
        fitted = [one for one in of_C[1:] if one is not None]
        for one, fold in zip(fitted, folds, strict=True):
            p, codes = one.probabilities(self.estimator.multi_class), self.data.codes[fold.test]
            accuracies.append(float((p.argmax(axis=1) == codes).mean()))
            losses.append(float(log_losses(p[np.arange(len(codes)), codes]).mean()))
            held_out.append(HeldOut(fold.test, p))
        gap = max(one.certificate.relative_gap for one in fitted)
        figures = float(np.mean(accuracies)), float(np.mean(losses)), float(gap)
        return Tried(PathRow(float(C), *figures), tuple(held_out))
