"""Otsu's threshold: grey levels split in two."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def split_levels(levels: NDArray[Any]) -> tuple[int, float]:
    """Split grey levels into a dark and a bright part, whose means differ most.

    Parameters
    ----------
    levels : ndarray, any shape
        From 0 to 255; fractions are cut off.

    Returns
    -------
    threshold : int
        The last of the dark levels; of equally good ones the first.
    explained : float
        The share of the variance that is between the parts, from 0 to 1; 0 for a single level.

    References
    ----------
    N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on
    Systems, Man, and Cybernetics 9 (1979), 62-66.
    """
    values = np.arange(256)
    counts = np.bincount(levels.astype(np.intp).ravel(), minlength=256)
    below, mass = counts.cumsum(), (counts * values).cumsum()
    n, total = levels.size, mass[-1]
    # in whole numbers, so that what is nothing is exactly 0
    between = (total * below - n * mass).astype(float) ** 2
    spread = (below * (n - below)).astype(float) * float(n * (counts @ values**2) - total**2)
    explained = np.divide(between, spread, out=np.zeros(256), where=spread > 0)
    best = int(explained.argmax())
    return best, float(explained[best])
