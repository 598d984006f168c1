"""The TensorFlow engine's problems: what belongs to each row, as float64 on the device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from imlogit.arrays import Floats, Rows
from imlogit.core.contract import Leverages, Problem, Sums
from imlogit.core.loss import logistic_divergence, softmax_divergence, softmax_residual
from imlogit.core.regression import Regression, n_columns_of
from imlogit.engines.row_sampling import sample_rows
from imlogit.system.extras import need

if TYPE_CHECKING:
    from imlogit.engines.tensorflow import TensorFlowEngine

tf = need("tensorflow", "tensorflow", 'engine="tensorflow"')

Tensor = Any


def _traced(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Trace once for any number of slots: XLA would compile for each."""
    traced: Callable[..., Tensor] = tf.function(function, reduce_retracing=True)
    return traced


class TensorFlowProblem(Problem):
    """Regressions over a TensorFlow engine's rows; float64 state on the device, slot by slot.

    Attributes
    ----------
    z : list of tensor, shape (K, n)
        Margins.
    last, new : list of tensor, shape (K, n)
        Those of the last step and of the new direction.
    m, p : list of tensor, shape (K, n)
        Margins and probabilities where the loss was evaluated last; with two classes margins
        that are positive where right, and the probability of being wrong.
    codes, costs : list of tensor, shape (n,)
    """

    def __init__(self, engine: TensorFlowEngine, n_slots: int, n_classes: int) -> None:
        self.engine, self.n_classes = engine, n_classes
        self.n_columns = n_columns_of(n_classes)
        state: list[list[Tensor]] = [[None] * n_slots for _ in range(7)]
        self.z, self.last, self.new, self.m, self.p, self.codes, self.costs = state

    def admit(self, slot: int, regression: Regression) -> None:
        """Put a regression into a slot."""
        shape = self.n_columns, self.engine.n_rows
        with tf.device(self.engine.device):
            self.codes[slot] = tf.constant(regression.codes, dtype=tf.int32)
            self.costs[slot] = tf.constant(regression.costs, dtype=tf.float64)
            self.z[slot] = tf.zeros(shape, dtype=tf.float64)
            self.last[slot] = self.new[slot] = self.z[slot]

    def place(self, slots: Rows, weights: Floats, *, precise: bool) -> None:
        """Set the margins to those of ``weights``."""
        for slot, z in zip(slots, self._products(weights, precise), strict=True):
            self.z[slot] = z
            self.last[slot] = self.new[slot] = tf.zeros_like(z)

    def extend(self, slots: Rows, directions: Floats, *, precise: bool) -> None:
        """Set the margins of the new directions."""
        for slot, new in zip(slots, self._products(directions, precise), strict=True):
            self.new[slot] = new

    def _products(self, weights: Floats, precise: bool) -> Tensor:
        flat = weights.reshape(-1, self.engine.n_features)
        found = self.engine.product(flat, self._real(precise))
        return tf.reshape(found, (len(weights), self.n_columns, self.engine.n_rows))

    def evaluate(self, slots: Rows, steps: Floats, intercepts: Floats) -> Sums:
        """Evaluate the loss at a point of the span and keep its derivatives by row."""
        loss, mass = [], []
        for slot, s, b in zip(slots, steps, intercepts, strict=True):
            span = self.z[slot], self.last[slot], self.new[slot]
            state = *span, self.codes[slot], self.costs[slot], s, b
            one, masses, self.m[slot], self.p[slot] = self._evaluated(*state)
            loss.append(one)
            mass.append(masses)
        return Sums(tf.stack(loss).numpy(), tf.stack(mass).numpy())

    def project(self, slots: Rows) -> tuple[Floats, Floats]:
        """Return gradient and Hessian of the loss in the span."""
        kept = self.last, self.new, self.codes, self.costs, self.m, self.p
        found = [self._projected(*(each[slot] for each in kept)) for slot in slots]
        gradients, hessians = zip(*found, strict=True)
        return tf.stack(gradients).numpy(), tf.stack(hessians).numpy()

    def step(self, slots: Rows, steps: Floats) -> None:
        """Move the margins; that becomes the last step."""
        for slot, s in zip(slots, steps, strict=True):
            span = self.z[slot], self.last[slot], self.new[slot]
            self.z[slot], self.last[slot] = _stepped(*span, tf.constant(s))

    def gradient(self, slots: Rows, duals: Floats, *, precise: bool) -> tuple[Floats, Floats]:
        """Return the gradient of the loss in the weights, and its duals' divergence."""
        found = [self._residual(slot, dual) for slot, dual in zip(slots, duals, strict=True)]
        residuals, apart = zip(*found, strict=True)
        total = self.engine.accumulate(tf.concat(residuals, axis=0), self._real(precise))
        return total.reshape(len(slots), self.n_columns, -1), np.array(apart)

    def draw(
        self, slot: int, column: int | None, positions: Floats, leverages: Leverages | None = None
    ) -> tuple[Rows, Floats]:
        """Draw rows in proportion to a column's curvature, or to that of all."""
        columns = range(self.n_columns) if column is None else [column]
        total = sum(self._curvature(slot, k, k) for k in columns)
        return sample_rows(total.numpy(), positions, leverages)

    def curved_means(self, slot: int) -> Floats:
        """Return the mean of the rows for each column, weighted with its curvature."""
        curved = tf.stack([self._curvature(slot, k, k) for k in range(self.n_columns)])
        total = tf.reduce_sum(curved, axis=1).numpy()[:, None]
        found = self.engine.accumulate(curved, self.engine.working)
        return np.divide(found, total, where=total > 0, out=np.zeros_like(found))

    def gram(self, slot: int, center: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the Hessian of the loss over all rows, block by block."""
        k, d = self.n_columns, self.engine.n_features
        second, mixed, total = np.zeros((k, d, k, d)), np.zeros((k, d, k)), np.zeros((k, k))
        for one in range(k):
            for other in range(one, k):
                h = self._curvature(slot, one, other)
                square, line, whole = self.engine.gram(h, center)
                second[one, :, other] = second[other, :, one] = square
                mixed[one, :, other] = mixed[other, :, one] = line
                total[one, other] = total[other, one] = whole
        return second.reshape(k * d, k * d), mixed.reshape(k * d, k), total

    def margins(self, slot: int, rows: Rows) -> Floats:
        """Return the margins of some rows, without the intercepts."""
        found: Floats = tf.gather(self.z[slot], rows, axis=1).numpy().T
        return found

    def _evaluated(self, *state: Any) -> Any:
        raise NotImplementedError

    def _projected(self, *state: Any) -> Any:
        raise NotImplementedError

    def _residual(self, slot: int, duals: Floats) -> tuple[Tensor, float]:
        raise NotImplementedError

    def _curvature(self, slot: int, k: int, other: int) -> Tensor:
        raise NotImplementedError

    def _real(self, precise: bool) -> type[np.floating]:
        return np.float64 if precise else self.engine.working


class TensorFlowLogistic(TensorFlowProblem):
    """Regressions of two classes, one column each."""

    def _evaluated(self, *state: Any) -> Any:
        return _evaluate(*state)

    def _projected(self, *state: Any) -> Any:
        return _project(*state)

    def _residual(self, slot: int, duals: Floats) -> tuple[Tensor, float]:
        residual = _wrong_side(self.codes[slot]) * self.costs[slot] * self.p[slot]
        if (duals == 1).all():
            return residual, 0.0
        shrink = duals[self.codes[slot].numpy()]
        apart = logistic_divergence(self.m[slot].numpy()[0], shrink)
        return residual * shrink, float(self.costs[slot].numpy() @ apart)

    def worst(self, slot: int) -> float:
        """Return the smallest margin by which a row is classified right."""
        used = self.costs[slot].numpy() > 0
        return float(self.m[slot].numpy()[0].min(where=used, initial=np.inf))

    def _curvature(self, slot: int, k: int, other: int) -> Tensor:  # noqa: ARG002 - one column
        return self.costs[slot] * tf.sigmoid(self.m[slot][0]) * self.p[slot][0]


class TensorFlowSoftmax(TensorFlowProblem):
    """Regressions of more than two classes."""

    def _evaluated(self, *state: Any) -> Any:
        return _evaluate_softmax(*state)

    def _projected(self, *state: Any) -> Any:
        return _project_softmax(*state)

    def _residual(self, slot: int, duals: Floats) -> tuple[Tensor, float]:
        costs = self.costs[slot]
        if not duals.any():
            own = _own(self.codes[slot], self.n_classes)
            return costs * _less_own(self.p[slot], own), 0.0
        share = duals.sum()
        q, apart = softmax_divergence(self.m[slot].numpy(), duals / share, share)
        own = self.codes[slot].numpy() == np.arange(self.n_classes)[:, None]
        return costs * softmax_residual(q, own), float(costs.numpy() @ apart)

    def worst(self, slot: int) -> float:
        """Return the smallest margin by which a row is classified right."""
        margins, used = self.m[slot].numpy(), self.costs[slot].numpy() > 0
        own = self.codes[slot].numpy() == np.arange(self.n_classes)[:, None]
        right = np.where(own, margins, 0.0).sum(axis=0)
        right -= np.where(own, -np.inf, margins).max(axis=0)
        return float(right.min(where=used, initial=np.inf))

    def _curvature(self, slot: int, k: int, other: int) -> Tensor:
        costs, p = self.costs[slot], self.p[slot]
        return costs * p[k] * (1.0 - p[k]) if k == other else -costs * p[k] * p[other]


def _wrong_side(codes: Tensor) -> Tensor:
    """Return -1 for the positive class and 1 for the negative one."""
    return tf.cast(1 - 2 * codes, tf.float64)


def _own(codes: Tensor, n_classes: int) -> Tensor:
    return tf.one_hot(codes, n_classes, axis=0, dtype=tf.float64)


def _less_own(p: Tensor, own: Tensor) -> Tensor:
    """Return ``p - own`` as `imlogit.core.loss.softmax_residual` does: no digit lost near 1."""
    others = (1.0 - own) * p
    return others - own * tf.reduce_sum(others, axis=0)


@_traced
def _stepped(z: Tensor, last: Tensor, new: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
    moved = steps[0] * last + steps[1] * new
    return z + moved, moved


@_traced
def _evaluate(
    z: Tensor,
    last: Tensor,
    new: Tensor,
    codes: Tensor,
    costs: Tensor,
    steps: Tensor,
    intercepts: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    m = -_wrong_side(codes) * (z + steps[0] * last + steps[1] * new + intercepts[:, None])
    p = tf.sigmoid(-m)
    mass = tf.linalg.matvec(_own(codes, 2), costs * p[0])
    return tf.tensordot(costs, tf.nn.softplus(-m[0]), 1), mass, m, p


@_traced
def _project(
    last: Tensor, new: Tensor, codes: Tensor, costs: Tensor, m: Tensor, p: Tensor
) -> tuple[Tensor, Tensor]:
    span = tf.concat([last, new, tf.ones_like(m)], axis=0)
    gradient = tf.linalg.matvec(span, _wrong_side(codes) * costs * p[0])
    h = costs * tf.sigmoid(m[0]) * p[0]
    return gradient, tf.matmul(span * h, span, transpose_b=True)


@_traced
def _evaluate_softmax(
    z: Tensor,
    last: Tensor,
    new: Tensor,
    codes: Tensor,
    costs: Tensor,
    steps: Tensor,
    intercepts: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    m = z + steps[0] * last + steps[1] * new + intercepts[:, None]
    own = tf.reduce_sum(m * _own(codes, tf.shape(m)[0]), axis=0)
    largest = tf.reduce_max(m, axis=0)
    best = _own(tf.argmax(m, axis=0, output_type=tf.int32), tf.shape(m)[0])
    # without the largest term, which is 1: log1p keeps what is small beside it
    rest = tf.reduce_sum((1 - best) * tf.exp(m - largest), axis=0)
    loss = largest - own + tf.math.log1p(rest)
    p = tf.exp(m - largest) / (1 + rest)
    return tf.reduce_sum(costs * loss), tf.linalg.matvec(p, costs), m, p


@_traced
def _project_softmax(
    last: Tensor, new: Tensor, codes: Tensor, costs: Tensor, m: Tensor, p: Tensor
) -> tuple[Tensor, Tensor]:
    u = tf.stack([last, new])
    weighted = costs * p
    residual = costs * _less_own(p, _own(codes, tf.shape(m)[0]))
    gradient = tf.concat(
        [tf.einsum("skn,kn->s", u, residual), tf.reduce_sum(residual, axis=1)], axis=0
    )
    # less their means by row: what every class moves by changes nothing, however far it is
    centered = u - tf.reduce_sum(u * p, axis=1, keepdims=True)
    flat = tf.reshape(centered, (2, -1))
    steps = tf.matmul(flat * tf.reshape(weighted, (1, -1)), flat, transpose_b=True)
    mixed = tf.reduce_sum(centered * weighted, axis=2)
    corner = tf.linalg.diag(tf.reduce_sum(weighted, axis=1))
    corner -= tf.matmul(weighted, p, transpose_b=True)
    upper = tf.concat([steps, mixed], axis=1)
    return gradient, tf.concat([upper, tf.concat([tf.transpose(mixed), corner], axis=1)], axis=0)
