"""The bootstrap: the replicates are columns over the same images, not refits on copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone

from imlogit.arrays import Floats
from imlogit.core.certificate import Certificate, combine
from imlogit.core.solution import Observer
from imlogit.errors import FitInterrupted, ParameterError
from imlogit.estimators.fits import Fit, Fitted, fit_all
from imlogit.estimators.fitted import adopt, adopt_data, warn_unless_converged
from imlogit.estimators.logistic import LogisticRegression, check_kind
from imlogit.estimators.on_cluster import on_its_cluster
from imlogit.estimators.targets import labels_lacking, refuse_soft_labels
from imlogit.estimators.training_data import C_of, Prepared, prepare
from imlogit.evaluation.bootstrap_draws import Counts, draw_replicates, interval, spread
from imlogit.evaluation.bootstrap_scores import Scored, Scorer, Scorers, by_name, score_each
from imlogit.evaluation.intervals import FEWEST_DRAWS, Interval
from imlogit.system.summarized import NotebookTable, Summarized
from imlogit.system.text import counted


class Undefined(NamedTuple):
    """A replicate in which a class has no row with a positive weight, or a label is all rows'.

    Attributes
    ----------
    replicate : int
        Which one, from 0.
    label : Any
        The class that is lacking; of labels of which a row has any number, the label's column.
    """

    replicate: int
    label: Any


@dataclass(frozen=True, eq=False, repr=False)
class BootstrapScore(Summarized):
    """A score with its percentile interval.

    Attributes
    ----------
    value : float
        With test images: of the fit on all rows. Out of bag: the mean over the replicates.
    low, high : float
        nan where fewer than two replicates define the score, or all but a few agree.
    values : ndarray of float64, shape (n,)
        Of each replicate; nan where it is not defined.
    """

    value: float
    low: float
    high: float
    values: Floats

    def _summary(self) -> dict[str, str]:
        return {"value": f"{self.value:.4f}", "interval": f"{self.low:.4f} to {self.high:.4f}"}


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap(Summarized):
    """What the bootstrap found; k is 1 for two classes, else the number of classes.

    Attributes
    ----------
    estimator : LogisticRegression
        Fitted on all rows: the replicates start from it, so it comes at no price.
    times : ndarray of uint8 or larger, shape (n, n_rows)
        How often each replicate drew each row; those with 0 are out of its bag.
    coef : ndarray of float64, shape (n, k, n_features)
        Of each replicate; nan where it is not defined.
    intercept : ndarray of float64, shape (n, k)
    certificates : tuple of Certificate
        One a replicate.
    undefined : tuple of Undefined
        The replicates that lack a class, and which; the columns that they leave undefined are
        not in the intervals.
    coef_interval : Interval
        Two arrays of shape (k, n_features).
    intercept_interval : Interval
        Two arrays of shape (k,).
    scores : dict of str to BootstrapScore
    """

    estimator: LogisticRegression
    times: Counts
    coef: Floats
    intercept: Floats
    certificates: tuple[Certificate, ...]
    undefined: tuple[Undefined, ...]
    coef_interval: Interval[Floats]
    intercept_interval: Interval[Floats]
    scores: dict[str, BootstrapScore] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """The number of replicates."""
        return len(self.times)

    def _summary(self) -> dict[str, str]:
        return {
            "replicates": f"{self.n:,} of {counted(self.times.shape[1], 'row')}",
            **{name: f"{score.value:.4f}" for name, score in self.scores.items()},
        }

    def _notebook_tables(self) -> tuple[NotebookTable, ...]:
        lacking = len({one.replicate for one in self.undefined})
        facts = {"replicates": f"{self.n:,} of {counted(self.times.shape[1], 'row')}"}
        if lacking:
            facts["without one of the classes"] = f"{lacking:,}"
        about = NotebookTable(type(self).__name__, tuple(facts.items()))
        rows = [(name, *one._summary().values()) for name, one in self.scores.items()]
        scores = NotebookTable("Scores of the replicates", rows, ("score", "value", "interval"))
        return (about, scores) if rows else (about,)


@on_its_cluster
def bootstrap(
    estimator: LogisticRegression,
    X: Any,
    y: ArrayLike,
    *,
    n: int = 200,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    test: tuple[Any, ArrayLike] | None = None,
    scores: Sequence[str | Scorer] = ("accuracy",),
    confidence: float = 0.95,
    random_state: Any = None,
    observe: Observer | None = None,
) -> Bootstrap:
    """Fit an estimator on all rows and on rows drawn from them, over one copy of the images.

    A replicate draws as many rows as there are, with replacement: a row that it draws twice
    counts twice. Intervals run between percentiles of the replicates.

    Parameters
    ----------
    estimator : LogisticRegression
        Not modified. ``standardize`` takes the statistics of all rows for every replicate.
    X : array-like, shape (n_rows, n_features), (n_rows, h, w) or (n_rows, h, w, c)
    y : array-like, shape (n_rows,), or (n_rows, L) of 0 and 1
    n : int, default=200
        The number of replicates. The ends of an interval rest on few of them: 200 serve for a
        first look, 1,000 or more for figures to publish.
    groups : array-like, shape (n_rows,), optional
        Whole groups are drawn, as many as there are: for rows that are not independent, such as
        images of one patient.
    sample_weight : array-like, shape (n_rows,), optional
        Weighs the fits. Every row is as likely to be drawn, and counts once in the scores.
    test : tuple of X and y, optional
        Images that have nothing to do with the training images. They stay as they are: the
        interval of a score says how it varies with the training images alone, and Wilson's, in
        `imlogit.evaluation.scores`, how it varies with the test images. None: each replicate is
        scored out of bag, on the rows that it did not draw, some 37% of them. That interval
        holds both variations, but of models that saw only 63% of the rows, with held-out parts
        that overlap: the scores are a little worse than those of the fit on all rows.
    scores : sequence of str or callable, default=("accuracy",)
        Names in `imlogit.evaluation.scores.NAMES`, and functions that are called with labels (m,)
        and probabilities (m, n_classes), in the order of ``classes_``, and return a number. A
        function goes by its ``__name__``. Of labels of which a row has any number both are
        (m, L), and named scores are means over the labels.
    confidence : float, default=0.95
        Of the intervals, between 0 and 1.
    random_state : int, RandomState or None, default=None
        Seeds the draws. None: the estimator's, or 0 where that is None, too.
    observe : callable, optional
        Called with a `Progress` after every step.

    Returns
    -------
    Bootstrap

    Raises
    ------
    ParameterError
        As `LogisticRegression.fit`, and for parameters out of range, unknown scores, and a single
        group.
    DataError
        For test images that do not go with the training images.
    KindError
        For another estimator, `LogisticRegressionCV` among them, and soft labels.
    FitInterrupted
        On Ctrl-C; its ``partial`` is a Bootstrap of the replicates that are finished, without
        scores, or None where fewer than two are.

    Warns
    -----
    ConvergenceWarning
        If the gap of any fit that is defined did not reach ``tol``.

    References
    ----------
    B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap, Chapman & Hall (1993):
    chapter 13 on percentile intervals, chapter 17 on what is out of bag.
    """
    _check(estimator, n, confidence, test)
    scorers = by_name(scores)
    fitted = clone(estimator)
    data = prepare(fitted, X, y, sample_weight)
    refuse_soft_labels(data, "bootstrap")
    C = C_of(fitted, data)
    adopt_data(fitted, data)
    images = None if test is None else Scored.test(fitted, *test)
    seed = estimator.random_state if random_state is None else random_state
    draws = draw_replicates(n, len(data.codes), groups, 0 if seed is None else seed)
    fits = [Fit(C), *(Fit(C, times, start=0) for times in draws)]
    try:
        found = fit_all(fitted, data, fits, observe=observe)
    except FitInterrupted as stop:
        raise FitInterrupted(_partial(fitted, data, draws, stop.partial, confidence)) from None
    result = _collect(fitted, data, draws, found, confidence)
    warn_unless_converged(_defined(result), "columns")
    try:
        return replace(result, scores=_scores(result, data, images, scorers, confidence))
    except KeyboardInterrupt:
        raise FitInterrupted(result) from None


def _check(estimator: Any, n: Any, confidence: Any, test: Any) -> None:
    check_kind(estimator, "bootstrap", "resample")
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < FEWEST_DRAWS:
        raise ParameterError(
            f"n={n!r} replicates: give a whole number of at least {FEWEST_DRAWS}", parameter="n"
        )
    if not isinstance(confidence, (float, np.floating)) or not 0 < confidence < 1:
        raise ParameterError(
            f"confidence={confidence!r} must be a number between 0 and 1", parameter="confidence"
        )
    if test is not None and not (isinstance(test, (tuple, list)) and len(test) == 2):
        raise ParameterError("test must be a pair of images and labels, (X, y)", parameter="test")


def _partial(
    estimator: LogisticRegression,
    data: Prepared,
    draws: Sequence[Counts],
    found: Sequence[Fitted | None],
    confidence: float,
) -> Bootstrap | None:
    """Return what an interrupted bootstrap has finished, if that is enough for intervals."""
    finished = [k for k, fitted in enumerate(found[1:]) if fitted is not None]
    if found[0] is None or len(finished) < FEWEST_DRAWS:
        return None
    parts = [found[0], *(found[1 + k] for k in finished)]
    return _collect(estimator, data, [draws[k] for k in finished], parts, confidence)


def _collect(
    estimator: LogisticRegression,
    data: Prepared,
    draws: Sequence[Counts],
    found: Sequence[Fitted | None],
    confidence: float,
) -> Bootstrap:
    """Put the replicates together; the first fit is that of all rows."""
    whole, *replicates = [fitted for fitted in found if fitted is not None]
    adopt(estimator, data, whole)
    times = np.stack(draws)
    coef = np.stack([fitted.coef for fitted in replicates])
    intercept = np.stack([fitted.intercept for fitted in replicates])
    lacking = [
        Undefined(replicate, label)
        for replicate, drawn in enumerate(times)
        for label in _lacking(data, data.weights * drawn)
    ]
    return Bootstrap(
        estimator,
        times,
        coef,
        intercept,
        tuple(fitted.certificate for fitted in replicates),
        tuple(lacking),
        interval(coef, confidence),
        interval(intercept, confidence),
    )


def _lacking(data: Prepared, weights: Floats) -> list[Any]:
    """Return the classes, or the columns of labels, of which there is nothing to fit."""
    if data.indicators is not None:
        return labels_lacking(data.indicators, weights).tolist()
    return list(data.classes[np.bincount(data.codes, weights, len(data.classes)) <= 0])


def _defined(result: Bootstrap) -> Certificate:
    """Return the certificate of all columns but those named as undefined, no fault of the fit."""
    whole = result.estimator.certificate_
    parts = [part for one in (whole, *result.certificates) for part in one.columns or (one,)]
    return combine([part for part in parts if part.status != "undefined"])


def _scores(
    result: Bootstrap,
    data: Prepared,
    images: Scored | None,
    scorers: Scorers,
    confidence: float,
) -> dict[str, BootstrapScore]:
    """Score all replicates, and on test images the fit on all rows, too."""
    whole, models = result.estimator, (result.coef, result.intercept)
    if images is None:
        training = Scored.training(data)
        values = score_each(whole, training, *models, scorers, result.times)
        middle = {name: _mean(of_all) for name, of_all in values.items()}
    else:
        first = whole.coef_[None], whole.intercept_[None]
        coef, intercept = map(np.concatenate, zip(first, models, strict=True))
        both = score_each(whole, images, coef, intercept, scorers)
        values = {name: of_all[1:] for name, of_all in both.items()}
        middle = {name: float(of_all[0]) for name, of_all in both.items()}
    return {
        name: BootstrapScore(middle[name], float(low), float(high), of_all)
        for name, of_all in values.items()
        for low, high in [spread(of_all, confidence)]
    }


def _mean(values: Floats) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")
