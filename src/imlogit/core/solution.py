"""What a caller asks of the solver, what it hears on the way, and what it gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imlogit.arrays import Floats
from imlogit.core.certificate import Certificate

if TYPE_CHECKING:
    from imlogit.core.directions.schedule import Preconditioning
    from imlogit.core.starts.start import Start


class Progress(NamedTuple):
    """How far the work has come.

    Attributes
    ----------
    done, total : int
        Columns that are finished, and in all.
    gap : float
        The worst relative gap of the columns that are being fitted.
    passes : int
        How often all rows were read, for whatever number of columns.
    plan : str
        How the fits stay within their memory.
    """

    done: int
    total: int
    gap: float
    passes: int
    plan: str


Observer = Callable[[Progress], None]
# Given what tells where each regression is, None for those of which nothing is known yet.
Keeper = Callable[[Callable[[], "list[Start | None]"]], None]


@dataclass(frozen=True, eq=False)
class Solution:
    """One regression's weights, with the proof of how good they are.

    Attributes
    ----------
    weights : ndarray of float64, shape (K, d)
    intercept : ndarray of float64, shape (K,)
    certificate : Certificate
    margins : ndarray of float64, shape (m, K), or None
        Of the rows that were asked for, intercepts included.
    preconditioner : Preconditioner or SharedFactor or None
        What the last steps took, if `Settings.hand_on` asks for it.
    """

    weights: Floats
    intercept: Floats
    certificate: Certificate
    margins: Floats | None = None
    preconditioner: Preconditioning | None = None

    @classmethod
    def undefined(cls, n_columns: int, n_features: int, tol: float) -> Solution:
        """Return what there is to say where a class has no row with a positive cost."""
        nan = float("nan")
        nothing = Certificate("undefined", nan, nan, tol, 0, 0, nan)
        return cls(np.full((n_columns, n_features), nan), np.full(n_columns, nan), nothing)


@dataclass(frozen=True)
class Settings:
    """What the caller asks of a solution.

    Attributes
    ----------
    tol : float
        Relative gap.
    max_iter : int
        Steps.
    seed : int
        Of the draws.
    memory_limit : int or None
        What fits may hold beside the features, in bytes; by default the largest of 512 MB, half of
        what these take, and what one fit needs.
    hand_on : bool
        Whether solutions keep their preconditioner, for a later call that starts from them.
    """

    tol: float = 1e-6
    max_iter: int = 200
    seed: int = 0
    memory_limit: int | None = None
    hand_on: bool = False
