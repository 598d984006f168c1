"""The solver: from columns and an engine to certified solutions.

Each column goes down by preconditioned conjugate gradients with exact minimisation over the
last step, the new direction and the intercept (`imlogit.core.span`); the preconditioner is the
Hessian of rows drawn by their curvature (`imlogit.core.preconditioner`). One step reads the
features twice: once for the margins of the direction, once for the gradient.

Steps are taken in the engine's working precision. A claim is proved in float64, with margins
computed anew, and if the proof falls short the steps go on in float64. Problems of up to
`EXACT_FEATURES` features end with Newton steps on the exact Hessian, down to rounding.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.core.certificate import Certificate, Pass
from imlogit.core.columns import Columns, Floats
from imlogit.core.contract import Engine
from imlogit.core.descent import Descent
from imlogit.core.preconditioner import Factor, factor_gram
from imlogit.core.schedule import Factors
from imlogit.core.separation import is_quasi_separated

EXACT_FEATURES = 500
# Rows in the sampled Hessian, and in the one for a first approach.
SAMPLE_ROWS = 5000
FIRST_ROWS = 2000
# Problems of more than twice as many rows are first fitted to so many of them...
SUBSET_ROWS = 8000
# ...at a tenth of their share of the cost: at the full share the optimum of so few rows
# overfits them, and lies farther from the optimum of all.
SUBSET_COST = 0.1
SUBSET_STEPS = 8
SMALLEST_SIDE = 400
# A fit has stalled when so many steps neither halved the gap nor lowered the objective by this
# share; the factor has been renewed several times by then.
STALLED_STEPS = 24
STALLED_DECREASE = 1e-6
QUASI_SEPARATION_ENTRIES = 1_000_000


class Progress(NamedTuple):
    """How far the work has come.

    Attributes
    ----------
    done, total : int
        Columns that are finished, and in all.
    gap : float
        The worst relative gap of the columns that are being fitted.
    passes : int
        How often all rows were read, for whatever number of columns.
    """

    done: int
    total: int
    gap: float
    passes: int


Observer = Callable[[Progress], None]


@dataclass(frozen=True, eq=False)
class Solution:
    """One column's weights, with the proof of how good they are.

    Attributes
    ----------
    weights : ndarray of float64, shape (d,)
    intercept : float
    certificate : Certificate
    margins : ndarray of float64, shape (n,), or None
        Every row's margin, intercept included, where they were asked for.
    factor : Factor or None
        The last preconditioner, for columns that start from this solution.
    """

    weights: Floats
    intercept: float
    certificate: Certificate
    margins: Floats | None = None
    factor: Factor | None = None


@dataclass(frozen=True)
class Settings:
    """What the caller asks of a solution: relative gap, steps, and the seed of the draws."""

    tol: float = 1e-6
    max_iter: int = 200
    seed: int = 0


def solve(
    engine: Engine,
    columns: Columns,
    settings: Settings,
    *,
    starts: Sequence[Solution | None] | None = None,
    keep_margins: bool = False,
    observe: Callable[[int, int, float], None] | None = None,
) -> list[Solution]:
    """Minimise every column.

    Parameters
    ----------
    engine : Engine
    columns : Columns
    settings : Settings
    starts : sequence of Solution or None, optional
        Solutions of nearby columns to start from, one a column.
    keep_margins : bool
        Return every row's margin with the solutions.
    observe : callable, optional
        Called as ``observe(columns done, columns in all, relative gap)`` after every step.

    Returns
    -------
    list of Solution
        One a column. A column without a positive weight on one of its sides has nan weights
        and the status "undefined".

    Raises
    ------
    FloatingPointError
        When the features are so large that sums over them overflow.
    """
    solutions: list[Solution] = []
    for j in range(columns.n_columns):

        def report(gap: float, done: int = j) -> None:
            if observe is not None:
                observe(done, columns.n_columns, gap)

        start = starts[j] if starts is not None else None
        with np.errstate(over="ignore", invalid="ignore"):  # looked for where it matters
            solutions.append(
                _solve_column(engine, columns.one(j), settings, start, keep_margins, report)
            )
        if observe is not None:
            observe(j + 1, columns.n_columns, solutions[-1].certificate.relative_gap)
    return solutions


def _solve_column(
    engine: Engine,
    column: Columns,
    settings: Settings,
    start: Solution | None,
    keep_margins: bool,
    report: Callable[[float], None],
) -> Solution:
    began = time.perf_counter()
    if not (column.side_costs() > 0).all():
        return _undefined(engine, settings)
    rng = np.random.default_rng(settings.seed)
    if start is None or not np.isfinite(start.weights).all():
        weights, b = _first_point(engine, column, rng)
        factors = Factors(SAMPLE_ROWS, rng, None)
    else:
        weights, b = start.weights, start.intercept
        factors = Factors(SAMPLE_ROWS, rng, start.factor)
    descent = Descent(engine, column, weights, b)
    nothing = _base_rate(column)
    if descent.point.objective > nothing.objective:
        descent.place(np.zeros_like(weights), nothing.b, precise=False)
    status = _descend(descent, factors, settings, report)
    if engine.n_features <= EXACT_FEATURES and status in ("converged", "rounding"):
        _polish(descent, settings.max_iter)
        status = "converged" if descent.reached(settings.tol) else status
    return Solution(
        descent.weights,
        descent.b,
        _certificate(descent, _verdict(descent, status), settings.tol, began),
        descent.problem.margins()[0] + descent.b if keep_margins else None,
        factors.factor,
    )


def _descend(
    descent: Descent, factors: Factors, settings: Settings, report: Callable[[float], None]
) -> str:
    """Step until the goal is proved, or cannot be reached; return the status."""
    progress = _Progress()
    while True:
        descent.measure()
        descent.history.append(Pass(descent.point.objective, descent.gap))
        report(descent.gap / max(descent.point.objective, np.finfo(float).tiny))
        stalled = progress.idle_steps(descent) >= STALLED_STEPS
        spent = descent.iterations >= settings.max_iter
        if descent.reached(settings.tol) or descent.separated or stalled or spent:
            was_precise = descent.precise
            if not descent.proved:
                descent.prove()
            if descent.separated:
                return "separated"
            if descent.reached(settings.tol):
                return "converged"
            if spent:
                return "max_iter"
            if stalled and was_precise:
                return "rounding"
            progress = _Progress()  # in float64 it may go on
        factor = factors.current(descent, settings.tol)
        descent.advance(factor.descent(descent.gradient))


class _Progress:
    """Counts the steps since something was gained."""

    def __init__(self) -> None:
        self.distance = self.objective = np.inf
        self.idle = -1

    def idle_steps(self, descent: Descent) -> int:
        """Note where the descent is, and return how long it has gained nothing."""
        distance, objective = descent.distance, descent.point.objective
        nearer = distance < 0.5 * self.distance
        lower = objective < (1 - STALLED_DECREASE) * self.objective
        self.distance = distance if nearer else self.distance
        self.objective = objective if lower else self.objective
        self.idle = 0 if nearer or lower else self.idle + 1
        return self.idle


def _polish(descent: Descent, max_iter: int) -> None:
    """Take Newton steps on the exact Hessian until rounding errors are all that is left."""
    while descent.iterations < max_iter and descent.distance > 0:
        weights, b, distance = descent.weights, descent.b, descent.distance
        descent.advance(_exact_factor(descent).descent(descent.gradient))
        descent.prove()
        if not descent.distance < distance:
            descent.place(weights, b, precise=True)
            descent.measure()
            return
        if descent.distance > 0.1 * distance:
            return


def _exact_factor(descent: Descent) -> Factor:
    second, first, total = descent.problem.gram(0, descent.engine.center())
    if descent.column.intercept and total > 0:
        second = second - np.outer(first, first / total)
    return factor_gram(second, descent.penalty)


class _BaseRate(NamedTuple):
    """The optimum without weights: its intercept and its objective."""

    b: float
    objective: float


def _base_rate(column: Columns) -> _BaseRate:
    sides = column.side_costs()[0]
    if not column.intercept:
        return _BaseRate(0.0, float(sides.sum() * np.log(2)))
    shares = sides / sides.sum()
    return _BaseRate(float(np.log(sides[1] / sides[0])), float(-(sides @ np.log(shares))))


def _first_point(engine: Engine, column: Columns, rng: np.random.Generator) -> tuple[Floats, float]:
    """Return weights and intercept to start from: of a small subset, or of the base rate."""
    weights, b = np.zeros(engine.n_features), _base_rate(column).b
    # without a penalty a subset may well be separable, and its weights grow without end
    if engine.n_rows <= 2 * SUBSET_ROWS or not column.penalty[0]:
        return weights, b
    rows, scale = _subset(column, rng)
    descent = Descent(engine.take(rows), column.rows(rows, scale), weights, b)
    for _ in range(2):
        factors = Factors(FIRST_ROWS, rng, None)
        for _ in range(SUBSET_STEPS):
            descent.measure()
            factor = factors.factor or factors.current(descent, 1.0)
            descent.advance(factor.descent(descent.gradient))
    return descent.weights, descent.b


def _subset(column: Columns, rng: np.random.Generator) -> tuple[NDArray[np.intp], Floats]:
    """Draw `SUBSET_ROWS` rows, not too few of the rarer side, and what to scale their costs by."""
    signs, costs = column.signs[0], column.costs[0]
    drawn, scales = [], []
    for side in (-1, 1):
        rows = np.flatnonzero((signs == side) & (costs > 0))
        share = round(SUBSET_ROWS * rows.size / signs.size)
        m = min(rows.size, max(share, SMALLEST_SIDE))
        drawn.append(rng.choice(rows, m, replace=False))
        scales.append(np.full(m, SUBSET_COST * rows.size / m))
    rows, scale = np.concatenate(drawn), np.concatenate(scales)
    order = np.argsort(rows)
    return rows[order], scale[order]


def _verdict(descent: Descent, status: str) -> str:
    """Without a penalty a vanishing gradient may also mean an optimum at infinity."""
    if descent.penalty or status == "separated":
        return status
    engine = descent.engine
    if engine.n_rows * engine.n_features > QUASI_SEPARATION_ENTRIES:
        return "undetermined" if status == "converged" else status
    rows = engine.rows(np.arange(engine.n_rows), precise=True)
    return "quasi-separated" if is_quasi_separated(rows, descent.column) else status


def _certificate(descent: Descent, status: str, tol: float, began: float) -> Certificate:
    return Certificate(
        status=status,
        objective=descent.point.objective,
        gap=descent.gap if descent.penalty else float("nan"),
        tol=tol,
        iterations=descent.iterations,
        passes=descent.passes,
        max_gradient=descent.max_gradient,
        seconds=time.perf_counter() - began,
        history=tuple(descent.history),
    )


def _undefined(engine: Engine, settings: Settings) -> Solution:
    nan = float("nan")
    return Solution(
        np.full(engine.n_features, nan),
        nan,
        Certificate("undefined", nan, nan, settings.tol, 0, 0, nan),
    )
