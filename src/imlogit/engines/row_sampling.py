"""Drawing rows in proportion to their curvature, which all local engines share."""

from __future__ import annotations

import numpy as np

from imlogit.arrays import Floats, Rows


def sample_rows(curvature: Floats, positions: Floats) -> tuple[Rows, Floats]:
    """Return the rows that hold ``positions`` of the curvature's running total, and weights.

    See `imlogit.core.contract.Problem.draw`.
    """
    if positions.size >= curvature.size:
        return np.arange(curvature.size), curvature
    running = np.cumsum(curvature)
    rows = np.searchsorted(running, positions * running[-1], side="right")
    weights = np.full(positions.size, running[-1] / positions.size)
    return np.minimum(rows, curvature.size - 1), weights
