"""The TensorFlow engine: blocks of rows held on the device, and XLA programmes over them.

Products with the rows are compiled by XLA, one programme for each number of weight vectors up to
the next power of two. What belongs to each row is float64 on the device. Products are added up
in float32 within a block where the solver asks for no more, and in float64 from block to block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Rows
from imlogit.core.contract import Engine, Problem, Sums
from imlogit.core.loss import logistic_divergence, softmax_divergence
from imlogit.core.regression import Regression
from imlogit.engines.numba_cpu import NumbaEngine
from imlogit.engines.row_sampling import draw_rows
from imlogit.system.extras import need

tf = need("tensorflow", "tensorflow", 'engine="tensorflow"')

Tensor = Any
# Rows that are cast to floats at a time, and fewer where the device has no room for these.
BLOCK_ROWS = 2048
FEWEST_ROWS = 64
# What the state in all slots may take, and takes for each row and column.
STATE_BYTES = 1_000_000_000
COLUMN_BYTES = 64
MOST_SLOTS = 64


def _compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    compiled: Callable[..., Tensor] = tf.function(function, jit_compile=True)
    return compiled


def _traced(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Trace once for any number of slots: XLA would compile for each."""
    traced: Callable[..., Tensor] = tf.function(function, reduce_retracing=True)
    return traced


