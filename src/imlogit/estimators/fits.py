"""Fits: many models over the same images, fitted together.

Folds, values of C and bootstrap replicates are `Fit`s of the same prepared data. `fit_all` turns
them into regressions for the solver, one column or one softmax each, or one column a class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight

from imlogit.arrays import Floats
from imlogit.core.certificate import Certificate, combine
from imlogit.core.links import INDEPENDENT, link_of, probabilities
from imlogit.core.regression import Regression, regression
from imlogit.core.solution import Observer, Settings, Solution
from imlogit.core.solver import solve
from imlogit.core.starts.start import Blend, Start
from imlogit.errors import FitInterrupted, ParameterError, TooLargeError
from imlogit.estimators.checkpoints import Checkpoint
from imlogit.estimators.starting import points_of
from imlogit.estimators.training_data import Prepared, limit_of, raise_as, spell_label

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
    start : Blend, int or None
        The earlier fits, by their places in the list, from whose solutions this one starts, or
        the one.
    rows : ndarray of intp, shape (m,), or None
        The rows whose margins are wanted with the result.
    """

    C: float
    times: NDArray[np.integer] | None = None
    start: Blend | int | None = None
    rows: NDArray[np.intp] | None = None


@dataclass(frozen=True, eq=False)
class Fitted:
    """One fitted model.

    Attributes
    ----------
    coef : ndarray of float64, shape (1, d) or (n_classes, d)
        nan where a class has no row with a positive weight ("undefined").
    intercept : ndarray of float64, shape (1,) or (n_classes,)
    n_iter : ndarray of int32, shape (1,), or (n_classes,) for one against the rest
    certificate : Certificate
    margins : ndarray of float64, shape (m, 1) or (m, n_classes), or None
        Of the rows that were asked for, the intercept included.
    of_labels : bool
        Whether each column is of a label of its own, of which a row has any number.
    preconditioner : object or None
        What the solver hands on to a fit that starts here, where that was asked for.
    """

    coef: Floats
    intercept: Floats
    n_iter: NDArray[np.int32]
    certificate: Certificate
    margins: Floats | None
    of_labels: bool = False
    preconditioner: Any = None

    def probabilities(self, multi_class: str) -> Floats:
        """Return those of the rows that were asked for, shape (m, n_classes) or (m, L)."""
        assert self.margins is not None
        link = INDEPENDENT if self.of_labels else link_of(len(self.coef), multi_class)
        return probabilities(self.margins, link)


def begun_at(fitted: Fitted, data: Prepared) -> Any:
    """Return what a fit of the same rows begins at a model of theirs by, None for one undefined."""
    if not np.isfinite(fitted.coef).all():
        return None
    return SimpleNamespace(
        coef=fitted.coef,
        intercept=fitted.intercept,
        classes=data.classes,
        multi_label=data.indicators is not None,
        preconditioner=fitted.preconditioner,
    )


