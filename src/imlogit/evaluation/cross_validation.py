"""Cross-validation: the folds are columns over the same images, not refits on copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from imlogit.arrays import Floats, Labels
from imlogit.core.certificate import Certificate, combine
from imlogit.core.links import codes_of_probabilities
from imlogit.core.solution import Observer
from imlogit.errors import FitInterrupted
from imlogit.estimators.checkpoints import until_done
from imlogit.estimators.fits import Fit, Fitted, fit_all
from imlogit.estimators.fitted import adopt, warn_unless_converged
from imlogit.estimators.folds import Fold, deviation, mean_held_out, split_rows
from imlogit.estimators.logistic import LogisticRegression, check_kind
from imlogit.estimators.on_cluster import on_its_cluster
from imlogit.estimators.routing import route_folds
from imlogit.estimators.targets import refuse_soft_labels
from imlogit.estimators.training_data import C_of, Prepared, prepare
from imlogit.evaluation.label_scores import LabelScores, score_answers
from imlogit.evaluation.scores import OUT_OF_FOLD, Scores
from imlogit.system.summarized import NotebookTable, Summarized
from imlogit.system.text import counted

# The figures of every fold that tables show.
SHOWN = ("accuracy", "log_loss")


@dataclass(frozen=True, eq=False, repr=False)
class ScoredFold(Summarized):
    """One fold: fitted on ``train``, scored on ``test``.

    Attributes
    ----------
    train, test : ndarray of intp
        Row indices.
    scores : Scores or LabelScores
        Of the held-out rows.
    certificate : Certificate
        Of the fit on the other rows.
    """

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    scores: Scores | LabelScores
    certificate: Certificate

    def _summary(self) -> dict[str, str]:
        return {
            "fitted on": counted(len(self.train), "row"),
            "base rate": f"{self.scores.base_rate:.4f}",
            "accuracy": f"{self.scores['accuracy'].value:.4f}",
        }


@dataclass(frozen=True, eq=False, repr=False)
class CrossValidation(Summarized):
    """What cross-validation found.

    Attributes
    ----------
    estimator : LogisticRegression
        Fitted on all rows: the folds start from it, so it comes at no price.
    probabilities : ndarray of float64, shape (n, n_classes)
        Out-of-fold: of models that did not see the row. The mean over folds where a row is held
        out in several, nan where it is held out in none. Of labels of which a row has any
        number, that of each, shape (n, L).
    codes : ndarray of intp, shape (n,) or (n, L)
        Each row's index into the estimator's ``classes_``, or 0 and 1 for each label.
    folds : tuple of ScoredFold
    """

    estimator: LogisticRegression
    probabilities: Floats
    codes: Labels
    folds: tuple[ScoredFold, ...]

    @cached_property
    def pooled(self) -> Scores | LabelScores:
        """Scores of the out-of-fold probabilities of all rows that were held out, with intervals.

        Made when they are first asked for: intervals take longer than some fits.
        """
        seen = self._held_out
        return score_answers(
            self.codes[seen], self.probabilities[seen], origin=OUT_OF_FOLD, intervals=True
        )

    @property
    def predictions(self) -> NDArray[Any]:
        """The out-of-fold prediction of each row that was held out, (n_held_out,) or by label."""
        if self.codes.ndim == 2:
            return (self.probabilities[self._held_out] > 0.5).astype(np.intp)
        codes = codes_of_probabilities(self.probabilities[self._held_out])
        labels: NDArray[Any] = self.estimator.classes_[codes]
        return labels

    @property
    def _held_out(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.probabilities[:, 0])

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
        return deviation(self.values(name))

    def to_dict(self) -> dict[str, Any]:
        """Return everything, for a program; docs/metrics.md describes it."""
        return self._of_folds(list(self.pooled.values)) | {"pooled": self.pooled.to_dict()}

    def _of_folds(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what there is of the folds, with the means of some figures over them."""
        return {
            "folds": [
                fold.scores.to_dict() | {"certificate": fold.certificate.to_dict()}
                for fold in self.folds
            ],
            "mean": {name: _or_none(self.mean(name)) for name in names},
            "std": {name: _or_none(self.std(name)) for name in names},
        }

    def _summary(self) -> dict[str, str]:
        have = np.atleast_2d(self.codes.T)
        base_rate = np.mean([np.bincount(one).max() / len(one) for one in have])
        return {
            "folds": f"{len(self.folds)} of {counted(len(self.codes), 'row')}",
            "base rate": f"{base_rate:.4f}",
            "accuracy": f"{self.mean('accuracy'):.4f}",
        }

    def _notebook_tables(self) -> tuple[NotebookTable, ...]:
        headings = ("fold", "rows", "accuracy", "log loss", "relative gap")
        found = self._of_folds(SHOWN)
        rows = (*summary_rows(found), *fold_rows(found))
        return (
            *super()._notebook_tables(),
            NotebookTable("Held-out rows of each fold", rows, headings),
        )


