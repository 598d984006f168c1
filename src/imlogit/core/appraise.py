"""How far given weights are from the optimum, whoever fitted them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from imlogit.arrays import Floats
from imlogit.core.contract import Engine
from imlogit.core.descent import Batch, Descent
from imlogit.core.regression import Regression
from imlogit.core.soft import open_problem


class Appraisal(NamedTuple):
    """What weights reach.

    Attributes
    ----------
    objective : float
    gap : float
        A bound on how far that is above the minimum.
    """

    objective: float
    gap: float


def appraise(engine: Engine, regression: Regression, weights: Floats, b: Floats) -> Appraisal:
    """Return the objective at given weights and intercepts, and its duality gap, in float64.

    Parameters
    ----------
    engine : Engine
    regression : Regression
        With a penalty.
    weights : ndarray of float64, shape (K, d)
    b : ndarray of float64, shape (K,)
        What is lost by intercepts off their minimum is part of the gap.
    """
    problem = open_problem(engine, 1, regression)
    problem.admit(0, regression)
    batch = Batch(engine, problem)
    descent = Descent(regression, 0, weights, b)
    with np.errstate(over="ignore", invalid="ignore"):
        batch.place([descent], precise=True)
        objective = descent.objective
        batch.prove([descent])
    return Appraisal(objective, descent.gap + max(0.0, objective - descent.objective))
