"""Doubtful labels, found by models that did not see them: confident learning."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.errors import DataError


class Doubts(NamedTuple):
    """Labelled images, the most doubtful label first.

    Attributes
    ----------
    rows : ndarray of intp, shape (n,)
        Images that were held out by some model, as rows of the probabilities.
    given : ndarray of intp, shape (n,)
        The class of the label.
    likely : ndarray of intp, shape (n,)
        The most probable other class.
    confidence : ndarray of float64, shape (n,)
        The given class's probability, by which the rows are ranked.
    margin : ndarray of float64, shape (n,)
        That less the likely class's probability, from -1 to 1.
    confident : ndarray of bool, shape (n,)
        Whether confident learning counts the label as wrong.
    """

    rows: NDArray[np.intp]
    given: NDArray[np.intp]
    likely: NDArray[np.intp]
    confidence: Floats
    margin: Floats
    confident: NDArray[np.bool_]


def find_doubts(codes: NDArray[np.integer], probabilities: Floats) -> Doubts:
    """Rank labels by how little out-of-fold probabilities support them.

    An image counts as wrongly labelled where, of the classes that are at least as probable as on
    average for the images that bear their label, the most probable is not the given one [1]_. The
    ranking is by the
    given label's own probability, the reference's self-confidence.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Given classes.
    probabilities : ndarray of float64, shape (n, n_classes)
        Out-of-fold; rows of nan were not held out and are left out.

    Raises
    ------
    DataError
        For lengths that differ, or where no image was held out.

    References
    ----------
    .. [1] C. G. Northcutt, L. Jiang, I. L. Chuang, Confident learning: estimating uncertainty in
       dataset labels, Journal of Artificial Intelligence Research 70 (2021).
    """
    if len(codes) != len(probabilities):
        raise DataError(f"{len(codes)} labels for {len(probabilities)} rows of probabilities")
    rows = np.flatnonzero(~np.isnan(probabilities).any(axis=1))
    if not rows.size:
        raise DataError("no image was held out: there is nothing to doubt labels by")
    given, p = np.asarray(codes[rows], dtype=np.intp), probabilities[rows]
    each = np.arange(len(rows))
    others = p.copy()
    others[each, given] = -1
    likely = others.argmax(axis=1)
    margin = p[each, given] - p[each, likely]
    confident = _confidently_other(given, p)
    order = np.argsort(p[each, given], kind="stable")
    return Doubts(
        rows[order],
        given[order],
        likely[order],
        p[each, given][order],
        margin[order],
        confident[order],
    )


def _confidently_other(given: NDArray[np.intp], p: Floats) -> NDArray[np.bool_]:
    """Return where the most probable of the classes over their own thresholds is another."""
    n_classes = p.shape[1]
    count = np.bincount(given, minlength=n_classes)
    own = np.bincount(given, weights=p[np.arange(len(p)), given], minlength=n_classes)
    usual = np.divide(own, count, out=np.full(n_classes, np.inf), where=count > 0)
    over = np.where(p >= usual, p, -1)
    most = over.argmax(axis=1)
    confident: NDArray[np.bool_] = (over.max(axis=1) >= 0) & (most != given)
    return confident
