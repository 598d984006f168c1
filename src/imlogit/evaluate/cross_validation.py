"""Cross-validation: the folds are columns over the same images, not refits on copies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from imlogit.core.certificate import Certificate, combine
from imlogit.core.columns import Columns, Floats
from imlogit.core.solver import Observer, Solution
from imlogit.estimators import (
    LogisticRegression,
    Prepared,
    adopt,
    columns_of,
    prepare,
    probabilities,
    settings_of,
    shown,
    solve_columns,
    warn_unless_converged,
)
from imlogit.evaluate.scores import Scores, predicted_codes, score


@dataclass(frozen=True, eq=False)
class Fold:
    """One fold: fitted on ``train``, scored on ``test``.

    Attributes
    ----------
    train, test : ndarray of intp
        Row indices.
    scores : Scores
        Of the held-out rows.
    certificate : Certificate
        Of the fit on the other rows.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    scores: Scores
    certificate: Certificate


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """What cross-validation found.

    Attributes
    ----------
    estimator : LogisticRegression
        Fitted on all rows: the folds start from it, so it comes at no price.
    probabilities : ndarray of float64, shape (n, n_classes)
        Out-of-fold: of models that did not see the row. The mean over folds where a row is held
        out in several, nan where it is held out in none.
    folds : tuple of Fold
    pooled : Scores
        Of the out-of-fold probabilities of all rows that were held out.
    """

    estimator: LogisticRegression
    probabilities: Floats
    folds: tuple[Fold, ...]
    pooled: Scores

    @property
    def predictions(self) -> NDArray[Any]:
        """The out-of-fold prediction of each row that was held out, shape (n_held_out,)."""
        held_out = ~np.isnan(self.probabilities[:, 0])
        labels: NDArray[Any] = self.estimator.classes_[
            predicted_codes(self.probabilities[held_out])
        ]
        return labels

    def values(self, name: str) -> Floats:
        """Return one figure of every fold, shape (n_folds,)."""
        return np.array([fold.scores[name].value for fold in self.folds])

    def mean(self, name: str) -> float:
        """Return the mean of a figure over the folds."""
        return float(self.values(name).mean())

    def std(self, name: str) -> float:
        """Return the standard deviation of a figure over the folds (divided by n - 1).

        nan where there is one fold only, or a fold without the figure.
        """
        values = self.values(name)
        return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def cross_validate(
    estimator: LogisticRegression,
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    cv: Any = 10,
    observe: Observer | None = None,
) -> CrossValidation:
    """Fit an estimator on all rows and on each fold's, over one copy of the images.

    Parameters
    ----------
    estimator : LogisticRegression
        Not modified.
    X : array-like, shape (n, n_features), (n, h, w) or (n, h, w, c)
    y : array-like, shape (n,)
    groups : array-like, shape (n,), optional
        For splitters that keep groups together.
    sample_weight : array-like, shape (n,), optional
        Weighs the fits; the scores count every image once.
    cv : int, splitter or iterable of (train, test), default=10
        A number of folds means `StratifiedKFold`, shuffled by ``random_state`` (None: 0);
        otherwise any splitter of scikit-learn's. A row that a training part holds twice counts
        twice.
    observe : callable, optional
        Called as ``observe(columns done, columns in all, relative gap)`` after every step.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ValueError
        As `LogisticRegression.fit`, and for a fold whose training part lacks a class or shares
        a row with its held-out part.
    TypeError
        For another estimator.

    Warns
    -----
    ConvergenceWarning
        If the gap of any fit did not reach ``tol``.
    """
    if not isinstance(estimator, LogisticRegression):
        raise TypeError(
            f"cross_validate takes an imlogit.LogisticRegression, not {type(estimator).__name__}: "
            "for other estimators there is scikit-learn's cross_validate"
        )
    fitted = clone(estimator)
    data = prepare(fitted, X, y, sample_weight)
    splits = _splits(cv, data, groups, estimator.random_state)
    _check_apart(splits)
    settings = settings_of(estimator)
    with data.open(estimator.engine) as engine:
        columns = [columns_of(fitted, data), *_fold_columns(fitted, data, splits)]
        n_each = columns[0].n_columns
        total = n_each * len(columns)
        whole = solve_columns(engine, columns[0], settings, observe=_part(observe, 0, total))
        folds = []
        for k, (train, test) in enumerate(splits, start=1):
            solutions = solve_columns(
                engine,
                columns[k],
                settings,
                starts=whole,
                keep_margins=True,
                observe=_part(observe, k * n_each, total),
            )
            folds.append((train, test, solutions))
    adopt(fitted, data, whole)
    result = _collect(fitted, data, folds)
    warn_unless_converged(
        combine([fitted.certificate_, *(fold.certificate for fold in result.folds)])
    )
    return result


