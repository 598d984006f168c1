"""Centres of whitened patches, by spherical k-means.

References
----------
A. Coates and A. Y. Ng, "Learning feature representations with k-means", in Neural Networks: Tricks
of the Trade, 2012.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from imlogit.arrays import Floats

ROUNDS = 10
# So many patches are compared with all centres at a time.
BLOCK = 4096


def patch_centres(patches: Floats, first: Floats) -> Floats:
    """Return directions that many patches lie along, either way.

    Each patch belongs to the centre whose product with it is the largest in size, and weighs as
    much as that. A centre that no patch belongs to stays where it is.

    Parameters
    ----------
    patches : ndarray of float64, shape (n, d)
        Whitened.
    first : ndarray of float64, shape (k, d)
        Where the centres begin; each of unit length.

    Returns
    -------
    ndarray of float64, shape (k, d)
        Of unit length.
    """
    centres = first
    rows = patches.astype(np.float32)
    for _ in range(ROUNDS):
        sums = centres.copy()  # which damps, and keeps those that are empty
        for start in range(0, len(rows), BLOCK):
            some = rows[start : start + BLOCK]
            products = some @ centres.T.astype(np.float32)
            own = np.abs(products).argmax(axis=1)
            places = np.arange(len(some))
            shape = len(centres), len(some)
            sums += csr_array((products[places, own], (own, places)), shape) @ some
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(lengths > 0, sums, centres) / np.where(lengths > 0, lengths, 1)
    return centres
