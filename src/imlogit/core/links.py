"""Links: from margins to probabilities, and from either to labels."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax

from imlogit.arrays import Floats, Rows

SIGMOID, SOFTMAX, ONE_VS_REST = "sigmoid", "softmax", "one-vs-rest"
# Of labels of which a row has any number: a sigmoid each.
INDEPENDENT = "independent"


def link_of(n_columns: int, multi_class: str) -> str:
    """Return the link of a model with so many weight vectors.

    Parameters
    ----------
    n_columns : int
        1 for two classes, else one for each class.
    multi_class : {"multinomial", "ovr"}
    """
    if n_columns == 1:
        return SIGMOID
    return SOFTMAX if multi_class == "multinomial" else ONE_VS_REST


def probabilities(margins: Floats, link: str) -> Floats:
    """Return the probability of each class, shape (n, n_classes).

    Parameters
    ----------
    margins : ndarray of float64, shape (n, 1) for two classes, or (n, n_classes)
    link : {"sigmoid", "softmax", "one-vs-rest", "independent"}
        One against the rest: each class's probability against the rest, made to add up to 1.
        Independent: that of each label, whatever the others are.
    """
    if link == INDEPENDENT:
        each: Floats = expit(margins)
        return each
    if link == SIGMOID:
        return np.concatenate([expit(-margins), expit(margins)], axis=1)
    if link == SOFTMAX:
        return softmax(margins, axis=1)
    # in logarithms, so that a row far from every class does not become 0 / 0
    logs = log_expit(margins)
    shares = np.exp(logs - logs.max(axis=1, keepdims=True))
    total: Floats = shares / shares.sum(axis=1, keepdims=True)
    return total


def log_probabilities(margins: Floats, link: str) -> Floats:
    """Return the logarithm of the probability of each class, shape (n, n_classes)."""
    if link == SIGMOID:
        return np.concatenate([log_expit(-margins), log_expit(margins)], axis=1)
    if link == SOFTMAX:
        return log_softmax(margins, axis=1)
    logs: Floats = log_softmax(log_expit(margins), axis=1)
    return logs


def codes_of_margins(margins: Floats, threshold: float | None = None) -> Rows:
    """Return the code of each row's label: the class of the largest margin, the first of equals.

    Parameters
    ----------
    margins : ndarray of float64, shape (n, 1) for two classes, or (n, n_classes)
    threshold : float, optional
        For two classes: the second, from this probability of it on.
    """
    if margins.shape[1] > 1:
        best: Rows = margins.argmax(axis=1)
        return best
    second = margins[:, 0] > 0 if threshold is None else expit(margins[:, 0]) >= threshold
    return second.astype(np.intp)


def codes_of_probabilities(probabilities: Floats, threshold: float | None = None) -> Rows:
    """Return the code of each row's label: the most probable class, the first of equals.

    Parameters
    ----------
    probabilities : ndarray of float64, shape (n, n_classes)
    threshold : float, optional
        For two classes: the second, from this probability of it on.
    """
    if threshold is not None:
        return (probabilities[:, 1] >= threshold).astype(np.intp)
    best: Rows = probabilities.argmax(axis=1)
    return best


def labels_of_margins(margins: Floats) -> Rows:
    """Return which labels each row has, 0 or 1: those that are more probable than not."""
    return (margins > 0).astype(np.intp)
