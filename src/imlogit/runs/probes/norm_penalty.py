"""The penalty of a norm that is not squared: the C of ours that has the same optimum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from imlogit.errors import DataError
from imlogit.estimators.fits import Fitted
from imlogit.runs.probes.probe_fits import Fitter

# Of the root in log C, where the objective is flat: what it loses there is the square of that.
ROOT_TOLERANCE = 5e-4
# The search takes steps of at most so much, down and up, and gives up so far below its start.
DECADE = math.log(10)
MOST_DOWN, MOST_UP, LOWEST = 3 * DECADE, 1.3 * DECADE, 12 * DECADE
# Fits far from the root need not be exact: their gap is a share of the last step's square.
FIRST_TOLERANCE, SHARE_OF_STEP = 5e-2, 0.03
# How the norm grows with C, as a power: before that is known, and at most; shorter steps say
# nothing of it but what the gaps hide.
FIRST_POWER, MOST_POWER, TELLING_STEP, MOST_FITS = 0.4, 0.95, 5e-3, 60


def equivalent_fit(fitter: Fitter, C: float) -> tuple[float, Fitted]:
    """Return our C whose optimum is that of mean loss + (1/C) 0.5 ||W||, and that optimum.

    Where the gradient of the summed loss is -W / ours in our optimum and -n W / (2 C ||W||) in the
    other, both are one where ``||W(ours)|| / ours = n / (2 C)``. The left side is the norm of the
    gradient along our path, which only falls with C: there is one root. Each fit starts from the
    one before.

    Raises
    ------
    DataError
        Where the optimum is W = 0, which no C of ours has.
    """
    # a small W is C times the gradient at W = 0
    search, n = Search(math.log(2 * C), math.log(C)), len(fitter.y)
    found = search.run(fitter)
    if found is None:
        raise DataError(
            f"At C = {C:g} the optimum of mean loss + (1/C) 0.5 ||W|| is W = 0: the penalty is "
            "stronger than the gradient there, and no model is fitted. Take another protocol.",
            parameter="protocol",
        )
    return math.exp(search.log_c) / n, found


def _log_norm(fitted: Fitted) -> float:
    # two classes have one column here, and in a softmax two of half the weight each: there the
    # same step along it costs less, by the root of two
    norm = np.linalg.norm(fitted.coef) * (math.sqrt(2) if len(fitted.coef) == 1 else 1)
    return math.log(max(float(norm), np.finfo(float).tiny))


class Point(NamedTuple):
    """What was found at a C: log c, of ``c = C n``, that of the norm, and the steps it took."""

    log_c: float
    log_norm: float
    steps: int


@dataclass
class Search:
    """A search for where log c, of ``c = C n``, is the logarithm of the norm and what is wanted.

    Parameters
    ----------
    wanted : float
    log_c : float
        Where it is.
    power : float
        The power of C that the norm grows with, as far as that is known.
    moved : float
        How far it went last.
    """

    wanted: float
    log_c: float
    power: float = FIRST_POWER
    moved: float = math.inf
    low: float = -math.inf
    high: float = math.inf

    def run(self, fitter: Fitter) -> Fitted | None:
        """Search until the root is close, and return the fit there; None far below the start."""
        n, own = len(fitter.y), fitter.estimator.tol
        found: list[Point] = []
        fitted: Fitted | None = None
        lowest, tol = self.log_c - LOWEST, FIRST_TOLERANCE
        for _ in range(MOST_FITS):
            looser, tol = tol, max(own, min(tol, SHARE_OF_STEP * self.moved**2))
            if tol < looser:  # which may be wrong about the side on which the root is
                self.low, self.high = -math.inf, math.inf
            fitted = fitter.fit_from(fitted, math.exp(self.log_c) / n, tol)
            found = [*found[-1:], Point(self.log_c, _log_norm(fitted), fitted.n_iter.max())]
            self._learn_power(*found)
            step = self._step(found[-1].log_norm)
            if abs(step) <= ROOT_TOLERANCE and tol == own:
                return fitted
            self.log_c, self.moved = self.log_c + step, step
            if self.log_c < lowest:
                return None
        return fitted

    def _learn_power(self, before: Point, after: Point | None = None) -> None:
        if after is None or not after.steps:
            return
        moved = after.log_c - before.log_c
        if abs(moved) >= TELLING_STEP:
            self.power = min(max((after.log_norm - before.log_norm) / moved, 0.0), MOST_POWER)

    def _step(self, log_norm: float) -> float:
        excess = log_norm + self.wanted - self.log_c
        if excess > 0:
            self.low = max(self.low, self.log_c)
        else:
            self.high = min(self.high, self.log_c)
        step = min(max(excess / (1 - self.power), -MOST_DOWN), MOST_UP)
        if self.low < self.log_c + step < self.high or abs(step) <= ROOT_TOLERANCE:
            return step
        return (self.low + self.high) / 2 - self.log_c
