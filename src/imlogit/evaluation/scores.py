"""Scores of probabilities against labels, with intervals.

The figures are scikit-learn's; what is added here is what they rest on: the counts, the base
rate and 95% intervals.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from imlogit.arrays import Floats
from imlogit.core.links import codes_of_probabilities
from imlogit.errors import DataError
from imlogit.evaluation.calibration import (
    Reliability,
    brier_terms,
    error_interval,
    reliability,
)
from imlogit.evaluation.curve_areas import area_terms, areas
from imlogit.evaluation.intervals import Interval, IntervalMethod, wilson
from imlogit.evaluation.score_intervals import (
    RANKED,
    Found,
    area_intervals,
    f1_interval,
    loss_intervals,
    macro_f1_interval,
    mean_of_shares,
    shares_interval,
)
from imlogit.system.summarized import NotebookTable, Summarized
from imlogit.system.text import counted

OUT_OF_FOLD, TEST = "out-of-fold", "test"
# What each figure is called where people read it.
NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "calibration error",
}
CLASS_FIGURES = "images", "precision", "95% interval", "recall", "95% interval", "F1"
LOSSES = frozenset({"log_loss", "brier"})


@dataclass(frozen=True)
class Score:
    """One figure, with a 95% interval.

    Attributes
    ----------
    value : float
        nan where the figure is not defined (precision when nothing is called positive, say).
    low, high : float or None
        The interval's ends; None where none was asked for, and where there are too few images:
        where a class has none, nothing is known of what it adds to a figure.
    interval : IntervalMethod or None
        Whose interval it is.
    """

    value: float
    low: float | None = None
    high: float | None = None
    interval: IntervalMethod | None = None

    def to_dict(self) -> dict[str, float | str | None]:
        """Return plain numbers, None for nan."""
        value = None if math.isnan(self.value) else self.value
        by = None if self.interval is None else str(self.interval)
        return {"value": value, "low": self.low, "high": self.high, "interval": by}

    def texts(self) -> tuple[str, str]:
        """Return the figure and its interval for people to read."""
        if math.isnan(self.value):
            return "undefined", ""
        ends = "too few images" if self.low is None else f"{self.low:.4f} to {self.high:.4f}"
        return f"{self.value:.4f}", ends


@dataclass(frozen=True)
class ClassScores:
    """The figures of one class against all others.

    Attributes
    ----------
    n : int
        Images of the class.
    precision, recall : Score
        With Wilson's intervals.
    f1 : Score
    """

    n: int
    precision: Score
    recall: Score
    f1: Score

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers."""
        figures = ("precision", "recall", "f1")
        return {"n": self.n} | {name: getattr(self, name).to_dict() for name in figures}

    def texts(self) -> tuple[str, ...]:
        """Return n, precision and recall with their intervals, and F1, for people to read."""
        return (
            f"{self.n:,}",
            *self.precision.texts(),
            *self.recall.texts(),
            self.f1.texts()[0],
        )


@dataclass(frozen=True, eq=False, repr=False)
class Scores(Summarized):
    """All figures of one set of images.

    Attributes
    ----------
    n : int
        How many images were scored.
    base_rate : float
        The share of the most frequent class: the accuracy of always giving that answer.
    confusion : ndarray of int, shape (n_classes, n_classes)
        Rows are the true classes, columns the predicted ones.
    values : dict of str to Score
        By the names in `NAMES`. With more than two classes precision, recall, f1, roc_auc and
        average_precision are means over the classes, each against the rest.
    origin : {"out-of-fold", "test"} or None
        Which images these are to the models that gave the probabilities; None where they may have
        seen some.
    reliability : Reliability or None
        What the calibration error is made of, where that is among the figures.
    """

    n: int
    base_rate: float
    confusion: NDArray[np.intp]
    values: dict[str, Score]
    origin: str | None = None
    reliability: Reliability | None = None

    def __getitem__(self, name: str) -> Score:
        return self.values[name]

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        return {
            "origin": self.origin,
            "n": self.n,
            "base_rate": self.base_rate,
            "confusion": self.confusion.tolist(),
            "values": {name: score.to_dict() for name, score in self.values.items()},
        }

    def by_class(self) -> tuple[ClassScores, ...]:
        """Return precision, recall and F1 of every class, in their order."""
        totals, called = self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        return tuple(
            ClassScores(n, _proportion(right, m), _proportion(right, n), _f1(right, m + n))
            for right, n, m in zip(
                self.confusion.diagonal().tolist(), totals.tolist(), called.tolist(), strict=True
            )
        )

    def rows(self) -> tuple[tuple[str, ...], ...]:
        """Return every figure's name, value, interval and whose that is; the base rate first."""
        return (
            ("base rate", f"{self.base_rate:.4f}", "", ""),
            *(
                (NAMES[name], *one.texts(), str(one.interval or ""))
                for name, one in self.values.items()
            ),
        )

    def notebook_table(self, title: str) -> NotebookTable:
        """Return all figures as a notebook shows them."""
        return NotebookTable(title, self.rows(), ("score", "value", "95% interval", "by"))

    def _notebook_tables(self) -> tuple[NotebookTable, ...]:
        return (
            self.notebook_table(
                counted(self.n, f"{self.origin} image" if self.origin else "image")
            ),
        )

    def _summary(self) -> dict[str, str]:
        figures = {name: f"{score.value:.4f}" for name, score in self.values.items()}
        first = dict(list(figures.items())[:1])
        return {"rows": f"{self.n:,}", "base rate": f"{self.base_rate:.4f}", **first}