class TensorFlowEngine(Engine):
    """Rows in blocks on the first GPU, or in memory where there is none.

    Parameters
    ----------
    features : ndarray of uint8, float32 or float64, shape (n, d)
    scale : float
        What each feature is multiplied by: the weights are, before a row is read.
    """

    def __init__(self, features: NDArray[np.generic], scale: float = 1.0) -> None:
        self.x, self.scale = features, float(scale)
        self.n_rows, self.n_features = features.shape
        # what is small, or decided by the values of all rows, is the processor's
        self.local = NumbaEngine(features, scale)
        self.context = self.local.context
        self.largest, self.working = self.local.largest, self.local.working
        gpus = _gpus()
        self.device = gpus[0] if gpus else "/CPU:0"
        # for a vector the processor reads rows of the one layout, and columns of the other
        self.both_ways = not gpus
        self.block = min(BLOCK_ROWS, max(self.n_rows, 1))
        self._hold()

    def _hold(self) -> None:
        """Put the rows on the device in blocks, the last one filled up with zeros."""
        n_blocks = -(-self.n_rows // self.block)
        self.padded = n_blocks * self.block
        shape = n_blocks, self.block, self.n_features
        blocks = np.zeros((self.padded, self.n_features), dtype=self.x.dtype)
        blocks[: self.n_rows] = self.x
        with tf.device(self.device):
            self.blocks = tf.constant(blocks.reshape(shape))
            self.turned = tf.transpose(self.blocks, (0, 2, 1)) if self.both_ways else None

    def within_memory(self, work: Callable[[], Tensor]) -> Tensor:
        """Do some work on the device, over smaller blocks where its memory is too small.

        Raises
        ------
        MemoryError
            Where the smallest blocks are too large.
        """
        while True:
            try:
                with tf.device(self.device):
                    return work()
            except tf.errors.ResourceExhaustedError as error:
                if self.block <= FEWEST_ROWS:
                    raise MemoryError(
                        f"{self.device} has too little memory for {self.n_rows:,} rows of "
                        f"{self.n_features:,} features. Free some of it, or use engine='numba'."
                    ) from error
                self.block = max(self.block // 2, FEWEST_ROWS)
                self._hold()

    def product(self, weights: Floats, real: type[np.floating]) -> Tensor:
        """Return the margins of ``weights`` (k, d) as a float64 tensor (k, n)."""
        k = len(weights)
        scaled = _filled_up(weights * self.scale, real)

        def work() -> Tensor:
            if k == 1:
                return _times_vector(self.blocks, scaled[0], self.n_rows)
            if self.both_ways:
                return _times(self.turned, scaled)[:k, : self.n_rows]
            return _times_turned(self.blocks, scaled)[:k, : self.n_rows]

        return self.within_memory(work)

    def accumulate(self, residual: Tensor, real: type[np.floating]) -> Floats:
        """Return ``residual @ X`` (k, d) of a float64 tensor (k, n)."""
        k = len(residual)
        filler = 2 ** (k - 1).bit_length() - k

        def work() -> Tensor:
            even = tf.pad(residual, [(0, filler), (0, self.padded - self.n_rows)])
            cells = tf.reshape(tf.cast(even, real), (len(even), -1, self.block))
            if k == 1 and self.both_ways:
                return tf.reduce_sum(_block_times_vector(self.turned, cells[0]), 0)[None]
            return _sum_of_products(self.blocks, cells)

        total: Floats = self.within_memory(work).numpy()[:k] * self.scale
        return total

    def open(self, n_slots: int, n_classes: int) -> Problem:
        """Make room for regressions over these rows."""
        kind = LogisticProblem if n_classes == 2 else SoftmaxProblem
        return kind(self, n_slots, n_classes)

    def room(self, n_classes: int) -> int:
        """Return how many slots fit into `STATE_BYTES`."""
        columns = 1 if n_classes == 2 else n_classes
        each = COLUMN_BYTES * columns * max(self.n_rows, 1)
        return int(np.clip(STATE_BYTES // each, 1, MOST_SLOTS))

    def take(self, rows: Rows) -> Engine:
        """Return an engine over a few of the rows, for which a device does not pay."""
        return self.local.take(rows)

    def rows(self, rows: Rows, *, precise: bool) -> NDArray[np.floating]:
        """Return a few rows as floats."""
        return self.local.rows(rows, precise=precise)

    def multiply(self, weights: Floats) -> Floats:
        """Return the margins of ``weights``, shape (k, n), in float64."""
        found: Floats = self.product(weights, np.float64).numpy()
        return found

    def crossproduct(self, rows: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return ``rows.T @ rows``."""
        found: NDArray[np.floating] = self.within_memory(
            lambda: tf.matmul(rows, rows, transpose_a=True)
        ).numpy()
        return found

    def center(self) -> Floats:
        """Return the mean of evenly spaced rows."""
        return self.local.center()


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
        self.n_columns = 1 if n_classes == 2 else n_classes
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

    def draw(self, slot: int, column: int, positions: Floats) -> tuple[Rows, Floats]:
        """Draw rows in proportion to a column's curvature."""
        return draw_rows(self._curvature(slot, column, column).numpy(), positions)

    def gram(self, slot: int, center: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the Hessian of the loss over all rows, block by block."""
        engine, k, d = self.engine, self.n_columns, self.engine.n_features
        second, mixed, total = np.zeros((k, d, k, d)), np.zeros((k, d, k)), np.zeros((k, k))
        for one in range(k):
            for other in range(one, k):
                h = tf.pad(self._curvature(slot, one, other), [(0, engine.padded - engine.n_rows)])
                cells = tf.reshape(h, (-1, engine.block))
                square, line = _gram(engine.blocks, cells, engine.scale, tf.constant(center))
                second[one, :, other] = second[other, :, one] = square.numpy()
                mixed[one, :, other] = mixed[other, :, one] = line.numpy()
                total[one, other] = total[other, one] = float(tf.reduce_sum(h))
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


class LogisticProblem(TensorFlowProblem):
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

    def _curvature(self, slot: int, k: int, other: int) -> Tensor:
        return self.costs[slot] * tf.sigmoid(self.m[slot][0]) * self.p[slot][0]


class SoftmaxProblem(TensorFlowProblem):
    """Regressions of more than two classes."""

    def _evaluated(self, *state: Any) -> Any:
        return _evaluate_softmax(*state)

    def _projected(self, *state: Any) -> Any:
        return _project_softmax(*state)

    def _residual(self, slot: int, duals: Floats) -> tuple[Tensor, float]:
        costs = self.costs[slot]
        own = _own(self.codes[slot], self.n_classes)
        if not duals.any():
            return costs * (self.p[slot] - own), 0.0
        share = duals.sum()
        q, apart = softmax_divergence(self.m[slot].numpy(), duals / share, share)
        return costs * (q - own), float(costs.numpy() @ apart)

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


def _gpus() -> list[str]:
    """Return the names of the GPUs, whose memory is then taken as it is needed."""
    devices = tf.config.list_physical_devices("GPU")
    for device in devices:
        try:
            tf.config.experimental.set_memory_growth(device, True)
        except RuntimeError:  # TensorFlow is at work already, with the memory that it has
            break
    if devices:
        # TensorFloat-32 keeps ten bits: no certificate would hold
        tf.config.experimental.enable_tensor_float_32_execution(False)
    return [f"/GPU:{number}" for number in range(len(devices))]


def _filled_up(weights: Floats, real: type[np.floating]) -> Tensor:
    """Return weight vectors (k, d) with zero ones up to the next power of two."""
    rows = np.zeros((2 ** (len(weights) - 1).bit_length(), weights.shape[1]), dtype=real)
    rows[: len(weights)] = weights
    return tf.constant(rows)


@_compiled
def _times_vector(blocks: Tensor, weights: Tensor, n_rows: int) -> Tensor:
    """Return the first rows' products with one vector, shape (1, n_rows)."""
    products = tf.linalg.matvec(tf.cast(blocks, weights.dtype), weights)
    return tf.cast(tf.reshape(products, (1, -1))[:, :n_rows], tf.float64)


@_compiled
def _times(turned: Tensor, weights: Tensor) -> Tensor:
    """Return ``weights @ block`` of blocks (m, d, rows), side by side: shape (k, N)."""
    products = tf.map_fn(
        lambda block: tf.matmul(weights, tf.cast(block, weights.dtype)),
        turned,
        fn_output_signature=weights.dtype,
    )
    side_by_side = tf.reshape(tf.transpose(products, (1, 0, 2)), (weights.shape[0], -1))
    return tf.cast(side_by_side, tf.float64)


@_compiled
def _times_turned(blocks: Tensor, weights: Tensor) -> Tensor:
    """Return the same of blocks (m, rows, d)."""
    products = tf.map_fn(
        lambda block: tf.matmul(weights, tf.cast(block, weights.dtype), transpose_b=True),
        blocks,
        fn_output_signature=weights.dtype,
    )
    side_by_side = tf.reshape(tf.transpose(products, (1, 0, 2)), (weights.shape[0], -1))
    return tf.cast(side_by_side, tf.float64)


@_compiled
def _block_times_vector(turned: Tensor, cells: Tensor) -> Tensor:
    """Return each block's (m, d, rows) product with its own vector (m, rows), shape (m, d)."""
    products = tf.map_fn(  # block by block: as one batch of products it takes five times as long
        lambda pair: tf.linalg.matvec(tf.cast(pair[0], cells.dtype), pair[1]),
        (turned, cells),
        fn_output_signature=cells.dtype,
    )
    return tf.cast(products, tf.float64)


@_compiled
def _sum_of_products(blocks: Tensor, cells: Tensor) -> Tensor:
    """Return the sum over blocks of ``cells[:, i] @ block_i``, shape (k, d)."""
    by_block = tf.transpose(cells, (1, 0, 2))

    def add(i: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        product = tf.matmul(by_block[i], tf.cast(blocks[i], cells.dtype))
        return i + 1, total + tf.cast(product, tf.float64)

    start = 0, tf.zeros((cells.shape[0], blocks.shape[2]), tf.float64)
    return tf.while_loop(lambda i, _: i < blocks.shape[0], add, start)[1]


@_compiled
def _gram(blocks: Tensor, cells: Tensor, scale: float, center: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``sum h x x'`` and ``sum h x`` in float64, of rows less a center."""

    def add(i: Tensor, square: Tensor, line: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = tf.cast(blocks[i], tf.float64) * scale - center
        weighted = x * cells[i][:, None]
        square += tf.matmul(weighted, x, transpose_a=True)
        return i + 1, square, line + tf.reduce_sum(weighted, axis=0)

    d = blocks.shape[2]
    start = 0, tf.zeros((d, d), tf.float64), tf.zeros(d, tf.float64)
    return tf.while_loop(lambda i, *_: i < blocks.shape[0], add, start)[1:]


def _wrong_side(codes: Tensor) -> Tensor:
    """Return -1 for the positive class and 1 for the negative one."""
    return tf.cast(1 - 2 * codes, tf.float64)


def _own(codes: Tensor, n_classes: int) -> Tensor:
    return tf.one_hot(codes, n_classes, axis=0, dtype=tf.float64)


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
    residual = weighted - costs * _own(codes, tf.shape(m)[0])
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
