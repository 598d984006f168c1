"""Newton steps on the exact Hessian of weights and intercepts, damped where they would overshoot.

A row that is far on the wrong side has a slope and next to no curvature: Newton's step along it is
beyond all bounds. So the system is shifted by a share ``damping`` of the largest diagonal that was
ever seen, which is close to the largest that there is, until the objective falls as predicted
[1]_. Where that leads nowhere, costs are raised step by step: where no row costs more than a little
margins are small, and an optimum with costs ten times as large is a few steps away.

References
----------
.. [1] J. J. More, The Levenberg-Marquardt algorithm: implementation and theory, Numerical
   Analysis, Lecture Notes in Mathematics 630 (1978).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from imlogit.arrays import Floats
from imlogit.core.descent import Batch, Descent
from imlogit.core.directions.factors import TOO_LARGE
from imlogit.core.regression import Regression
from imlogit.core.span import ROUNDING
from imlogit.core.starts.start import fit_base_rate
from imlogit.errors import TooLargeError

# A step that leaves more than this share of the distance found nothing but rounding.
STILL_WORTH = 0.5
# Eigenvalues below this share of the diagonal are rounding errors of zeros.
SINGULAR = 1e-14
# A feature that differs from the center by less than this share of it is constant.
CONSTANT = 1e-14
# More weights than these are not worth the search for singular directions.
SEARCHED = 600
# Damping begins at the least share of the diagonal, and ends where steps are nothing.
LEAST_DAMPING, MOST_DAMPING = 1e-12, 1e30
STRONGER, WEAKER = 10.0, 0.1
# Decreases of these shares of what the quadratic model promised call for more, and for less.
POOR, GOOD = 0.25, 0.75
# Curvatures fall with the losses, by a factor of e in a step as a rule.
FORGETS = 0.1
# How much higher the ceiling of costs is next: where one step sufficed, where more were needed.
FAR, NEAR = 100.0, 10.0
# Steps under one ceiling, which end where they lower the objective by less than this share.
STEPS = 10
SETTLED = 0.01


@dataclass(eq=False)
class Damping:
    """How far the exact steps of one descent are trusted.

    Attributes
    ----------
    share : float
        What is added to the diagonal of the Hessian, as a share of ``scale``.
    scale : ndarray of float64
        The largest diagonal that was seen, weights first, then intercepts.
    """

    share: float = 0.0
    scale: Floats = field(default_factory=lambda: np.zeros(1))
    factor: float = STRONGER

    def stronger(self) -> None:
        """Trust steps less, and still less if that does not do."""
        self.share = max(self.share * self.factor, LEAST_DAMPING)
        self.factor *= STRONGER

    def weaker(self) -> None:
        """Trust steps more."""
        self.share = self.share * WEAKER if self.share > LEAST_DAMPING else 0.0


@dataclass(frozen=True, eq=False)
class System:
    """Newton's equations at one point, for weights and, where there are any, intercepts.

    Attributes
    ----------
    hessian : ndarray of float64, shape (m, m)
    gradient : ndarray of float64, shape (m,)
    center : ndarray of float64, shape (d,)
        The intercepts are those of features less this.
    n_columns : int
    floor : ndarray of float64, shape (m,)
        What rounding leaves on the diagonal of a feature that is always at the center.
    """

    hessian: Floats
    gradient: Floats
    center: Floats
    n_columns: int
    floor: Floats

    @classmethod
    def of(cls, batch: Batch, descent: Descent) -> System:
        """Return the equations at the current point, in float64."""
        has_intercept = descent.regression.intercept
        # without an intercept to make up for it, another origin would be another Hessian
        center = batch.engine.center() if has_intercept else np.zeros(batch.engine.n_features)
        second, mixed, intercepts = batch.problem.gram(descent.slot, center)
        second.flat[:: len(second) + 1] += descent.regression.penalty
        k = descent.b.size
        if not has_intercept:
            return cls(second, descent.gradient.ravel(), center, k, np.zeros(len(second)))
        slope = batch.slope_of_intercepts(descent)
        in_weights = descent.gradient - slope[:, None] * center
        hessian = np.block([[second, mixed], [mixed.T, intercepts]])
        floor = np.outer(intercepts.diagonal(), (CONSTANT * center) ** 2)
        gradient = np.concatenate([in_weights.ravel(), slope])
        return cls(hessian, gradient, center, k, np.append(floor, np.zeros(k)))

    def units(self, shift: Floats | float = 0.0) -> Floats:
        """Return the units in which the diagonal, shifted, is 1; 0 where it is rounding, (m,)."""
        diagonal = self.hessian.diagonal() + shift
        unit: Floats = np.divide(
            1.0, np.sqrt(diagonal), out=np.zeros(len(diagonal)), where=diagonal > self.floor
        )
        return unit

    def step(self, shift: Floats) -> Floats:
        """Return the step that solves the equations, ``shift`` (m,) added to the diagonal.

        Solved in units in which the diagonal is 1. Directions that the Hessian does not see
        (equal columns; an equal shift of all classes) drop out through the pseudo-inverse.
        """
        unit = self.units(shift)
        scaled = self.hessian * unit[:, None] * unit
        if not np.isfinite(scaled).all():
            raise TooLargeError(TOO_LARGE)
        scaled.flat[:: len(scaled) + 1] = 1.0
        return -unit * _solve(scaled, unit * self.gradient, search=not shift.any())

    def parts(self, step: Floats) -> tuple[Floats, Floats]:
        """Return the steps of weights (K, d) and of intercepts (K,), of features as they are."""
        size = self.n_columns * len(self.center)
        weights = step[:size].reshape(self.n_columns, -1)
        b = step[size:] if step.size > size else np.zeros(self.n_columns)
        return weights, b - weights @ self.center


def _solve(matrix: Floats, right: Floats, *, search: bool) -> Floats:
    """Solve a system with a diagonal of ones; ``search`` for directions that are not seen."""
    if search and len(right) <= SEARCHED:
        values, vectors = np.linalg.eigh(matrix)
        seen = values > SINGULAR * max(1.0, values[-1])
        found: Floats = vectors[:, seen] @ ((vectors.T @ right)[seen] / values[seen])
        return found
    jitter = SINGULAR
    while True:
        shifted = np.array(matrix, order="F")
        shifted.flat[:: len(shifted) + 1] += jitter
        triangle, info = dpotrf(shifted, lower=1, overwrite_a=1)
        if info == 0:
            return np.asarray(dpotrs(triangle, right, lower=1)[0])
        jitter *= STRONGER


def take_newton_step(batch: Batch, descent: Descent, damping: Damping) -> bool:
    """Take a Newton step in weights and intercepts, damped until the objective falls.

    Returns whether one does; if not, the point stays.
    """
    system = System.of(batch, descent)
    damping.scale = np.maximum(FORGETS * damping.scale, system.hessian.diagonal())
    before = descent.objective
    while damping.share <= MOST_DAMPING:
        step = system.step(damping.share * damping.scale)
        slope = -float(system.gradient @ step)
        promised = slope - 0.5 * float(step @ system.hessian @ step)
        parts = system.parts(step)
        found = batch.probe(descent, *parts)
        gained = before - float(found.objective[0])
        if gained >= POOR * promised - ROUNDING * before:
            batch.accept(descent, *parts, found)
            damping.factor = STRONGER
            if gained > GOOD * promised:
                damping.weaker()
            return True
        damping.stronger()
    batch.stay(descent)
    return False


def climb(batch: Batch, descent: Descent, max_iter: int) -> None:
    """Bring a descent near its optimum from the base rate, by exact steps in float64."""
    whole, engine = descent.regression, batch.engine
    largest = float(whole.costs.max(initial=0.0))
    # all rows together bend the objective no more than the penalty there
    ceiling = 1 / max(engine.n_rows * engine.n_features * engine.largest**2, 1.0 / largest)
    descent.weights = np.zeros_like(descent.weights)
    descent.b = fit_base_rate(_under(whole, ceiling)).b
    try:
        while ceiling < largest and descent.iterations < max_iter:
            batch.charge(descent, _under(whole, ceiling))
            ceiling *= FAR if _settle(batch, descent) else NEAR
    finally:
        batch.charge(descent, whole)
    batch.measure([descent])


def _under(regression: Regression, ceiling: float) -> Regression:
    """Return the same regression in which no row costs more."""
    return replace(regression, costs=np.minimum(regression.costs, ceiling))


def _settle(batch: Batch, descent: Descent) -> bool:
    """Take steps until they gain little; return whether one sufficed."""
    damping, taken, gained = Damping(), 0, np.inf
    while taken < STEPS and gained > SETTLED * descent.objective:
        before = descent.objective
        batch.measure([descent])
        take_newton_step(batch, descent, damping)
        taken, gained = taken + 1, before - descent.objective
    return taken == 1 and not damping.share


def polish(batch: Batch, descents: Sequence[Descent], max_iter: int) -> None:
    """Take Newton steps until rounding errors are all that is left."""
    left = list(descents)
    while left := [d for d in left if d.iterations < max_iter and d.distance > 0]:
        before = [(d.weights, d.b, d.distance) for d in left]
        for d in left:
            take_newton_step(batch, d, Damping())
        batch.prove(left)
        worse = []
        going = []
        for d, (weights, b, distance) in zip(left, before, strict=True):
            if not d.distance < distance:
                d.weights, d.b = weights, b
                worse.append(d)
            elif d.distance <= STILL_WORTH * distance:
                going.append(d)
        batch.place(worse, precise=True)
        batch.measure(worse)
        left = going
