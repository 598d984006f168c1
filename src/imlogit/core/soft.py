"""Soft labels: rows whose targets are probabilities, over an engine that knows classes only.

With ``y_i`` in the simplex the loss is the cross-entropy, ``log(sum_k exp(z_ik)) - y_i . z_i``. It
differs from the loss of a row of class ``k_i``, the most probable, by ``(e_{k_i} - y_i) . z_i``,
which is linear in the weights. Of all rows that is

    <tilt, W> + lean . b
    tilt = sum_i c_i (e_{k_i} - y_i) x_i',   lean = sum_i c_i (e_{k_i} - y_i)

and one look at the rows finds both. So an engine adds up over classes as ever, and `SoftProblem`
adds what is linear: a step costs what it does with classes, whatever the engine. What is close to
a class loses few digits, since the engine's own residuals are small there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imlogit.arrays import Floats, Rows
from imlogit.core.contract import INTERCEPT, NEW, Engine, Leverages, Problem, Sums
from imlogit.core.regression import Regression


def open_problem(engine: Engine, n_slots: int, regression: Regression) -> Problem:
    """Make room for regressions as this one is: of classes, or of soft labels."""
    problem = engine.open(n_slots, regression.n_classes)
    return problem if regression.targets is None else SoftProblem(engine, problem, n_slots)


@dataclass(eq=False)
class Tilt:
    """Sums of a slot's rows that are linear in its weights, and where these are along them.

    Attributes
    ----------
    sums, costs : ndarray of float64, shapes (m, K, d) and (m, K)
        Of rows, and of what they cost: the tilt and the lean first; with two classes then of the
        rows of the second, and of all rows.
    target : float
        With two classes, what the labels of the second cost.
    inner : ndarray of float64, shape (m, 3)
        The sums' inner products with the weights, the last step and the new direction.
    values : ndarray of float64, shape (m,)
        The linear functions where the loss was evaluated last.
    loss : float
        The engine's loss there.
    """

    sums: Floats
    costs: Floats
    target: float
    inner: Floats
    values: Floats
    loss: float = 0.0

    @classmethod
    def of(cls, engine: Engine, regression: Regression) -> Tilt:
        """Return the sums of a regression's rows, in one look at them."""
        assert regression.targets is not None
        costs, targets = regression.costs, regression.targets.T
        own = np.arange(regression.n_classes)[:, None] == regression.codes
        shares = costs * (own - targets)
        if regression.n_classes == 2:
            shares = np.stack([shares[1], costs * own[1], costs])
        m = 3 if regression.n_classes == 2 else 1
        sums = engine.combine(shares).reshape(m, regression.n_columns, engine.n_features)
        of_costs = shares.sum(axis=1).reshape(m, regression.n_columns)
        return cls(sums, of_costs, float(costs @ targets[1]), np.zeros((m, 3)), np.zeros(m))

    def along(self, weights: Floats) -> Floats:
        """Return the inner products with weights (K, d), shape (m,)."""
        found: Floats = np.einsum("mkd,kd->m", self.sums, weights)
        return found

    def place(self, weights: Floats) -> None:
        """Note where the weights are; the directions become zero."""
        self.inner[:] = 0.0
        self.inner[:, 0] = self.along(weights)

    def evaluate(self, steps: Floats, intercepts: Floats, loss: float) -> float:
        """Return the loss at a point of the span, where the engine has found its own."""
        self.values = self.inner[:, 0] + self.inner[:, 1:] @ steps + self.costs @ intercepts
        self.loss = loss
        return loss + float(self.values[0])

    def step(self, steps: Floats) -> None:
        """Move the weights; that becomes the last step."""
        self.inner[:, 1] = self.inner[:, 1:] @ steps
        self.inner[:, 0] += self.inner[:, 1]

    def mass(self, mass: Floats) -> Floats:
        """Return the masses: with two classes those of the second's probabilities and labels.

        Their difference is the slope of the intercept, as that of the two sides' duals is.
        """
        if mass.size > 2:
            return mass
        slope = mass[0] - mass[1] + self.costs[0, 0]
        return np.array([max(self.target + slope, 0.0), self.target])

    def feasible(self, gradient: Floats, duals: Floats) -> tuple[Floats, float]:
        """Return the gradient with two classes' feasible duals, and a bound on how far they are.

        Where the labels weigh less than the probabilities, all of these shrink, ``q = s p``; where
        they weigh more, all shrink the other way, ``1 - q = s (1 - p)``. The divergence is convex:
        ``KL(q || p)`` is at most ``1 - s`` times that from where the way leads, 0 or 1.
        """
        tilted = gradient + self.sums[0]
        probable, softplus = gradient + self.sums[1], self.loss + float(self.values[1])
        if duals[0] < 1:
            lost = 1.0 - float(duals[0])
            return tilted - lost * probable, lost * softplus
        if duals[1] < 1:
            every = float(self.costs[2, 0])
            lost = 1.0 - (every - self.target) / (every - float(duals[1]) * self.target)
            bound = lost * max(softplus - float(self.values[2]), 0.0)
            return tilted + lost * (self.sums[2] - probable), bound
        return tilted, 0.0


