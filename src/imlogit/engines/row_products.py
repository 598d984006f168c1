"""Products of rows with each other, for problems of fewer rows than features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats

Floating = NDArray[np.floating]

# Bytes less this are within 128, and sums of 1,024 products of two of them within 2^24: exact in
# float32, in any order.
MIDDLE, EXACT_TERMS = 128.0, 1024


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
