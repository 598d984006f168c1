"""Which preconditioner a descent uses, and when it gets a new one."""

from __future__ import annotations

import numpy as np

from imlogit.core.contract import Engine
from imlogit.core.descent import Descent
from imlogit.core.preconditioner import Factor, factor_rows

# A sum over pixels costs this many times what a multiply-add in a Gram matrix does.
PASS_COST = 2.5
# What a step with a fresh factor of SAMPLE_ROWS rows does to the gap.
FRESH_RATE = 0.2
# The steps from which the rate of an old factor is taken.
RATE_STEPS = 3


class Factors:
    """The preconditioner in use, and when to replace it.

    A factor pays if it saves more steps than it costs. Steps left with the old one are
    extrapolated from what its last `RATE_STEPS` steps did to the gap, those with a fresh one are
    known by experience; the price of a factor in steps follows from the numbers of
    multiplications.
    """

    def __init__(self, n_sample: int, rng: np.random.Generator, factor: Factor | None) -> None:
        self.n_sample, self.rng, self.factor = n_sample, rng, factor
        self.distances: list[float] = []

    def current(self, descent: Descent, tol: float) -> Factor:
        """Return the factor for the next step."""
        if self.factor is None or self._pays(descent, tol):
            self.factor = self._draw(descent)
            self.distances = []
        self.distances.append(descent.distance)
        return self.factor

    def _pays(self, descent: Descent, tol: float) -> bool:
        price = self._price(descent.engine)
        if price < 1:
            return True
        if len(self.distances) < RATE_STEPS or not descent.distance > 0:
            return False
        goal = np.log(max(tol * descent.point.objective, np.finfo(float).tiny) / descent.distance)
        rate = np.log(descent.distance / self.distances[-RATE_STEPS]) / RATE_STEPS
        left = goal / rate if rate < 0 else np.inf
        return bool(left > price + goal / np.log(FRESH_RATE))

    def _price(self, engine: Engine) -> float:
        m, d = min(self.n_sample, engine.n_rows), engine.n_features
        small = min(m, d)
        factor = m * d * small / 2 + small**3 / 6
        apply = d * d if d <= m else m * m + 2 * m * d
        return factor / (PASS_COST * 2 * engine.n_rows * d + apply)

    def _draw(self, descent: Descent) -> Factor:
        m = min(self.n_sample, descent.engine.n_rows)
        positions = (np.arange(m) + self.rng.random(m)) / m
        rows, weights = descent.problem.draw(0, positions)
        return factor_rows(
            descent.engine.rows(rows, precise=descent.precise),
            weights,
            descent.penalty,
            intercept=descent.column.intercept,
            crossproduct=descent.engine.crossproduct,
        )
