"""Few shots: models of a few rows of each class, drawn several times."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as ScikitLearns

from imlogit.arrays import Floats, Labels, Rows
from imlogit.core.loss import log_losses
from imlogit.data.feature_set import FeaturePart
from imlogit.estimators.fitted import adopt
from imlogit.estimators.folds import deviation
from imlogit.estimators.logistic import LogisticRegression
from imlogit.runs.probes.probe_fits import Fitter
from imlogit.runs.probes.protocols import best_of, draw_shots

# Where MTEB stops lbfgs.
STOPPED_AFTER = 100


@dataclass(frozen=True)
class ShotScores:
    """What models of so many rows a class make of the test part, draw by draw.

    Attributes
    ----------
    shots : int
    Cs, accuracy, balanced_accuracy, log_loss : tuple of float
        One of each draw; accuracies are top-1, of all rows and the mean of the classes'.
    """

    shots: int
    Cs: tuple[float, ...]
    accuracy: tuple[float, ...]
    balanced_accuracy: tuple[float, ...]
    log_loss: tuple[float, ...]

    def mean(self, name: str) -> float:
        """Return the mean of a figure over the draws."""
        return float(np.mean(getattr(self, name)))

    def deviation(self, name: str) -> float:
        """Return the deviation of a figure over the draws, nan for one."""
        return deviation(np.asarray(getattr(self, name)))

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}


@dataclass(frozen=True)
class StoppingCost:
    """What lbfgs, stopped after 100 iterations, leaves: means over the draws.

    Attributes
    ----------
    stopped : int
        Draws in which it had not converged.
    excess : float
        How far its objective lies above the proved optimum, as a share of that.
    accuracy : float
        Of its models, less that of ours.
    """

    stopped: int
    excess: float
    accuracy: float


def fixed_shots(
    fitter: Fitter, draws: Sequence[Rows], shots: int, C: float, test: FeaturePart
) -> ShotScores:
    """Score the models of some draws at one C.

    Draws have few rows in common: each is fitted over its own.
    """
    found = [_figures(_of_draw(fitter, rows).fit(C), test) for rows in draws]
    return _scores(shots, [C] * len(draws), found)


def chosen_shots(
    fitter: Fitter,
    draws: Sequence[Rows],
    shots: int,
    grid: Sequence[float],
    validation: Rows,
    test: FeaturePart,
) -> ShotScores:
    """Score the models of some draws, each at the C that is best on a validation part."""
    X, y = fitter.X[validation], fitter.y[validation]
    chosen, found = [], []
    for rows in draws:
        own = _of_draw(fitter, rows)
        fitted, accuracies = own.along(grid), {}
        for k, one in enumerate(fitted):
            adopt(own.estimator, own.data, one)
            accuracies[k] = float((own.estimator.predict(X) == y).mean())
        best = best_of(accuracies)
        chosen.append(grid[best])
        found.append(_figures(own.fit(grid[best], fitted[best]), test))
    return _scores(shots, chosen, found)


def _of_draw(fitter: Fitter, rows: Rows) -> Fitter:
    return Fitter(fitter.estimator, fitter.X[rows], fitter.y[rows], fitter.observe)


def draws_of(labels: Labels, rows: Rows, shots: int, draws: int, seed: int) -> list[Rows]:
    """Draw shots among some rows; return their places among all."""
    return [rows[drawn] for drawn in draw_shots(labels[rows], shots, draws, seed)]


def stopping_cost(
    fitter: Fitter, draws: Sequence[Rows], C: float, test: FeaturePart
) -> StoppingCost:
    """Return what stopping scikit-learn's lbfgs after 100 iterations costs."""
    estimator = LogisticRegression(C=C, normalize=fitter.estimator.normalize)
    stopped, excess, accuracy = 0, [], []
    for rows in draws:
        X, y = _normed(fitter, fitter.X[rows]), fitter.y[rows]
        theirs = ScikitLearns(C=C, max_iter=STOPPED_AFTER)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            theirs.fit(X, y)
        stopped += int(theirs.n_iter_.max() >= STOPPED_AFTER)
        ours = estimator.fit(fitter.X[rows], y)
        best = _objective(ours.predict_proba(fitter.X[rows]), ours, y)
        excess.append(_objective(theirs.predict_proba(X), theirs, y) / best - 1)
        p = theirs.predict(_normed(fitter, test.features))
        accuracy.append((p == test.labels).mean() - ours.score(test.features, test.labels))
    return StoppingCost(stopped, float(np.mean(excess)), float(np.mean(accuracy)))


def _normed(fitter: Fitter, X: Any) -> Floats:
    rows = np.asarray(X, dtype=np.float64)
    if fitter.estimator.normalize is None:
        return rows
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _objective(p: Floats, model: Any, y: Labels) -> float:
    own = p[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    return float(model.C * log_losses(own).sum() + 0.5 * np.square(model.coef_).sum())


def _figures(model: LogisticRegression, test: FeaturePart) -> tuple[float, float, float]:
    p = model.predict_proba(test.features)
    right = p.argmax(axis=1) == test.labels
    of_class = [right[test.labels == code].mean() for code in np.unique(test.labels)]
    losses = log_losses(p[np.arange(len(p)), test.labels])
    return float(right.mean()), float(np.mean(of_class)), float(losses.mean())


def _scores(
    shots: int, Cs: Sequence[float], found: Sequence[tuple[float, float, float]]
) -> ShotScores:
    accuracy, balanced, loss = zip(*found, strict=True)
    return ShotScores(shots, tuple(Cs), accuracy, balanced, loss)
