"""The solver: from regressions and an engine to certified solutions.

Each regression goes down by preconditioned conjugate gradients with exact minimisation over the
last step, the new direction and the intercepts (`imlogit.core.span`); the preconditioner is the
Hessian of rows drawn by their curvature (`imlogit.core.preconditioner`). One step reads the
features twice: once for the margins of the direction, once for the gradient. Both reads serve all
regressions that are on their way; those that are done make room for others.

Steps are taken in the engine's working precision. A claim is proved in float64, with margins
computed anew, and if the proof falls short the steps go on in float64. Problems of up to
`EXACT_WEIGHTS` weights end with Newton steps on the exact Hessian, down to rounding.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from imlogit.arrays import Floats, Rows
from imlogit.core.certificate import Certificate, Pass
from imlogit.core.contract import Engine
from imlogit.core.descent import Batch, Descent
from imlogit.core.newton import polish
from imlogit.core.preconditioner import Preconditioner
from imlogit.core.regression import Regression
from imlogit.core.schedule import SAMPLE_ROWS, Schedule
from imlogit.core.separation import is_quasi_separated
from imlogit.core.start import Start, base_rate, first_points
from imlogit.errors import FitInterrupted

EXACT_WEIGHTS = 500
# A solution from which so many others start hands them a preconditioner of its own optimum.
FRESH_FOR = 3
# Once preconditioners take so much, those that start from a solution go before further ones that
# others start from.
PRECONDITIONER_BYTES = 256_000_000
# A fit has stalled when so many steps neither halved the gap nor lowered the objective by this
# share; the factors have been renewed several times by then.
STALLED_STEPS = 24
STALLED_DECREASE = 1e-6
QUASI_SEPARATION_ENTRIES = 1_000_000
# After an interrupt a proof may take so long, and takes some four times as long as a gradient.
PROOF_SECONDS = 0.5
PROOF_PRICE = 4


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
    """One regression's weights, with the proof of how good they are.

    Attributes
    ----------
    weights : ndarray of float64, shape (K, d)
    intercept : ndarray of float64, shape (K,)
    certificate : Certificate
    margins : ndarray of float64, shape (m, K), or None
        Of the rows that were asked for, intercepts included.
    """

    weights: Floats
    intercept: Floats
    certificate: Certificate
    margins: Floats | None = None


@dataclass(frozen=True)
class Settings:
    """What the caller asks of a solution: relative gap, steps, and the seed of the draws."""

    tol: float = 1e-6
    max_iter: int = 200
    seed: int = 0


def solve(
    engine: Engine,
    regressions: Sequence[Regression],
    settings: Settings,
    *,
    starts: Sequence[int | None] | None = None,
    rows: Sequence[Rows | None] | None = None,
    observe: Observer | None = None,
) -> list[Solution]:
    """Minimise every regression.

    Parameters
    ----------
    engine : Engine
    regressions : sequence of Regression
        All of as many classes, and all with an intercept or all without. Each is asked for once,
        when its turn comes, so a sequence may make them on request.
    settings : Settings
    starts : sequence of int or None, optional
        For each regression the earlier one whose solution it starts from, and whose
        preconditioner it uses as long as that serves.
    rows : sequence of ndarray of intp or None, optional
        For each regression the rows whose margins are wanted.
    observe : callable, optional
        Called with a `Progress` after every step.

    Returns
    -------
    list of Solution
        A regression with a class that has no positive cost has nan weights and the status
        "undefined".

    Raises
    ------
    FloatingPointError
        When the features are so large that sums over them overflow.
    FitInterrupted
        On Ctrl-C. Its ``partial`` is the list of solutions, None where nothing is proved; the
        status of those that were on their way is "interrupted".
    """
    if not len(regressions):
        return []
    pool = _Pool(engine, regressions, settings, starts, rows, observe)
    with np.errstate(over="ignore", invalid="ignore"):  # looked for where it matters
        try:
            pool.run()
        except KeyboardInterrupt:
            raise FitInterrupted(pool.rescued()) from None
    return [solution for solution in pool.solutions if solution is not None]


@dataclass(eq=False)
class _Way:
    """A regression on its way down.

    Attributes
    ----------
    place : int
        In the caller's list.
    """

    place: int
    descent: Descent
    schedule: Schedule
    began: float
    distance: float = np.inf
    objective: float = np.inf
    idle: int = -1
    status: str = field(default="")

    def note_progress(self) -> None:
        """Note where the descent is, and count the steps since something was gained."""
        nearer = self.descent.distance < 0.5 * self.distance
        lower = self.descent.objective < (1 - STALLED_DECREASE) * self.objective
        self.distance = self.descent.distance if nearer else self.distance
        self.objective = self.descent.objective if lower else self.objective
        self.idle = 0 if nearer or lower else self.idle + 1

    @property
    def stalled(self) -> bool:
        """Whether nothing was gained for long."""
        return self.idle >= STALLED_STEPS

    def begin_anew(self) -> None:
        """Forget what was gained: in float64 it may go on."""
        self.distance = self.objective = np.inf
        self.idle = -1


class _Pool:
    """All regressions of one call: those that wait, those on their way, those done."""

    def __init__(
        self,
        engine: Engine,
        regressions: Sequence[Regression],
        settings: Settings,
        starts: Sequence[int | None] | None,
        rows: Sequence[Rows | None] | None,
        observe: Observer | None,
    ) -> None:
        n = len(regressions)
        self.engine, self.regressions, self.settings = engine, regressions, settings
        self.starts = [None] * n if starts is None else list(starts)
        self.heirs = Counter(self.starts)
        self.rows = [None] * n if rows is None else list(rows)
        self.observe = observe
        self.solutions: list[Solution | None] = [None] * n
        self.waiting = list(range(n))
        self.active: list[_Way] = []
        n_classes = regressions[0].n_classes
        slots = min(n, engine.room(n_classes))
        self.problem = engine.open(slots, n_classes)
        self.free = list(range(slots))
        self.batch = Batch(engine, self.problem)
        self.preconditioners: dict[int, Preconditioner] = {}
        self.n_columns = regressions[0].n_columns
        self.measure_seconds = np.inf

    def run(self) -> None:
        """Let every regression down to its end."""
        while self.waiting or self.active:
            self._admit()
            self._step()

    def _admit(self) -> None:
        """Let regressions in whose start is known, as far as there is room."""
        ready = self._ready()
        if not ready:
            return
        chosen = set(ready)
        self.waiting = [place for place in self.waiting if place not in chosen]
        defined: dict[int, Regression] = {}
        for place in ready:
            one = self.regressions[place]
            if (one.class_costs() > 0).all():
                defined[place] = one
            else:
                self.solutions[place] = self._undefined(one)
        starts = self._starts(defined)
        ways = [self._way(place, one, starts[place]) for place, one in defined.items()]
        self._release(ready)
        self.active += ways
        self._place([way.descent for way in ways])

    def _release(self, admitted: Sequence[int]) -> None:
        """Let preconditioners go once all that start from their solutions are on their way."""
        for place in admitted:
            start = self.starts[place]
            self.heirs[start] -= 1
            if start is not None and not self.heirs[start]:
                self.preconditioners.pop(start, None)

    def _ready(self) -> list[int]:
        """Return whose turn it is: first those from which others start.

        Then all the others are there to share the reads of the rows, unless what is kept for
        them takes too much memory.
        """
        ready = [
            place
            for place in self.waiting
            if (start := self.starts[place]) is None or self.solutions[start] is not None
        ]
        first = [place for place in ready if self.heirs[place]]
        if sum(one.nbytes for one in self.preconditioners.values()) > PRECONDITIONER_BYTES:
            first = [place for place in ready if not self.heirs[place]] or first
        if not first and any(self.heirs[way.place] for way in self.active):
            return []
        return (first or ready)[: len(self.free)]

    def _starts(self, defined: dict[int, Regression]) -> dict[int, Start]:
        """Return where to begin: at the solution of another, or where a subset leads."""
        found = {}
        for place in defined:
            start = self.starts[place]
            before = None if start is None else self.solutions[start]
            if before is not None and np.isfinite(before.weights).all():
                found[place] = Start(before.weights, before.intercept)
        roots = [place for place in defined if place not in found]
        points = first_points(self.engine, [defined[p] for p in roots], self.settings.seed)
        return found | dict(zip(roots, points, strict=True))

    def _way(self, place: int, one: Regression, start: Start) -> _Way:
        slot = self.free.pop()
        self.problem.admit(slot, one)
        origin = self.starts[place]
        known = None if origin is None else self.preconditioners.get(origin)
        schedule = Schedule(np.random.default_rng(self.settings.seed), known)
        return _Way(place, Descent(one, slot, *start), schedule, time.perf_counter())

    def _place(self, descents: list[Descent]) -> None:
        """Begin, and no worse than at the base rate."""
        self.batch.place(descents, precise=False)
        astray = []
        for descent in descents:
            nothing = base_rate(descent.regression)
            if descent.objective > nothing.objective:
                descent.weights, descent.b = np.zeros_like(descent.weights), nothing.b
                astray.append(descent)
        self.batch.place(astray, precise=False)

    def _step(self) -> None:
        """Measure, let go those that are done, and let the others take a step."""
        began = time.perf_counter()
        self.batch.measure([way.descent for way in self.active])
        self.measure_seconds = time.perf_counter() - began
        for way in self.active:
            way.descent.history.append(Pass(way.descent.objective, way.descent.gap))
            way.note_progress()
        self._report()
        self._conclude()
        done = [way for way in self.active if way.status]
        exact = [way for way in done if way.status in ("converged", "rounding")]
        if self.n_columns * self.engine.n_features <= EXACT_WEIGHTS:
            polish(self.batch, [way.descent for way in exact], self.settings.max_iter)
            for way in exact:
                way.status = "converged" if self._reached(way.descent) else way.status
        for way in done:
            self._leave(way)
        self.active = [way for way in self.active if not way.status]
        self._advance()
        if done:
            self._report()

    def _conclude(self) -> None:
        """Give those a status whose goal is proved, or cannot be reached."""
        max_iter = self.settings.max_iter
        claims = [
            way
            for way in self.active
            if way.stalled
            or way.descent.iterations >= max_iter
            or self._reached(way.descent)
            or self._separated(way.descent)
        ]
        were_precise = [way.descent.precise for way in claims]
        self.batch.prove([way.descent for way in claims if not way.descent.proved])
        for way, was_precise in zip(claims, were_precise, strict=True):
            if self._separated(way.descent):
                way.status = "separated"
            elif self._reached(way.descent):
                way.status = "converged"
            elif way.descent.iterations >= max_iter:
                way.status = "max_iter"
            elif way.stalled and was_precise:
                way.status = "rounding"
            else:
                way.begin_anew()

    def _advance(self) -> None:
        """Take a step, each along its preconditioned gradient."""
        if not self.active:
            return
        n_sharing = len(self.active) * self.n_columns
        used: dict[int, list[Descent]] = {}
        known: dict[int, Preconditioner] = {}
        for way in self.active:
            current = way.schedule.current(
                self.engine, self.problem, way.descent, self.settings.tol, n_sharing
            )
            known[id(current)] = current
            used.setdefault(id(current), []).append(way.descent)
        descents: list[Descent] = []
        directions: list[Floats] = []
        for key, group in used.items():
            descents += group
            directions += list(known[key].directions(np.stack([d.gradient for d in group])))
        self.batch.advance(descents, directions)

    def _leave(self, way: _Way) -> None:
        """Keep the solution, and free the slot."""
        self._hand_on(way)
        self.solutions[way.place] = self._solution(way)
        self.free.append(way.descent.slot)

    def _hand_on(self, way: _Way) -> None:
        """Keep a preconditioner for those that start from here; for several, a fresh one pays."""
        heirs = self.heirs[way.place]
        if heirs >= FRESH_FOR:
            self.preconditioners[way.place] = way.schedule.draw(
                self.engine, self.problem, way.descent, SAMPLE_ROWS
            )
        elif heirs and way.schedule.preconditioner is not None:
            self.preconditioners[way.place] = way.schedule.preconditioner

    def _solution(self, way: _Way) -> Solution:
        descent, rows = way.descent, self.rows[way.place]
        # the softmax does not see an equal shift of all intercepts: theirs add up to zero
        b = descent.b if self.n_columns == 1 else descent.b - descent.b.mean()
        margins = None
        if rows is not None:
            margins = self.problem.margins(descent.slot, rows) + b
        certificate = Certificate(
            status=self._verdict(way),
            objective=descent.objective,
            gap=descent.gap if descent.regression.penalty else float("nan"),
            tol=self.settings.tol,
            iterations=descent.iterations,
            passes=descent.passes,
            max_gradient=descent.max_gradient,
            seconds=time.perf_counter() - way.began,
            history=tuple(descent.history),
        )
        return Solution(descent.weights, b, certificate, margins)

    def _undefined(self, one: Regression) -> Solution:
        nan = float("nan")
        return Solution(
            np.full((one.n_columns, self.engine.n_features), nan),
            np.full(one.n_columns, nan),
            Certificate("undefined", nan, nan, self.settings.tol, 0, 0, nan),
        )

    def _verdict(self, way: _Way) -> str:
        """Without a penalty a vanishing gradient may also mean an optimum at infinity."""
        regression, engine = way.descent.regression, self.engine
        if regression.penalty or way.status in ("separated", "interrupted"):
            return way.status
        entries = engine.n_rows * engine.n_features
        if regression.n_columns > 1:
            entries *= regression.n_columns**2
        found = None
        if entries <= QUASI_SEPARATION_ENTRIES:
            rows = engine.rows(np.arange(engine.n_rows), precise=True)
            found = is_quasi_separated(rows, regression)
        if found is None:
            return "undetermined" if way.status == "converged" else way.status
        return "quasi-separated" if found else way.status

    def _reached(self, descent: Descent) -> bool:
        return descent.reached(self.settings.tol, self.engine.largest)

    def _separated(self, descent: Descent) -> bool:
        """Whether there is no penalty and every row is classified strictly right."""
        return not descent.regression.penalty and self.problem.worst(descent.slot) > 0

    def _report(self) -> None:
        if self.observe is None:
            return
        done = sum(solution is not None for solution in self.solutions)
        gaps = [way.descent.relative_gap for way in self.active if not way.status]
        self.observe(
            Progress(
                done * self.n_columns,
                len(self.solutions) * self.n_columns,
                max(gaps, default=0.0),
                self.batch.passes,
            )
        )

    def rescued(self) -> list[Solution | None]:
        """Return what is finished, and what can quickly be proved of the rest."""
        predicted = PROOF_PRICE * self.measure_seconds
        if predicted < PROOF_SECONDS:
            unfinished = [way for way in self.active if self.solutions[way.place] is None]
            ways = [way for way in unfinished if way.descent.history]
            self.batch.prove([way.descent for way in ways])
            for way in ways:
                way.status = "interrupted"
                self.solutions[way.place] = self._solution(way)
        return self.solutions
