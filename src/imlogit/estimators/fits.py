"""Fits: many models over the same images, fitted together.

Folds, values of C and bootstrap replicates are `Fit`s of the same prepared data. `fit_all` turns
them into regressions for the solver, one column or one softmax each, or one column a class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight

from imlogit.core.certificate import Certificate, combine
from imlogit.core.columns import Columns, Floats, binary_columns
from imlogit.core.solver import Observer, Progress, Settings, Solution, solve
from imlogit.errors import FitInterrupted
from imlogit.estimators.data import Prepared, shown

if TYPE_CHECKING:
    from imlogit.estimators.logistic import LogisticRegression


@dataclass(frozen=True, eq=False)
class Fit:
    """One model to fit over the prepared images.

    Attributes
    ----------
    C : float
    times : ndarray of int, shape (n,), or None
        How often each row is fitted on; 0 leaves it out. None: every row once.
    start : int or None
        The earlier fit, by its place in the list, from whose solution this one starts.
    rows : ndarray of intp, shape (m,), or None
        The rows whose margins are wanted with the result.
    """

    C: float
    times: NDArray[np.integer] | None = None
    start: int | None = None
    rows: NDArray[np.intp] | None = None


@dataclass(frozen=True, eq=False)
class Fitted:
    """One fitted model.

    Attributes
    ----------
    coef : ndarray of float64, shape (1, d) or (n_classes, d)
        nan where a class has no row with a positive weight ("undefined").
    intercept : ndarray of float64, shape (1,) or (n_classes,)
    n_iter : ndarray of int32, shape (1,) or (n_classes,)
    certificate : Certificate
    margins : ndarray of float64, shape (m, 1) or (m, n_classes), or None
        Of the rows that were asked for, the intercept included.
    """

    coef: Floats
    intercept: Floats
    n_iter: NDArray[np.int32]
    certificate: Certificate
    margins: Floats | None


def fit_all(
    estimator: LogisticRegression,
    data: Prepared,
    fits: Sequence[Fit],
    *,
    observe: Observer | None = None,
) -> list[Fitted]:
    """Fit every model, over one copy of the images.

    Parameters
    ----------
    estimator : LogisticRegression
        Whose parameters hold for all fits, C excepted.
    data : Prepared
    fits : sequence of Fit
    observe : callable, optional
        Called with a `Progress` after every step.

    Raises
    ------
    ValueError
        For features whose squares overflow, or costs that do.
    FitInterrupted
        On Ctrl-C; its ``partial`` is the list of results, None for fits that are not finished.
    """
    settings = settings_of(estimator)
    found: list[Fitted | None] = [None] * len(fits)
    solutions: list[list[Solution]] = []
    try:
        with data.open(estimator.engine) as engine:
            for k, one in enumerate(fits):
                columns = columns_of(estimator, data, one)
                starts = None if one.start is None else solutions[one.start]

                def report(
                    done: int, _: int, gap: float, first: int = k, n: int = columns.n_columns
                ) -> None:
                    if observe is not None:
                        observe(Progress(done + first * n, len(fits) * n, gap, 0))

                solutions.append(
                    solve(
                        engine,
                        columns,
                        settings,
                        starts=starts,
                        keep_margins=one.rows is not None,
                        observe=report,
                    )
                )
                found[k] = _fitted(solutions[-1], one)
    except FloatingPointError as error:
        raise ValueError(str(error)) from error
    except KeyboardInterrupt:
        raise FitInterrupted(found) from None
    return [one for one in found if one is not None]


def _fitted(solutions: Sequence[Solution], fit: Fit) -> Fitted:
    margins = None
    if fit.rows is not None:
        margins = np.stack(
            [s.margins[fit.rows] for s in solutions if s.margins is not None], axis=1
        )
    return Fitted(
        np.stack([s.weights for s in solutions]),
        np.array([s.intercept for s in solutions]),
        np.array([s.certificate.iterations for s in solutions], dtype=np.int32),
        combine([s.certificate for s in solutions]),
        margins,
    )


def columns_of(estimator: LogisticRegression, data: Prepared, fit: Fit) -> Columns:
    """Return the columns of one fit: one for two classes, else one a class."""
    times = 1 if fit.times is None else fit.times
    weights = data.weights * times
    n_classes = len(data.classes)
    ones = [1] if n_classes == 2 else range(n_classes)
    positive = np.stack([data.codes == code for code in ones])
    class_weight = estimator.class_weight
    if class_weight == "balanced":
        # the weight of both sides together stays what it was
        heavy = np.stack([positive @ weights, ~positive @ weights], axis=1)
        total = weights.sum()
        with np.errstate(divide="ignore"):
            of_side = total / (2 * heavy)
        weights = weights * np.where(positive, of_side[:, :1], of_side[:, 1:])
    else:
        of_class = compute_class_weight(class_weight, classes=data.classes, y=data.classes)
        for label, value in zip(data.classes, of_class, strict=True):
            if not (np.isfinite(value) and value > 0):
                raise ValueError(
                    f"class_weight gives class {shown(label)} the weight {value}: it must be a "
                    "positive number"
                )
        weights = np.broadcast_to(weights * of_class[data.codes], positive.shape)
    with np.errstate(over="ignore"):
        columns = binary_columns(positive, weights, fit.C, intercept=estimator.fit_intercept)
        total = columns.costs.sum()
    if not np.isfinite(total):
        raise ValueError(f"C={fit.C:g} times the row weights overflows float64: take smaller ones")
    return columns


def settings_of(estimator: LogisticRegression) -> Settings:
    """Return the solver's settings that an estimator's parameters ask for."""
    state = estimator.random_state
    seed = 0 if state is None else check_random_state(state).randint(2**31 - 1)
    return Settings(tol=estimator.tol, max_iter=estimator.max_iter, seed=int(seed))
