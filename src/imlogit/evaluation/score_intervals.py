"""Bootstrap intervals of scores: images drawn anew, from few enough draws to be at no price."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.core.loss import log_losses
from imlogit.evaluation.calibration import N_BINS, bins, brier_terms, claims
from imlogit.evaluation.curve_areas import areas
from imlogit.evaluation.intervals import (
    Interval,
    percentiles,
    redrawn_counts,
    row_counts,
    without_bias,
)

# Of more images so many are drawn from, and the spread that they show is scaled: it falls with
# the square root of their number.
MOST_ROWS = 10_000
COUNTED = frozenset({"balanced_accuracy", "precision", "recall", "f1"})
RANKED = frozenset({"roc_auc", "average_precision"})


def resampled(
    values: Mapping[str, float],
    codes: NDArray[np.integer],
    probabilities: Floats,
    confusion: NDArray[np.integer],
) -> dict[str, Interval[float]]:
    """Return 95% percentile intervals of some scores by the bootstrap over images.

    The calibration error, which chance alone makes larger, in the images as in every draw of
    them, has the normal interval instead, less the bias that the draws show [1]_.

    Parameters
    ----------
    values : mapping of str to float
        The figures, by their names as in `imlogit.evaluation.scores.NAMES`; with two classes,
        precision and recall are not done here.
    codes : ndarray of int, shape (n,)
    probabilities : ndarray of float64, shape (n, n_classes)
    confusion : ndarray of int, shape (n_classes, n_classes)

    References
    ----------
    .. [1] A. C. Davison, D. V. Hinkley, Bootstrap methods and their application (1997), chapter 5.
    """
    found: dict[str, Interval[float]] = {}
    if not COUNTED.isdisjoint(values):
        draws = _counted(confusion)
        found |= {name: percentiles(draws[name]) for name in COUNTED.intersection(values)}
    by_row = set(values) - COUNTED
    if not by_row:
        return found
    rows, shrink = _some(len(codes))
    draws, centre = _by_row(by_row, codes[rows], probabilities[rows])
    for name in by_row:
        low, high = percentiles(draws[name])
        if name == "calibration_error":
            low, high = without_bias(draws[name], centre[name])
        # from the deviations of the draws to those of all images, about the figure of all
        low, high = (values[name] + shrink * (end - centre[name]) for end in (low, high))
        found[name] = Interval(max(low, 0.0), high)
    return found


def mean_of_shares(right: NDArray[np.integer], of: NDArray[np.integer]) -> Floats:
    """Return the mean over the last axis of the shares that are defined; nan where none is."""
    defined = of > 0
    shares = np.divide(right, of, out=np.zeros(right.shape), where=defined)
    with np.errstate(invalid="ignore"):
        mean: Floats = shares.sum(axis=-1) / defined.sum(axis=-1)
    return mean


def _counted(confusion: NDArray[np.integer]) -> dict[str, Floats]:
    """Return replicates of the figures that follow from the confusion matrix."""
    cells, counts = redrawn_counts(confusion)
    true, predicted = np.divmod(cells, len(confusion))
    classes = np.arange(len(confusion))
    totals, called = (counts @ (which[:, None] == classes) for which in (true, predicted))
    right = counts @ ((true == predicted)[:, None] & (true[:, None] == classes))
    if len(confusion) == 2:
        f1 = mean_of_shares(2 * right[:, 1:], (called + totals)[:, 1:])
    else:
        f1 = mean_of_shares(2 * right, called + totals)
    recall = mean_of_shares(right, totals)
    precision = mean_of_shares(right, called)
    return {"balanced_accuracy": recall, "recall": recall, "precision": precision, "f1": f1}


def _by_row(
    names: Collection[str], codes: NDArray[np.integer], probabilities: Floats
) -> tuple[dict[str, Floats], dict[str, float]]:
    """Return replicates of figures that are sums or areas over rows, and the figures."""
    n, n_classes = probabilities.shape
    terms = _terms(codes, probabilities)
    kinds = [1] if n_classes == 2 else list(range(n_classes))
    drawn, ranked = [], []
    for counts in row_counts(n):
        drawn.append(counts @ terms / n)
        if not RANKED.isdisjoint(names):
            pairs = [areas(codes == kind, probabilities[:, kind], counts) for kind in kinds]
            ranked.append(np.mean(pairs, axis=0))
    draws = _named(np.concatenate(drawn), np.concatenate(ranked, axis=1) if ranked else None)
    whole = [areas(codes == kind, probabilities[:, kind]) for kind in kinds] if ranked else []
    centre = _named(terms.mean(axis=0)[None], np.mean(whole, axis=0) if ranked else None)
    return draws, {name: float(values[0]) for name, values in centre.items()}


def _terms(codes: NDArray[np.integer], probabilities: Floats) -> Floats:
    """Return each row's terms (n, 2 + bins): log loss, Brier, excess of claims bin by bin."""
    own = probabilities[np.arange(len(codes)), codes]
    claimed, true = claims(codes, probabilities)
    excess = np.zeros((len(codes), N_BINS))
    excess[np.arange(len(codes)), bins(claimed)] = claimed - true
    return np.column_stack([log_losses(own), brier_terms(codes, probabilities), excess])


def _named(terms: Floats, ranked: Floats | None) -> dict[str, Floats]:
    found = {
        "log_loss": terms[:, 0],
        "brier": terms[:, 1],
        "calibration_error": np.abs(terms[:, 2:]).sum(axis=1),
    }
    if ranked is not None:
        found |= {"roc_auc": ranked[0], "average_precision": ranked[1]}
    return found


def _some(n: int) -> tuple[NDArray[np.intp] | slice, float]:
    """Return which rows are drawn from, and by how much all rows spread less than these."""
    if n <= MOST_ROWS:
        return slice(None), 1.0
    rows = np.random.default_rng(n).permutation(n)[:MOST_ROWS]
    return np.sort(rows), math.sqrt(MOST_ROWS / n)
