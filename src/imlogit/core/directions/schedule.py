"""Which preconditioner a descent uses, and when it gets a new one."""

from __future__ import annotations

import numpy as np

from imlogit.core.contract import Engine, Problem
from imlogit.core.descent import Descent
from imlogit.core.directions.factors import Factor, Preconditioner, factor_rows

# Rows in the first sampled Hessian, which soon will be off its point, and in those that follow.
FIRST_ROWS, SAMPLE_ROWS = 2500, 5000
# A sum over pixels costs this many times what a multiply-add in a Gram matrix does: alone it
# waits for memory, among others it does not.
PASS_COST, SHARED_PASS_COST = 2.5, 1.3
SHARED_BY = 4
# What a step with fresh factors does to the gap: with one column, with more.
FRESH_RATE, FRESH_RATE_TIED = 0.2, 0.5
# The steps from which the rate of an old factor is taken.
RATE_STEPS = 3


class Schedule:
    """The preconditioner that a descent uses, and when to replace it.

    A new one pays if it saves more steps than it costs. Steps left with the old one are
    extrapolated from what its last `RATE_STEPS` steps did to the gap, those with a fresh one are
    known by experience; the price of factors in steps follows from the numbers of
    multiplications.
    """

    def __init__(
        self, rng: np.random.Generator, preconditioner: Preconditioner | None = None
    ) -> None:
        self.rng, self.preconditioner = rng, preconditioner
        self.distances: list[float] = []

    def current(
        self, engine: Engine, problem: Problem, descent: Descent, tol: float, n_sharing: int
    ) -> Preconditioner:
        """Return the preconditioner of the next step, which ``n_sharing`` columns take together."""
        if self.preconditioner is None:
            self.preconditioner = self.draw(engine, problem, descent, FIRST_ROWS)
        elif self._pays(engine, descent, tol, n_sharing):
            self.preconditioner = self.draw(engine, problem, descent, SAMPLE_ROWS)
        self.distances.append(descent.distance)
        return self.preconditioner

    def draw(
        self, engine: Engine, problem: Problem, descent: Descent, n_rows: int
    ) -> Preconditioner:
        """Return a preconditioner of rows drawn by their curvature at the current point."""
        self.distances = []
        columns = range(descent.regression.n_columns)
        return Preconditioner.of(
            [self._factor(engine, problem, descent, k, n_rows) for k in columns]
        )

    def _pays(self, engine: Engine, descent: Descent, tol: float, n_sharing: int) -> bool:
        price = self._price(engine, n_sharing)
        if price < 1:
            return True
        if len(self.distances) < RATE_STEPS or not descent.distance > 0:
            return False
        goal = np.log(max(tol * descent.objective, np.finfo(float).tiny) / descent.distance)
        rate = np.log(descent.distance / self.distances[-RATE_STEPS]) / RATE_STEPS
        left = goal / rate if rate < 0 else np.inf
        fresh = FRESH_RATE if descent.regression.n_columns == 1 else FRESH_RATE_TIED
        return bool(left > price + goal / np.log(fresh))

    def _price(self, engine: Engine, n_sharing: int) -> float:
        m, d = min(SAMPLE_ROWS, engine.n_rows), engine.n_features
        small = min(m, d)
        factor = m * d * small / 2 + small**3 / 6
        apply = d * d if d <= m else m * m + 2 * m * d
        read = PASS_COST if n_sharing < SHARED_BY else SHARED_PASS_COST
        return factor / (read * 2 * engine.n_rows * d + apply)

    def _factor(
        self, engine: Engine, problem: Problem, descent: Descent, column: int, n_rows: int
    ) -> Factor:
        m = min(n_rows, engine.n_rows)
        positions = (np.arange(m) + self.rng.random(m)) / m
        rows, weights = problem.draw(descent.slot, column, positions)
        return factor_rows(
            engine.rows(rows, precise=descent.precise),
            weights,
            descent.regression.penalty,
            intercept=descent.regression.intercept,
            crossproduct=engine.crossproduct,
        )
