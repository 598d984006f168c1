"""Confidence intervals: Wilson's for proportions, DeLong's for areas, the bootstrap elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri
from scipy.stats import binomtest, rankdata

from imlogit.arrays import Floats

CONFIDENCE = 0.95
RESAMPLES = 400
REPLICATES_AT_A_TIME = 25
SEED = 0
# How much of a bias counts as uncertain: so that simulated intervals cover 93 to 97%.
BIAS_SHARE = 0.85
FEWEST_DRAWS = 2
Figure = TypeVar("Figure", float, Floats)


class Interval(NamedTuple, Generic[Figure]):
    """Both ends of the interval of a figure, or of an array of figures, of the array's shape."""

    low: Figure
    high: Figure


class IntervalMethod(StrEnum):
    """Whose interval it is."""

    WILSON = "Wilson"
    DELONG = "DeLong"
    BOOTSTRAP = "bootstrap"


def wilson(successes: int, trials: int, confidence: float = CONFIDENCE) -> Interval[float]:
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
        return Interval(0.0, 1.0)
    low, high = binomtest(successes, trials).proportion_ci(confidence, "wilson")
    return Interval(float(low), float(high))


def wilson_low(
    successes: NDArray[np.integer],
    trials: NDArray[np.integer],
    confidence: float = CONFIDENCE,
) -> Floats:
    """Return the lower ends of Wilson's intervals of many proportions, of one trial or more."""
    z = _normal_quantile(confidence)
    share = successes / trials
    half = z * np.sqrt(share * (1 - share) / trials + (z / trials) ** 2 / 4)
    low: Floats = (share + z**2 / (2 * trials) - half) / (1 + z**2 / trials)
    return low


def delong(
    positive: NDArray[np.bool_], scores: Floats, confidence: float = CONFIDENCE
) -> Interval[float]:
    """Return DeLong's interval for the area under the ROC curve, on the logit scale.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
    scores : ndarray of float64, shape (n,)
        Larger for what is more likely positive.
    confidence : float

    Returns
    -------
    low, high : float
        (nan, nan) with one class only. Where every pair is in order, which leaves no variance,
        Wilson's interval of as many disjoint pairs as there are.

    References
    ----------
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Comparing the areas under two or more
    correlated receiver operating characteristic curves, Biometrics 44 (1988); computed from
    midranks as X. Sun, W. Xu, IEEE Signal Processing Letters 21 (2014).
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        return Interval(math.nan, math.nan)
    ranks = rankdata(scores)
    # for each image, the share of the other class's that it is in the right order with
    above = (ranks[positive] - rankdata(scores[positive])) / n
    below = 1 - (ranks[~positive] - rankdata(scores[~positive])) / m
    area = float(above.mean())
    if min(m, n) < 2 or not 0 < area < 1:
        return wilson(round(area * min(m, n)), min(m, n), confidence)
    error = math.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)
    half = _normal_quantile(confidence) * error / (area * (1 - area))
    return Interval(float(expit(logit(area) - half)), float(expit(logit(area) + half)))


def percentiles(draws: Floats, confidence: float = CONFIDENCE) -> Interval[Any]:
    """Return the percentile interval of bootstrap replicates.

    Parameters
    ----------
    draws : ndarray of float64, shape (R, ...)
        Replicates that hold nan are left out.
    confidence : float

    Returns
    -------
    low, high : float or ndarray of float64, shape (...)
        nan where fewer than `FEWEST_DRAWS` are left: they have no spread.
    """
    defined = draws[~np.isnan(draws.reshape(len(draws), -1)).any(axis=1)]
    if len(defined) < FEWEST_DRAWS:
        return Interval(*np.full((2, *draws.shape[1:]), np.nan))
    return Interval(*np.quantile(defined, [0.5 - confidence / 2, 0.5 + confidence / 2], axis=0))


def without_bias(draws: Floats, value: float, confidence: float = CONFIDENCE) -> Interval[float]:
    """Return the normal interval around a figure that is not negative, less its draws' bias.

    The bias is an estimate itself: some of its size is added to the deviation.
    """
    bias = float(draws.mean()) - value
    error = math.hypot(float(draws.std(ddof=1)), BIAS_SHARE * bias)
    half = _normal_quantile(confidence) * error
    return Interval(max(0.0, value - bias - half), max(0.0, value - bias + half))


def redrawn_counts(
    table: NDArray[np.integer], n_resamples: int = RESAMPLES
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Draw a table of counts anew, as often as its images are drawn with replacement.

    Returns
    -------
    cells : ndarray of intp, shape (q,)
        Of the flat table: those that are not zero.
    counts : ndarray of int64, shape (n_resamples, q)
    """
    flat = table.ravel()
    cells = np.flatnonzero(flat)
    rng = np.random.default_rng(SEED)
    total = int(flat.sum())
    return cells, rng.multinomial(total, flat[cells] / total, size=n_resamples)


def row_counts(n: int, n_resamples: int = RESAMPLES) -> Iterator[NDArray[np.float64]]:
    """Yield how often each replicate draws each of n rows, a block of shape (b, n) at a time."""
    rng = np.random.default_rng(SEED)
    block = REPLICATES_AT_A_TIME
    for _ in range(0, n_resamples, block):
        drawn = rng.integers(0, n, (block, n)) + n * np.arange(block)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=block * n)
        yield counts.reshape(block, n).astype(np.float64)


def _normal_quantile(confidence: float) -> float:
    return float(ndtri(0.5 + confidence / 2))
