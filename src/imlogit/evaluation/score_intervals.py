"""95% intervals of scores, each by the method that holds the truth in 95 of 100 samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.core.loss import log_losses
from imlogit.evaluation.curve_areas import Areas
from imlogit.evaluation.intervals import (
    CONFIDENCE,
    UNDEFINED,
    Interval,
    IntervalMethod,
    effective,
    last_held,
    normal_quantile,
    wilson,
    wilson_of_each,
)
from imlogit.evaluation.tilting import mean_loss

# Images that a share of each class is taken to rest on beside its own, as the others' go.
PRIOR = 2.0
# How many mistakes more are imagined of so few images that they may have hidden; and how many
# images' worth the variance of an area is, that its size alone suggests. By `benchmarks.coverage`.
CAUTION = {"balanced_accuracy": 1.0, "f1": 3.0, "roc_auc": 0.2, "average_precision": 5.0}
AREA_PRIOR = 5.0
RANKED = ("roc_auc", "average_precision")
Found = tuple[Interval[float], IntervalMethod]


def mean_of_shares(right: NDArray[np.integer], of: NDArray[np.integer]) -> float:
    """Return the mean of the shares that are defined; nan where none is."""
    defined = of > 0
    return float((right[defined] / of[defined]).mean()) if defined.any() else math.nan


def shares_interval(right: NDArray[np.integer], of: NDArray[np.integer]) -> Found:
    """Return an interval of the mean of several independent proportions.

    Of two it is Newcombe's [1]_, of more Wilson's for the trials that they are worth. A class
    without trials leaves the mean undefined: of it nothing is known.

    References
    ----------
    .. [1] G. Y. Zou, A. Donner, Construction of confidence limits about effect measures: a
       general approach, Statistics in Medicine 27 (2008).
    """
    method = IntervalMethod.NEWCOMBE if len(of) == 2 else IntervalMethod.EFFECTIVE
    if not of.all():
        return UNDEFINED, method
    share, k = right / of, len(of)
    mean = float(share.mean())
    if k == 2:
        ends = np.array(wilson_of_each(right, of))
        down, up = np.sqrt(((ends - share) ** 2).sum(axis=1)) / k
        return Interval(mean - float(down), mean + float(up)), method
    alike = _pooled(right, of, share)
    variance = float((alike * (1 - alike) / np.maximum(of - 1, 1)).sum()) / k**2
    caution = CAUTION["balanced_accuracy"]
    return effective(mean, variance, k**2 / float((1 / of).sum()), caution), method


def f1_interval(right: int, called_or_true: int) -> Interval[float]:
    """Return an interval of one class's F1, by what it is a function of.

    That is a proportion: of the images that are called or are of the class, those that are both.
    """
    if not called_or_true:
        return UNDEFINED
    low, high = wilson(right, called_or_true - right)
    return Interval(2 * low / (1 + low), 2 * high / (1 + high))


def macro_f1_interval(confusion: NDArray[np.integer]) -> Interval[float]:
    """Return an interval of the mean F1 of several classes, each of which must have images.

    About the mean less its bias: F1 is a concave function of a proportion, and of few images
    smaller on average than of many.
    """
    right, totals, called = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    if not totals.all():
        return UNDEFINED
    k, either = len(right), totals + called - right
    shared = _pooled(right, either, right / either)
    bias = 2 * shared * (1 - shared) / ((1 + shared) ** 3 * either)
    f1 = 2 * shared / (1 + shared)
    # the influence of an image: of its own class's F1 and that of the class it is called
    slope = -f1 / (totals + called)
    terms = slope[:, None] + slope + np.diag(2 / (totals + called))
    variance = float((confusion * terms**2).sum()) / k**2
    size = k**2 / float((2 / (totals + called)).sum())
    middle = float((2 * right / (totals + called) + bias).mean())
    return effective(min(middle, 1.0), variance, size, CAUTION["f1"])


def area_intervals(
    codes: NDArray[np.integer], n_classes: int, curves: Sequence[Areas]
) -> dict[str, Found]:
    """Return intervals of both areas under curves, of the mean over more than two classes.

    Of the average precision, and of the mean area under ROC curves, they are Wilson's for the
    positive images that these are worth.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        With images of every class.
    n_classes : int
    curves : sequence of Areas
        Of the positive class, or of each against the rest.
    """
    n, count = len(codes), np.bincount(codes, minlength=n_classes)[-len(curves) :]
    found = {"average_precision": average_precision_interval(curves, count)}
    if n_classes == 2:
        return found | {"roc_auc": (delong(codes == 1, curves[0]), IntervalMethod.DELONG)}
    size = 2 * len(curves) ** 2 / float((1 / np.minimum(count, n - count)).sum())
    mean = float(np.mean([one.roc_auc for one in curves]))
    variance = _variance([one.roc_auc_terms for one in curves])
    ends = effective(mean, variance, size, CAUTION["roc_auc"])
    return found | {"roc_auc": (ends, IntervalMethod.EFFECTIVE)}


def average_precision_interval(curves: Sequence[Areas], count: NDArray[np.integer]) -> Found:
    """Return an interval of the mean average precision of several classes, or labels.

    Parameters
    ----------
    curves : sequence of Areas
        Of each class against the rest, over the same rows.
    count : ndarray of int, shape (len(curves),)
        How many rows are of each.
    """
    mean = float(np.mean([one.average_precision for one in curves]))
    # divided by one image less: of few positive ones a mean varies less about itself
    less = np.sqrt(count / np.maximum(count - 1, 0.5))
    terms = [one.average_precision_terms * by for one, by in zip(curves, less, strict=True)]
    size = len(count) ** 2 / float((1 / count).sum())
    ends = effective(mean, _variance(terms), size, CAUTION["average_precision"])
    return ends, IntervalMethod.EFFECTIVE


def delong(
    positive: NDArray[np.bool_], curve: Areas, confidence: float = CONFIDENCE
) -> Interval[float]:
    """Return Newcombe's interval for the area under a ROC curve, with DeLong's variance.

    The variance at other areas than that found is in proportion to Hanley and McNeil's, as is its
    size where there are few images.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
        With images of both classes.
    curve : Areas
    confidence : float

    References
    ----------
    R. G. Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney
    statistic, part 2, Statistics in Medicine 25 (2006). E. R. DeLong, D. M. DeLong,
    D. L. Clarke-Pearson, Comparing the areas under two or more correlated receiver operating
    characteristic curves, Biometrics 44 (1988).
    """
    sides = [curve.roc_auc_terms[side] for side in (positive, ~positive)]
    sizes, area = [len(side) for side in sides], curve.roc_auc
    trust, more = min(sizes) - 1, (sum(sizes) - 2) / 2

    def expected(area: float) -> float:
        spread = 1 + more * ((1 - area) / (2 - area) + area / (1 + area))
        return area * (1 - area) * spread / math.prod(sizes)

    # a little short of 1, so that areas of 1 have a variance
    prior = AREA_PRIOR * expected(area) + expected(1 - 1 / (2 * min(sizes) + 1))
    seen = sum(float(side @ side) * len(side) / max(len(side) - 1, 1) for side in sides)
    ratio = (trust * seen + prior) / (trust * expected(area) + prior)
    reach = normal_quantile(confidence) ** 2 * ratio

    def holds(other: float) -> bool:
        return (area - other) ** 2 <= reach * expected(other)

    return Interval(last_held(holds, area, 0.0), last_held(holds, area, 1.0))


def loss_intervals(codes: NDArray[np.integer], probabilities: Floats) -> dict[str, Interval[float]]:
    """Return intervals of the log loss and the Brier score."""
    squares = (probabilities**2).sum(axis=1, keepdims=True) + 1 - 2 * probabilities
    if probabilities.shape[1] == 2:
        squares /= 2  # as `brier_terms`
    return {
        "log_loss": mean_loss(log_losses(probabilities), probabilities, codes),
        "brier": mean_loss(squares, probabilities, codes),
    }


def _pooled(right: NDArray[np.integer], of: NDArray[np.integer], share: Floats) -> Floats:
    """Return each class's share, drawn towards their mean where it rests on few images."""
    mean = (share.sum() + 0.5) / (len(share) + 1)
    pooled: Floats = (right + PRIOR * mean) / (of + PRIOR)
    return pooled


def _variance(terms: Sequence[Floats]) -> float:
    """Return the variance of the mean over classes, from each one's influences."""
    mean = np.mean(terms, axis=0)
    return float(mean @ mean)
