"""The way of one column down to its minimum: its point, and what is known there."""

from __future__ import annotations

import numpy as np

from imlogit.core.certificate import Pass, feasible_shrink
from imlogit.core.columns import Columns, Floats
from imlogit.core.contract import SPAN, Engine
from imlogit.core.span import Span

# C = inf: the largest entry of the gradient, as a share of the sum of row weights, where the
# features are of the size of 1.
GRADIENT_TOL = 1e-8


class Descent:
    """The way of one column down to its minimum.

    Attributes
    ----------
    weights, b
        The current point.
    gradient : ndarray of float64, shape (d,)
        Of the objective, as `measure` found it.
    gap, max_gradient, steepest : float
        ``steepest`` is the largest entry in the weights alone.
    precise : bool
        Whether sums are taken in float64.
    proved : bool
        Whether the last measure was in float64 and on margins computed anew.
    """

    def __init__(self, engine: Engine, column: Columns, weights: Floats, b: float) -> None:
        self.engine, self.column = engine, column
        self.problem = engine.open(column)
        self.penalty = float(column.penalty[0])
        self.total = float(column.costs.sum())
        self.passes, self.iterations = 0, 0
        self.history: list[Pass] = []
        self.place(weights, b, precise=False)

    def place(self, weights: Floats, b: float, *, precise: bool) -> None:
        """Start anew at a point."""
        self.weights, self.b = weights, b
        self.precise, self.proved = precise, precise
        self.last = np.zeros_like(weights)
        if weights.any() or self.passes:  # a problem that was just opened has zero margins
            self.problem.place(weights[None], precise=precise)
            self.passes += 1
        self.point = self._span(self.last).at(np.zeros(SPAN))

    def measure(self) -> None:
        """Compute the gradient at the current point, and from it the gap."""
        residual = self.point.sums.residual
        # On the way the duals may be infeasible by as much as the intercept is off its minimum;
        # the proof makes them feasible.
        feasible = feasible_shrink(residual, self.column.intercept)
        shrink = feasible if self.proved else np.ones_like(residual)
        gradients, divergences = self.problem.gradient(shrink, precise=self.precise)
        self.passes += 1
        self.gradient = gradients[0] + self.penalty * self.weights
        negative, positive = residual[0]
        slope = abs(negative - positive) if self.column.intercept else 0.0
        self.steepest = float(np.abs(self.gradient).max(initial=0.0))
        self.max_gradient = max(self.steepest, float(slope))
        self.gap = 0.5 * float(self.gradient @ self.gradient) + max(0.0, float(divergences[0]))

    def prove(self) -> None:
        """Compute margins anew in float64, put the intercept at its minimum, and measure."""
        self.place(self.weights, self.b, precise=True)
        if self.column.intercept:
            best = self._span(self.last).minimise(self.point, thorough=True)
            self.b += float(best.steps[-1])
            self.point = best._replace(steps=np.zeros(SPAN))
        self.measure()

    def advance(self, direction: Floats) -> None:
        """Go to the minimum over the direction, the last step and the intercept."""
        self.problem.extend(direction[None], precise=self.precise)
        self.passes += 1
        best = self._span(direction).minimise(self.point)
        self.problem.step(best.steps[None, :2])
        self.last = best.steps[0] * self.last + best.steps[1] * direction
        self.weights = self.weights + self.last
        self.b += float(best.steps[2])
        self.point = best._replace(steps=np.zeros(SPAN))
        self.iterations += 1
        self.proved = False

    def reached(self, tol: float) -> bool:
        """Whether the measure fulfils the tolerance."""
        if self.penalty:
            return self.gap <= tol * self.point.objective
        # In units in which no feature is larger than 1: a gradient shrinks with its feature.
        largest = min(1.0, self.engine.largest)
        flat = self.steepest <= GRADIENT_TOL * self.total * largest
        return flat and self.max_gradient <= GRADIENT_TOL * self.total

    @property
    def separated(self) -> bool:
        """Whether there is no penalty and every row is classified strictly right."""
        return not self.penalty and bool(self.point.sums.worst[0] > 0)

    @property
    def distance(self) -> float:
        """What shall become small: the gap, or without a penalty the gradient squared."""
        return self.gap if self.penalty else self.max_gradient * self.max_gradient

    def _span(self, direction: Floats) -> Span:
        basis = np.stack([self.last, direction])
        return Span(self.problem, self.weights, self.b, basis, self.penalty, self.column.intercept)