class SoftProblem(Problem):
    """Regressions on soft labels over the rows of an engine.

    Parameters
    ----------
    engine : Engine
    inner : Problem
        Of the engine: it knows each row's most probable class.
    n_slots : int
    """

    def __init__(self, engine: Engine, inner: Problem, n_slots: int) -> None:
        self.engine, self.inner = engine, inner
        self.tilts: list[Tilt | None] = [None] * n_slots
        self.mixed = np.zeros(n_slots, dtype=bool)

    def admit(self, slot: int, regression: Regression) -> None:
        """Put a regression into a slot."""
        assert regression.targets is not None
        self.inner.admit(slot, regression)
        self.tilts[slot] = Tilt.of(self.engine, regression)
        several = (regression.targets > 0).sum(axis=1) > 1
        self.mixed[slot] = (several & (regression.costs > 0)).any()

    def place(self, slots: Rows, weights: Floats, *, precise: bool) -> None:
        """Set the margins to those of ``weights``."""
        self.inner.place(slots, weights, precise=precise)
        for tilt, w in zip(self._at(slots), weights, strict=True):
            tilt.place(w)

    def extend(self, slots: Rows, directions: Floats, *, precise: bool) -> None:
        """Set the margins of the new directions."""
        self.inner.extend(slots, directions, precise=precise)
        for tilt, direction in zip(self._at(slots), directions, strict=True):
            tilt.inner[:, 1 + NEW] = tilt.along(direction)

    def evaluate(self, slots: Rows, steps: Floats, intercepts: Floats) -> Sums:
        """Evaluate the loss at a point of the span."""
        found = self.inner.evaluate(slots, steps, intercepts)
        tilts = self._at(slots)
        each = zip(tilts, steps, intercepts, found.loss, strict=True)
        loss = [tilt.evaluate(s, b, float(one)) for tilt, s, b, one in each]
        mass = [tilt.mass(m) for tilt, m in zip(tilts, found.mass, strict=True)]
        return Sums(np.array(loss), np.stack(mass))

    def project(self, slots: Rows) -> tuple[Floats, Floats]:
        """Return gradient and Hessian of the loss in the span."""
        gradient, hessian = self.inner.project(slots)
        linear = [np.concatenate([t.inner[0, 1:], t.costs[0]]) for t in self._at(slots)]
        return gradient + np.stack(linear), hessian

    def project_along(self, slots: Rows, shifts: Floats) -> tuple[Floats, Floats]:
        """Return gradient and Hessian of the loss along directions with intercepts."""
        gradient, hessian = self.inner.project_along(slots, shifts)
        each = zip(self._at(slots), shifts, strict=True)
        linear = [tilt.inner[0, 1:] + shift @ tilt.costs[0] for tilt, shift in each]
        return gradient + np.stack(linear), hessian

    def coupling(self, slot: int) -> Floats:
        """Return the Hessian of the loss in the intercepts."""
        return self.inner.coupling(slot)

    def step(self, slots: Rows, steps: Floats) -> None:
        """Move the margins; that becomes the last step."""
        self.inner.step(slots, steps)
        for tilt, s in zip(self._at(slots), steps[:, :INTERCEPT], strict=True):
            tilt.step(s)

    def gradient(self, slots: Rows, duals: Floats, *, precise: bool) -> tuple[Floats, Floats]:
        """Return the gradient of the loss in the weights, and its duals' divergence."""
        tilts = self._at(slots)
        if duals.shape[1] > 2:
            gradient, apart = self.inner.gradient(slots, duals, precise=precise)
            return gradient + np.stack([tilt.sums[0] for tilt in tilts]), apart
        gradient, _ = self.inner.gradient(slots, np.ones_like(duals), precise=precise)
        each = zip(tilts, gradient, duals, strict=True)
        found = [tilt.feasible(one, dual) for tilt, one, dual in each]
        return np.stack([g for g, _ in found]), np.array([apart for _, apart in found])

    def worst(self, slot: int) -> float:
        """Return the smallest margin by which a row is classified right.

        A row with two classes cannot be on the side of both.
        """
        return -np.inf if self.mixed[slot] else self.inner.worst(slot)

    def draw(
        self, slot: int, column: int | None, positions: Floats, leverages: Leverages | None = None
    ) -> tuple[Rows, Floats]:
        """Draw rows in proportion to a column's curvature, which knows no labels."""
        return self.inner.draw(slot, column, positions, leverages)

    def curved_means(self, slot: int) -> Floats:
        """Return the mean of the rows for each column, weighted with its curvature."""
        return self.inner.curved_means(slot)

    def gram(self, slot: int, center: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the Hessian of the loss over all rows."""
        return self.inner.gram(slot, center)

    def margins(self, slot: int, rows: Rows) -> Floats:
        """Return the margins of some rows, without the intercepts."""
        return self.inner.margins(slot, rows)

    def _at(self, slots: Rows) -> list[Tilt]:
        found = [self.tilts[slot] for slot in slots]
        return [one for one in found if one is not None]