def fold_rows(found: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Return every fold's number, images, accuracy, log loss and relative gap as texts.

    Parameters
    ----------
    found : mapping
        What `CrossValidation.to_dict` says, or metrics.json.
    """
    return tuple(
        (
            str(number),
            f"{fold['n']:,}",
            *(_figure(fold["values"][name]["value"], ".4f") for name in SHOWN),
            _figure(fold["certificate"]["relative_gap"], ".1e"),
        )
        for number, fold in enumerate(found["folds"], start=1)
    )


def summary_rows(found: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Return the mean and the deviation of the folds' accuracy and log loss as texts.

    Parameters
    ----------
    found : mapping
        As of `fold_rows`.
    """
    return tuple(
        (words, "", *(_figure(found[name][of], ".4f") for of in SHOWN), "")
        for words, name in (("mean", "mean"), ("deviation", "std"))
    )


def _figure(value: float | None, digits: str) -> str:
    return "nan" if value is None else f"{value:{digits}}"


def _or_none(value: float) -> float | None:
    """JSON has no nan: a figure that some fold could not define is null."""
    return None if np.isnan(value) else value


@on_its_cluster
def cross_validate(
    estimator: LogisticRegression,
    X: Any,
    y: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    cv: Any = 10,
    observe: Observer | None = None,
    checkpoint: Any = None,
) -> CrossValidation:
    """Fit an estimator on all rows and on each fold's, over one copy of the images.

    Parameters
    ----------
    estimator : LogisticRegression
        Not modified. A ``class_weight`` of "balanced" is by the rows that a fold is fitted on, as
        if that fold were fitted alone. ``standardize`` takes the statistics of all rows, as one
        matrix serves all folds.
    X : array-like, shape (n, n_features), (n, h, w) or (n, h, w, c)
    y : array-like, shape (n,), or (n, L) of 0 and 1
        Of labels of which a row has any number the columns are fitted together, as all folds are;
        figures are of each and their means.
    groups : array-like, shape (n,), optional
        For splitters that keep groups together.
    sample_weight : array-like, shape (n,), optional
        Weighs the fits; the scores count every image once. With metadata routing the estimator
        is to ask for it by ``set_fit_request``.
    cv : int, splitter or iterable of (train, test), default=10
        A number of folds means `StratifiedKFold`, of any number of labels a row `KFold`, shuffled
        by ``random_state`` (None: 0); otherwise any splitter of scikit-learn's. A row that a
        training part holds twice counts twice.
    observe : callable, optional
        Called with a `Progress` after every step.
    checkpoint : path-like, optional
        As in `LogisticRegression.fit`, of all fits.

    Returns
    -------
    CrossValidation

    Raises
    ------
    ParameterError
        As `LogisticRegression.fit`, for what gives no folds, and for a fold that holds nothing
        out, or whose training part lacks a class or shares a row with its held-out part.
    sklearn.exceptions.UnsetMetadataPassedError
        With metadata routing, for weights that the estimator neither asks for nor refuses.
    KindError
        For another estimator, `LogisticRegressionCV` among them, and soft labels.
    FitInterrupted
        On Ctrl-C; its ``partial`` is a CrossValidation of the folds that are finished, or None
        where none is.

    Warns
    -----
    ConvergenceWarning
        If the gap of any fit did not reach ``tol``.
    """
    check_kind(estimator, "cross_validate", "cross_validate")
    fitted = clone(estimator)
    sample_weight, routed = route_folds(estimator, cv, sample_weight, groups)
    data = prepare(fitted, X, y, sample_weight)
    refuse_soft_labels(data, "cross_validate")
    C = C_of(fitted, data)
    splits = split_rows(cv, data, routed.split, estimator.random_state)
    # the folds start from the fit on all rows, which is close to each of them
    fits = [Fit(C), *(Fit(C, s.times, 0, s.test) for s in splits)]
    try:
        with until_done(checkpoint) as place:
            found = fit_all(fitted, data, fits, observe=observe, checkpoint=place)
    except FitInterrupted as stop:
        some = stop.partial[0] is not None and any(stop.partial[1:])
        partial = _collect(fitted, data, splits, stop.partial) if some else None
        raise FitInterrupted(partial) from None
    result = _collect(fitted, data, splits, found)
    warn_unless_converged(
        combine([result.estimator.certificate_, *(fold.certificate for fold in result.folds)]),
        "fits",
    )
    return result


def _collect(
    estimator: LogisticRegression,
    data: Prepared,
    splits: Sequence[Fold],
    found: Sequence[Fitted | None],
) -> CrossValidation:
    """Score every finished fold; the first fit is that of all rows."""
    whole, *parts = found
    assert whole is not None
    adopt(estimator, data, whole)
    kind = estimator.multi_class
    held_out = [None if one is None else one.probabilities(kind) for one in parts]
    answers = data.answers
    mean = mean_held_out(splits, held_out, (len(answers), data.n_probabilities))
    folds = [
        ScoredFold(
            train, test, score_answers(answers[test], p, origin=OUT_OF_FOLD), fitted.certificate
        )
        for (train, test, _), p, fitted in zip(splits, held_out, parts, strict=True)
        if fitted is not None and p is not None
    ]
    return CrossValidation(estimator, mean, answers, tuple(folds))
