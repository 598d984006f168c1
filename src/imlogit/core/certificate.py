"""The certificate: how far a fit is from the optimum, at most, and why it stopped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from imlogit.core.columns import Floats

REASONS = {
    "converged": "the gap reached the tolerance",
    "max_iter": "max_iter steps were taken before the gap reached the tolerance; raise max_iter",
    "rounding": "rounding errors keep the gap (with C = inf: the gradient) above the tolerance; "
    "raise tol, take a smaller C, or scale the features to comparable sizes",
    "separated": "every row is classified strictly right and C is inf, so that no optimum exists; "
    "take a finite C",
    "quasi-separated": "a direction classifies no row wrong and C is inf, so that no optimum "
    "exists; take a finite C",
    "undetermined": "the gradient vanishes, but C is inf and the data are too large to exclude "
    "quasi-separation; take a finite C for a certified optimum",
    "undefined": "one of the two classes has no row with a positive weight",
}

# From the best to the worst, for what is said of several columns together.
_ORDER = tuple(REASONS)


class Pass(NamedTuple):
    """One step of a fit, as it looked in the engine's working precision."""

    objective: float
    gap: float


@dataclass(frozen=True)
class Certificate:
    """What is proved about one fit, in float64.

    Attributes
    ----------
    status : str
        One of `REASONS`; "converged" is claimed on no other ground than the gap (with
        ``C = inf``, where there is no gap, the gradient).
    objective : float
        ``F(w, b)``, the penalised loss.
    gap : float
        The duality gap: ``F(w, b) - F* <= gap`` and ``|w - w*| <= sqrt(2 gap)``.
        nan with ``C = inf``.
    tol : float
        The relative gap that was asked for.
    iterations : int
        Steps taken over all rows.
    passes : int
        How often all rows were read: two reads a step, and what the proof needed.
    max_gradient : float
        The largest absolute entry of the gradient, the intercept's included.
    seconds : float
        Wall-clock time; never written to a file that is compared.
    history : tuple of Pass
        Objective and gap before each step.
    columns : tuple of Certificate
        Of the single columns, where this is the certificate of several together.
    """

    status: str
    objective: float
    gap: float
    tol: float
    iterations: int
    passes: int
    max_gradient: float
    seconds: float = 0.0
    history: tuple[Pass, ...] = ()
    columns: tuple[Certificate, ...] = ()

    @property
    def converged(self) -> bool:
        """Whether the tolerance was reached: by the gap or, with C = inf, by the gradient."""
        return self.status == "converged"

    @property
    def relative_gap(self) -> float:
        """The gap as a share of the objective."""
        return self.gap / self.objective if self.objective > 0 else self.gap

    @property
    def reason(self) -> str:
        """Why the fit stopped, as a sentence."""
        return REASONS[self.status]

    def to_dict(self) -> dict[str, Any]:
        """Return the plain facts without times and history, None for what is not finite."""
        names = [f.name for f in fields(self) if f.name not in ("seconds", "history", "columns")]
        facts = {name: getattr(self, name) for name in [*names, "relative_gap"]}
        return {
            name: None if isinstance(fact, float) and not math.isfinite(fact) else fact
            for name, fact in facts.items()
        }

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Certificate:
        """Return the certificate that `to_dict` described."""
        known: dict[str, Any] = {
            f.name: math.nan if facts[f.name] is None else facts[f.name]
            for f in fields(cls)
            if f.name in facts
        }
        return cls(**known)


def combine(certificates: Sequence[Certificate]) -> Certificate:
    """Return the certificate of several independent columns as one problem.

    Their objectives add up, and so do their gaps; the status is that of the worst.
    """
    if len(certificates) == 1:
        return certificates[0]
    return Certificate(
        status=max((c.status for c in certificates), key=_ORDER.index),
        objective=sum(c.objective for c in certificates),
        gap=sum(c.gap for c in certificates),
        tol=max(c.tol for c in certificates),
        iterations=max(c.iterations for c in certificates),
        passes=sum(c.passes for c in certificates),
        max_gradient=max(c.max_gradient for c in certificates),
        seconds=sum(c.seconds for c in certificates),
        columns=tuple(certificates),
    )


def feasible_shrink(residual: Floats, intercept: bool) -> Floats:
    """Return the factors that make the duals feasible.

    The intercept is not penalised, so feasible duals have the same sum over the negative and
    the positive rows. The heavier side is shrunk; at the intercept's minimum both factors are 1.

    Parameters
    ----------
    residual : ndarray of float64, shape (k, 2)
        The sums of ``cost * |y - p|`` of each side, as in `imlogit.core.contract.Sums`.
    intercept : bool
        Without an intercept every dual is feasible.

    Returns
    -------
    ndarray of float64, shape (k, 2)
    """
    if not intercept:
        return np.ones_like(residual)
    lighter = residual.min(axis=1, keepdims=True)
    return np.divide(lighter, residual, out=np.ones_like(residual), where=residual > 0)
