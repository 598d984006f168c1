"""The penalty of a norm that is not squared: the C of ours that has the same optimum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from imlogit.errors import DataError
from imlogit.estimators.fits import Fitted
from imlogit.runs.probes.probe_fits import Fitter

# Of the root in log C, where the objective is flat: what it loses there is the square of that.
ROOT_TOLERANCE = 3e-4
# The search takes steps of at most so much, down and up, and gives up so far below its start.
DECADE = math.log(10)
MOST_DOWN, MOST_UP, LOWEST = 3 * DECADE, DECADE, 12 * DECADE
# Fits far from the root need not be exact: their gap is a share of the last step's square.
FIRST_TOLERANCE, SHARE_OF_STEP = 1e-2, 0.1
# How the norm grows with C, as a power: before that is known, and at most.
FIRST_POWER, MOST_POWER, MOST_FITS = 0.4, 0.95, 60


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
        fitted: Fitted | None = None
        lowest, before = self.log_c - LOWEST, None
        for _ in range(MOST_FITS):
            tol = max(own, min(FIRST_TOLERANCE, SHARE_OF_STEP * self.moved**2))
            fitted = fitter.fit_from(fitted, math.exp(self.log_c) / n, tol)
            here = self.log_c, _log_norm(fitted)
            if before is not None and fitted.n_iter.any() and here[0] != before[0]:
                power = (here[1] - before[1]) / (here[0] - before[0])
                self.power = min(max(power, 0.0), MOST_POWER)
            before, step = here, self._step(here[1])
            if abs(step) <= ROOT_TOLERANCE and tol == own:
                return fitted
            self.log_c, self.moved = self.log_c + step, step
            if self.log_c < lowest:
                return None
        return fitted

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