def _splits(
    cv: Any, data: Prepared, groups: ArrayLike | None, random_state: Any
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    labels = data.classes[data.codes]
    if cv is None or isinstance(cv, bool):
        raise ValueError(f"cv={cv!r}: give a number of folds, a splitter or pairs of row indices")
    if isinstance(cv, (int, np.integer)):
        smallest = int(np.bincount(data.codes).min())
        if not 2 <= cv <= smallest:
            raise ValueError(
                f"cv={cv} folds: there must be at least 2, and no more than images in the "
                f"smallest class, which has {smallest}"
            )
        seed = 0 if random_state is None else random_state
        cv = StratifiedKFold(cv, shuffle=True, random_state=seed)
    pairs: Iterable[Any] = cv.split(data.rows, labels, groups) if hasattr(cv, "split") else cv
    everything = np.arange(len(labels))
    return [(everything[train], everything[test]) for train, test in pairs]


def _check_apart(splits: list[tuple[NDArray[np.intp], NDArray[np.intp]]]) -> None:
    for k, (train, test) in enumerate(splits, start=1):
        both = np.intersect1d(train, test)
        if both.size:
            raise ValueError(
                f"fold {k} of {len(splits)} trains on {both.size} of the rows that it holds out, "
                f"the first of them row {both[0]}: out-of-fold means not seen"
            )


def _fold_columns(
    estimator: LogisticRegression,
    data: Prepared,
    splits: list[tuple[NDArray[np.intp], NDArray[np.intp]]],
) -> Iterable[Columns]:
    for k, (train, _) in enumerate(splits, start=1):
        times = np.bincount(train, minlength=len(data.codes))
        weights = np.bincount(data.codes, data.weights * times, len(data.classes))
        if not (weights > 0).all():
            lacking = shown(data.classes[weights <= 0][0])
            raise ValueError(
                f"the training part of fold {k} of {len(splits)} has no image of class "
                f"{lacking}: take stratified folds, or fewer"
            )
        yield columns_of(estimator, data, times)


def _part(observe: Observer | None, done: int, total: int) -> Observer | None:
    """Return an observer that counts a part's columns among all."""
    if observe is None:
        return None
    return lambda part_done, _, gap: observe(done + part_done, total, gap)


def _collect(
    estimator: LogisticRegression,
    data: Prepared,
    fits: list[tuple[NDArray[np.intp], NDArray[np.intp], list[Solution]]],
) -> CrossValidation:
    summed = np.zeros((len(data.codes), len(data.classes)))
    times = np.zeros(len(data.codes))
    folds = []
    for train, test, solutions in fits:
        margins = np.stack([s.margins[test] for s in solutions if s.margins is not None], axis=1)
        held_out = probabilities(margins[:, 0] if margins.shape[1] == 1 else margins)
        summed[test] += held_out
        times[test] += 1
        certificate = combine([s.certificate for s in solutions])
        folds.append(Fold(train, test, score(data.codes[test], held_out), certificate))
    mean = np.full_like(summed, np.nan)
    np.divide(summed, times[:, None], out=mean, where=times[:, None] > 0)
    pooled = score(data.codes[times > 0], mean[times > 0])
    return CrossValidation(estimator, mean, tuple(folds), pooled)
