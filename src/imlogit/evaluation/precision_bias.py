"""By how much the average precision of few rows is above that of many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.evaluation.curve_areas import areas

# Of labels that so many rows have it is next to nothing; of others, halves are drawn so often.
MANY_ROWS, DRAWS = 1000, 10
# It falls with the rows a little slower than their number grows: to this power.
POWER = 0.8


def precision_bias(labels: NDArray[np.integer], scores: Floats) -> float:
    """Return by how much the mean average precision is likely to be too large, 0 at least.

    Each row with a label counts among those that are called with it, itself included: of few the
    average precision is larger than of many. Of a mean over many labels that is soon more than
    what chance does. Halves of the rows, of each side of a label one, say how it falls.

    Parameters
    ----------
    labels : ndarray of int, shape (n, L)
        0 and 1, both of each label.
    scores : ndarray of float64, shape (n, L)
    """
    rng = np.random.default_rng(0)
    found = [_of_label(labels[:, k] == 1, scores[:, k], rng) for k in range(labels.shape[1])]
    return max(float(np.mean(found)), 0.0)


def _of_label(positive: NDArray[np.bool_], scores: Floats, rng: np.random.Generator) -> float:
    sides = np.flatnonzero(positive), np.flatnonzero(~positive)
    if not 2 <= len(sides[0]) < MANY_ROWS:
        return 0.0
    kept = (len(sides[0]) // 2) / len(sides[0])
    sizes = [max(round(len(side) * kept), 1) for side in sides]
    halves = []
    for _ in range(DRAWS):
        some = np.concatenate(
            [rng.choice(side, size, replace=False) for side, size in zip(sides, sizes, strict=True)]
        )
        halves.append(areas(positive[some], scores[some])[1])
    more = float(np.mean(halves)) - areas(positive, scores)[1]
    return more / (kept**-POWER - 1)