def score(
    codes: NDArray[np.integer],
    probabilities: Floats,
    only: Collection[str] = NAMES,
    *,
    origin: str | None = None,
    intervals: bool = False,
    threshold: float | None = None,
) -> Scores:
    """Score class probabilities against true labels.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        True classes, as indices into the columns of ``probabilities``; with two classes, 1 is
        the positive one.
    probabilities : ndarray of float64, shape (n, n_classes)
    only : collection of str
        The figures that are wanted: areas under curves need the rows sorted, which takes far
        longer than to count what is right.
    origin : {"out-of-fold", "test"}, optional
        Which images these are to the models.
    intervals : bool, default=False
        Give every figure an interval, not only proportions. They say what other images of the
        same kind would do to the figure, the model being what it is.
    threshold : float, optional
        The probability from which on an image is called positive, for two classes; without it,
        the more probable class is given.

    Raises
    ------
    DataError
        For no images, or lengths that differ.
    """
    if len(codes) != len(probabilities):
        raise DataError(f"{len(codes)} labels for {len(probabilities)} rows of probabilities")
    if len(codes) == 0:
        raise DataError("there are no images to score")
    n_classes = probabilities.shape[1]
    predicted = codes_of_probabilities(probabilities, threshold)
    pairs = np.bincount(codes.astype(np.intp) * n_classes + predicted, minlength=n_classes**2)
    confusion = pairs.reshape(n_classes, n_classes)
    values, curve = _counted(confusion), None
    if not set(RANKED).isdisjoint(only):
        values |= _ranking(codes, probabilities, intervals=intervals)
    if "log_loss" in only:
        loss = metrics.log_loss(codes, probabilities, labels=np.arange(n_classes))
        values["log_loss"] = Score(float(loss))
    if "brier" in only:
        values["brier"] = Score(float(brier_terms(codes, probabilities).mean()))
    if "calibration_error" in only:
        curve = reliability(codes, probabilities)
        values["calibration_error"] = Score(curve.expected_error)
    values = {name: values[name] for name in NAMES if name in only}
    if intervals:
        values = _with_intervals(values, codes, probabilities, curve)
    base_rate = float(confusion.sum(axis=1).max() / len(codes))
    return Scores(len(codes), base_rate, confusion, values, origin, curve)


def _with_intervals(
    values: Mapping[str, Score],
    codes: NDArray[np.integer],
    probabilities: Floats,
    curve: Reliability | None,
) -> dict[str, Score]:
    """Give the figures intervals that are sums over images."""
    found: dict[str, Found] = {}
    if not LOSSES.isdisjoint(values):
        ends = loss_intervals(codes, probabilities)
        found |= {name: (one, IntervalMethod.TILTING) for name, one in ends.items()}
    if curve is not None:
        found["calibration_error"] = error_interval(curve), IntervalMethod.INVERSION
    return {
        name: bounded(one.value, *found[name]) if name in found else one
        for name, one in values.items()
    }


def bounded(value: float, ends: Interval[float], method: IntervalMethod) -> Score:
    """Return a score with its interval, or without where either is undefined.

    One that is about another estimate, or rounded, is made to hold the figure.
    """
    if math.isnan(value + ends.low + ends.high):
        return Score(value)
    return Score(value, min(ends.low, value), max(ends.high, value), method)


def _proportion(successes: int, trials: int) -> Score:
    ends = wilson(successes, trials)
    return bounded(successes / trials if trials else math.nan, ends, IntervalMethod.WILSON)


def _f1(right: int, called_or_true: int) -> Score:
    value = 2 * right / called_or_true if called_or_true else math.nan
    return bounded(value, f1_interval(right, called_or_true), IntervalMethod.WILSON)


def _counted(confusion: NDArray[np.intp]) -> dict[str, Score]:
    """Return the figures that follow from the confusion matrix."""
    right, totals, called = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    accuracy = _proportion(int(right.sum()), int(confusion.sum()))
    balanced = bounded(mean_of_shares(right, totals), *shares_interval(right, totals))
    found = {"accuracy": accuracy, "balanced_accuracy": balanced}
    if len(confusion) == 2:
        true_positive = int(right[1])
        return found | {
            "precision": _proportion(true_positive, int(called[1])),
            "recall": _proportion(true_positive, int(totals[1])),
            "f1": _f1(true_positive, int(called[1] + totals[1])),
        }
    f1 = mean_of_shares(2 * right, called + totals)
    return found | {
        "precision": bounded(mean_of_shares(right, called), *shares_interval(right, called)),
        "recall": balanced,
        "f1": bounded(f1, macro_f1_interval(confusion), IntervalMethod.EFFECTIVE),
    }


def _ranking(
    codes: NDArray[np.integer], probabilities: Floats, *, intervals: bool
) -> dict[str, Score]:
    """Areas under the curves, where every class has images on both sides."""
    n_classes = probabilities.shape[1]
    sides = [
        (codes == k, probabilities[:, k]) for k in ([1] if n_classes == 2 else range(n_classes))
    ]
    found: dict[str, Found] = {}
    # a class without images leaves the mean undefined
    if intervals and np.bincount(codes, minlength=n_classes).all():
        curves = [area_terms(*side) for side in sides]
        found = area_intervals(codes, n_classes, curves)
        pairs = [(one.roc_auc, one.average_precision) for one in curves]
    else:
        pairs = [areas(*side) for side in sides]
    values = dict(zip(RANKED, np.mean(pairs, axis=0).tolist(), strict=True))
    return {
        name: bounded(value, *found[name]) if name in found else Score(value)
        for name, value in values.items()
    }
