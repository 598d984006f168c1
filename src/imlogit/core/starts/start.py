"""Where a descent begins: at the base rate, or at the optimum of a small subset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imlogit.arrays import Floats, Rows
from imlogit.core.certificate import Pass
from imlogit.core.contract import Engine, Problem
from imlogit.core.descent import Batch, Descent
from imlogit.core.directions.schedule import Preconditioning, Schedule
from imlogit.core.regression import Regression
from imlogit.core.soft import open_problem

# Rows in the sampled Hessian of the subset, and so many a row and feature of more.
SKETCH_ROWS, SKETCH_SHARE = 1500, 32.0
# Problems of more than twice as many rows are first fitted to so many of them, or to this share...
SUBSET_ROWS, SUBSET_SHARE = 8000, 1 / 15
# ...at a tenth of their share of the cost: at the full share the optimum of so few rows
# overfits them, and lies farther from the optimum of all. So many rows a weight do not.
SUBSET_COST = 0.1
ROWS_A_WEIGHT = 100
SUBSET_STEPS = 12
SMALLEST_CLASS = 400
# So many blocks cost more than the eigenvectors of one.
SHARED_FROM = 20
# Curvatures are of one size up to such a factor.
ALIKE = 4.0


class Start(NamedTuple):
    """Weights (K, d) and intercepts (K,) to begin with, and what it took to get there.

    ``preconditioner`` is what the steps there took, of a problem much like this one.
    """

    weights: Floats
    b: Floats
    iterations: int = 0
    passes: int = 0
    history: tuple[Pass, ...] = ()
    seconds: float = 0.0
    preconditioner: Preconditioning | None = None


class Blend(NamedTuple):
    """Solutions of earlier regressions, and how much of each: their sum is where to begin.

    Attributes
    ----------
    places : tuple of int
        In the caller's list; the first is that whose preconditioner serves.
    shares : tuple of float
        They add up to 1.
    """

    places: tuple[int, ...]
    shares: tuple[float, ...]

    @property
    def is_near(self) -> bool:
        """Whether it begins at the first solution, but for what sets others apart."""
        return self.shares[0] == 1.0

    @classmethod
    def of(cls, start: Blend | int | None) -> Blend | None:
        """Return a number as the whole of that one's solution."""
        return start if start is None or isinstance(start, Blend) else cls((start,), (1.0,))


class BaseRate(NamedTuple):
    """The optimum without weights: its intercepts and its objective."""

    b: Floats
    objective: float


def fit_base_rate(regression: Regression) -> BaseRate:
    """Return the best that can be had without a look at the features."""
    costs = regression.class_costs()
    if not regression.intercept:
        objective = float(costs.sum() * np.log(regression.n_classes))
        return BaseRate(np.zeros(regression.n_columns), objective)
    logs = np.log(costs / costs.sum())
    b = logs[1:] - logs[:1] if regression.n_classes == 2 else logs - logs.mean()
    return BaseRate(b, float(-(costs @ logs)))


def first_points(engine: Engine, regressions: Sequence[Regression], seed: int) -> list[Start]:
    """Return where to begin regressions of which nothing is known."""
    starts = [
        Start(np.zeros((r.n_columns, engine.n_features)), fit_base_rate(r).b) for r in regressions
    ]
    # without a penalty a subset may well be separable, and its weights grow without end
    some = [k for k, r in enumerate(regressions) if r.penalty]
    # a subset of fewer rows than weights can be told apart without an error, and its
    # optimum says nothing of that of all
    n_rows = subset_size(engine.n_rows)
    if not some or engine.n_rows <= 2 * n_rows:
        return starts
    if n_rows < regressions[0].n_columns * engine.n_features:
        return starts
    found = _fit_subset(engine, [regressions[k] for k in some], seed)
    for k, start in zip(some, found, strict=True):
        starts[k] = start
    return starts


def subset_size(n_rows: int) -> int:
    """Return how many of so many rows are fitted first."""
    return max(SUBSET_ROWS, round(SUBSET_SHARE * n_rows))


def _fit_subset(engine: Engine, regressions: Sequence[Regression], seed: int) -> list[Start]:
    rng = np.random.default_rng(seed)
    rows = _subset(engine.n_rows, regressions, rng)
    small = engine.take(rows)
    problem = open_problem(small, len(regressions), regressions[0])
    batch = Batch(small, problem)
    descents = []
    n_weights = regressions[0].n_columns * engine.n_features
    share = float(np.clip(len(rows) / (ROWS_A_WEIGHT * n_weights), SUBSET_COST, 1.0))
    parts = [one.rows(rows, _scale(one, rows, share)) for one in regressions]
    for slot, (part, start) in enumerate(zip(parts, first_points(small, parts, seed), strict=True)):
        problem.admit(slot, part)
        descents.append(Descent(part, slot, start.weights, start.b))
    batch.place(descents, precise=False)
    shared = _shared(small, problem, descents, rng)
    for _ in range(SUBSET_STEPS):
        batch.measure(descents)
        pairs = zip(shared, descents, strict=True)
        steps = [p.directions(d.gradient[None], d.slope[None]) for p, d in pairs]
        shifts = [None if one.shifts is None else one.shifts[0] for one in steps]
        batch.advance(descents, [one.weights[0] for one in steps], shifts)
    return [Start(d.weights, d.b) for d in descents]


def _shared(
    engine: Engine, problem: Problem, descents: Sequence[Descent], rng: np.random.Generator
) -> list[Preconditioning]:
    """Draw a preconditioner for all whose curvature is of one size.

    At the base rate it is the same in every row, so regressions differ by little more than that.
    """
    n_rows = max(SKETCH_ROWS, round(SKETCH_SHARE * engine.n_rows / max(1, engine.n_features)))
    drawn: dict[int, Preconditioning] = {}
    found = []
    for descent in descents:
        shares = descent.class_costs / descent.total
        curvature = descent.total * float(shares @ (1 - shares))
        size = round(np.log(curvature) / np.log(ALIKE))
        if size not in drawn:
            tied = descent.regression.n_columns >= SHARED_FROM
            how = {"first": True, "shared": tied}
            drawn[size] = Schedule(rng).draw(engine, problem, descent, n_rows, **how)
        found.append(drawn[size])
    return found


def _subset(n_rows: int, regressions: Sequence[Regression], rng: np.random.Generator) -> Rows:
    """Draw a subset of the rows, and not too few of any class."""
    order = rng.permutation(n_rows)
    first = order[: subset_size(n_rows)]
    chosen = np.zeros(n_rows, dtype=bool)
    chosen[first] = True
    for one in regressions:
        fitted = first[one.costs[first] > 0]
        found = np.bincount(one.codes[fitted], minlength=one.n_classes)
        rare = np.flatnonzero(found < SMALLEST_CLASS)
        drawn = np.where(one.costs > 0, one.codes, -1)[order] if rare.size else None
        for code in rare:
            chosen[order[np.flatnonzero(drawn == code)[:SMALLEST_CLASS]]] = True
    return np.flatnonzero(chosen)


def _scale(regression: Regression, rows: Rows, of_all: float) -> Floats:
    """Return what scales the costs so that each class weighs its share in the subset.

    Of soft labels, of which each row has several, it is all rows that weigh theirs.
    """
    if regression.targets is not None:
        part = regression.costs[rows].sum()
        return np.full(len(rows), of_all * regression.costs.sum() / part)
    within = np.bincount(regression.codes[rows], regression.costs[rows], regression.n_classes)
    share = of_all * regression.class_costs() / within
    scale: Floats = share[regression.codes[rows]]
    return scale
