"""The pool: regressions that wait, that are on their way down, and that are done."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from imlogit.arrays import Floats, Rows
from imlogit.core.budget import Plan
from imlogit.core.certificate import Certificate, Pass
from imlogit.core.contract import Engine
from imlogit.core.descent import Batch, Descent
from imlogit.core.directions.schedule import Preconditioning, Schedule
from imlogit.core.newton import Damping, System, climb, polish, take_newton_step
from imlogit.core.pool_queue import Queue, Turn
from imlogit.core.proof.rounding import gap_with_rounding
from imlogit.core.proof.separation import status_without_penalty
from imlogit.core.regression import Regression
from imlogit.core.soft import open_problem
from imlogit.core.solution import Keeper, Observer, Progress, Settings, Solution
from imlogit.core.starts.start import Blend, Start, first_points, fit_base_rate
from imlogit.core.way import Way

# A solution from which so many others start hands them a preconditioner of its own optimum.
FRESH_FOR = 3
# Proofs of so many cost less each than of fewer.
PROVED_TOGETHER = 8
# Gaps of a smaller share of the objective are near enough to rounding to hold what that may hide.
NEAR_ROUNDING = 1e-14
# After an interrupt a proof may take so long, and takes some four times as long as a gradient.
PROOF_SECONDS = 0.5
PROOF_PRICE = 4


class Pool:
    """All regressions of one call: those that wait, those on their way, those done.

    Attributes
    ----------
    plan : Plan
        How many are fitted at a time.
    points : list of Start or None
        Where to begin, in the caller's order; those do not start from another's solution.
    solutions : list of Solution or None
        In the caller's order.
    """

    def __init__(
        self,
        engine: Engine,
        regressions: Sequence[Regression],
        settings: Settings,
        starts: Sequence[Blend | int | None] | None,
        rows: Sequence[Rows | None] | None,
        observe: Observer | None,
        plan: Plan,
        points: Sequence[Start | None] | None = None,
        keep: Keeper | None = None,
    ) -> None:
        n = len(regressions)
        self.engine, self.regressions, self.settings = engine, regressions, settings
        self.rows = [None] * n if rows is None else rows
        self.observe, self.keep, self.plan = observe, keep, plan
        self.points = [None] * n if points is None else list(points)
        self.solutions: list[Solution | None] = [None] * n
        pairs = zip([None] * n if starts is None else starts, self.points, strict=True)
        self.queue = Queue([Blend.of(start) if point is None else None for start, point in pairs])
        self.active: list[Way] = []
        first = regressions[0]
        self.n_columns = first.n_columns
        self.problem = open_problem(engine, plan.at_once, first)
        self.free = list(range(plan.at_once))
        self.batch = Batch(engine, self.problem)
        self.batch.passes = max((one.passes for one in self.points if one), default=0)
        self.measure_seconds = np.inf

    def run(self) -> None:
        """Let every regression down to its end."""
        while self.queue.waiting or self.active:
            self._admit()
            self._step()
            if self.keep is not None:
                self.keep(self.reached)

    def reached(self) -> list[Start | None]:
        """Return where each regression is, None where it has not begun or is undefined."""
        found: list[Start | None] = [None] * len(self.solutions)
        for place, one in enumerate(self.solutions):
            if one is not None:
                done = one.certificate
                found[place] = Start(one.weights, one.intercept, done.iterations, done.passes)
        for way in self.active:
            at = way.descent
            found[way.place] = Start(at.weights, at.b, at.iterations, at.passes)
        return [one if one and np.isfinite(one.weights).all() else None for one in found]

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
        """Return where to begin: at a known point, another's solution, or where a subset leads."""
        found: dict[int, Start] = {}
        for place, start, _ in turns:
            point = self._blended(start) if self.points[place] is None else self.points[place]
            if point is not None:
                found[place] = point
        pairs = zip(turns, regressions, strict=True)
        roots = {turn.place: one for turn, one in pairs if turn.place not in found}
        points = first_points(self.engine, list(roots.values()), self.settings.seed)
        found |= zip(roots, points, strict=True)
        return [found[turn.place] for turn in turns]

    def _blended(self, start: Blend | None) -> Start | None:
        """Return the sum of the solutions to begin at, None where one is undefined."""
        if start is None:
            return None
        solved = [one for place in start.places if (one := self.solutions[place]) is not None]
        pairs = list(zip(start.shares, solved, strict=True))
        weights = sum((s * one.weights for s, one in pairs), np.zeros(()))
        b = sum((s * one.intercept for s, one in pairs), np.zeros(()))
        return Start(weights, b) if np.isfinite(weights).all() else None

    def _way(self, turn: Turn, one: Regression, start: Start) -> Way:
        slot = self.free.pop()
        self.problem.admit(slot, one)
        rng = np.random.default_rng(self.settings.seed)
        known = turn.preconditioner if start.preconditioner is None else start.preconditioner
        schedule = Schedule(rng, known, self.plan.factor_bytes)
        descent = Descent(one, slot, start.weights, start.b)
        descent.iterations, descent.passes = start.iterations, start.passes
        descent.history = list(start.history)
        return Way(turn.place, descent, schedule, time.perf_counter() - start.seconds)

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
        moved = [way for way in self.active if not way.claims]
        began = time.perf_counter()
        self.batch.measure([way.descent for way in moved])
        self.measure_seconds = time.perf_counter() - began
        for way in moved:
            way.descent.history.append(Pass(way.descent.objective, way.descent.gap))
            way.note_progress()
        self._report()
        self._conclude()
        done = [way for way in self.active if way.status]
        self._return_to_best(done)
        exact = [way for way in done if way.status in ("converged", "rounding")]
        cheap = [way.descent for way in exact if way.may_be_polished]
        polish(self.batch, cheap, self.settings.max_iter)
        for way in exact:
            if way.exact or way.is_small or way.descent.relative_gap < NEAR_ROUNDING:
                way.gap = gap_with_rounding(self.engine, way.descent)
                arrived = self._reached(way.descent, way.gap)
                way.status = "converged" if arrived else "rounding"
        for way in done:
            self._leave(way)
        self.active = [way for way in self.active if not way.status]
        self._advance()
        if done:
            self._report()

    def _conclude(self) -> None:
        """Give those a status whose goal is proved, or cannot be reached."""
        max_iter = self.settings.max_iter
        for way in self.active:
            way.claims = (
                way.claims
                or way.stalled
                or way.descent.iterations >= max_iter
                or self._reached(way.descent)
                or self._separated(way.descent)
            )
        hopeless = [way for way in self.active if not way.claims and way.is_hopeless]
        for way in hopeless:
            self._begin_exact(way)
        claims = self._to_prove()
        were_precise = [way.descent.precise for way in claims]
        self.batch.prove([way.descent for way in claims])
        for way, was_precise in zip(claims, were_precise, strict=True):
            way.claims = False
            if self._separated(way.descent):
                way.status = "separated"
            elif self._reached(way.descent):
                way.status = "converged"
            elif way.descent.iterations >= max_iter:
                way.status = "max_iter"
            elif way.stalled and was_precise and not way.may_yet_be_exact:
                way.status = "rounding"
            elif way.stalled and was_precise:
                self._begin_exact(way)
            else:
                way.begin_anew()

    def _to_prove(self) -> list[Way]:
        """Return whose claims are proved now: together it costs less, so most wait for all others.

        But not those from which others start, nor several while others wait for their room.
        """
        claims = [way for way in self.active if way.claims]
        awaited = self.queue.let_in([way.place for way in claims])
        needed = bool(self.queue.waiting) and not self.free and len(claims) >= PROVED_TOGETHER
        return claims if awaited or needed or len(claims) == len(self.active) else []

    def _begin_exact(self, way: Way) -> None:
        """Go on by exact steps, from where costs that are raised step by step have led."""
        descent = way.descent
        way.exact, way.best = True, (descent.objective, descent.weights, descent.b)
        climb(self.batch, descent, self.settings.max_iter)
        way.damping = Damping()
        way.begin_anew()

    def _return_to_best(self, ways: list[Way]) -> None:
        """Go back where exact steps have led to nothing better."""
        worse = [way for way in ways if way.best and way.best[0] < way.descent.objective]
        for way in worse:
            assert way.best is not None
            _, way.descent.weights, way.descent.b = way.best
        self.batch.prove([way.descent for way in worse])

    def _advance(self) -> None:
        """Take a step: an exact one, or along the preconditioned gradient."""
        moving = [way for way in self.active if not way.claims]
        exact = [way for way in moving if way.is_exact]
        # margins that are summed up step by step in float32 would lead the exact steps astray
        rough = [way.descent for way in exact if not way.descent.precise]
        self.batch.place(rough, precise=True)
        self.batch.measure(rough)
        for way in exact:
            if not take_newton_step(self.batch, way.descent, way.damping):
                way.give_up()
        others = [way for way in moving if way not in exact]
        if not others:
            return
        n_sharing = len(others) * self.n_columns
        used: dict[int, list[Descent]] = {}
        known: dict[int, Preconditioning] = {}
        for way in others:
            current = way.schedule.current(
                self.engine, self.problem, way.descent, self.settings.tol, n_sharing
            )
            known[id(current)] = current
            way.descent.centers = current.tied_centers
            used.setdefault(id(current), []).append(way.descent)
        descents: list[Descent] = []
        directions: list[Floats] = []
        shifts: list[Floats | None] = []
        for key, group in used.items():
            gradients, slopes = zip(*((d.gradient, d.slope) for d in group), strict=True)
            steps = known[key].directions(np.stack(gradients), np.stack(slopes))
            descents += group
            directions += list(steps.weights)
            shifts += [None] * len(group) if steps.shifts is None else list(steps.shifts)
        self.batch.advance(descents, directions, shifts)

    def _leave(self, way: Way) -> None:
        """Keep the solution, and free the slot."""
        self._hand_on(way)
        self._keep(way.place, self._solution(way))
        self.free.append(way.descent.slot)

    def _keep(self, place: int, solution: Solution) -> None:
        self.solutions[place] = solution
        self.queue.finish(place)

    def _hand_on(self, way: Way) -> None:
        """Keep a preconditioner for those that start from here; for several, a fresh one pays."""
        preconditioner = way.schedule.preconditioner
        if self.queue.heirs[way.place] >= FRESH_FOR:
            shared = way.schedule.is_shared
            preconditioner = way.schedule.draw(
                self.engine, self.problem, way.descent, shared=shared
            )
        if preconditioner is not None:
            self.queue.keep(way.place, preconditioner)

    def _solution(self, way: Way) -> Solution:
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
            gap=self._gap(way),
            tol=self.settings.tol,
            iterations=descent.iterations,
            passes=descent.passes,
            max_gradient=descent.max_gradient,
            seconds=time.perf_counter() - way.began,
            plan=str(self.plan),
            history=tuple(descent.history),
        )
        handed_on = way.schedule.preconditioner if self.settings.hand_on else None
        return Solution(weights, b, certificate, margins, handed_on)

    def _gap(self, way: Way) -> float:
        if not way.descent.regression.penalty:
            return float("nan")
        return way.descent.gap if way.gap is None else way.gap

    def _verdict(self, way: Way) -> str:
        if way.descent.regression.penalty or way.status in ("separated", "interrupted"):
            return way.status
        system = System.of(self.batch, way.descent) if way.is_small else None
        return status_without_penalty(self.engine, way.descent, system, way.status)

    def _reached(self, descent: Descent, gap: float | None = None) -> bool:
        return descent.reached(self.settings.tol, self.engine.largest, gap)

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
                str(self.plan),
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
