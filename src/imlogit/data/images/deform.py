"""Images -> images of the same things, a little turned, moved, scaled and bent.

References
----------
P. Simard, D. Steinkraus and J. Platt, Best practices for convolutional neural networks applied to
visual document analysis, ICDAR 2003. G. Loosli, S. Canu and L. Bottou, Training invariant support
vector machines using selective sampling, 2007.
"""

from __future__ import annotations

import math

import numpy as np

from imlogit.arrays import Pixels, Rows
from imlogit.data.images.deform_kernels import POINTS, deform, draw_numbers
from imlogit.system.threads import Team

# Digits that a person still reads: by up to so many radians, and so much of the sides. What bends
# is the mean of some of these numbers, and so a quarter of that as a rule.
TURN, MOVE, SCALE, BEND = math.radians(12), 0.05, 0.12, 0.10
NUMBERS = 5 + 2 * POINTS**2
BLOCK = 256


def deformed_copies(images: Pixels, rows: Rows, copies: int, seed: int) -> Pixels:
    """Return each image, and so many deformed copies of it behind it.

    Parameters
    ----------
    images : ndarray of uint8, shape (n, h, w) or (n, h, w, c)
    rows : ndarray of intp, shape (n,)
        The number of each image in its source: it, the copy's and the seed decide what becomes of
        it, whatever else is deformed, and by how many threads.
    copies : int
    seed : int

    Returns
    -------
    ndarray of uint8, shape (n * (copies + 1), ...)
    """
    shape = (*images.shape[1:], 1)[:3]
    given = np.ascontiguousarray(images).reshape(len(images), *shape)
    made = np.empty((len(images), copies + 1, *shape), np.uint8)
    blocks = [*range(0, len(images), BLOCK), len(images)]

    def work(first: int, last: int) -> None:
        some = slice(blocks[first], blocks[last])
        made[some, 0] = given[some]
        numbers = np.empty((blocks[last] - blocks[first], NUMBERS))
        for copy in range(1, copies + 1):
            draw_numbers(seed, rows[some], copy, numbers)
            out = np.empty_like(given[some])
            deform(given[some], numbers, TURN, MOVE, SCALE, BEND, out)
            made[some, copy] = out

    with Team() as team:
        team.share(work, len(blocks) - 1)
    return made.reshape(-1, *images.shape[1:])
