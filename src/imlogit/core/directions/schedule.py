"""Which preconditioner a descent uses, and when it gets a new one."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from imlogit.arrays import Floats
from imlogit.core.contract import Engine, Leverages, Problem
from imlogit.core.descent import Descent, ties_intercepts
from imlogit.core.directions.factors import (
    Factor,
    Preconditioner,
    factor_bytes,
    factor_price,
    factor_rows,
)
from imlogit.core.directions.shared_factor import SharedFactor, draw_shared_factor

# The least rows in the first sampled Hessian, which soon will be off its point, and in those that
# follow. With the rows of all they grow so that a Gram matrix is worth the same number of steps:
# so many rows a row and feature.
FIRST_ROWS, SAMPLE_ROWS = 2500, 5000
FIRST_SHARE, SAMPLE_SHARE = 32.0, 64.0
# More numbers than these, 128 MB of millions of rows, would tell no more.
MOST_SAMPLED = 32_000_000
# The Gram matrix of one factor for all columns may cost about half a step of theirs, of no more
# rows a feature than tell more; its eigenvectors a few steps, or as much as so many rows' do.
SHARED_SHARE, SHARED_ROWS = 2.0, 12
EIGEN_STEPS, EIGEN_ROWS = 10, 1600
# A sum over pixels costs this many times what a multiply-add in a Gram matrix does: alone it
# waits for memory, among others it does not.
PASS_COST, SHARED_PASS_COST = 4.0, 1.3
SHARED_BY = 4
# What a step with fresh factors does to the gap: with one column, with more, with one for all.
FRESH_RATE, FRESH_RATE_TIED, FRESH_RATE_SHARED = 0.08, 0.5, 0.68
STEP_READS = 2
# A step that lowers the objective by such a share changes curvatures: what is cheap is taken anew.
MOVING, REFRESH_SHARE = 0.03, 0.4
# Multiply-adds of all eigenvectors of a matrix, as a multiple of its size cubed.
EIGEN_COST = 12
# The steps from which the rate of an old factor is taken, and to try another kind.
RATE_STEPS, KIND_STEPS = 3, 4
# A factor that costs less than so many steps is always fresh.
FREE_STEPS, FREE_STEPS_SHARED = 1.0, 0.1
# Factors a class that cost more steps than this are not what to begin with.
CHEAP_STEPS = 8.0

Preconditioning = Preconditioner | SharedFactor


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

    Parameters
    ----------
    rng : Generator
    preconditioner : Preconditioner or SharedFactor, optional
        To begin with.
    factor_bytes : float
        What a factor a column may take together; one alone may always be.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        preconditioner: Preconditioning | None = None,
        factor_bytes: float = np.inf,
    ) -> None:
        self.rng, self.preconditioner, self.factor_bytes = rng, preconditioner, factor_bytes
        # since the last factors were drawn, and since there are any of their kind
        self.distances: list[float] = []
        self.of_kind: list[float] = []
        # the logarithm of what the first steps with the last factors did to the gap, a step
        self.fresh_rate = -np.inf
        # what was made at another's optimum is taken anew where it is cheap
        self.objective = -np.inf if preconditioner is None else np.inf

    def current(
        self, engine: Engine, problem: Problem, descent: Descent, tol: float, n_sharing: int
    ) -> Preconditioning:
        """Return the preconditioner of the next step, which ``n_sharing`` columns take together."""
        if self.preconditioner is None:
            shared = self._begins_shared(engine, descent, n_sharing)
            self.preconditioner = self.draw(
                engine, problem, descent, first=True, shared=shared, precise=descent.precise
            )
        else:
            better = self._better(engine, descent, tol, n_sharing)
            if better is not None:
                self.preconditioner = self.draw(
                    engine, problem, descent, shared=better.shared, precise=descent.precise
                )
        self._refresh(engine, problem, descent)
        self.distances.append(descent.distance)
        self.of_kind.append(descent.distance)
        return self.preconditioner

    def draw(
        self,
        engine: Engine,
        problem: Problem,
        descent: Descent,
        n_rows: int | None = None,
        *,
        first: bool = False,
        shared: bool,
        precise: bool = False,
    ) -> Preconditioning:
        """Return a preconditioner of rows drawn by their curvature at the current point.

        ``precise`` says that its rows are to be float64.
        """
        self.distances = []
        if shared != self.is_shared:
            self.of_kind = []
        if n_rows is None:
            size = engine.n_rows, engine.n_features, descent.regression.n_columns
            n_rows = sampled_rows(*size, first=first, shared=shared)
        if shared:
            positions = self._positions(engine, n_rows)
            leverages = None if first else _leverages(engine, descent)
            tied = ties_intercepts(engine, descent.regression.n_columns)
            at = descent.slot, descent.regression, positions, leverages
            return draw_shared_factor(engine, problem, *at, precise=precise, tied=tied)
        columns = range(descent.regression.n_columns)
        return Preconditioner.of(
            [self._factor(engine, problem, descent, k, n_rows, first, precise) for k in columns]
        )

    def _refresh(self, engine: Engine, problem: Problem, descent: Descent) -> None:
        """Take the classes' Hessian anew while curvatures are on the move, if that is cheap."""
        n, d, k = engine.n_rows, engine.n_features, descent.regression.n_columns
        price = n * k**2 + EIGEN_COST * k**3
        moved = descent.objective < (1 - MOVING) * self.objective
        cheap = price <= REFRESH_SHARE * STEP_READS * n * d * k
        if isinstance(self.preconditioner, SharedFactor) and moved and cheap:
            coupling = problem.coupling(descent.slot)
            self.preconditioner = self.preconditioner.coupled_by(coupling)
        self.objective = descent.objective

    @property
    def is_shared(self) -> bool:
        """Whether there is one factor for all columns."""
        return isinstance(self.preconditioner, SharedFactor)

    def _begins_shared(self, engine: Engine, descent: Descent, n_sharing: int) -> bool:
        if descent.regression.n_columns == 1:
            return False
        first = self._prices(engine, descent, n_sharing, first=True)[0]
        return first.shared or first.draw > CHEAP_STEPS

    def _better(self, engine: Engine, descent: Descent, tol: float, n_sharing: int) -> Price | None:
        """Return which new preconditioner pays, if one does."""
        prices = self._prices(engine, descent, n_sharing)
        cheapest = min(prices, key=lambda price: price.draw)
        free = FREE_STEPS_SHARED if cheapest.shared else FREE_STEPS
        if cheapest.draw < free and cheapest.shared == self.is_shared:
            return cheapest
        if not descent.distance > 0:
            return None
        goal = np.log(max(tol * descent.objective, np.finfo(float).tiny) / descent.distance)
        paying = []
        for price in prices:
            same = price.shared == self.is_shared
            # another kind is called for by a longer experience
            seen, steps = (self.distances, RATE_STEPS) if same else (self.of_kind, KIND_STEPS)
            if len(seen) >= steps:
                rate = np.log(descent.distance / seen[-steps]) / steps
                if same and len(seen) == steps and rate < 0:
                    self.fresh_rate = float(rate)
                if rate >= 0 or goal / rate > self._experienced(price).total(goal):
                    paying.append(price)
        return min(paying, key=lambda price: price.total(goal), default=None)

    def _experienced(self, price: Price) -> Price:
        """Return a price by what the last factor for all columns did while it was fresh."""
        if not (price.shared and self.is_shared):
            return price
        return price._replace(rate=max(price.rate, float(np.exp(self.fresh_rate))))

    def _prices(
        self, engine: Engine, descent: Descent, n_sharing: int, *, first: bool = False
    ) -> list[Price]:
        """Return the prices of a factor a column, if there is room for it, and of one for all."""
        n, d, k = engine.n_rows, engine.n_features, descent.regression.n_columns
        m = sampled_rows(n, d, k, first=first, shared=False)
        apply = d * d if d <= m else m * m + 2 * m * d
        read = PASS_COST if n_sharing < SHARED_BY else SHARED_PASS_COST
        step = read * 2 * n * d + apply
        fresh = FRESH_RATE if k == 1 else FRESH_RATE_TIED
        # leverages take two reads, as a step does, where not all rows are taken anyway
        weighed = not first and m < n and engine.has_rare_features
        weighing = read * 2 * n * d if weighed else 0.0
        prices = []
        if k == 1 or k * factor_bytes(m, d) <= self.factor_bytes:
            prices.append(Price((factor_price(m, d) + weighing) / step, fresh, False))
        if k > 1:
            m = sampled_rows(n, d, k, first=first, shared=True)
            eigen = m * d * min(m, d) / 2 + EIGEN_COST * (min(m, d) ** 3 + k**3) + n * k**2
            prices.append(Price((eigen + weighing) / (k * step), FRESH_RATE_SHARED, True))
        return prices

    def _factor(
        self,
        engine: Engine,
        problem: Problem,
        descent: Descent,
        column: int,
        n_rows: int,
        first: bool,
        precise: bool,
    ) -> Factor:
        positions = self._positions(engine, n_rows)
        leverages = None if first else _leverages(engine, descent)
        rows, weights = problem.draw(descent.slot, column, positions, leverages)
        return factor_rows(
            engine.rows(rows, precise=precise),
            weights,
            descent.regression.penalty,
            intercept=descent.regression.intercept,
            crossproduct=engine.crossproduct,
        )

    def _positions(self, engine: Engine, n_rows: int) -> Floats:
        m = min(n_rows, engine.n_rows)
        positions: Floats = (np.arange(m) + self.rng.random(m)) / m
        return positions


