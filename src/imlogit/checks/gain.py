"""Whether a model is more often right than always giving one answer: yes, no, or too few images."""

from __future__ import annotations

import math
from enum import Enum, auto
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# What chance alone explains with less than this probability is shown.
SIGNIFICANCE = 0.05
# With this probability as many images as are asked for show a gain.
POWER = 0.8
# A gain that matters avoids at least this share of the mistakes of always giving one answer.
MATTERS = 0.1
# A model that never gives another answer is that one answer, unless it gives others less often
# than this share of how often they are true.
SELDOM = 1 / 3


class Verdict(Enum):
    """What the test images say of a model, compared with always giving one answer."""

    BETTER = auto()
    WORSE = auto()
    SAME = auto()
    NO_GAIN = auto()
    UNDECIDED = auto()


class Gain(NamedTuple):
    """The images that decide between a model and always giving one answer.

    Attributes
    ----------
    n : int
        All images.
    gained, lost : int
        Images that only the model gets right, and only the one answer.
    mistakes : int
        Images where the one answer is wrong.
    constant : bool
        Whether the model gave that answer for every image.
    """

    n: int
    gained: int
    lost: int
    mistakes: int
    constant: bool

    @property
    def p_better(self) -> float:
        """McNemar's exact test, against the model being no better."""
        return _sign_test(self.gained, self.lost)

    @property
    def verdict(self) -> Verdict:
        """What is shown: absence of evidence shows nothing.

        References
        ----------
        D. G. Bonett, R. M. Price, Adjusted Wald confidence interval for a difference of binomial
        proportions based on paired data, Journal of Educational and Behavioral Statistics 37
        (2012): the upper end of the gain.
        """
        if self.p_better <= SIGNIFICANCE:
            return Verdict.BETTER
        if _sign_test(self.lost, self.gained) <= SIGNIFICANCE:
            return Verdict.WORSE
        if self.constant and (1 - SELDOM * self.mistakes / self.n) ** self.n <= SIGNIFICANCE:
            return Verdict.SAME
        return Verdict.NO_GAIN if self.upper < self.margin else Verdict.UNDECIDED

    @property
    def upper(self) -> float:
        """The upper end of what the share of right answers gains."""
        gained, lost = (self.gained + 1) / (self.n + 2), (self.lost + 1) / (self.n + 2)
        difference = gained - lost
        variance = (gained + lost - difference**2) / (self.n + 2)
        return difference + _quantile(1 - SIGNIFICANCE) * math.sqrt(variance)

    @property
    def margin(self) -> float:
        """The least gain that matters, as a share of all images."""
        return MATTERS * self.mistakes / self.n

    @property
    def needed(self) -> str:
        """How many images would show the gain that was seen, or the least that matters.

        References
        ----------
        R. J. Connor, Sample size for testing differences in proportions for the paired-sample
        design, Biometrics 43 (1987).
        """
        seen = (self.gained - self.lost) / self.n
        gain = max(seen, self.margin)
        apart = max((self.gained + self.lost) / self.n, gain)
        error = _quantile(1 - SIGNIFICANCE) * math.sqrt(apart)
        error += _quantile(POWER) * math.sqrt(apart - gain**2)
        n = max((error / gain) ** 2, self.n + 1)
        digit = 10 ** max(math.floor(math.log10(n)) - 1, 0)
        n = math.ceil(n / digit) * digit
        if seen > self.margin:
            return f"about {n:,} would show it if the gain is as large as it looks"
        return f"about {n:,} would show whether it avoids {MATTERS:.0%} of the mistakes"


def gain_over_constant(true: NDArray[Any], predicted: NDArray[Any], usual: Any) -> Gain:
    """Compare a model's answers with always giving the usual one.

    Parameters
    ----------
    true, predicted : ndarray, shape (n,)
    usual : object
        The most frequent training label.
    """
    right, base = predicted == true, true == usual
    gained, lost = int((right & ~base).sum()), int((base & ~right).sum())
    constant = bool(np.all(predicted == usual))
    return Gain(len(true), gained, lost, int((~base).sum()), constant)


def _sign_test(more: int, fewer: int) -> float:
    """Return the probability of so many or more, if both were equally likely."""
    if more + fewer == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(more, more + fewer, alternative="greater").pvalue)


def _quantile(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))
