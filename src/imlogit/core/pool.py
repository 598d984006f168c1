"""The pool: regressions that wait, that are on their way down, and that are done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imlogit.arrays import Rows
from imlogit.core.certificate import Certificate, Pass
from imlogit.core.contract import Engine
from imlogit.core.descent import Batch, Descent
from imlogit.core.newton import newton_direction, polish
from imlogit.core.pool_queue import Queue, Turn
from imlogit.core.preconditioner import Preconditioner
from imlogit.core.regression import Regression
from imlogit.core.schedule import SAMPLE_ROWS, Schedule
from imlogit.core.separation import status_without_penalty
from imlogit.core.solution import Observer, Progress, Settings, Solution
from imlogit.core.start import Start, first_points, fit_base_rate

# Up to so many weights the exact Hessian costs less than further steps would.
EXACT_WEIGHTS = 500
# What has not arrived after so many steps is badly conditioned: then exact ones are taken.
PATIENT_STEPS = 8
# A solution from which so many others start hands them a preconditioner of its own optimum.
FRESH_FOR = 3
# A fit has stalled when so many steps neither halved the gap nor lowered the objective by this
# share; the factors have been renewed several times by then.
STALLED_STEPS = 24
STALLED_DECREASE = 1e-6
# After an interrupt a proof may take so long, and takes some four times as long as a gradient.
PROOF_SECONDS = 0.5
PROOF_PRICE = 4


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
    status: str = ""

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


class Pool:
    """All regressions of one call: those that wait, those on their way, those done.

    Attributes
    ----------
    solutions : list of Solution or None
        In the caller's order.
    """

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
        self.rows = [None] * n if rows is None else rows
        self.observe = observe
        self.solutions: list[Solution | None] = [None] * n
        self.queue = Queue([None] * n if starts is None else starts)
        self.active: list[_Way] = []
        first = regressions[0]
        self.n_columns = first.n_columns
        slots = min(n, engine.room(first.n_classes))
        self.problem = engine.open(slots, first.n_classes)
        self.free = list(range(slots))
        self.batch = Batch(engine, self.problem)
        self.measure_seconds = np.inf

    def run(self) -> None:
        """Let every regression down to its end."""
        while self.queue.waiting or self.active:
            self._admit()
            self._step()

    def _admit(self) -> None:
        """Let regressions in whose start is known, as far as there is room."""
        turns: list[Turn] = []
        defined: list[Regression] = []
        for turn in self.queue.take(len(self.free)):
            one = self.regressions[turn.place]
            if (one.class_costs() > 0).all():
                turns.append(turn)
                defined.append(one)
            else:
                size = self.n_columns, self.engine.n_features
                self._keep(turn.place, Solution.undefined(*size, self.settings.tol))
        starts = self._starts(turns, defined)
        ways = [self._way(*each) for each in zip(turns, defined, starts, strict=True)]
        self.active += ways
        self._place([way.descent for way in ways])

    def _starts(self, turns: list[Turn], regressions: list[Regression]) -> list[Start]:
        """Return where to begin: at the solution of another, or where a subset leads."""
        found: dict[int, Start] = {}
        for place, start, _ in turns:
            before = None if start is None else self.solutions[start]
            if before is not None and np.isfinite(before.weights).all():
                found[place] = Start(before.weights, before.intercept)
        pairs = zip(turns, regressions, strict=True)
        roots = {turn.place: one for turn, one in pairs if turn.place not in found}
        points = first_points(self.engine, list(roots.values()), self.settings.seed)
        found |= zip(roots, points, strict=True)
        return [found[turn.place] for turn in turns]

    def _way(self, turn: Turn, one: Regression, start: Start) -> _Way:
        slot = self.free.pop()
        self.problem.admit(slot, one)
        schedule = Schedule(np.random.default_rng(self.settings.seed), turn.preconditioner)
        return _Way(turn.place, Descent(one, slot, *start), schedule, time.perf_counter())

    def _place(self, descents: list[Descent]) -> None:
        """Begin, and no worse than at the base rate."""
        self.batch.place(descents, precise=False)
        astray = []
        for descent in descents:
            nothing = fit_base_rate(descent.regression)
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
        self.batch.prove([way.descent for way in claims])
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
        descents = [way.descent for way in self.active if self._is_hard(way.descent)]
        # margins that are summed up step by step in float32 would lead the exact steps astray
        rough = [descent for descent in descents if not descent.precise]
        self.batch.place(rough, precise=True)
        self.batch.measure(rough)
        directions = [newton_direction(self.batch, descent) for descent in descents]
        for way in self.active:
            if way.descent in descents:
                continue
            current = way.schedule.current(
                self.engine, self.problem, way.descent, self.settings.tol, n_sharing
            )
            known[id(current)] = current
            used.setdefault(id(current), []).append(way.descent)
        for key, group in used.items():
            descents += group
            directions += list(known[key].directions(np.stack([d.gradient for d in group])))
        self.batch.advance(descents, directions)

    def _is_hard(self, descent: Descent) -> bool:
        """Whether a small problem has a penalty and takes long."""
        small = self.n_columns * self.engine.n_features <= EXACT_WEIGHTS
        long = descent.iterations >= PATIENT_STEPS
        return small and long and bool(descent.regression.penalty)

    def _leave(self, way: _Way) -> None:
        """Keep the solution, and free the slot."""
        self._hand_on(way)
        self._keep(way.place, self._solution(way))
        self.free.append(way.descent.slot)

    def _keep(self, place: int, solution: Solution) -> None:
        self.solutions[place] = solution
        self.queue.finish(place)

    def _hand_on(self, way: _Way) -> None:
        """Keep a preconditioner for those that start from here; for several, a fresh one pays."""
        heirs = self.queue.heirs[way.place]
        preconditioner = way.schedule.preconditioner
        if heirs >= FRESH_FOR:
            preconditioner = way.schedule.draw(self.engine, self.problem, way.descent, SAMPLE_ROWS)
        if heirs and preconditioner is not None:
            self.queue.keep(way.place, preconditioner)

    def _solution(self, way: _Way) -> Solution:
        descent, rows = way.descent, self.rows[way.place]
        b, weights = descent.b, descent.weights
        margins = None if rows is None else self.problem.margins(descent.slot, rows)
        if self.n_columns > 1:
            # the softmax does not see an equal shift of all classes: they add up to zero, as the
            # penalty makes weights do
            b = b - b.mean()
            if not descent.regression.penalty:
                weights = weights - weights.mean(axis=0)
                margins = None if margins is None else margins - margins.mean(axis=1, keepdims=True)
        margins = None if margins is None else margins + b
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
        return Solution(weights, b, certificate, margins)

    def _verdict(self, way: _Way) -> str:
        if way.descent.regression.penalty or way.status in ("separated", "interrupted"):
            return way.status
        return status_without_penalty(self.engine, way.descent.regression, way.status)

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
                arrived = way.descent.regression.penalty and self._reached(way.descent)
                way.status = "converged" if arrived else "interrupted"
                self.solutions[way.place] = self._solution(way)
        return self.solutions