def _leverages(engine: Engine, descent: Descent) -> Leverages | None:
    """Return the leverages of rows, if they matter; the first factor knows nothing of them.

    It will soon be off its point whatever rows it is made of.
    """
    if not engine.has_rare_features:
        return None
    return partial(engine.leverages, penalty=descent.regression.penalty)


def most_sampled_rows(n_rows: int, n_features: int, n_columns: int) -> int:
    """Return the most rows that a sampled Hessian is made of."""
    size = n_rows, n_features, n_columns
    return max(sampled_rows(*size, shared=False), sampled_rows(*size, shared=n_columns > 1))


def sampled_rows(n: int, d: int, k: int, *, first: bool = False, shared: bool) -> int:
    """Return how many of ``n`` rows of ``d`` features a sampled Hessian of ``k`` columns takes."""
    least, share = (FIRST_ROWS, FIRST_SHARE) if first else (SAMPLE_ROWS, SAMPLE_SHARE)
    d = max(d, 1)
    m = min(n, max(least, round(min(share * n, MOST_SAMPLED) / d)))
    if not shared:
        return m
    m = min(n, max(m, min(round(SHARED_SHARE * k * n / d), SHARED_ROWS * d)))
    step = STEP_READS * n * d * k
    affordable = max(EIGEN_ROWS, round((EIGEN_STEPS * step / EIGEN_COST) ** (1 / 3)))
    return m if min(m, d) <= affordable else affordable
