"""The step `patches` in whole numbers, which any program multiplies and adds up exactly."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats

# Added to a place's variance, in squared grey levels of 0..255: less contrast is noise.
CONTRAST = 10.0
# What a filter's whole numbers add up to in size at most: half of them of either sign, no partial
# sum of their products with bytes reaches 2**24. A longer patch would leave too little to each.
MOST_TOTAL = 2**17
MOST_LENGTH = 2**15
# Responses are whole multiples of 2**-14, or more where their sums would not be int32.
MOST_BITS, MOST_SUM = 14, 2**31


class Whole(NamedTuple):
    """What is multiplied, compared and added up: whole numbers, but for the last three.

    Attributes
    ----------
    filters : ndarray of float32, shape (F, values)
        Each adds up to 0, so that a patch's mean does not matter.
    offsets : ndarray of int32, shape (F,)
    threshold : int
    per_one : float
        A response of 1 is so many units.
    unit, added : float
        A filter's product with a patch is ``unit / sqrt(spread + added)`` units, where the spread
        is the patch's variance times the square of how many values it has.
    """

    filters: NDArray[np.float32]
    offsets: NDArray[np.int32]
    threshold: int
    per_one: float
    unit: float
    added: float


def whole_numbers(
    filters: NDArray[np.float32], offsets: NDArray[np.float32], threshold: float, n_places: int
) -> Whole:
    """Return filters, offsets and threshold in whole numbers, the same on any machine.

    Parameters
    ----------
    filters : ndarray of float32, shape (F, values)
        Of normalised patches.
    offsets : ndarray of float32, shape (F,)
    threshold : float
    n_places : int
        As many responses are added up at most.
    """
    length = filters.shape[1]
    found, per_filter = _whole_filters(filters.astype(np.float64))
    shifts = offsets.astype(np.float64)
    # a normalised patch is at most as long as the root of how many values it has
    most = math.sqrt(np.square(found).sum(axis=1).max() * length) / per_filter
    most += 2 * float(np.abs(shifts).max()) + threshold
    per_one = _power_of_two(min(2.0**MOST_BITS, MOST_SUM / (n_places * max(most, 1.0))))
    return Whole(
        found.astype(np.float32),
        np.rint(shifts * per_one).astype(np.int32),
        round(threshold * per_one),
        per_one,
        per_one * length / per_filter,
        CONTRAST * length**2,
    )


def _whole_filters(filters: Floats) -> tuple[Floats, float]:
    """Return filters less their means as whole numbers that add up to 0, and how many are one.

    Every step is exact, so that filters of a model file are the same numbers on any machine.
    """
    n, length = filters.shape
    sizes = np.abs(filters).sum(axis=1) + np.abs(filters.sum(axis=1))
    most = (MOST_TOTAL - 2 * length) / max(float(sizes.max()), 1e-30)
    per_filter = _power_of_two(most)
    scaled = filters * per_filter
    found = np.rint(scaled)
    excess = found.sum(axis=1)
    each = np.floor(excess / length)
    # what is left over is taken from those that were rounded up most
    order = np.argsort(scaled - found, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(length), (n, length)), axis=1)
    found -= each[:, None] + (ranks < (excess - each * length)[:, None])
    return found, per_filter


def _power_of_two(most: float) -> float:
    return math.ldexp(1.0, math.frexp(most)[1] - 1)
