"""Calibration: whether what is given 80% comes true in 80% of cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.evaluation.intervals import Interval, wilson

N_BINS = 10
DRAWS = 1000
SEED = 0
# Of a perfectly calibrated model only the lower end can be wrong: so it may be in more samples,
# and for no model in more than 5%.
TAILS = 0.035, 0.015
# Errors are equal that differ by no more.
TIE = 1e-12
# What a bin is tried out by at least, in standard deviations.
CHANCE = 0.25
# Where the search for a number of times begins to halve; and how often it does.
TIMES = (1.0, 4.0, 16.0, 256.0, 65536.0)
HALVINGS = 8


@dataclass(frozen=True, eq=False)
class Reliability:
    """A reliability curve: what was claimed and what came true, bin by bin.

    Attributes
    ----------
    edges : ndarray of float64, shape (N_BINS + 1,)
        Bins of equal width from 0 to 1.
    count : ndarray of int64, shape (N_BINS,)
        Images in each bin.
    claimed : ndarray of float64, shape (N_BINS,)
        Mean probability; nan in an empty bin.
    observed : ndarray of float64, shape (N_BINS,)
        Share that came true; nan in an empty bin.
    low, high : ndarray of float64, shape (N_BINS,)
        Wilson's 95% interval of ``observed``.
    """

    edges: Floats
    count: NDArray[np.int64]
    claimed: Floats
    observed: Floats
    low: Floats
    high: Floats

    @property
    def expected_error(self) -> float:
        """The expected calibration error: the mean distance of claimed and observed."""
        full = self.count > 0
        apart = np.abs(self.observed[full] - self.claimed[full])
        return float(apart @ self.count[full] / self.count.sum())

    def to_dict(self) -> list[dict[str, Any]]:
        """Return one dict a bin that is not empty."""
        return [
            {
                "from": float(self.edges[k]),
                "to": float(self.edges[k + 1]),
                "n": int(self.count[k]),
                "claimed": float(self.claimed[k]),
                "observed": float(self.observed[k]),
                "low": float(self.low[k]),
                "high": float(self.high[k]),
            }
            for k in np.flatnonzero(self.count)
        ]


def claims(codes: NDArray[np.integer], probabilities: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return what is claimed with which probability, and whether it came true, shape (n,).

    With two classes the claim is that an image is of the positive one; with more, that it is of
    the most probable class.
    """
    if probabilities.shape[1] == 2:
        return probabilities[:, 1], codes == 1
    best = probabilities.argmax(axis=1)
    return probabilities[np.arange(len(best)), best], codes == best


def brier_terms(codes: NDArray[np.integer], probabilities: Floats) -> Floats:
    """Return each row's term of the Brier score, shape (n,).

    The squared distance of the probabilities from the truth; for two classes half of it, which
    is the squared error of the positive class's probability.
    """
    apart = probabilities.copy()
    apart[np.arange(len(codes)), codes] -= 1
    terms: Floats = np.einsum("ik,ik->i", apart, apart)
    return terms / 2 if probabilities.shape[1] == 2 else terms


def bins(claimed: Floats) -> NDArray[np.intp]:
    """Return the bin of equal width that each probability falls into, shape (n,)."""
    return np.minimum((claimed * N_BINS).astype(np.intp), N_BINS - 1)


def reliability(codes: NDArray[np.integer], probabilities: Floats) -> Reliability:
    """Compare probabilities with how often they come true.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        True classes.
    probabilities : ndarray of float64, shape (n, n_classes)

    Returns
    -------
    Reliability

    References
    ----------
    M. P. Naeini, G. F. Cooper, M. Hauskrecht, Obtaining well calibrated probabilities using
    Bayesian binning, AAAI (2015); for many classes the top label, as C. Guo et al., On
    calibration of modern neural networks, ICML (2017).
    """
    claimed, true = claims(codes, probabilities)
    place = bins(claimed)
    count = np.bincount(place, minlength=N_BINS)
    came_true = np.bincount(place[true], minlength=N_BINS)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place, weights=claimed, minlength=N_BINS) / count
        observed = came_true / count
    ends = np.array(
        [wilson(int(k), int(n)) for k, n in zip(came_true, count, strict=True)], dtype=float
    )
    return Reliability(np.linspace(0, 1, N_BINS + 1), count, mean, observed, ends[:, 0], ends[:, 1])


def error_interval(curve: Reliability) -> Interval[float]:
    """Return a 95% interval of the expected calibration error of endlessly many images.

    Chance alone takes what is observed away from what is claimed: the error of a sample is
    larger than that, and a perfectly calibrated model's is not 0. So models are tried that are
    out in each bin as far as the observed shares are, to the one side or to the other, times one
    number for all bins, from 0 on [1]_. The interval holds the errors of those with which that of
    the sample would be neither surprisingly large nor surprisingly small [2]_; and so 0 where a
    calibrated model might well have come to as much. It holds the error of the sample, too.

    References
    ----------
    .. [1] J. Broecker, L. A. Smith, Increasing the reliability of reliability diagrams, Weather
       and Forecasting 22 (2007): draws of a calibrated model's.
    .. [2] J. Carpenter, Test inversion bootstrap confidence intervals, Journal of the Royal
       Statistical Society B 61 (1999).
    """
    full = curve.count > 0
    count, claimed, observed = curve.count[full], curve.claimed[full], curve.observed[full]
    found = curve.expected_error
    chance = np.sqrt((claimed * (1 - claimed) + 1 / (count + 1)) / (count + 1))
    side = np.where(observed == claimed, 0.5 - claimed, observed - claimed)
    square, noise = (observed - claimed) ** 2, chance**2
    # what chance alone adds to what is observed is no part of the least error there may be; of
    # the greatest it is, and a bin that is right by chance may be a little out
    least, most = np.maximum(square - noise, 0), square + CHANCE**2 * noise
    errors = [
        _error_of(level, count, claimed, flip * np.copysign(np.sqrt(size), side), found)
        for level, size in ((1 - TAILS[0], least), (TAILS[1], most))
        for flip in (1, -1)
    ]
    return Interval(min(*errors, found), max(*errors, found))


def _error_of(
    level: float, count: NDArray[np.int64], claimed: Floats, apart: Floats, found: float
) -> float:
    """Return the error of the model whose samples have a smaller error than that found so often.

    Of the models that are out by 0 or more times ``apart``.
    """
    weight = count / count.sum()

    def shares(times: float) -> Floats:
        return np.clip(claimed + times * apart, 0, 1)

    def is_below(times: float) -> bool:
        """Return whether a model is out by less: its samples have smaller errors more often."""
        came_true = np.random.default_rng(SEED).binomial(count, shares(times), (DRAWS, len(count)))
        errors = np.abs(came_true / count - claimed) @ weight
        smaller, equal = errors < found - TIE, np.abs(errors - found) <= TIE
        return float(smaller.mean() + equal.mean() / 2) > level

    low, high = 0.0, 0.0
    if is_below(0.0):
        high = next((times for times in TIMES if not is_below(times)), TIMES[-1])
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if is_below(middle) else (low, middle)
    return float(np.abs(shares(high) - claimed) @ weight)
