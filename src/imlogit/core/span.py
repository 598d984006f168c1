"""The exact minimum over a span of few directions, without a look at the features.

A problem keeps the margins of the last step and of the new direction. Along these, and along
the intercepts, an objective is a function of ``2 + K`` numbers that costs one exponential a row
and column. Minimising it exactly makes the steps those of a preconditioned conjugate gradient,
without tuning of step lengths, and keeps the intercepts close to their minimum all along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.core.contract import INTERCEPT, Problem
from imlogit.core.directions.factors import TOO_LARGE
from imlogit.errors import TooLargeError

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


class Points(NamedTuple):
    """A point in the span of each slot, and what was found there.

    Attributes
    ----------
    steps : ndarray of float64, shape (a, 2 + K), or (a, 2)
        Along the last step, the new direction and the intercepts, unless these go along.
    objective : ndarray of float64, shape (a,)
    mass : ndarray of float64, shape (a, n_classes)
        As in `imlogit.core.contract.Sums`.
    """

    steps: Floats
    objective: Floats
    mass: Floats

    def write(self, which: Rows, others: Points) -> None:
        """Overwrite the points ``which`` with others."""
        for mine, theirs in zip(self, others, strict=True):
            mine[which] = theirs

    def copy(self) -> Points:
        """Return a copy that can be written to."""
        return Points(*(part.copy() for part in self))


@dataclass(frozen=True)
class Span:
    """The spans of some slots of a problem, each around a point of its own.

    Attributes
    ----------
    problem : Problem
        Whose directions belong to ``basis``.
    slots : ndarray of intp, shape (a,)
    weights : ndarray of float64, shape (a, K, d)
    b : ndarray of float64, shape (a, K)
    basis : ndarray of float64, shape (a, 2, K, d)
        The last step and the new direction in weight space; zeros for one that is absent.
    penalty : ndarray of float64, shape (a,)
    intercept : bool
    shifts : ndarray of float64, shape (a, 2, K), or None
        How the intercepts go along with the directions. None: they are coordinates of their own,
        which with many classes costs more than all else.
    """

    problem: Problem
    slots: Rows
    weights: Floats
    b: Floats
    basis: Floats
    penalty: Floats
    intercept: bool
    shifts: Floats | None = None

    def at(self, which: Rows, steps: Floats) -> Points:
        """Evaluate the objectives of some of the slots at ``steps``, one row for each."""
        intercepts = self.b[which] + self.moved_intercepts(which, steps)
        sums = self.problem.evaluate(self.slots[which], steps[:, :INTERCEPT], intercepts)
        moved = self._moved(which, steps)
        squared = np.einsum("akd,akd->a", moved, moved)
        return Points(steps, sums.loss + 0.5 * self.penalty[which] * squared, sums.mass)

    @property
    def size(self) -> int:
        """The number of coordinates."""
        return INTERCEPT + (self.b.shape[1] if self.shifts is None else 0)

    def start(self) -> Points:
        """Evaluate every objective where its span begins."""
        return self.at(np.arange(len(self.slots)), np.zeros((len(self.b), self.size)))

    def moved_intercepts(self, which: Rows, steps: Floats) -> Floats:
        """Return how far ``steps`` move the intercepts, shape (len(which), K)."""
        if self.shifts is None:
            return steps[:, INTERCEPT:]
        moved: Floats = np.einsum("as,ask->ak", steps, self.shifts[which])
        return moved

    def minimise(self, start: Points, *, thorough: bool = False) -> Points:
        """Return the minima, to the accuracy that is worth its price.

        Parameters
        ----------
        start : Points
            The points that the problem evaluated last.
        thorough : bool
            Go on down to rounding, not only until the quadratic model agrees.
        """
        here = start.copy()
        which = np.arange(len(self.slots))
        for _ in range(NEWTON_STEPS):
            newton, promised = self._newton_steps(which, here.steps[which])
            size = np.abs(here.objective[which])
            going = promised > np.finfo(float).eps ** 2 * size
            which, newton, promised, size = (
                which[going],
                newton[going],
                promised[going],
                size[going],
            )
            if not which.size:
                break
            before = here.objective[which]
            full = self._backtrack(which, here, newton, promised)
            agrees = full & (
                np.abs(2 * (before - here.objective[which]) / promised - 1) < MODEL_AGREES
            )
            finished = promised < ROUNDING * size
            which = which[~finished] if thorough else which[~(finished | agrees)]
            if not which.size:
                break
        return here

    def _moved(self, which: Rows, steps: Floats) -> Floats:
        moved: Floats = self.weights[which] + np.einsum(
            "as,askd->akd", steps[:, :INTERCEPT], self.basis[which]
        )
        return moved

    def _newton_steps(self, which: Rows, steps: Floats) -> tuple[Floats, Floats]:
        """Return the Newton steps and the decrements that they promise (twice the decreases).

        Directions that are absent, or the same, drop out through the pseudo-inverse, taken in
        units in which the Hessian has a diagonal of ones.
        """
        gradient, hessian = self._derivatives(which, steps)
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            raise TooLargeError(TOO_LARGE)
        if not self.intercept:
            gradient[:, INTERCEPT:] = 0.0
            hessian[:, INTERCEPT:] = hessian[:, :, INTERCEPT:] = 0.0
        scale = np.sqrt(np.einsum("aii->ai", hessian))
        unit = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
        values, vectors = np.linalg.eigh(hessian * unit[:, :, None] * unit[:, None, :])
        inverse = np.where(values > SINGULAR, 1 / np.maximum(values, SINGULAR), 0.0)
        along = np.einsum("aij,ai->aj", vectors, unit * gradient)
        newton = -unit * np.einsum("aij,aj->ai", vectors, inverse * along)
        return newton, -np.einsum("ai,ai->a", gradient, newton)

    def _derivatives(self, which: Rows, steps: Floats) -> tuple[Floats, Floats]:
        if self.shifts is None:
            gradient, hessian = self.problem.project(self.slots[which])
        else:
            gradient, hessian = self.problem.project_along(self.slots[which], self.shifts[which])
        basis, penalty = self.basis[which], self.penalty[which]
        slope = np.einsum("askd,akd->as", basis, self._moved(which, steps))
        gradient[:, :INTERCEPT] += penalty[:, None] * slope
        squared = np.einsum("askd,atkd->ast", basis, basis)
        hessian[:, :INTERCEPT, :INTERCEPT] += penalty[:, None, None] * squared
        return gradient, hessian

    def _backtrack(
        self, which: Rows, here: Points, newton: Floats, promised: Floats
    ) -> NDArray[np.bool_]:
        """Move ``here`` by steps that are shortened until the objectives fall.

        Rounding may raise them a little; where no step lowers one, it stays where it was. Returns
        which steps were taken in full.
        """
        length = np.ones(len(which))
        left = np.arange(len(which))
        begin, before = here.steps[which], here.objective[which]
        stuck = np.zeros(len(which), dtype=bool)
        while left.size:
            there = which[left]
            trial = self.at(there, begin[left] + length[left, None] * newton[left])
            here.write(there, trial)
            allowed = before[left] - SUFFICIENT_DECREASE * length[left] * promised[left]
            lower = trial.objective <= allowed + ROUNDING * np.abs(before[left])
            stuck[left] = ~lower & (length[left] < SHORTEST)
            left = left[~lower & ~stuck[left]]
            length[left] *= BACKTRACK
        if stuck.any():
            here.write(which[stuck], self.at(which[stuck], begin[stuck]))
        full: NDArray[np.bool_] = length == 1.0
        return full
