"""Products of rows with each other and of features, and the sums of squares of both."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.engines import numba_kernels as kernels
from imlogit.engines.matrix import Matrix
from imlogit.system.threads import Team

if TYPE_CHECKING:
    from imlogit.engines.numba_cpu import NumbaEngine

Floating = NDArray[np.floating]

# Bytes less this are within 128, and sums of 1,024 products of two of them within 2^24: exact in
# float32, in any order.
MIDDLE, EXACT_TERMS = 128.0, 1024
# The least rows of one piece of a Gram matrix of features, and how many pieces there may be.
GRAM_ROWS, MOST_PIECES = 512, 16
# Rows whose products with each other are taken at a time, as float64.
PRODUCT_BYTES = 32_000_000


def products_of_rows(
    matrix: Matrix, scale: float, center: Floats, team: Team
) -> tuple[Floats, bool]:
    """Return the products of all rows with each other (n, n), block by block.

    Of bytes they are exact, and of the rows as they are, not less the center: then true is returned
    beside them. Sums of so few products of so small whole numbers have no rounding in float32.
    """
    exact = matrix.dtype == np.uint8
    real = np.float32 if exact else np.float64
    n, d = matrix.shape
    borders = [*range(0, n, max(1, PRODUCT_BYTES // (8 * max(d, 1)))), n]
    blocks = list(pairwise(borders))
    pairs = [(one, other) for k, one in enumerate(blocks) for other in blocks[: k + 1]]
    found = np.empty((n, n))

    def work(first: int, last: int) -> None:
        for one, other in pairs[first:last]:
            a, b = slice(*one), slice(*other)
            left, right = (matrix.cast(*rows, real) for rows in (one, other))
            if exact:
                found[a, b] = products_of_bytes(left, right)
            else:
                found[a, b] = (left * scale - center) @ (right * scale - center).T
            found[b, a] = found[a, b].T

    team.share(work, len(pairs))
    if exact:
        found *= scale**2
    return found, exact


def products_of_bytes(one: Floating, other: Floating) -> Floats:
    """Return the products of rows of bytes, held as float32 (m, d) and (l, d), exactly."""
    d = one.shape[1]
    sums = one.sum(axis=1, dtype=np.float64)[:, None] + other.sum(axis=1, dtype=np.float64)
    found = MIDDLE * sums - MIDDLE**2 * d
    one, other = one - MIDDLE, other - MIDDLE
    for start in range(0, d, EXACT_TERMS):
        terms = slice(start, start + EXACT_TERMS)
        found += one[:, terms] @ other[:, terms].T
    return found


def move_origin(products: Floats, with_center: Floats, of_center: float) -> None:
    """Turn products of rows (n, n) into those of rows less a center, in place.

    Parameters
    ----------
    products : ndarray of float64, shape (n, n)
    with_center : ndarray of float64, shape (n,)
        The products of the rows with the center.
    of_center : float
        Its product with itself.
    """
    products -= with_center
    products -= (with_center - of_center)[:, None]


def crossproduct(rows: Floating, team: Team, *, precise: bool) -> Floating:
    """Return ``rows.T @ rows``, added up piece by piece in order.

    ``precise`` says that pieces are cast to float64 before.
    """
    real = np.float64 if precise else rows.dtype
    # fewer pieces where each is large
    size = max(GRAM_ROWS, rows.shape[1] // 2, -(-len(rows) // MOST_PIECES))
    starts = range(0, max(len(rows), 1), size)
    pieces: list[Floating] = [np.empty(0)] * len(starts)

    def work(first: int, last: int) -> None:
        for piece in range(first, last):
            part = rows[starts[piece] : starts[piece] + size].astype(real, copy=False)
            # NumPy sees that it is symmetric, and unlike SciPy's wrappers lets threads run
            pieces[piece] = part.T @ part

    team.share(work, len(starts))
    total = pieces[0]
    for piece in pieces[1:]:
        total += piece
    return total


def lane_squares(
    engine: NumbaEngine, center: Floats, shares: Floats, real: type[np.floating]
) -> Floats:
    """Return each feature's sum of squares about a center in each lane, (lanes, d).

    Parameters
    ----------
    engine : NumbaEngine
    center : ndarray of float64, shape (d,)
    shares : ndarray of float64, shape (n,)
        How much of each row.
    real : type
        The precision on the way.
    """
    out = np.zeros((len(engine.lanes) - 1, engine.n_features))
    given = np.asarray(center / engine.scale, real)

    def work(first: int, last: int) -> None:
        buffer = np.empty_like(given)
        if engine.x is not None:
            state = shares, given, buffer
            kernels.column_squares(engine.x, engine.lanes, *state, first, last, out)
            return
        for lane in range(first, last):
            for rows, block in engine.blocks(lane, lane + 1, real):
                state = shares[rows], given, buffer
                kernels.column_squares(block, lane_of(block), *state, 0, 1, out[lane : lane + 1])

    with engine.ahead:
        engine.team.share(work, len(out))
    return out * engine.scale**2


def squares_apart(
    engine: NumbaEngine, center: Floats, unit: Floats, real: type[np.floating]
) -> Floats:
    """Return each row's squared distance from a center, features times ``unit`` (d,), (n,)."""
    out = np.empty(engine.n_rows)
    given = np.asarray(center / engine.scale, real), np.asarray(unit * engine.scale, real)

    def work(first: int, last: int) -> None:
        if engine.x is not None:
            kernels.row_squares(engine.x, engine.lanes, *given, first, last, out)
            return
        for rows, block in engine.blocks(first, last, real):
            kernels.row_squares(block, lane_of(block), *given, 0, 1, out[rows])

    with engine.ahead:
        engine.team.share(work, len(engine.lanes) - 1)
    return out


def lane_of(block: NDArray[Any]) -> NDArray[np.int64]:
    """Return the borders of the one lane that a block is."""
    return np.array([0, len(block)], dtype=np.int64)
