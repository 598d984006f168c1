"""Scores of labels of which a row has any number: those of each, and their means."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.evaluation.curve_areas import area_terms, areas
from imlogit.evaluation.precision_bias import precision_bias
from imlogit.evaluation.score_intervals import average_precision_interval
from imlogit.evaluation.scores import NAMES, Score, Scores, bounded, score
from imlogit.system.summarized import Summarized


@dataclass(frozen=True, eq=False, repr=False)
class LabelScores(Summarized):
    """All figures of rows that have any number of labels.

    Attributes
    ----------
    n : int
        How many rows were scored.
    by_label : tuple of Scores
        Of each label against its absence, with intervals where these were asked for.
    values : dict of str to Score
        The means over the labels, by the names that `Scores` has: that of ``average_precision``
        is known as mAP. nan where a label has none, such as one that no row has.
    exact : Score
        The share of rows of which all labels are right.
    origin : {"out-of-fold", "test"} or None
        As in `Scores`.
    """

    n: int
    by_label: tuple[Scores, ...]
    values: dict[str, Score]
    exact: Score
    origin: str | None = None

    def __getitem__(self, name: str) -> Score:
        return self.values[name]

    @property
    def base_rate(self) -> float:
        """The accuracy of always giving the more frequent answer, the mean over the labels."""
        return float(np.mean([one.base_rate for one in self.by_label]))

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        return {
            "origin": self.origin,
            "n": self.n,
            "base_rate": self.base_rate,
            "exact": self.exact.to_dict(),
            "values": {name: one.to_dict() for name, one in self.values.items()},
            "by_label": [one.to_dict() for one in self.by_label],
        }

    def _summary(self) -> dict[str, str]:
        figures = {name: f"{one.value:.4f}" for name, one in self.values.items()}
        first = dict(list(figures.items())[:1])
        return {
            "rows": f"{self.n:,}",
            "labels": f"{len(self.by_label):,}",
            "base rate": f"{self.base_rate:.4f}",
            **first,
        }


def score_labels(
    labels: NDArray[np.integer],
    probabilities: Floats,
    only: Collection[str] = NAMES,
    *,
    origin: str | None = None,
    intervals: bool = False,
) -> LabelScores:
    """Score the probabilities of labels, each against whether a row has it.

    Parameters
    ----------
    labels : ndarray of int, shape (n, L)
        0 and 1.
    probabilities : ndarray of float64, shape (n, L)
    only, origin, intervals
        As in `imlogit.evaluation.scores.score`; intervals are of the single labels. A label is
        given from a probability above 0.5 on.

    Raises
    ------
    DataError
        For no rows, or lengths that differ.
    """
    each = tuple(
        score(own, np.stack([1 - p, p], axis=1), only, origin=origin, intervals=intervals)
        for own, p in zip(labels.T, probabilities.T, strict=True)
    )
    values = {
        name: Score(float(np.mean([one.values[name].value for one in each])))
        for name in each[0].values
    }
    exact = float(((probabilities > 0.5) == (labels == 1)).all(axis=1).mean())
    return LabelScores(len(labels), each, values, Score(exact), origin)


def told_apart(labels: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the columns of labels that some of the rows have and some have not, shape (k,)."""
    have = labels.sum(axis=0, dtype=np.intp)
    return np.flatnonzero((have > 0) & (have < len(labels)))


def mean_average_precision(
    labels: NDArray[np.integer], probabilities: Floats, *, intervals: bool = False
) -> Score:
    """Return the mean of the labels' average precision, nan where no label has one.

    Labels that no row has, or every row, have none and are left out of the mean.

    Parameters
    ----------
    labels : ndarray of int, shape (n, L)
        0 and 1.
    probabilities : ndarray of float64, shape (n, L)
        Or anything that puts the rows in the same order.
    intervals : bool, default=False
        Give it an interval: how it varies with the rows, all labels of a row together. It reaches
        further down by what the average precision of few rows is above that of many.
    """
    places = told_apart(labels)
    sides = [(labels[:, k] == 1, probabilities[:, k]) for k in places]
    if not sides:
        return Score(float("nan"))
    if not intervals:
        return Score(float(np.mean([areas(*side)[1] for side in sides])))
    curves = [area_terms(*side) for side in sides]
    count = labels[:, places].sum(axis=0, dtype=np.intp)
    value = float(np.mean([one.average_precision for one in curves]))
    ends, method = average_precision_interval(curves, count)
    bias = precision_bias(labels[:, places], probabilities[:, places])
    return bounded(value, ends._replace(low=max(ends.low - bias, 0.0)), method)


def score_answers(
    answers: NDArray[np.integer],
    probabilities: Floats,
    only: Collection[str] = NAMES,
    *,
    origin: str | None = None,
    intervals: bool = False,
) -> Scores | LabelScores:
    """Score rows of one class each, or of any number of labels, whichever the answers are."""
    how: dict[str, Any] = {"origin": origin, "intervals": intervals}
    if answers.ndim == 2:
        return score_labels(answers, probabilities, only, **how)
    return score(answers, probabilities, only, **how)
