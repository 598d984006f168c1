"""The logistic loss and its derivatives, element by element, without overflow.

With ``m`` the signed margin (positive: classified right) and ``a = 1 / (1 + exp(m))`` the dual
variable ``|y - p|``, the loss is ``log(1 + exp(-m))``, its derivative in ``m`` is ``-a`` and its
second derivative ``a (1 - a)``.
"""

from __future__ import annotations

import numpy as np

from imlogit.core.columns import Floats


def logistic(m: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the loss, the dual and the curvature at signed margins ``m``."""
    small = np.exp(-np.abs(m))  # at most 1, whatever the sign of m
    share = 1.0 / (1.0 + small)
    loss = np.log1p(small) - np.minimum(m, 0.0)
    dual = np.where(m >= 0, small, 1.0) * share
    return loss, dual, small * share * share


def divergence(m: Floats, shrink: Floats) -> Floats:
    """Return ``KL(q || p)`` where ``q`` has the dual ``shrink * a``, at signed margins ``m``.

    ``s a log(s) + (1 - s a) log(1 + (1 - s) exp(-m))`` with ``a`` the dual at ``m``: no
    difference of nearly equal probabilities is taken.
    """
    _, dual, _ = logistic(m)
    with np.errstate(divide="ignore"):
        log_s, log_t = np.log(shrink), np.log1p(-shrink)
    kept = shrink * dual
    return np.where(kept > 0, kept * np.maximum(log_s, -745.0), 0.0) + (1.0 - kept) * np.logaddexp(
        0.0, log_t - m
    )
