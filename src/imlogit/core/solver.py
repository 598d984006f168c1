"""The solver: from regressions and an engine to certified solutions.

Each regression goes down by preconditioned conjugate gradients with exact minimisation over the
last step, the new direction and the intercepts (`imlogit.core.span`); the preconditioner is the
Hessian of rows drawn by their curvature (`imlogit.core.directions.factors`). One step reads the
features twice: once for the margins of the direction, once for the gradient. Both reads serve all
regressions that are on their way; those that are done make room for others.

Steps are taken in the engine's working precision. A claim is proved in float64, with margins
computed anew, and if the proof falls short the steps go on in float64. Problems of few weights
take exact Newton steps instead, as do larger ones where other steps lead nowhere
(`imlogit.core.newton`). They end at rounding, and their gap holds what that may hide
(`imlogit.core.proof.rounding`). Where there are fewer rows than features, all of this happens in
coordinates of the rows (`imlogit.core.starts.row_space`), and the proof on the features.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from imlogit.arrays import Rows
from imlogit.core.budget import Plan, default_limit, make_plan
from imlogit.core.contract import Engine
from imlogit.core.pool import Pool
from imlogit.core.regression import Regression
from imlogit.core.solution import Keeper, Observer, Progress, Settings, Solution
from imlogit.core.starts import row_space
from imlogit.core.starts.row_space import RowSpace
from imlogit.core.starts.start import Blend, Start
from imlogit.errors import FitInterrupted, MemoryShortageError

# In the coordinates of the rows the gap is brought down to this share of the tolerance, so that
# their rounding does not stand between it and the proof.
TOL_SHARE = 0.5


def solve(
    engine: Engine,
    regressions: Sequence[Regression],
    settings: Settings,
    *,
    starts: Sequence[Blend | int | None] | None = None,
    rows: Sequence[Rows | None] | None = None,
    observe: Observer | None = None,
    points: Sequence[Start | None] | None = None,
    keep: Keeper | None = None,
) -> list[Solution]:
    """Minimise every regression.

    Parameters
    ----------
    engine : Engine
    regressions : sequence of Regression
        All of as many classes, and all with an intercept or all without. Each is asked for once,
        when its turn comes, so a sequence may make them on request.
    settings : Settings
    starts : sequence of Blend, int or None, optional
        For each regression the earlier ones from whose solutions it starts, or the one; it uses
        the preconditioner of the first as long as that serves.
    rows : sequence of ndarray of intp or None, optional
        For each regression the rows whose margins are wanted.
    observe : callable, optional
        Called with a `Progress` after every step.
    points : sequence of Start or None, optional
        Where to begin, for each regression of which that is known: it starts from no other's
        solution then. In the coordinates of the rows, which take one look at the features anyway,
        they are not needed.
    keep : callable, optional
        Called after every step with a function that returns such points.

    Returns
    -------
    list of Solution
        A regression with a class that has no positive cost has nan weights and the status
        "undefined".

    Raises
    ------
    MemoryShortageError
        When not even one regression has room in ``settings.memory_limit``.
    TooLargeError
        When the features are so large that sums over them overflow.
    FitInterrupted
        On Ctrl-C. Its ``partial`` is the list of solutions, None where nothing is proved; the
        status of those that were on their way is "interrupted".
    """
    if not len(regressions):
        return []
    plan = _plan(engine, regressions, settings.memory_limit)
    with np.errstate(over="ignore", invalid="ignore"):  # looked for where it matters
        if plan.in_row_space:
            points = _points_in_row_space(
                engine, regressions, settings, starts, observe, plan.limit
            )
        pool = Pool(engine, regressions, settings, starts, rows, observe, plan, points, keep)
        try:
            pool.run()
        except KeyboardInterrupt:
            raise FitInterrupted(pool.rescued()) from None
    return [solution for solution in pool.solutions if solution is not None]


def _plan(engine: Engine, regressions: Sequence[Regression], limit: int | None) -> Plan:
    """Return how regressions are fitted within a limit of memory, where it can be in row space."""
    first = regressions[0]
    size = first.n_classes, first.n_columns, len(regressions)
    if row_space.pays(engine, first.n_columns):
        with suppress(MemoryShortageError):
            return make_plan(engine, *size, limit or default_limit(engine), in_row_space=True)
    return make_plan(engine, *size, limit, in_row_space=False)


def _points_in_row_space(
    engine: Engine,
    regressions: Sequence[Regression],
    settings: Settings,
    starts: Sequence[Blend | int | None] | None,
    observe: Observer | None,
    limit: int,
) -> list[Start]:
    """Return the optima that are found in the coordinates of the rows."""
    closer = replace(settings, tol=TOL_SHARE * settings.tol, memory_limit=limit)

    def report(news: Progress) -> None:
        if observe is not None:  # nothing is done yet, and the features were read once
            observe(news._replace(done=0, passes=1))

    try:
        space = RowSpace.of(engine, intercept=regressions[0].intercept)
        # with the threads of the features' engine, which is entered
        found = solve(space.open(), regressions, closer, starts=starts, observe=report)
        return [space.lift(one) for one in found]
    except FitInterrupted as stop:
        partial = [None if one is None else space.lift_unproved(one) for one in stop.partial]
        raise FitInterrupted(partial) from None
    except KeyboardInterrupt:
        raise FitInterrupted([None] * len(regressions)) from None
