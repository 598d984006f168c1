"""Confidence intervals of proportions, of other figures between 0 and 1, and of replicates."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtri

from imlogit.arrays import Floats

CONFIDENCE = 0.95
FEWEST_DRAWS = 2
# Of so few trials any number of successes, else a single one, is a rare event.
HANDFUL = 2
# Of a range, to find a point in it to rounding.
HALVINGS = 50
Figure = TypeVar("Figure", float, Floats)


class Interval(NamedTuple, Generic[Figure]):
    """Both ends of the interval of a figure, or of an array of figures, of the array's shape."""

    low: Figure
    high: Figure


UNDEFINED = Interval(math.nan, math.nan)


class IntervalMethod(StrEnum):
    """Whose interval it is."""

    WILSON = "Wilson"
    NEWCOMBE = "Newcombe"
    EFFECTIVE = "effective size"
    DELONG = "DeLong"
    TILTING = "tilting"
    INVERSION = "inversion"
    TANGO = "Tango"
    PAIRED = "paired influence"


def normal_quantile(confidence: float) -> float:
    """Return how many standard deviations a normal interval reaches to either side."""
    return float(ndtri(0.5 + confidence / 2))


def wilson(successes: float, trials: float, confidence: float = CONFIDENCE) -> Interval[float]:
    """Return Wilson's score interval for a proportion, modified for a single event.

    Wilson's [1]_ own ends exclude shares at which one success is no surprise: it holds a share of
    0.2 in 80 of 100 samples of one trial, and a sixth of a success in many trials in 84. Of a
    single success, or failure, the end that is near is that of a Poisson mean [2]_.

    Parameters
    ----------
    successes, trials : float
    confidence : float

    Returns
    -------
    low, high : float
        (0, 1) where there were no trials.

    References
    ----------
    .. [1] E. B. Wilson, Probable inference, the law of succession, and statistical inference,
       Journal of the American Statistical Association 22 (1927).
    .. [2] L. D. Brown, T. T. Cai, A. DasGupta, Interval estimation for a binomial proportion,
       Statistical Science 16 (2001), section 4.1.
    """
    if trials == 0:
        return Interval(0.0, 1.0)
    low, high = wilson_of_each(np.array([successes]), np.array([trials]), confidence)
    return Interval(float(low[0]), float(high[0]))


def wilson_of_each(
    successes: NDArray[Any], trials: NDArray[Any], confidence: float = CONFIDENCE
) -> Interval[Floats]:
    """Return the intervals of many proportions, of more than no trial each, shape (n,)."""
    low, high = _wilson(successes, trials, confidence)

    def rare(events: NDArray[Any]) -> Floats:
        """Return the lower end of a share of rare events; 1 where they are not."""
        ends = gammaincinv(np.maximum(events, 1), 1 - confidence) / trials
        return np.where((events > 0) & ((events <= 1) | (trials <= HANDFUL)), ends, 1.0)

    failures = trials - successes
    return Interval(np.minimum(low, rare(successes)), np.maximum(high, 1 - rare(failures)))


def _wilson(successes: NDArray[Any], trials: NDArray[Any], confidence: float) -> Interval[Floats]:
    """Return Wilson's intervals as he gave them."""
    share, square = successes / trials, normal_quantile(confidence) ** 2 / trials
    middle = (share + square / 2) / (1 + square)
    half = np.sqrt(square * share * (1 - share) + square**2 / 4) / (1 + square)
    # rounding may leave the figure itself out
    low, high = np.minimum(middle - half, share), np.maximum(middle + half, share)
    return Interval(np.maximum(low, 0.0), np.minimum(high, 1.0))


def effective(
    share: float, variance: float, size: float, caution: float, confidence: float = CONFIDENCE
) -> Interval[float]:
    """Return Wilson's interval of a figure between 0 and 1 for as many trials as it is worth.

    These are the trials in which a proportion would have the variance [1]_; so many as ``size``
    where there is no variance to see, as where nothing went wrong.

    Parameters
    ----------
    share : float
    variance : float
        Of the figure, estimated from the images.
    size : float
        The trials that it would be worth if nothing had made it more or less certain.
    caution : float
        How many mistakes more are imagined, in both variances: the more, the less does a small
        variance of few images count.
    confidence : float

    References
    ----------
    .. [1] E. L. Korn, B. I. Graubard, Confidence intervals for proportions with small expected
       number of positive counts estimated from survey data, Survey Methodology 24 (1998).
    """
    more = caution / size**2
    trials = size * (share * (1 - share) / size + more) / (variance + more)
    low, high = _wilson(np.array([share * trials]), np.array([trials]), confidence)
    return Interval(float(low[0]), float(high[0]))


def difference_of_shares(
    gained: int, lost: int, trials: int, confidence: float = CONFIDENCE
) -> Interval[float]:
    """Return Tango's score interval for the difference of two proportions of the same trials.

    Parameters
    ----------
    gained, lost : int
        Trials with which only the one, and only the other succeeds.
    trials : int
    confidence : float

    References
    ----------
    T. Tango, Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design, Statistics in Medicine 17 (1998).
    """
    z, found = normal_quantile(confidence), (gained - lost) / trials

    def holds(difference: float) -> bool:
        linear = (2 * trials - gained + lost) * difference - gained - lost
        constant = -lost * difference * (1 - difference)
        root = math.sqrt(max(linear**2 - 8 * trials * constant, 0.0))
        other = (root - linear) / (4 * trials)  # the most likely share of lost trials
        variance = max(2 * other + difference * (1 - difference), 0.0) / trials
        return (found - difference) ** 2 <= z**2 * variance

    return Interval(last_held(holds, found, -1.0), last_held(holds, found, 1.0))


def last_held(holds: Callable[[float], bool], found: float, end: float) -> float:
    """Return how far from a figure found to an end of its range a value still goes with it."""
    if holds(end):
        return end
    for _ in range(HALVINGS):
        middle = (found + end) / 2
        found, end = (middle, end) if holds(middle) else (found, middle)
    return found


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
