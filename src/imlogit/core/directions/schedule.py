"""Which preconditioner a descent uses, and when it gets a new one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imlogit.arrays import Floats
from imlogit.core.contract import Engine, Problem
from imlogit.core.descent import Descent
from imlogit.core.directions.factors import Factor, Preconditioner, factor_rows
from imlogit.core.directions.shared_factor import SharedFactor, draw_shared_factor

# Rows in the first sampled Hessian, which soon will be off its point, and in those that follow.
FIRST_ROWS, SAMPLE_ROWS = 2500, 5000
# A sum over pixels costs this many times what a multiply-add in a Gram matrix does: alone it
# waits for memory, among others it does not.
PASS_COST, SHARED_PASS_COST = 2.5, 1.3
SHARED_BY = 4
# What a step with fresh factors does to the gap: with one column, with more, with one for all.
FRESH_RATE, FRESH_RATE_TIED, FRESH_RATE_SHARED = 0.2, 0.5, 0.6
# Multiply-adds of all eigenvectors of a matrix, as a multiple of its size cubed.
EIGEN_COST = 12
# The steps from which the rate of an old factor is taken.
RATE_STEPS = 3
# Factors a class that cost more steps than this are not what to begin with.
CHEAP_STEPS = 3.0

Preconditioning = Preconditioner | SharedFactor


FREE = 1.0


class Price(NamedTuple):
    """What it takes to go on with a preconditioner of one kind, in steps."""

    draw: float
    rate: float
    shared: bool

    def total(self, goal: float) -> float:
        """Return how many steps drawing it and reaching a logarithm of a gap ratio are worth."""
        return self.draw + goal / float(np.log(self.rate))


class Schedule:
    """The preconditioner that a descent uses, and when to replace it.

    A new one pays if it saves more steps than it costs. Steps left with the old one are
    extrapolated from what its last `RATE_STEPS` steps did to the gap, those with a fresh one are
    known by experience; the price of factors in steps follows from the numbers of
    multiplications. With several columns there are two kinds: a factor a column, and one for
    all, which is cheaper and leads less far a step.
    """

    def __init__(
        self, rng: np.random.Generator, preconditioner: Preconditioning | None = None
    ) -> None:
        self.rng, self.preconditioner = rng, preconditioner
        self.distances: list[float] = []

    def current(
        self, engine: Engine, problem: Problem, descent: Descent, tol: float, n_sharing: int
    ) -> Preconditioning:
        """Return the preconditioner of the next step, which ``n_sharing`` columns take together."""
        if self.preconditioner is None:
            shared = self._begins_shared(engine, descent, n_sharing)
            self.preconditioner = self.draw(engine, problem, descent, FIRST_ROWS, shared=shared)
        else:
            better = self._better(engine, descent, tol, n_sharing)
            if better is not None:
                self.preconditioner = self.draw(
                    engine, problem, descent, SAMPLE_ROWS, shared=better.shared
                )
        self.distances.append(descent.distance)
        return self.preconditioner

    def draw(
        self, engine: Engine, problem: Problem, descent: Descent, n_rows: int, *, shared: bool
    ) -> Preconditioning:
        """Return a preconditioner of rows drawn by their curvature at the current point."""
        self.distances = []
        if shared:
            positions = self._positions(engine, n_rows)
            at = descent.slot, descent.regression, positions
            return draw_shared_factor(engine, problem, *at, precise=descent.precise)
        columns = range(descent.regression.n_columns)
        return Preconditioner.of(
            [self._factor(engine, problem, descent, k, n_rows) for k in columns]
        )

    @property
    def is_shared(self) -> bool:
        """Whether there is one factor for all columns."""
        return isinstance(self.preconditioner, SharedFactor)

    def _begins_shared(self, engine: Engine, descent: Descent, n_sharing: int) -> bool:
        if descent.regression.n_columns == 1:
            return False
        return self._prices(engine, descent, n_sharing, FIRST_ROWS)[0].draw > CHEAP_STEPS

    def _better(self, engine: Engine, descent: Descent, tol: float, n_sharing: int) -> Price | None:
        """Return which new preconditioner pays, if one does."""
        prices = self._prices(engine, descent, n_sharing, SAMPLE_ROWS)
        cheapest = min(prices, key=lambda price: price.draw)
        if cheapest.draw < FREE and cheapest.shared == self.is_shared:
            return cheapest
        if len(self.distances) < RATE_STEPS or not descent.distance > 0:
            return None
        goal = np.log(max(tol * descent.objective, np.finfo(float).tiny) / descent.distance)
        rate = np.log(descent.distance / self.distances[-RATE_STEPS]) / RATE_STEPS
        left = goal / rate if rate < 0 else np.inf
        best = min(prices, key=lambda price: price.total(goal))
        return best if left > best.total(goal) else None

    def _prices(self, engine: Engine, descent: Descent, n_sharing: int, n_rows: int) -> list[Price]:
        """Return the prices of a factor a column, and of one for all."""
        m, d, k = min(n_rows, engine.n_rows), engine.n_features, descent.regression.n_columns
        small = min(m, d)
        gram = m * d * small / 2
        apply = d * d if d <= m else m * m + 2 * m * d
        read = PASS_COST if n_sharing < SHARED_BY else SHARED_PASS_COST
        step = read * 2 * engine.n_rows * d + apply
        fresh = FRESH_RATE if k == 1 else FRESH_RATE_TIED
        prices = [Price((gram + small**3 / 6) / step, fresh, False)]
        if k > 1:
            eigen = gram + EIGEN_COST * (small**3 + k**3) + engine.n_rows * k**2
            prices.append(Price(eigen / (k * step), FRESH_RATE_SHARED, True))
        return prices

    def _factor(
        self, engine: Engine, problem: Problem, descent: Descent, column: int, n_rows: int
    ) -> Factor:
        rows, weights = problem.draw(descent.slot, column, self._positions(engine, n_rows))
        return factor_rows(
            engine.rows(rows, precise=descent.precise),
            weights,
            descent.regression.penalty,
            intercept=descent.regression.intercept,
            crossproduct=engine.crossproduct,
        )

    def _positions(self, engine: Engine, n_rows: int) -> Floats:
        m = min(n_rows, engine.n_rows)
        positions: Floats = (np.arange(m) + self.rng.random(m)) / m
        return positions
