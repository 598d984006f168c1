"""The exact minimum over a span of few directions, without a look at the features.

A problem keeps the margins of the last step and of the new direction. Along these, and along
the intercept, the objective is a function of three numbers that costs one exponential a row.
Minimising it exactly makes the steps those of a preconditioned conjugate gradient, without
tuning of step lengths, and keeps the intercept close to its minimum all along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from imlogit.core.columns import Floats
from imlogit.core.contract import INTERCEPT, LAST, NEW, SPAN, Problem, Sums
from imlogit.core.preconditioner import TOO_LARGE

NEWTON_STEPS = 20
SUFFICIENT_DECREASE = 1e-4
BACKTRACK = 0.4
SHORTEST = 1e-8
# A Newton step whose decrease is within this share of what the quadratic model promised leaves
# so little behind that the next look at the features is worth more.
MODEL_AGREES = 0.2
# Eigenvalues below this share of the diagonal mean two directions that are the same.
SINGULAR = 1e-13
# Decreases below this share of the objective drown in its rounding errors.
ROUNDING = 1e-13


class SpanPoint(NamedTuple):
    """A point of the span and what was found there.

    Attributes
    ----------
    steps : ndarray of float64, shape (3,)
        Along the last step, the new direction and the intercept.
    sums : Sums
        The problem's, at this point.
    objective : float
    """

    steps: Floats
    sums: Sums
    objective: float


@dataclass(frozen=True)
class Span:
    """The span of two directions and the intercept around a point of a one-column problem.

    Attributes
    ----------
    problem : Problem
        Whose directions belong to ``basis``.
    weights : ndarray of float64, shape (d,)
    b : float
    basis : ndarray of float64, shape (2, d)
        The last step and the new direction in weight space; zeros for one that is absent.
    penalty : float
    intercept : bool
    """

    problem: Problem
    weights: Floats
    b: float
    basis: Floats
    penalty: float
    intercept: bool

    def at(self, steps: Floats) -> SpanPoint:
        """Evaluate the objective at ``steps`` along the span's three coordinates."""
        sums = self.problem.evaluate(steps[None, :INTERCEPT], np.array([self.b + steps[INTERCEPT]]))
        moved = self.weights + steps[:INTERCEPT] @ self.basis
        return SpanPoint(steps, sums, float(sums.loss[0] + 0.5 * self.penalty * (moved @ moved)))

    def minimise(self, start: SpanPoint, *, thorough: bool = False) -> SpanPoint:
        """Return the minimum, to the accuracy that is worth its price.

        Parameters
        ----------
        start : SpanPoint
            The point that the problem evaluated last.
        thorough : bool
            Go on down to rounding, not only until the quadratic model agrees.
        """
        here = start
        for _ in range(NEWTON_STEPS):
            newton, promised = self._newton_step(here.steps)
            if not promised > np.finfo(float).eps ** 2 * abs(here.objective):
                break
            trial, length = self._backtrack(here, newton, promised)
            decrease = here.objective - trial.objective
            agrees = length == 1.0 and abs(2 * decrease / promised - 1) < MODEL_AGREES
            here = trial
            if promised < ROUNDING * abs(here.objective) or (agrees and not thorough):
                break
        return here

    def _newton_step(self, steps: Floats) -> tuple[Floats, float]:
        """Return the Newton step and the decrement that it promises (twice the decrease).

        Directions that are absent, or the same, drop out through the pseudo-inverse, taken in
        units in which the Hessian has a diagonal of ones.
        """
        gradient, hessian = self._derivatives(steps)
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            raise FloatingPointError(TOO_LARGE)
        free = [LAST, NEW, INTERCEPT] if self.intercept else [LAST, NEW]
        scale = np.sqrt(hessian.diagonal()[free])
        unit = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
        values, vectors = np.linalg.eigh(hessian[np.ix_(free, free)] * np.outer(unit, unit))
        inverse = np.where(values > SINGULAR, 1 / np.maximum(values, SINGULAR), 0.0)
        step = np.zeros(SPAN)
        step[free] = -unit * (vectors @ (inverse * (vectors.T @ (unit * gradient[free]))))
        return step, float(-gradient @ step)

    def _derivatives(self, steps: Floats) -> tuple[Floats, Floats]:
        gradients, hessians = self.problem.project()
        gradient, hessian = gradients[0], hessians[0]
        moved = self.weights + steps[:INTERCEPT] @ self.basis
        gradient[:INTERCEPT] += self.penalty * (self.basis @ moved)
        hessian[:INTERCEPT, :INTERCEPT] += self.penalty * (self.basis @ self.basis.T)
        return gradient, hessian

    def _backtrack(
        self, here: SpanPoint, newton: Floats, promised: float
    ) -> tuple[SpanPoint, float]:
        """Shorten the step until the objective falls; rounding may raise it a little."""
        length = 1.0
        while True:
            trial = self.at(here.steps + length * newton)
            allowed = here.objective - SUFFICIENT_DECREASE * length * promised
            if trial.objective <= allowed + ROUNDING * abs(here.objective) or length < SHORTEST:
                return trial, length
            length *= BACKTRACK
