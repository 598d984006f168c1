"""Intervals of mean losses: what a model says of each image, tilted until it would surprise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from imlogit.arrays import Floats
from imlogit.evaluation.intervals import CONFIDENCE, UNDEFINED, Interval, normal_quantile

# Of more images the variance at other means is that of so many; its size and the mean are of all.
MOST_ROWS = 4096
# How far odds are tilted at most: by a factor of exp(80).
MOST_TILT = 80.0
# Where the mean is skewer, the first term in the skewness is no longer small.
MOST_SKEWNESS = 2.0
SAME = 1e-12
_TINY = 1e-100
_ROUNDING = float(np.finfo(np.float64).eps)


def mean_loss(
    losses: Floats,
    probabilities: Floats,
    codes: NDArray[np.integer],
    confidence: float = CONFIDENCE,
) -> Interval[float]:
    """Return an interval of a mean loss, from what the model says and from what came true.

    A few bad surprises make most of a mean loss, and a small sample often has none: the deviation
    of its losses then says little of the truth. But the probabilities say how bad a surprise each
    image could be. They are tilted [1]_, by one number t for all images: each class's in
    proportion to ``exp(t loss)``. The interval holds the means at which what was found would be
    no surprise; where all images of two classes are given one probability, that is Wilson's
    interval. It is right for skewness to the first order [2]_, and has the variance of the losses
    that were found, the more so the better they tell it.

    Parameters
    ----------
    losses : ndarray of float64, shape (n, n_classes)
        What each image costs if it is of each class.
    probabilities : ndarray of float64, shape (n, n_classes)
    codes : ndarray of int, shape (n,)
        True classes.
    confidence : float

    Returns
    -------
    low, high : float
        nan where no loss depends on the label.

    References
    ----------
    .. [1] B. Efron, Nonparametric standard errors and confidence intervals, Canadian Journal of
       Statistics 9 (1981).
    .. [2] E. A. Cornish, R. A. Fisher, Moments and cumulants in the specification of
       distributions, Revue de l'Institut international de statistique 5 (1938).
    """
    n = len(codes)
    own = losses[np.arange(n), codes]
    found = float(own.mean())
    family = _Family(losses, probabilities)
    if not family.reach:
        return UNDEFINED

    def apart(at: _Moments) -> float:
        # a mean that is the least or the largest possible is met by many tilts, but for rounding
        return 0.0 if math.isclose(found, at.mean, rel_tol=SAME) else found - at.mean

    middle = family.zero_of(apart)
    # the more images, and the less a few of them make up the variance, the better they tell it
    trust = n / max(middle.kurtosis - 1, 1.0)
    stretch = (trust * float(own.var()) / middle.variance + 1) / (trust + 1)

    def surprise(at: _Moments, quantile: float) -> float:
        skewness = min(max(at.skewness / math.sqrt(n), -MOST_SKEWNESS), MOST_SKEWNESS)
        quantile += skewness * (quantile**2 - 1) / 6
        return apart(at) - quantile * math.sqrt(stretch * at.variance / n)

    z = normal_quantile(confidence)
    low = family.zero_of(lambda at: surprise(at, z), high=middle.tilt).mean
    high = family.zero_of(lambda at: surprise(at, -z), low=middle.tilt).mean
    return Interval(min(low, found), max(high, found))


class _Moments(NamedTuple):
    """Of one image's loss, where image and label are drawn at random."""

    tilt: float
    mean: float
    variance: float
    skewness: float
    kurtosis: float


class _Family:
    """What labels would be drawn from, by how far the probabilities are tilted."""

    def __init__(self, losses: Floats, probabilities: Floats) -> None:
        n = len(losses)
        if n > MOST_ROWS:
            order = np.argsort((probabilities * losses).sum(axis=1), kind="stable")
            rows = order[((np.arange(MOST_ROWS) + 0.5) * n / MOST_ROWS).astype(np.intp)]
            losses, probabilities = losses[rows], probabilities[rows]
        self._losses = losses
        self._logs = np.log(np.maximum(probabilities, _ROUNDING))
        width = math.sqrt(float((np.ptp(losses, axis=1) ** 2).mean()))
        self.reach = MOST_TILT / width if width > _ROUNDING else 0.0

    def moments(self, tilt: float) -> _Moments:
        """Return the moments at a tilt."""
        logs = self._logs + tilt * self._losses
        share = np.exp(logs - logs.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True) * len(share)
        mean = float((share * self._losses).sum())
        apart = self._losses - mean
        square = share * apart * apart
        variance = max(float(square.sum()), _TINY)
        third, fourth = float((square * apart).sum()), float((square * apart * apart).sum())
        return _Moments(tilt, mean, variance, third / variance**1.5, fourth / variance**2)

    def zero_of(
        self,
        function: Callable[[_Moments], float],
        low: float | None = None,
        high: float | None = None,
    ) -> _Moments:
        """Return the moments where a function of them, which falls with the tilt, is 0."""
        ends = -self.reach if low is None else low, self.reach if high is None else high
        first, last = map(self.moments, ends)
        if function(first) <= 0:
            return first
        if function(last) >= 0:
            return last
        near = 1e-7 * self.reach
        return self.moments(
            float(brentq(lambda tilt: function(self.moments(tilt)), *ends, xtol=near, rtol=1e-7))
        )
