"""Scores of labels of which a row has any number: those of each, and their means."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.evaluation.scores import NAMES, Score, Scores, score
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
