"""The end of small problems: Newton steps on the exact Hessian, down to rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imlogit.arrays import Floats
from imlogit.core.descent import Batch, Descent
from imlogit.core.preconditioner import factor_gram

# A step that leaves more than this share of the distance found nothing but rounding.
STILL_WORTH = 0.5


def polish(batch: Batch, descents: Sequence[Descent], max_iter: int) -> None:
    """Take Newton steps until rounding errors are all that is left."""
    left = list(descents)
    while left := [d for d in left if d.iterations < max_iter and d.distance > 0]:
        before = [(d.weights, d.b, d.distance) for d in left]
        batch.advance(left, [newton_direction(batch, d) for d in left])
        batch.prove(left)
        worse = []
        going = []
        for d, (weights, b, distance) in zip(left, before, strict=True):
            if not d.distance < distance:
                d.weights, d.b = weights, b
                worse.append(d)
            elif d.distance <= STILL_WORTH * distance:
                going.append(d)
        batch.place(worse, precise=True)
        batch.measure(worse)
        left = going


def newton_direction(batch: Batch, descent: Descent) -> Floats:
    """Return the Newton direction at the current point, by the exact Hessian, shape (K, d)."""
    has_intercept = descent.regression.intercept
    # without an intercept to make up for it, another origin would be another Hessian
    center = batch.engine.center() if has_intercept else np.zeros(batch.engine.n_features)
    second, mixed, intercepts = batch.problem.gram(descent.slot, center)
    if has_intercept:
        # the softmax does not see an equal shift of all intercepts: hence the pseudo-inverse
        second = second - mixed @ np.linalg.pinv(intercepts, hermitian=True) @ mixed.T
    factor = factor_gram(second, descent.regression.penalty)
    direction: Floats = -factor.solve(descent.gradient.reshape(1, -1))
    return direction.reshape(descent.gradient.shape)