def fit_all(
    estimator: LogisticRegression,
    data: Prepared,
    fits: Sequence[Fit],
    *,
    observe: Observer | None = None,
    start: Any = None,
    checkpoint: Path | None = None,
    hand_on: bool = False,
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
    start : LogisticRegression or SavedModel, optional
        From whose weights a single fit begins.
    checkpoint : Path, optional
        Where the weights of a long fit are kept; a fit goes on from what is there.
    hand_on : bool, default=False
        Whether the results are starts of further calls over the same rows.

    Raises
    ------
    DataError
        For a checkpoint of other fits, and one that is damaged.
    TooLargeError
        For features whose squares overflow, or costs that do.
    FitInterrupted
        On Ctrl-C; its ``partial`` is the list of results, None for fits that are not finished.
    """
    models = Models(estimator, data, fits)
    n = models.n_each
    points: Sequence[Start | None] | None = None
    if start is not None:
        how = {"one_by_one": models.one_by_one, "intercept": bool(estimator.fit_intercept)}
        points = points_of(start, data, **how)
    starts = [_of_column(Blend.of(one.start), n, k) for one in fits for k in range(n)]
    try:
        with data.open(estimator.engine) as engine:
            kept = None
            if checkpoint is not None:
                kept = Checkpoint.of(checkpoint, engine, models)
                points = kept.read() or points
            solutions: Sequence[Solution | None] = solve(
                engine,
                models,
                replace(settings_of(estimator), hand_on=hand_on),
                starts=starts,
                rows=[one.rows for one in fits for _ in range(n)],
                observe=observe,
                points=points,
                keep=kept,
            )
    except FitInterrupted as stop:
        found = [_fitted(data, stop.partial[k * n : (k + 1) * n]) for k in range(len(fits))]
        whole = [one if one is not None and _finished(one) else None for one in found]
        raise FitInterrupted(whole, found) from None
    found = [_fitted(data, solutions[k * n : (k + 1) * n]) for k in range(len(fits))]
    return [one for one in found if one is not None]


def _of_column(start: Blend | None, n_columns: int, column: int) -> Blend | None:
    """Return where one of the regressions of a fit begins, by the places of regressions."""
    if start is None:
        return None
    return Blend(tuple(place * n_columns + column for place in start.places), start.shares)


def _fitted(data: Prepared, solutions: Sequence[Solution | None]) -> Fitted | None:
    """Return the model that its regressions make, None where one is missing."""
    known = [s for s in solutions if s is not None]
    if len(known) < len(solutions):
        return None
    weights = np.concatenate([s.weights for s in known])
    return Fitted(
        *data.in_original_units(weights, np.concatenate([s.intercept for s in known])),
        np.array([s.certificate.iterations for s in known], dtype=np.int32),
        combine([s.certificate for s in known]),
        _margins(known),
        data.indicators is not None,
        known[0].preconditioner if len(known) == 1 else None,
    )


def _margins(known: Sequence[Solution]) -> Floats | None:
    """Return the margins of all columns, nan where one is undefined; None where some are not."""
    found = [s.margins for s in known if s.margins is not None]
    missing = [s for s in known if s.margins is None]
    if not found or any(s.certificate.status != "undefined" for s in missing):
        return None
    nothing = np.full_like(found[0], np.nan)
    return np.concatenate([nothing if s.margins is None else s.margins for s in known], axis=1)


def _finished(fitted: Fitted) -> bool:
    certificate = fitted.certificate
    parts = certificate.columns or (certificate,)
    return all(part.status != "interrupted" for part in parts)


class Models(Sequence[Regression]):
    """The regressions of many fits, made when they are asked for.

    Two classes are one regression, as is the softmax; one against the rest is one a class.
    """

    def __init__(self, estimator: LogisticRegression, data: Prepared, fits: Sequence[Fit]) -> None:
        self.estimator, self.data, self.fits = estimator, data, fits
        n_classes = len(data.classes)
        n_labels = 0 if data.indicators is None else data.indicators.shape[1]
        self.one_by_one = n_labels > 0 or (n_classes > 2 and estimator.multi_class == "ovr")
        self.n_each = n_labels or (n_classes if self.one_by_one else 1)
        self.class_weights = _class_weights(estimator, data)

    def __len__(self) -> int:
        return len(self.fits) * self.n_each

    def __getitem__(self, place: Any) -> Any:
        fit, code = divmod(place, self.n_each)
        one, data = self.fits[fit], self.data
        weights = data.weights if one.times is None else data.weights * one.times
        codes, targets, weights = self._labels(code, weights)
        n_classes = 2 if self.one_by_one else len(data.classes)
        with np.errstate(over="ignore"):
            made = regression(
                *(codes, n_classes, weights, one.C),
                intercept=self.estimator.fit_intercept,
                targets=targets,
            )
            total = made.costs.sum()
        if not np.isfinite(total):
            raise TooLargeError(
                f"C={one.C:g} times the row weights overflows float64: take smaller ones",
                parameter="C",
            )
        return made

    def _labels(self, code: int, weights: Floats) -> tuple[NDArray[Any], Floats | None, Floats]:
        """Return the codes, the soft labels and the weights of the rows of one regression."""
        data, targets, given = self.data, self.data.targets, self.class_weights
        if targets is not None:
            return self._soft_labels(code, targets, weights)
        codes, n_classes = data.codes, len(data.classes)
        if data.indicators is not None:
            codes = data.indicators[:, code].astype(np.intp)
        elif self.one_by_one:
            codes, n_classes = (data.codes == code).astype(np.intp), 2
        if given is None:
            factors = _balance(np.bincount(codes, weights, n_classes))
            return codes, None, weights * factors[codes]
        return codes, None, weights * given[codes if data.indicators is not None else data.codes]

    def _soft_labels(
        self, code: int, targets: Floats, weights: Floats
    ) -> tuple[NDArray[Any], Floats, Floats]:
        """Return the same of soft labels; a class's weight is that of its share of a row."""
        given = self.class_weights
        if given is not None and not (given == 1).all():
            targets, weights = _reweighted(targets, weights, given)
        if self.one_by_one:
            targets = np.stack([1.0 - targets[:, code], targets[:, code]], axis=1).clip(0.0)
        if given is None:
            targets, weights = _reweighted(targets, weights, _balance(weights @ targets))
        return targets.argmax(axis=1), targets, weights


def _balance(heavy: NDArray[np.number]) -> Floats:
    """Return what makes all classes weigh the same, and all together what they did."""
    balanced: Floats = np.divide(
        heavy.sum(), len(heavy) * heavy, out=np.zeros(len(heavy)), where=heavy > 0
    )
    return balanced


def _reweighted(targets: Floats, weights: Floats, of_class: Floats) -> tuple[Floats, Floats]:
    """Return soft labels and row weights whose shares weigh as their classes do."""
    shares = targets * of_class
    total = shares.sum(axis=1)
    return shares / total[:, None], weights * total


def _class_weights(estimator: LogisticRegression, data: Prepared) -> Floats | None:
    """Return the weight of each class, None for "balanced"."""
    if estimator.class_weight == "balanced":
        return None
    with raise_as(ParameterError, "class_weight"):
        of_class: Floats = compute_class_weight(
            estimator.class_weight, classes=data.classes, y=data.classes
        )
    for label, value in zip(data.classes, of_class, strict=True):
        if not (np.isfinite(value) and value > 0):
            raise ParameterError(
                f"class_weight gives class {spell_label(label)} the weight {value}: it must be a "
                "positive number",
                parameter="class_weight",
            )
    return of_class


def settings_of(estimator: LogisticRegression) -> Settings:
    """Return the solver's settings that an estimator's parameters ask for."""
    state = estimator.random_state
    with raise_as(ParameterError, "random_state"):
        seed = 0 if state is None else check_random_state(state).randint(2**31 - 1)
    return Settings(estimator.tol, estimator.max_iter, int(seed), limit_of(estimator))
