"""A threshold of the probability, chosen for a wanted precision or recall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.errors import DataError, ParameterError
from imlogit.evaluation.intervals import wilson_of_each
from imlogit.evaluation.scores import Score, score

WANTED = ("precision", "recall")


@dataclass(frozen=True)
class Threshold:
    """A threshold, and what it reaches on the images that it was chosen on.

    Attributes
    ----------
    value : float
        From this probability on an image is called positive.
    wanted : {"precision", "recall"}
    at_least : float
        What was asked for.
    precision, recall : Score
        Of the images that it was chosen on, with Wilson's intervals.
    reached : bool
        Whether the lower end of the interval reaches what was asked for, so that new images of the
        same kind almost surely do, too.
    """

    value: float
    wanted: str
    at_least: float
    precision: Score
    recall: Score
    reached: bool

    @property
    def estimated(self) -> bool:
        """Whether the figure itself reaches it; if not, ``value`` comes closest."""
        figure = self.precision if self.wanted == "precision" else self.recall
        return figure.value >= self.at_least

    def to_dict(self) -> dict[str, Any]:
        """Return plain numbers."""
        return {
            "value": self.value,
            "wanted": self.wanted,
            "at_least": self.at_least,
            "reached": self.reached,
            "out_of_fold": {"precision": self.precision.to_dict(), "recall": self.recall.to_dict()},
        }


def choose_threshold(
    positive: NDArray[np.bool_], probability: Floats, wanted: str, at_least: float
) -> Threshold:
    """Choose the threshold that gives up least of the one figure to reach the other.

    For a precision: of all thresholds that reach it, the one with the highest recall. For a
    recall: the highest threshold that reaches it. The lower end of the figure's 95% interval is
    to reach it: the figure itself, on the images that the threshold was chosen on, flatters, and
    is below the promise on new images in about half of all cases. Where no lower end reaches it,
    which asks for some 4 / (1 - at_least) images without a mistake, the figure itself is to, and
    the promise is none.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
        The truth.
    probability : ndarray of float64, shape (n,)
        Out-of-fold, or the choice flatters itself.
    wanted : {"precision", "recall"}
    at_least : float
        Over 0 and at most 1.

    Raises
    ------
    ParameterError
        For anything else.
    DataError
        Without a positive image.
    """
    if wanted not in WANTED:
        raise ParameterError(f"wanted is {wanted!r}: give precision or recall", parameter="wanted")
    if not 0 < at_least <= 1:
        raise ParameterError(
            f"a {wanted} of {at_least} is not possible: give a number up to 1", parameter="at_least"
        )
    if not positive.any():
        raise DataError("no image is positive: there is no threshold to choose")
    order = np.argsort(-probability, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(probability[order])), len(order) - 1)  # of ties
    found = np.cumsum(positive[order])[ends]
    precision, recall = found / (ends + 1), found / positive.sum()
    figure, other = (precision, recall) if wanted == "precision" else (recall, -ends)
    of = ends + 1 if wanted == "precision" else np.full(len(found), found[-1])
    low = wilson_of_each(found, of).low
    good = low >= at_least
    if not good.any():
        good = figure >= at_least
    # by the figure itself where none is good enough
    rank = np.lexsort((-ends, other, figure if not good.any() else good))
    best = int(rank[-1])
    value = float(probability[order[ends[best]]])
    scores = score(
        positive.astype(np.intp),
        np.stack([1 - probability, probability], axis=1),
        WANTED,
        threshold=value,
    )
    reached = bool(low[best] >= at_least)
    return Threshold(value, wanted, at_least, scores["precision"], scores["recall"], reached)
