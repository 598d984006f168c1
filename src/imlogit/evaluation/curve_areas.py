"""Curves, the areas under them as scikit-learn defines these, and what each image moves them by."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats


class _Curve(NamedTuple):
    """Rows from the highest score down, and how many come before and up to the end of their ties.

    ``true`` and ``called`` count up to the end, ``true_before`` and ``called_before`` up to the
    start of the rows of equal score.
    """

    order: NDArray[np.intp]
    positive: Floats
    true_before: Floats
    true: Floats
    called_before: Floats
    called: Floats


class Areas(NamedTuple):
    """Both areas, and by how much each image moves them.

    Attributes
    ----------
    roc_auc, average_precision : float
    roc_auc_terms, average_precision_terms : ndarray of float64, shape (n,)
        The influence of each image: these add up to 0, and their squares to the variance.
    """

    roc_auc: float
    average_precision: float
    roc_auc_terms: Floats
    average_precision_terms: Floats


class CurvePoints(NamedTuple):
    """What is reached with each score as the threshold, the highest first; each of shape (n,).

    Attributes
    ----------
    false_positive_rate, recall, precision : ndarray of float64
        The area under the recall over the false positive rate is the ROC AUC, with straight lines
        from (0, 0) on; that under the precision over the recall, with each precision held back to
        the recall before it, the average precision.
    """

    false_positive_rate: Floats
    recall: Floats
    precision: Floats


def curve_points(positive: NDArray[np.bool_], scores: Floats) -> CurvePoints:
    """Return the points of the ROC and precision-recall curves; both classes must have images.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
    scores : ndarray of float64, shape (n,)
    """
    m, n = int(positive.sum()), len(positive)
    one = _curve(positive, scores)
    called, first = np.unique(one.called, return_index=True)
    true = one.true[first]
    return CurvePoints((called - true) / (n - m), true / m, true / called)


def areas(positive: NDArray[np.bool_], scores: Floats) -> tuple[float, float]:
    """Return the area under the ROC curve and the average precision.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
    scores : ndarray of float64, shape (n,)

    Returns
    -------
    roc_auc, average_precision : float
        nan where a class is absent.
    """
    m, n = int(positive.sum()), len(positive)
    if m in (0, n):
        return math.nan, math.nan
    one = _curve(positive, scores)
    return _roc_auc(one, m, n), float(one.positive @ (one.true / one.called)) / m


def area_terms(positive: NDArray[np.bool_], scores: Floats) -> Areas:
    """Return both areas and their influence functions; of both classes there must be images.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
    scores : ndarray of float64, shape (n,)
    """
    m, n = int(positive.sum()), len(positive)
    one = _curve(positive, scores)
    y, precision = one.positive, one.true / one.called
    area = _roc_auc(one, m, n)
    false, false_before = one.called - one.true, one.called_before - one.true_before
    # for each image the share of the other class's that it is in the right order with
    above = 1 - (false + false_before) / 2 / (n - m)
    below = (one.true + one.true_before) / 2 / m
    ranked = np.where(y > 0, (above - area) / m, (below - area) / (n - m))
    average = float(y @ precision) / m
    # what an image is to the precision at each positive image that does not lie above it
    start = one.called_before.astype(np.intp)
    gain, loss = (
        term[::-1].cumsum()[::-1][start] for term in (y / one.called, y * precision / one.called)
    )
    moved = (y * (precision - average) + y * gain - loss) / m
    roc_terms, precision_terms = np.empty((2, n))
    roc_terms[one.order], precision_terms[one.order] = ranked, moved
    return Areas(area, average, roc_terms, precision_terms)


def _curve(positive: NDArray[np.bool_], scores: Floats) -> _Curve:
    order = np.argsort(-scores)
    falls = np.diff(scores[order]) != 0
    ends = np.append(np.flatnonzero(falls), len(scores) - 1)
    ties = np.append(0, falls.cumsum())
    y = positive[order].astype(np.float64)
    true, called = y.cumsum()[ends], ends + 1.0
    true_before, called_before = (np.append(0.0, sums[:-1])[ties] for sums in (true, called))
    return _Curve(order, y, true_before, true[ties], called_before, called[ties])


def _roc_auc(one: _Curve, m: int, n: int) -> float:
    pairs = (1 - one.positive) @ (one.true + one.true_before) / 2
    return float(pairs / (m * (n - m)))
