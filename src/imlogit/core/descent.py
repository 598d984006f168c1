"""The ways of several regressions down to their minima, which share the reads of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import numpy as np

from imlogit.arrays import Floats
from imlogit.core.certificate import BALANCED, Pass, feasible_duals
from imlogit.core.contract import INTERCEPT, Engine, Problem
from imlogit.core.regression import Regression
from imlogit.core.span import ROUNDING, Points, Span

# C = inf: the largest entry of the gradient, as a share of the sum of row weights, where the
# features are of the size of 1.
GRADIENT_TOL = 1e-8
# Directions of larger entries, whose margins overflow float32, are taken by their direction alone:
# how far to go is found anyway.
LONGEST = 1e15
# From so many classes on, and a share of the number of features, sums over pairs of classes cost
# more than all else: then intercepts go along with the weights, and only a proof puts them at their
# minima, in a few steps.
MANY_CLASSES, MANY_SHARE = 30, 0.25
SETTLING_STEPS = 12
# A step that leaves more than this share of the slope calls for the Hessian of where it led.
SLOW = 0.1


class Descent:
    """The way of one regression down to its minimum: where it is, and what is known there.

    Attributes
    ----------
    regression : Regression
    slot : int
        Where the problem keeps its margins.
    weights, b : ndarray of float64, shapes (K, d) and (K,)
        The current point.
    last, last_shift : ndarray of float64, shapes (K, d) and (K,)
        The last step.
    objective : float
    mass : ndarray of float64, shape (n_classes,)
        As in `imlogit.core.contract.Sums`.
    gradient : ndarray of float64, shape (K, d)
        Of the objective, as `Batch.measure` found it.
    gap, max_gradient, steepest : float
        ``steepest`` is the largest entry in the weights alone.
    centers : ndarray of float64, shape (K, d), or None
        Means of the rows around which a slope that is left in the intercepts is taken out of the
        gradient, where these go along with the weights.
    precise : bool
        Whether sums are taken in float64.
    iterations, passes : int
        Steps taken, and reads of all rows that served it.
    history : list of Pass
    """

    gradient: Floats
    gap: float
    max_gradient: float
    steepest: float

    def __init__(self, regression: Regression, slot: int, weights: Floats, b: Floats) -> None:
        self.slot, self.weights, self.b = slot, weights, b
        self.last, self.last_shift = np.zeros_like(weights), np.zeros_like(b)
        self.charge(regression)
        self.objective, self.mass = np.inf, np.zeros(regression.n_classes)
        self.centers: Floats | None = None
        self.precise = False
        self.iterations = self.passes = 0
        self.history: list[Pass] = []

    def charge(self, regression: Regression) -> None:
        """Go on under the costs of a regression, of the same rows."""
        self.regression = regression
        self.class_costs = regression.class_costs()
        self.total = float(self.class_costs.sum())

    def note(self, points: Points, place: int) -> None:
        """Note what was found at the current point."""
        self.objective, self.mass = float(points.objective[place]), points.mass[place].copy()

    def reached(self, tol: float, largest: float, gap: float | None = None) -> bool:
        """Whether the measure fulfils the tolerance, or a gap that is given.

        ``largest`` is the engine's.
        """
        if self.regression.penalty:
            # an objective that overflowed proves nothing: inf <= inf
            return (
                bool(np.isfinite(self.objective))
                and (self.gap if gap is None else gap) <= tol * self.objective
            )
        # In units in which no feature is larger than 1: a gradient shrinks with its feature.
        flat = self.steepest <= GRADIENT_TOL * self.total * min(1.0, largest)
        return flat and self.max_gradient <= GRADIENT_TOL * self.total

    @property
    def relative_gap(self) -> float:
        """The gap as a share of the objective."""
        return self.gap / max(self.objective, np.finfo(float).tiny)

    @property
    def distance(self) -> float:
        """What shall become small: the gap, or without a penalty the gradient squared."""
        return self.gap if self.regression.penalty else self.max_gradient**2

    @property
    def slope(self) -> Floats:
        """The gradient in the intercepts, shape (K,)."""
        if not self.regression.intercept:
            return np.zeros_like(self.b)
        if self.mass.size == 2:
            return self.mass[:1] - self.mass[1:]
        slope: Floats = self.mass - self.class_costs
        return slope

    @property
    def imbalance(self) -> float:
        """The largest entry of the gradient in the intercepts."""
        return float(np.abs(self.slope).max())


class Batch:
    """What descents over the same rows do together, each read serving all of them.

    Attributes
    ----------
    passes : int
        Reads of all rows so far.
    """

    def __init__(self, engine: Engine, problem: Problem) -> None:
        self.engine, self.problem = engine, problem
        self.passes = 0

    def place(self, descents: Sequence[Descent], *, precise: bool) -> None:
        """Compute the margins of the current points anew, and evaluate there."""
        if not descents:
            return
        # a slot that was just filled has the margins of weights that are zero
        moved = [d for d in descents if d.passes or d.weights.any()]
        if moved:
            self.problem.place(_slots(moved), _stack(d.weights for d in moved), precise=precise)
            self._count(moved)
        for d in descents:
            d.precise = precise
            d.last, d.last_shift = np.zeros_like(d.weights), np.zeros_like(d.b)
        points = self._span(descents).start()
        for k, d in enumerate(descents):
            d.note(points, k)

    def charge(self, descent: Descent, regression: Regression) -> None:
        """Go on with a descent under other costs, in float64."""
        descent.charge(regression)
        self.problem.admit(descent.slot, regression)
        self.place([descent], precise=True)

    def measure(self, descents: Sequence[Descent], *, feasible: bool = False) -> None:
        """Compute the gradients at the current points, and from them the gaps.

        On the way the duals may be infeasible by as much as the intercepts are off their minimum:
        those of the gradient itself are wanted. For a proof they are made feasible.
        """
        for precise, group in _by_precision(descents):
            duals = np.stack([_duals(d, feasible) for d in group])
            loss, apart = self.problem.gradient(_slots(group), duals, precise=precise)
            self._count(group)
            for k, d in enumerate(group):
                d.gradient = loss[k] + d.regression.penalty * d.weights
                d.steepest = float(np.abs(d.gradient).max(initial=0.0))
                d.max_gradient = max(d.steepest, d.imbalance)
                left = d.gradient
                if not feasible and d.centers is not None:
                    left = left - d.slope[:, None] * d.centers
                d.gap = 0.5 * float(np.vdot(left, left)) + max(0.0, float(apart[k]))

    def prove(self, descents: Sequence[Descent]) -> None:
        """Compute margins anew in float64, put the intercepts at their minima, and measure."""
        self.place(descents, precise=True)
        if descents and descents[0].regression.intercept:
            if ties_intercepts(self.engine, descents[0].b.size):
                self._settle(descents)
            else:
                span = self._span(descents)
                best = span.minimise(_points(descents, span), thorough=True)
                self._move(descents, span, best)
        self.measure(descents, feasible=True)

    def _settle(self, descents: Sequence[Descent]) -> None:
        """Put many intercepts at their minima, by conjugate gradients.

        Their Hessian is taken anew where the last one leads too little way.
        """
        inverse = {id(d): self._inverse_coupling(d) for d in descents}
        left = list(descents)
        for _ in range(SETTLING_STEPS):
            left = [d for d in left if d.imbalance > BALANCED * d.total]
            if not left:
                break
            shifts = [-inverse[id(d)] @ d.slope for d in left]
            span = self._span(left, None, shifts)
            before = [(d, d.imbalance, d.objective * (1 - ROUNDING)) for d in left]
            self._move(left, span, span.minimise(_points(left, span), thorough=True))
            # far from the minimum the largest slope may grow while the objective falls
            left = [d for d, size, value in before if d.imbalance < size or d.objective < value]
            slow = [d for d, size, _ in before if d in left and d.imbalance > SLOW * size]
            inverse |= {id(d): self._inverse_coupling(d) for d in slow}

    def _inverse_coupling(self, descent: Descent) -> Floats:
        found = np.linalg.pinv(self.problem.coupling(descent.slot), hermitian=True)
        return np.asarray(found, dtype=np.float64)

    def advance(
        self,
        descents: Sequence[Descent],
        directions: Sequence[Floats],
        shifts: Sequence[Floats | None] | None = None,
    ) -> None:
        """Go to the minima over the directions, the last steps and the intercepts.

        Parameters
        ----------
        descents : sequence of Descent
        directions : sequence of ndarray, shape (K, d)
        shifts : sequence of ndarray, shape (K,), or None, optional
            How intercepts go along with a direction; None: to their minimum.
        """
        ways = {id(d): way for d, way in zip(descents, directions, strict=True)}
        along = dict(zip(ways, shifts or [None] * len(ways), strict=True))
        for precise, group in _by_precision(descents):
            for tied in (False, True):
                some = [d for d in group if (along[id(d)] is not None) == tied]
                if some:
                    pairs = [_in_range(ways[id(d)], along[id(d)]) for d in some]
                    self._go(some, pairs, precise)

    def _go(
        self, group: list[Descent], pairs: list[tuple[Floats, Floats | None]], precise: bool
    ) -> None:
        new = _stack(way for way, _ in pairs)
        shifts = [shift for _, shift in pairs if shift is not None]
        self.problem.extend(_slots(group), new, precise=precise)
        self._count(group)
        span = self._span(group, new, shifts or None)
        best = span.minimise(_points(group, span))
        self.problem.step(_slots(group), best.steps[:, :INTERCEPT])
        for k, d in enumerate(group):
            d.last = best.steps[k, 0] * d.last + best.steps[k, 1] * new[k]
            d.weights = d.weights + d.last
            d.iterations += 1
        self._move(group, span, best)

    def _move(self, descents: Sequence[Descent], span: Span, best: Points) -> None:
        """Move the intercepts, and note what was found there."""
        shifts = span.moved_intercepts(np.arange(len(descents)), best.steps)
        for k, d in enumerate(descents):
            d.last_shift = shifts[k]
            d.b = d.b + shifts[k]
            d.note(best, k)

    def slope_of_intercepts(self, descent: Descent) -> Floats:
        """Return the gradient in the intercepts at the point that was evaluated last, (K,)."""
        slope, _ = self.problem.project(_slots([descent]))
        return slope[0, INTERCEPT:]

    def probe(self, descent: Descent, direction: Floats, shift: Floats) -> Points:
        """Evaluate where a step of weights and one of intercepts would lead."""
        self.problem.extend(_slots([descent]), direction[None], precise=descent.precise)
        self._count([descent])
        steps = np.concatenate([[0.0, 1.0], shift])[None]
        return self._span([descent], direction[None]).at(np.arange(1), steps)

    def accept(self, descent: Descent, direction: Floats, shift: Floats, found: Points) -> None:
        """Go where `probe` looked last."""
        self.problem.step(_slots([descent]), found.steps[:, :INTERCEPT])
        descent.last, descent.weights = direction, descent.weights + direction
        descent.b = descent.b + shift
        descent.note(found, 0)
        descent.iterations += 1

    def stay(self, descent: Descent) -> None:
        """Take a step of no length: none lowers the objective."""
        self._span([descent]).start()
        descent.iterations += 1

    def _span(
        self,
        descents: Sequence[Descent],
        new: Floats | None = None,
        shifts: Sequence[Floats] | None = None,
    ) -> Span:
        """Return the spans around the current points, with directions and how intercepts go along.

        Without ``shifts`` intercepts are coordinates of their own.
        """
        last = _stack(d.last for d in descents)
        moved = None
        if shifts is not None:
            moved = np.stack([_stack(d.last_shift for d in descents), _stack(shifts)], axis=1)
        return Span(
            self.problem,
            _slots(descents),
            _stack(d.weights for d in descents),
            _stack(d.b for d in descents),
            np.stack([last, np.zeros_like(last) if new is None else new], axis=1),
            np.array([d.regression.penalty for d in descents]),
            descents[0].regression.intercept,
            moved,
        )

    def _count(self, descents: Sequence[Descent]) -> None:
        self.passes += 1
        for d in descents:
            d.passes += 1


def ties_intercepts(engine: Engine, n_columns: int) -> bool:
    """Whether so many intercepts go along with the weights, as their own minimum is dear."""
    return n_columns >= MANY_CLASSES and n_columns >= MANY_SHARE * engine.n_features


def _in_range(direction: Floats, shift: Floats | None) -> tuple[Floats, Floats | None]:
    """Return a direction whose margins do not overflow: where curvatures vanish it has no end."""
    largest = float(np.abs(direction).max(initial=0.0))
    if largest <= LONGEST:
        return direction, shift
    return direction / largest, None if shift is None else shift / largest


def _duals(descent: Descent, feasible: bool) -> Floats:
    wanted = descent.regression.intercept and feasible
    return feasible_duals(descent.mass[None], descent.class_costs[None], wanted)[0]


def _points(descents: Sequence[Descent], span: Span) -> Points:
    """Return the current points as points of the spans around them."""
    return Points(
        np.zeros((len(descents), span.size)),
        np.array([d.objective for d in descents]),
        _stack(d.mass for d in descents),
    )


def _by_precision(descents: Sequence[Descent]) -> Iterable[tuple[bool, list[Descent]]]:
    for precise, group in groupby(sorted(descents, key=_is_precise), _is_precise):
        yield precise, list(group)


def _is_precise(descent: Descent) -> bool:
    return descent.precise


def _slots(descents: Sequence[Descent]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.array([d.slot for d in descents], dtype=np.intp)


def _stack(parts: Iterable[Floats]) -> Floats:
    return np.stack(list(parts))
