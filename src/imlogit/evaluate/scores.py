"""Scores of probabilities against labels, with intervals.

The figures are scikit-learn's; what is added here is what they rest on: the counts, the base
rate and 95% intervals.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn import metrics

from imlogit.core.columns import Floats

CONFIDENCE = 0.95
NAMES = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "roc_auc",
    "average_precision",
    "log_loss",
)


@dataclass(frozen=True)
class Score:
    """One figure, with a 95% interval where it is a proportion.

    Attributes
    ----------
    value : float
        nan where the figure is not defined (precision when nothing is called positive, say).
    low, high : float or None
        Wilson's interval, for a proportion.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, float | None]:
        """Return plain numbers, None for nan."""
        value = None if math.isnan(self.value) else self.value
        return {"value": value, "low": self.low, "high": self.high}


@dataclass(frozen=True, eq=False)
class Scores:
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
    """

    n: int
    base_rate: float
    confusion: NDArray[np.intp]
    values: dict[str, Score]

    def __getitem__(self, name: str) -> Score:
        return self.values[name]

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists and numbers."""
        return {
            "n": self.n,
            "base_rate": self.base_rate,
            "confusion": self.confusion.tolist(),
            "values": {name: score.to_dict() for name, score in self.values.items()},
        }


def wilson(successes: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Wilson's score interval for a proportion.

    Parameters
    ----------
    successes, trials : int
    confidence : float

    Returns
    -------
    low, high : float
        (0, 1) where there were no trials.

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    Journal of the American Statistical Association 22 (1927).
    """
    if trials == 0:
        return 0.0, 1.0
    z = float(ndtri(0.5 + confidence / 2))
    share = successes / trials
    middle = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # exact at the ends, where rounding would leave something like -1e-18
    low = 0.0 if successes == 0 else (middle - half) / scale
    high = 1.0 if successes == trials else (middle + half) / scale
    return low, high


def score(
    codes: NDArray[np.integer], probabilities: Floats, only: Collection[str] = NAMES
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

    Raises
    ------
    ValueError
        For no images, or lengths that differ.
    """
    if len(codes) != len(probabilities):
        raise ValueError(f"{len(codes)} labels for {len(probabilities)} rows of probabilities")
    if len(codes) == 0:
        raise ValueError("there are no images to score")
    n_classes = probabilities.shape[1]
    predicted = predicted_codes(probabilities)
    pairs = np.bincount(codes.astype(np.intp) * n_classes + predicted, minlength=n_classes**2)
    confusion = pairs.reshape(n_classes, n_classes)
    right, n = int(np.trace(confusion)), len(codes)
    values = {
        "accuracy": _proportion(right, n),
        "balanced_accuracy": Score(_balanced_accuracy(confusion)),
    }
    if not {"precision", "recall", "f1"}.isdisjoint(only):
        values |= _binary(confusion) if n_classes == 2 else _averaged(codes, predicted)
    if not {"roc_auc", "average_precision"}.isdisjoint(only):
        values |= _ranking(codes, probabilities)
    if "log_loss" in only:
        loss = metrics.log_loss(codes, probabilities, labels=np.arange(n_classes))
        values["log_loss"] = Score(float(loss))
    base_rate = float(confusion.sum(axis=1).max() / n)
    wanted = {name: values[name] for name in NAMES if name in only}
    return Scores(n, base_rate, confusion, wanted)


def predicted_codes(probabilities: Floats) -> NDArray[np.intp]:
    """Return each row's most probable class; a tie between two goes to the negative one."""
    codes: NDArray[np.intp] = probabilities.argmax(axis=1)
    return codes


def _proportion(successes: int, trials: int) -> Score:
    if trials == 0:
        return Score(math.nan)
    return Score(successes / trials, *wilson(successes, trials))


def _balanced_accuracy(confusion: NDArray[np.intp]) -> float:
    totals = confusion.sum(axis=1)
    present = totals > 0
    return float((confusion.diagonal()[present] / totals[present]).mean())


def _binary(confusion: NDArray[np.intp]) -> dict[str, Score]:
    (_, false_positive), (false_negative, true_positive) = confusion.tolist()
    found = 2 * true_positive + false_positive + false_negative
    return {
        "precision": _proportion(true_positive, true_positive + false_positive),
        "recall": _proportion(true_positive, true_positive + false_negative),
        "f1": Score(2 * true_positive / found if found else math.nan),
    }


def _averaged(codes: NDArray[np.integer], predicted: NDArray[np.intp]) -> dict[str, Score]:
    figures = metrics.precision_recall_fscore_support(
        codes, predicted, average="macro", zero_division=np.nan
    )
    return {
        name: Score(float(value))
        for name, value in zip(("precision", "recall", "f1"), figures[:3], strict=True)
    }


def _ranking(codes: NDArray[np.integer], probabilities: Floats) -> dict[str, Score]:
    """Areas under the curves, where every class has images on both sides."""
    n_classes = probabilities.shape[1]
    wanted = [1] if n_classes == 2 else range(n_classes)
    areas, precisions = [], []
    for code in wanted:
        is_class = codes == code
        defined = is_class.any() and not is_class.all()
        pair = _areas(is_class, probabilities[:, code]) if defined else (math.nan, math.nan)
        areas.append(pair[0])
        precisions.append(pair[1])
    return {
        "roc_auc": Score(float(np.mean(areas))),
        "average_precision": Score(float(np.mean(precisions))),
    }


def _areas(positive: NDArray[np.bool_], scores: Floats) -> tuple[float, float]:
    """Return the area under the ROC curve and the average precision, from one sort.

    Both as scikit-learn defines them, whose functions sort, check and copy for each.
    """
    order = np.argsort(-scores)
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # of ties
    true = np.append(0, np.cumsum(positive[order])[ends])
    called = np.append(0, ends + 1)
    area = np.trapezoid(true, called - true) / (true[-1] * (called[-1] - true[-1]))
    precision = np.diff(true) @ (true[1:] / called[1:]) / true[-1]
    return float(area), float(precision)
