"""Regressions for the solver, and one of them solved."""

from dataclasses import replace

import numpy as np

from imlogit.core.regression import regression
from imlogit.core.solution import Settings
from imlogit.core.solver import solve
from imlogit.engines.table import open_engine

from helpers.known_problems import overlapping


def fit(name, x, y, C=1.0, weights=None, *, intercept=True, scale=1.0, **how):
    """Solve one regression; of two classes the weights are (d,) and the intercept a number."""
    codes = np.asarray(y).astype(int)
    weights = np.ones(len(codes)) if weights is None else np.asarray(weights, dtype=float)
    one = regression(codes, codes.max() + 1, weights, C, intercept=intercept)
    with open_engine(name, np.asarray(x), scale) as engine:
        (found,) = solve(engine, [one], Settings(**how))
    if one.n_columns > 1:
        return found
    return replace(found, weights=found.weights[0], intercept=found.intercept[0])


def several(rng, n_regressions, n=300, d=5, C=1.0):
    """Features, and regressions with labels and row weights of their own."""
    x, _ = overlapping(rng, n, d)
    codes = [(rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))).astype(int) for _ in range(n_regressions)]
    return x, [regression(c, 2, rng.integers(0, 3, n) * 1.0, C) for c in codes]
