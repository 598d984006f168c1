"""`LogisticRegressionCV`: the choice of C by cross-validation, all fits together."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import get_scorer
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter

from imlogit.arrays import Floats
from imlogit.core.certificate import combine
from imlogit.core.loss import log_losses
from imlogit.core.solution import Observer
from imlogit.engines.table import local_engine
from imlogit.errors import FitInterrupted, GridEdgeWarning, ParameterError
from imlogit.estimators.c_grid import by_value, choose, fits_along, grid_of, with_intercept
from imlogit.estimators.checkpoints import until_done
from imlogit.estimators.fits import Fit, Fitted, begun_at, fit_all
from imlogit.estimators.fitted import adopt, warn_unless_converged
from imlogit.estimators.folds import Fold, check_weights, fold_numbers, mean_held_out, split_rows
from imlogit.estimators.logistic import LogisticRegression
from imlogit.estimators.on_cluster import on_cluster
from imlogit.estimators.routing import choice_router, route_choice, rows_of
from imlogit.estimators.targets import refuse_soft_labels
from imlogit.estimators.training_data import Prepared, prepare, raise_as
from imlogit.system.callers import caller_level

RULES = ("best", "one-standard-error")


class GridEdge(StrEnum):
    """An end of a grid of values of C."""

    LOW = "low"
    HIGH = "high"


@dataclass(frozen=True, eq=False)
class CPath:
    """What cross-validation says of each C.

    Attributes
    ----------
    Cs : ndarray of float64, shape (n_Cs,)
        In the order in which they were given.
    scores, log_loss, accuracy : ndarray of float64, shape (n_folds, n_Cs)
        Of the held-out rows; ``scores`` as asked for, greater is better.
    gap : ndarray of float64, shape (n_Cs,)
        The worst relative gap of the folds' fits and of the fit on all rows.
    best : int
        The place of the C with the greatest mean score; of several the smallest. A C that has
        no score in some fold is never the best.
    chosen : int
        The place of the C that the rule chooses.
    interrupted : bool
        Whether values of C are missing: then nothing is chosen, and ``best`` and ``chosen`` are
        those of the values that are there.
    """

    Cs: Floats
    scores: Floats
    log_loss: Floats
    accuracy: Floats
    gap: Floats
    best: int
    chosen: int
    interrupted: bool = False

    @property
    def chosen_C(self) -> float:  # noqa: N802
        """The chosen C."""
        return float(self.Cs[self.chosen])

    @property
    def edge(self) -> GridEdge | None:
        """The end of the grid where the best C is; None inside, for a single C and for a part."""
        if self.interrupted or len(self.Cs) == 1:
            return None
        best = self.Cs[self.best]
        if best == self.Cs.min():
            return GridEdge.LOW
        return GridEdge.HIGH if best == self.Cs.max() else None

    def order(self) -> NDArray[np.intp]:
        """Return the places of the values of C, in increasing order."""
        return np.argsort(self.Cs, kind="stable")


class LogisticRegressionCV(LogisticRegression):
    """Logistic regression whose C is chosen by cross-validation.

    The fits of every C on all rows and on every fold share the reads of the images; those of a C
    start from those of the C before, and folds from the fit on all rows. The model is the fit on
    all rows at the chosen C. Of labels of which a row has any number all columns have one C, whose
    log loss and accuracy are the means over the labels.

    Parameters
    ----------
    Cs : int or sequence of float, default=10
        Values of C; a number stands for so many from 1e-4 to 1e4, evenly spaced in log C.
    cv : int, splitter or iterable of (train, test), default=5
        As in `imlogit.cross_validate`.
    scoring : str, callable or None, default=None
        A scorer of scikit-learn's; None is the negative log loss.
    rule : {"best", "one-standard-error"}, default="best"
        The C with the greatest mean score, or the smallest C whose mean score is within one
        standard error, over the folds, of that.
    class_weight, fit_intercept, tol, max_iter, random_state, multi_class, engine, pixel_scale,
    standardize, normalize, memory_limit, client
        As in `imlogit.LogisticRegression`. "balanced" is by the rows that a fold is fitted on;
        scikit-learn's class takes the weights of all rows, held-out ones included. Features are
        standardised by the statistics of all rows, held-out ones included: one matrix serves all
        folds, and statistics that know no labels tell next to nothing of them. A `StandardScaler`
        in a pipeline that is cross-validated takes those of each fold.

    Attributes
    ----------
    C_ : float
        The chosen C.
    Cs_ : ndarray of float64, shape (n_Cs,)
    scores_ : ndarray of float64, shape (n_folds, n_Cs)
    coefs_paths_ : ndarray of float64, shape (n_folds, n_Cs, k, n_features + 1)
        The folds' weights, then the intercept (only where one is fitted); ``k`` is 1 for two
        classes, else their number. scikit-learn's has an axis more, for ``l1_ratios``.
    certificates_ : ndarray of Certificate, shape (n_folds + 1, n_Cs)
        Of the fits on all rows first. With a single fold all rows are fitted at ``C_`` only, and
        the others are None.
    path_ : CPath
        Log loss and accuracy by fold and C, and what was chosen.
    out_of_fold_ : ndarray of float64, shape (n, n_classes) or (n, L)
        Probabilities at ``C_`` of each row by the folds that held it out.
    folds_ : ndarray of int64, shape (n,)
        The fold that held each row out, -1 where none did.
    coef_, intercept_, classes_, n_iter_, certificate_, image_shape_
        Of the model at ``C_``, as in `imlogit.LogisticRegression`.
    """

    # these are the splitter's, nobody's, and the scorer's
    __metadata_request__fit: ClassVar = {"groups": UNUSED, "observe": UNUSED, "checkpoint": UNUSED}
    __metadata_request__score: ClassVar = {"sample_weight": UNUSED}

    def __init__(
        self,
        Cs: int | Sequence[float] = 10,
        *,
        cv: Any = 5,
        scoring: Any = None,
        rule: str = "best",
        class_weight: dict[Any, float] | str | None = None,
        fit_intercept: bool = True,
        tol: float = 1e-6,
        max_iter: int = 200,
        random_state: Any = None,
        multi_class: str = "multinomial",
        engine: str = "auto",
        pixel_scale: float | str = "auto",
        standardize: bool = False,
        normalize: str | None = None,
        memory_limit: int | str | None = None,
        client: Any = None,
    ) -> None:
        self.Cs = Cs
        self.cv = cv
        self.scoring = scoring
        self.rule = rule
        self.class_weight = class_weight
        self.fit_intercept = fit_intercept
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.multi_class = multi_class
        self.engine = engine
        self.pixel_scale = pixel_scale
        self.standardize = standardize
        self.normalize = normalize
        self.memory_limit = memory_limit
        self.client = client

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        observe: Observer | None = None,
        checkpoint: Any = None,
        **params: Any,
    ) -> Self:
        """Cross-validate every C, and adopt the fit on all rows at the chosen one.

        Parameters
        ----------
        X : array-like, shape (n, n_features), (n, h, w) or (n, h, w, c)
        y : array-like, shape (n,), or (n, L) of 0 and 1
        sample_weight : array-like, shape (n,), optional
            Weighs the fits and, as in scikit-learn, the scores: with metadata routing a scorer's
            only where ``set_score_request`` asks for it.
        groups : array-like, shape (n,), optional
            For splitters that keep groups together.
        observe : callable, optional
            Called with a `Progress` after every step.
        checkpoint : path-like, optional
            As in `LogisticRegression.fit`, of all fits.
        **params
            Other metadata of the splitter and the scorer, with metadata routing.

        Returns
        -------
        LogisticRegressionCV
            Itself.

        Raises
        ------
        DataError, ParameterError
            As `LogisticRegression.fit` and `imlogit.cross_validate`, for values of C, a
            scoring or a rule that are none, for a fold whose held-out rows weigh nothing, and
            for a scoring that is nan at every C.
        FitInterrupted
            On Ctrl-C; its ``partial`` is the `CPath` of the values of C that are finished, or
            None where none is.

        Warns
        -----
        GridEdgeWarning
            If the best C is the smallest or the largest of the grid.
        ConvergenceWarning
            If the gap of any fit did not reach ``tol``.
        """
        if self.rule not in RULES:
            raise ParameterError(f"rule={self.rule!r} must be one of {RULES}", parameter="rule")
        Cs = grid_of(self.Cs)
        with raise_as(ParameterError, "scoring"):
            scorer = None if self.scoring in BUILT_IN else get_scorer(self.scoring)
        with on_cluster(self, X), until_done(checkpoint) as place:
            data = prepare(self, X, y, sample_weight)
            refuse_soft_labels(data, "LogisticRegressionCV")
            weights = None if sample_weight is None else data.weights
            routed = route_choice(self, "fit", weights, groups, params)
            found = self._choose(data, routed, observe, Cs, scorer, place)
        self._warn_of_the_edge()
        warn_unless_converged(combine([one.certificate for one in found]), "fits")
        return self

    def _choose(
        self,
        data: Prepared,
        routed: Any,
        observe: Observer | None,
        Cs: Floats,
        scorer: Any,
        checkpoint: Path | None,
    ) -> list[Fitted]:
        """Fit and choose; return all fits."""
        splits = split_rows(self.cv, data, routed.split, self.random_state)
        check_weights(splits, data)
        fits, places = fits_along(Cs, splits)
        judge = _Judge(self, data, splits, Cs, scorer, routed.score)
        path: CPath | None = None
        try:
            found = fit_all(self, data, fits, observe=observe, checkpoint=checkpoint)
            by_C: list[list[Any]] = by_value(found, places, len(splits))
            path = judge.path(by_C)
            assert path is not None
            if by_C[path.chosen][0] is None:
                near = begun_at(by_C[path.chosen][1], data)
                found += fit_all(self, data, [Fit(path.chosen_C)], observe=observe, start=near)
                by_C[path.chosen][0] = found[-1]
        except FitInterrupted as stop:
            path = path or judge.path(by_value(stop.partial, places, len(splits)))
            raise FitInterrupted(path) from None
        self._adopt(data, path, by_C)
        self.out_of_fold_ = mean_held_out(
            splits,
            [fold.probabilities(self.multi_class) for fold in by_C[path.chosen][1:]],
            (len(data.codes), data.n_probabilities),
        )
        self.folds_ = fold_numbers(len(data.codes), [split.test for split in splits])
        return found

    def score(
        self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None, **params: Any
    ) -> float:
        """Return what `scoring` says of other images; the accuracy where that is None.

        Parameters
        ----------
        X : array-like, shape (n, n_features), (n, h, w) or (n, h, w, c)
        y : array-like, shape (n,)
        sample_weight : array-like, shape (n,), optional
        **params
            Other metadata of the scorer, with metadata routing.
        """
        routed = route_choice(self, "score", sample_weight, None, params)
        return float(self._scorer()(self, X, y, **routed.score))

    def get_metadata_routing(self) -> MetadataRouter:
        """Return where metadata go: weights to the fits and the scorer, groups to the splitter."""
        return choice_router(self, self.cv, self._scorer())

    def _scorer(self) -> Any:
        return get_scorer("accuracy" if self.scoring is None else self.scoring)

    def _adopt(self, data: Prepared, path: CPath, by_C: list[list[Any]]) -> None:
        adopt(self, data, by_C[path.chosen][0])
        self.path_, self.C_, self.Cs_, self.scores_ = path, path.chosen_C, path.Cs, path.scores
        self.coefs_paths_ = np.stack(
            [
                np.stack([with_intercept(fold, self.fit_intercept) for fold in folds])
                for _, *folds in by_C
            ],
            axis=1,
        )
        self.certificates_ = np.array(
            [[fitted and fitted.certificate for fitted in fits] for fits in by_C], dtype=object
        ).T

    def _warn_of_the_edge(self) -> None:
        edge = self.path_.edge
        if edge is not None:
            at_the_top = edge is GridEdge.HIGH
            side, beyond = ("largest", "larger") if at_the_top else ("smallest", "smaller")
            warnings.warn(
                f"the best C, {self.Cs_[self.path_.best]:.4g}, is the {side} of the grid: the "
                f"optimum may lie beyond it; add {beyond} values to Cs",
                GridEdgeWarning,
                stacklevel=caller_level(),
            )


# What is computed from the margins of the held-out rows, without a scorer.
BUILT_IN = (None, "neg_log_loss", "accuracy")


@dataclass(frozen=True, eq=False)
class _Judge:
    """Scores the held-out rows of every fold and C, and chooses."""

    estimator: LogisticRegressionCV
    data: Prepared
    splits: Sequence[Fold]
    Cs: Floats
    scorer: Any
    metadata: Mapping[str, Any]

    def path(self, by_C: list[list[Any]]) -> CPath | None:
        """Return what the fits say of those values of C that are finished."""
        done = [k for k, fits in enumerate(by_C) if all(fit is not None for fit in fits[1:])]
        if not done:
            return None
        # fold after fold, as scikit-learn: a scorer may remember what it was asked before
        figures = np.array(
            [[self._figures(split, by_C[k][fold]) for k in done] for fold, split in self._folds]
        )
        scores, loss, accuracy = figures.transpose(2, 0, 1)
        gap = [max(fit.certificate.relative_gap for fit in by_C[k] if fit) for k in done]
        Cs = self.Cs[done]
        best, chosen = choose(Cs, scores, self.estimator.rule)
        interrupted = len(done) < len(by_C)
        return CPath(Cs, scores, loss, accuracy, np.array(gap), best, chosen, interrupted)

    @property
    def _folds(self) -> Iterable[tuple[int, Fold]]:
        return enumerate(self.splits, start=1)

    def _figures(self, split: Fold, fitted: Fitted) -> tuple[float, float, float]:
        """Return score, log loss and accuracy of a fold's held-out rows."""
        answers, weights = self.data.answers[split.test], self.data.weights[split.test]
        p = fitted.probabilities(self.estimator.multi_class)
        if answers.ndim == 2:  # the means over the labels
            own, right = np.where(answers == 1, p, 1 - p), (p > 0.5) == (answers == 1)
        else:
            own = np.take_along_axis(p, answers[:, None], axis=1)
            right = (p.argmax(axis=1) == answers)[:, None]
        loss = float(np.average(log_losses(own).mean(axis=1), weights=weights))
        accuracy = float(np.average(right.mean(axis=1), weights=weights))
        if self.scorer is None:
            return accuracy if self.estimator.scoring == "accuracy" else -loss, loss, accuracy
        return self._scored(split, fitted), loss, accuracy

    def _scored(self, split: Fold, fitted: Fitted) -> float:
        e = self.estimator
        view = LogisticRegression(
            multi_class=e.multi_class, engine=local_engine(e.engine), pixel_scale=e.pixel_scale
        )
        adopt(view, self.data, fitted)
        rows = self.data.given.take(split.test)
        labels = self.data.given_labels(split.test)
        metadata = rows_of(self.metadata, split.test, len(self.data.codes))
        return float(self.scorer(view, rows, labels, **metadata))
