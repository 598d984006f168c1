"""The losses and their derivatives, row by row, without overflow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats

# What scikit-learn's log loss takes a probability of 0 for.
_ROUNDING = float(np.finfo(np.float64).eps)
# log(1 / the smallest double): what stands for the logarithm of 0.
_LARGEST_LOG = 745.0


def logistic(m: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the loss, the dual and the curvature at signed margins ``m``.

    With ``m`` the signed margin (positive: classified right) and ``a = 1 / (1 + exp(m))`` the dual
    variable ``|y - p|``, the loss is ``log(1 + exp(-m))``, its derivative in ``m`` is ``-a`` and
    its second derivative ``a (1 - a)``.
    """
    small = np.exp(-np.abs(m))  # at most 1, whatever the sign of m
    share = 1.0 / (1.0 + small)
    loss = np.log1p(small) - np.minimum(m, 0.0)
    dual = np.where(m >= 0, small, 1.0) * share
    return loss, dual, small * share * share


def softmax(m: Floats, codes: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """Return the loss (n,) and the probabilities (K, n) at margins ``m`` (K, n)."""
    largest = m.argmax(axis=0)[None]
    top = np.take_along_axis(m, largest, axis=0)
    shares = np.exp(m - top)
    # without the largest, which is 1 and would swallow the others' digits
    others = shares.copy()
    np.put_along_axis(others, largest, 0.0, axis=0)
    total = others.sum(axis=0)
    own = np.take_along_axis(m, codes[None].astype(np.intp), axis=0)
    return np.log1p(total) + (top - own)[0], shares / (1.0 + total)


def softmax_residual(p: Floats, own: NDArray[np.bool_]) -> Floats:
    """Return ``p - own`` (K, n) for probabilities ``p`` that add up to 1 over the classes.

    The true class's is minus the sum of the others: of ``p - 1`` no digit is left where ``p`` is
    nearly 1, and the gradient of a separated problem consists of such rows.
    """
    others = np.where(own, 0.0, p)
    return np.where(own, -others.sum(axis=0), others)


def logistic_divergence(m: Floats, shrink: Floats) -> Floats:
    """Return ``KL(q || p)`` where ``q`` has the dual ``shrink * a``, at signed margins ``m``.

    ``s a log(s) + (1 - s a) log(1 + (1 - s) exp(-m))`` with ``a`` the dual at ``m``: no
    difference of nearly equal probabilities is taken.
    """
    _, dual, _ = logistic(m)
    with np.errstate(divide="ignore"):
        log_s, log_t = np.log(shrink), np.log1p(-shrink)
    kept = shrink * dual
    return np.where(kept > 0, kept * np.maximum(log_s, -_LARGEST_LOG), 0.0) + (
        1.0 - kept
    ) * np.logaddexp(0.0, log_t - m)


def softmax_divergence(m: Floats, toward: Floats, share: float) -> tuple[Floats, Floats]:
    """Return ``q = (1 - share) p + share u`` (K, n) and ``KL(q || p)`` (n,).

    ``m`` are margins (K, n), ``toward`` is ``u`` (K,). The logarithm of
    ``q / p`` is taken from margins, so that probabilities that underflow do not divide.
    """
    top = m.max(axis=0)
    log_p = m - (top + np.log(np.exp(m - top).sum(axis=0)))
    with np.errstate(divide="ignore"):
        log_u = np.log(share * toward)[:, None]
    ratio = np.logaddexp(np.log1p(-share) if share < 1 else -np.inf, log_u - log_p)
    q = (1.0 - share) * np.exp(log_p) + share * toward[:, None]
    return q, (q * np.where(q > 0, ratio, 0.0)).sum(axis=0)


def log_losses(p: Floats) -> Floats:
    """Return each row's log loss by the probability of its class: as scikit-learn, 36 for 0."""
    losses: Floats = -np.log(p.clip(_ROUNDING, 1 - _ROUNDING))
    return losses
