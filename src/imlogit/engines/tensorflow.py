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
from imlogit.core.contract import Engine, Problem
from imlogit.core.regression import n_columns_of
from imlogit.engines.matrix import Matrix
from imlogit.engines.numba_cpu import NumbaEngine
from imlogit.engines.tensorflow_problems import TensorFlowLogistic, TensorFlowSoftmax
from imlogit.errors import MemoryShortageError
from imlogit.system.extras import need

tf = need("tensorflow", "tensorflow", 'engine="tensorflow"')

Tensor = Any
# Rows that are cast to floats at a time, and fewer where the device has no room for these.
BLOCK_ROWS = 2048
FEWEST_ROWS = 64
# What the state in a slot takes for each row and column.
COLUMN_BYTES = 64


def _compiled(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    compiled: Callable[..., Tensor] = tf.function(function, jit_compile=True)
    return compiled


class TensorFlowEngine(Engine):
    """Rows in blocks on the first GPU, or in memory where there is none.

    Parameters
    ----------
    matrix : Matrix of uint8, float32 or float64, shape (n, d)
    scale : float
        What each feature is multiplied by: the weights are, before a row is read.
    """

    def __init__(self, matrix: Matrix, scale: float = 1.0) -> None:
        self.matrix, self.scale = matrix, float(scale)
        self.n_rows, self.n_features = matrix.shape
        # what is small, or decided by the values of all rows, is the processor's
        self.local = NumbaEngine(matrix, scale)
        self.context = self.local.context
        self.largest, self.working = self.local.largest, self.local.working
        gpus = _gpus()
        self.device = gpus[0] if gpus else "/CPU:0"
        # for a vector the processor reads rows of the one layout, and columns of the other
        self.both_ways = not gpus
        self.block = min(BLOCK_ROWS, max(self.n_rows, 1))
        self.blocks: Tensor = None
        self.turned: Tensor = None
        self.within_memory(lambda: self.blocks)

    def _hold(self) -> None:
        """Put the rows on the device in blocks, the last one filled up with zeros."""
        if self.blocks is not None:
            return
        n_blocks = -(-self.n_rows // self.block)
        self.padded = n_blocks * self.block
        shape = n_blocks, self.block, self.n_features
        blocks = np.zeros((self.padded, self.n_features), dtype=self.matrix.dtype)
        start = 0
        for block in self.matrix.blocks():
            blocks[start : start + len(block)] = block
            start += len(block)
        held = tf.constant(blocks.reshape(shape))
        self.turned = tf.transpose(held, (0, 2, 1)) if self.both_ways else None
        self.blocks = held

    def within_memory(self, work: Callable[[], Tensor]) -> Tensor:
        """Do some work on the device, over smaller blocks where its memory is too small.

        Raises
        ------
        MemoryShortageError
            Where the smallest blocks are too large.
        """
        while True:
            try:
                with tf.device(self.device):
                    self._hold()
                    return work()
            except tf.errors.ResourceExhaustedError as error:
                if self.block <= FEWEST_ROWS:
                    raise MemoryShortageError(
                        f"{self.device} has too little memory for {self.n_rows:,} rows of "
                        f"{self.n_features:,} features. Free some of it, or use engine='numba'.",
                        parameter="engine",
                    ) from error
                self.block = max(self.block // 2, FEWEST_ROWS)
                # let go of before smaller ones are put there
                self.blocks = self.turned = None

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

    def gram(self, curvature: Tensor, center: Floats) -> tuple[Floats, Floats, float]:
        """Return ``sum h x x'``, ``sum h x`` and ``sum h`` of ``x`` less a center, in float64."""

        def work() -> Tensor:
            cells = tf.pad(curvature, [(0, self.padded - self.n_rows)])
            of_blocks = tf.reshape(cells, (-1, self.block))
            return _gram(self.blocks, of_blocks, self.scale, tf.constant(center))

        square, line = self.within_memory(work)
        return square.numpy(), line.numpy(), float(tf.reduce_sum(curvature))

    def open(self, n_slots: int, n_classes: int) -> Problem:
        """Make room for regressions over these rows."""
        kind = TensorFlowLogistic if n_classes == 2 else TensorFlowSoftmax
        return kind(self, n_slots, n_classes)

    @property
    def n_bytes(self) -> int:
        """What the features take."""
        return self.local.n_bytes

    def slot_bytes(self, n_classes: int) -> int:
        """Return what a slot takes on the device."""
        return COLUMN_BYTES * n_columns_of(n_classes) * self.n_rows

    def take(self, rows: Rows) -> Engine:
        """Return an engine over a few of the rows, for which a device does not pay."""
        return self.local.take(rows)

    def over(self, features: NDArray[np.floating]) -> Engine:
        """Return the processor's engine: with few rows there is little to add up."""
        return self.local.over(features)

    def row_products(self, center: Floats) -> Floats:
        """Return the products of all rows less ``center`` with each other."""
        return self.local.row_products(center)

    def combine(self, shares: Floats) -> Floats:
        """Return sums of rows."""
        return self.local.combine(shares)

    def rows(self, rows: Rows, *, precise: bool) -> NDArray[np.floating]:
        """Return a few rows as floats."""
        return self.local.rows(rows, precise=precise)

    def multiply(self, weights: Floats) -> Floats:
        """Return the margins of ``weights``, shape (k, n), in float64."""
        found: Floats = self.product(weights, np.float64).numpy()
        return found

    def crossproduct(
        self, rows: NDArray[np.floating], *, precise: bool = False
    ) -> NDArray[np.floating]:
        """Return ``rows.T @ rows``."""
        rows = rows.astype(np.float64, copy=False) if precise else rows
        found: NDArray[np.floating] = self.within_memory(
            lambda: tf.matmul(rows, rows, transpose_a=True)
        ).numpy()
        return found

    def center(self) -> Floats:
        """Return the mean of evenly spaced rows."""
        return self.local.center()

    def column_squares(self, center: Floats, shares: Floats) -> Floats:
        """Return each feature's sum of squares about a center, shares of each row."""
        return self.local.column_squares(center, shares)

    def row_squares(self, center: Floats, unit: Floats) -> Floats:
        """Return each row's squared distance from a center, in units."""
        return self.local.row_squares(center, unit)


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
