"""Areas under curves, as scikit-learn defines them, of many replicates from one sort."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats


def areas(
    positive: NDArray[np.bool_], scores: Floats, counts: NDArray[np.floating] | None = None
) -> tuple[Floats, Floats]:
    """Return the area under the ROC curve and the average precision.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
    scores : ndarray of float64, shape (n,)
    counts : ndarray of float, shape (R, n), optional
        How often each row counts, in each of R replicates; by default once, in one.

    Returns
    -------
    roc_auc, average_precision : ndarray of float64, shape (R,)
        nan where a class is absent.
    """
    counts = np.ones((1, len(scores))) if counts is None else counts
    order = np.argsort(-scores)
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # of ties
    drawn = counts[:, order]
    called = drawn.cumsum(axis=1, dtype=np.float64)[:, ends]
    true = (drawn * positive[order]).cumsum(axis=1, dtype=np.float64)[:, ends]
    start = np.zeros((len(counts), 1))
    called, true = np.hstack([start, called]), np.hstack([start, true])
    all_true, all_false = true[:, -1], called[:, -1] - true[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        area = np.trapezoid(true, called - true, axis=1) / (all_true * all_false)
        share = np.where(called > 0, true / called, 0)[:, 1:]
        precision = (np.diff(true, axis=1) * share).sum(axis=1) / all_true
    precision[all_false == 0] = np.nan
    return area, precision
