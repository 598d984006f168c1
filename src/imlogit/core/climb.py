"""The way to an optimum that no other leads to: costs are raised step by step.

At the full costs a first step may take rows so far to the wrong side that nothing leads back: they
have a slope and no curvature. Where no row costs more than a little, margins are small, and an
optimum with costs ten times as large is a few steps away from that with the smaller ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from imlogit.core.descent import Batch, Descent
from imlogit.core.newton import Damping, take_newton_step
from imlogit.core.regression import Regression
from imlogit.core.start import fit_base_rate

# How much higher the ceiling of costs is next: where one step sufficed, where more were needed.
FAR, NEAR = 100.0, 10.0
# Steps under one ceiling, which end where they lower the objective by less than this share.
STEPS = 10
SETTLED = 0.01


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
