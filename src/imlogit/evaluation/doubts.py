"""Doubtful labels, found by models that did not see them: confident learning."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.errors import DataError, ParameterError
from imlogit.system.text import nearest

# Probabilities so close are equal: no label is doubted over what rounding can do.
TIE = 1e-6
# By what labels can be ranked, as fields of `Doubts`.
TRUST = "trust"
RANKINGS = (TRUST, "margin", "confidence")
NONE_HELD_OUT = "no image was held out: there is nothing to doubt labels by"


class Doubts(NamedTuple):
    """Labelled images, the most doubtful label first.

    Attributes
    ----------
    rows : ndarray of intp, shape (n,)
        Images that were held out by some model, as rows of the probabilities.
    given : ndarray of intp, shape (n,)
        The class of the label.
    suggested : ndarray of intp, shape (n,)
        What the label should be if it is wrong: the most probable other class, given how often
        labels of each class seem to be mistaken for the given one.
    trust : ndarray of float64, shape (n,)
        How probable the label is, given the same.
    confidence : ndarray of float64, shape (n,)
        The given class's probability.
    margin : ndarray of float64, shape (n,)
        That less the suggested class's probability, from -1 to 1.
    confident : ndarray of bool, shape (n,)
        Whether confident learning counts the label as wrong.
    """

    rows: NDArray[np.intp]
    given: NDArray[np.intp]
    suggested: NDArray[np.intp]
    trust: Floats
    confidence: Floats
    margin: Floats
    confident: NDArray[np.bool_]


def find_doubts(codes: NDArray[np.integer], probabilities: Floats, ranking: str = TRUST) -> Doubts:
    """Rank labels by how little probabilities of models that did not see them support them.

    An image counts as wrongly labelled where, of the classes that are at least as probable as on
    average for the images that bear their label, the most probable is not the given one [1]_, and
    is more probable than that. These counts, given class against true class, are the reference's
    confident joint, which says how often images of each class bear each label. By Bayes' rule,
    class k is the truth behind a given label with probability proportional to p_k times the share
    of class k that bears it. What this leaves to the given label is its trust: mistakes often have
    a system, fours that were called nines, which the label's own probability, the reference's
    self-confidence, does not see.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Given classes.
    probabilities : ndarray of float64, shape (n, n_classes)
        Of models that did not see the label, such as out-of-fold; rows of nan were not held out
        and are left out.
    ranking : {"trust", "margin", "confidence"}, default="trust"
        By which of these the labels are ranked, the lowest first.

    Raises
    ------
    DataError
        For lengths that differ, or where no image was held out.
    ParameterError
        For another ranking.

    References
    ----------
    .. [1] C. G. Northcutt, L. Jiang, I. L. Chuang, Confident learning: estimating uncertainty in
       dataset labels, Journal of Artificial Intelligence Research 70 (2021).
    """
    if ranking not in RANKINGS:
        raise ParameterError(
            f"ranking={ranking!r}: give one of {', '.join(RANKINGS)}.{nearest(ranking, RANKINGS)}",
            parameter="ranking",
        )
    if len(codes) != len(probabilities):
        raise DataError(f"{len(codes)} labels for {len(probabilities)} rows of probabilities")
    rows = np.flatnonzero(~np.isnan(probabilities).any(axis=1))
    if not rows.size:
        raise DataError(NONE_HELD_OUT)
    given, p = np.asarray(codes[rows], dtype=np.intp), probabilities[rows]
    each = np.arange(len(rows))
    confident, joint = _confident_joint(given, p)
    truth = _truth(given, p, joint)
    trust = truth[each, given]
    truth[each, given] = -1
    suggested = truth.argmax(axis=1)
    own = p[each, given]
    margin = own - p[each, suggested]
    by = {"trust": trust, "margin": margin, "confidence": own}[ranking]
    order = np.argsort(by, kind="stable")
    return Doubts(
        rows[order],
        given[order],
        suggested[order],
        trust[order],
        own[order],
        margin[order],
        confident[order],
    )


def _confident_joint(
    given: NDArray[np.intp], p: Floats
) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Return which labels count as wrong, and the counts of given against true classes."""
    n_classes, each = p.shape[1], np.arange(len(p))
    count = np.bincount(given, minlength=n_classes)
    own = np.bincount(given, weights=p[each, given], minlength=n_classes)
    usual = np.divide(own, count, out=np.full(n_classes, np.inf), where=count > 0)
    over = np.where(p >= usual, p, -1)
    most = over.argmax(axis=1)
    confident: NDArray[np.bool_] = over.max(axis=1) > p[each, given] + TIE
    sure = confident | (p >= usual)[each, given]
    joint = np.zeros((n_classes, n_classes), dtype=np.intp)
    np.add.at(joint, (given[sure], np.where(confident, most, given)[sure]), 1)
    return confident, joint


def _truth(given: NDArray[np.intp], p: Floats, joint: NDArray[np.intp]) -> Floats:
    """Return how probable each class is behind the given label."""
    borne = (joint + 1) / (joint + 1).sum(axis=0)  # Laplace's rule: no mistake is impossible
    truth = p * borne[given]
    return truth / truth.sum(axis=1, keepdims=True)
