"""Which images are far brighter or darker than all others, whatever the others' spread is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats

# Sets whose tails are exponential, or lighter on some scale, raise an alarm this rarely...
SIGNIFICANCE = 5e-3
# ...and an image stands apart in its own class, too, where all others of a class may be bright.
SIGNIFICANCE_IN_CLASS = 0.05
# The images next to those that stand apart, and at most this share of all, say how wide gaps are.
NEIGHBOURS, NEIGHBOUR_SHARE = 20, 0.25
FEWEST_NEIGHBOURS = 2
# More images than the root of their number over this are a group, not single odd ones.
ROOT_SHARE = 6
# Gaps below this many grey levels are none, however alike the other images are.
LEAST_GAP = 0.25
DARKEST, BRIGHTEST = 0, 255


def stand_apart(mean: Floats, labels: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which images stand apart in brightness, from all images and from their class.

    Parameters
    ----------
    mean : ndarray of float64, shape (n,)
        The images' mean grey levels.
    labels : ndarray of intp, shape (n,)
        Their classes: a class of few images that is brighter than the others is no fault.
    """
    apart = isolation(mean, _most(len(mean))) <= SIGNIFICANCE
    for code in np.unique(labels[apart]):
        own = labels == code
        most = max(_most(int(own.sum())), int(apart[own].sum()))
        apart[own] &= isolation(mean[own], most) <= SIGNIFICANCE_IN_CLASS
    return apart


def isolation(mean: Floats, most: int) -> Floats:
    """Return how probable so large a gap is between an image, or a few, and all others.

    The spacings of the largest values of an exponential sample, times their ranks, are as many
    independent draws of one exponential variable [1]_: the gap is compared with its neighbours by
    an F test of 2 and 2 r degrees of freedom. Brightness has no such tail on every scale: the
    gap is to be large in grey levels, in the logarithm of brightness and in that of darkness, of
    which skewed, log-normal and bimodal sets have at least one with tails as light.

    Parameters
    ----------
    mean : ndarray of float64, shape (n,)
    most : int
        How many images at either end may stand apart together.

    Returns
    -------
    p : ndarray of float64, shape (n,)
        Corrected for both ends, and for every number of images together.

    References
    ----------
    .. [1] A. Renyi, On the theory of order statistics, Acta Mathematica Hungarica 4 (1953).
    """
    p = np.ones(len(mean))
    for sign in (1, -1):
        order = np.argsort(-sign * mean, kind="stable")
        ends = mean[order[: most + NEIGHBOURS + 1]]
        scales = (
            (sign * ends, LEAST_GAP),
            (sign * np.log1p(ends - DARKEST), 0.0),
            (-sign * np.log1p(BRIGHTEST - ends), 0.0),
        )
        so_far = 1.0
        for k in range(min(most, len(mean) - 1), 0, -1):
            neighbours = min(NEIGHBOURS, int(NEIGHBOUR_SHARE * len(mean)), len(mean) - k - 1)
            if neighbours < FEWEST_NEIGHBOURS:
                continue
            chance = max(chance_of_gap(ends, k, neighbours, least) for ends, least in scales)
            so_far = min(so_far, 2 * k * (k + 1) * chance)  # 1 / (k (k + 1)) adds up to 1
            p[order[k - 1]] = min(p[order[k - 1]], so_far)
    return p


def chance_of_gap(values: Floats, k: int, neighbours: int, least: float = 0.0) -> float:
    """Return how probable so large a gap is below the k largest values of an exponential tail.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        From the largest on, at least k + neighbours + 1.
    k, neighbours : int
    least : float
        The usual spacing, times its rank, is taken for no less.
    """
    ranks = np.arange(k, k + neighbours + 1)
    spacings = ranks * (values[k - 1 : k + neighbours] - values[k : k + neighbours + 1])
    usual = max(float(spacings[1:].mean()), least)
    if spacings[0] == 0:
        return 1.0
    ratio = float(spacings[0]) / usual if usual > 0 else math.inf
    return float((1 + ratio / neighbours) ** -neighbours)


def _most(n: int) -> int:
    return max(1, math.isqrt(n) // ROOT_SHARE)
