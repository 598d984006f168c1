"""The certificate: how far a fit is from the optimum, at most, and why it stopped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from imlogit.arrays import Floats
from imlogit.system.summarized import NotebookTable, Summarized

REASONS = {
    "converged": "the gap reached the tolerance",
    "max_iter": "max_iter steps were taken before the gap reached the tolerance; raise max_iter",
    "rounding": "rounding errors keep the gap (with C = inf: the gradient) above the tolerance; "
    "raise tol, take a smaller C, or scale the features to comparable sizes",
    "separated": "the classes can be told apart without an error and C is inf, so that no optimum "
    "exists; take a finite C",
    "quasi-separated": "a direction classifies no row wrong and C is inf, so that no optimum "
    "exists; take a finite C",
    "undetermined": "the gradient vanishes, but C is inf and quasi-separation could not be "
    "excluded, as a rule because the data are too large; take a finite C for a certified optimum",
    "interrupted": "the fit was interrupted before the gap reached the tolerance",
    "undefined": "a class has no row with a positive weight",
}

# Duals whose sums agree to this share are feasible as far as sums in float64 can tell.
BALANCED = 1e-12

# From the best to the worst, for what is said of several columns together.
_ORDER = tuple(REASONS)


class Pass(NamedTuple):
    """One step of a fit, as it looked in the engine's working precision."""

    objective: float
    gap: float


@dataclass(frozen=True, repr=False)
class Certificate(Summarized):
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
        nan with ``C = inf``. Where it comes down to rounding errors, it holds these too.
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
    plan : str
        How this fit, and those that were asked for with it, stayed within their memory.
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
    plan: str = ""
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

    @property
    def gaps(self) -> list[float]:
        """The relative gap before each step, to three digits, and what is proved in the end.

        Empty with C = inf, where there is no gap.
        """
        before = [one.gap / one.objective for one in self.history[:-1] if one.objective > 0]
        found = [*before, self.relative_gap]
        return [float(f"{gap:.2e}") for gap in found] if np.isfinite(found).all() else []

    def to_dict(self) -> dict[str, Any]:
        """Return the plain facts without times and history, None for what is not finite."""
        names = [f.name for f in fields(self) if f.name not in ("seconds", "history", "columns")]
        facts = {name: getattr(self, name) for name in [*names, "relative_gap"]}
        return {
            name: None if isinstance(fact, float) and not math.isfinite(fact) else fact
            for name, fact in facts.items()
        }

    def in_words(self) -> dict[str, str]:
        """Return what is proved as texts for people to read."""
        found = {
            "objective F": f"{self.objective:.6f}",
            "duality gap (F - F* is at most)": _written(self.gap, ".3g"),
            "relative gap": _written(self.relative_gap, ".2e"),
            "asked for": f"{self.tol:.0e}",
            "status": self.status,
            "passes over the images": str(self.passes),
        }
        return found | ({"seconds": f"{self.seconds:.2f}"} if self.seconds else {})

    def in_short(self) -> str:
        """Return why the fit stopped, as a sentence."""
        return f"{self.reason[0].upper()}{self.reason[1:]}."

    def _summary(self) -> dict[str, str]:
        return {"status": self.status, "relative gap": f"{self.relative_gap:.2e}"}

    def _notebook_tables(self) -> tuple[NotebookTable, ...]:
        rows = tuple(self.in_words().items())
        return (NotebookTable("Certificate of the fit", rows, notes=(self.in_short(),)),)

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Certificate:
        """Return the certificate that `to_dict` described."""
        known: dict[str, Any] = {
            f.name: math.nan if facts[f.name] is None else facts[f.name]
            for f in fields(cls)
            if f.name in facts
        }
        return cls(**known)


def _written(gap: float, digits: str) -> str:
    return "none" if math.isnan(gap) else f"{gap:{digits}}"


def combine(certificates: Sequence[Certificate]) -> Certificate:
    """Return the certificate of several independent columns as one problem.

    Their objectives add up, and so do their gaps; the status is that of the worst. They share
    the time and the reads of the rows.
    """
    if len(certificates) == 1:
        return certificates[0]
    return Certificate(
        status=max((c.status for c in certificates), key=_ORDER.index),
        objective=sum(c.objective for c in certificates),
        gap=sum(c.gap for c in certificates),
        tol=max(c.tol for c in certificates),
        iterations=max(c.iterations for c in certificates),
        passes=max(c.passes for c in certificates),
        max_gradient=max(c.max_gradient for c in certificates),
        seconds=max(c.seconds for c in certificates),
        plan=certificates[0].plan,
        history=_together([c.history for c in certificates]),
        columns=tuple(certificates),
    )


def _together(histories: Sequence[Sequence[Pass]]) -> tuple[Pass, ...]:
    """Return the sums before each step; who has arrived keeps what it has."""
    if not all(histories):
        return ()
    steps = range(max(map(len, histories)))
    rows = [[one[min(step, len(one) - 1)] for one in histories] for step in steps]
    return tuple(Pass(sum(p.objective for p in row), sum(p.gap for p in row)) for row in rows)


def feasible_duals(mass: Floats, class_costs: Floats, intercept: bool) -> Floats:
    """Return what makes the duals of each slot feasible.

    The intercepts are not penalised, so feasible duals add up to what the labels do:
    ``sum_i c_i q_i = sum_i c_i y_i``. With two classes the heavier side is shrunk: factors for the
    duals ``|y - p|`` of the negative and of the positive rows. With more, ``q = (1 - t) p + t u``,
    given as ``t u``, whose sum is ``t``. At the intercepts' minimum the factors are 1 and ``t`` is
    0; what is closer to that than sums in float64 are accurate counts as that.

    Parameters
    ----------
    mass : ndarray of float64, shape (a, n_classes)
        As in `imlogit.core.contract.Sums`.
    class_costs : ndarray of float64, shape (a, n_classes)
        The cost of all rows of each class.
    intercept : bool
        Without an intercept every dual is feasible.

    Returns
    -------
    ndarray of float64, shape (a, n_classes)
    """
    if mass.shape[1] == 2:
        if not intercept:
            return np.ones_like(mass)
        lighter = mass.min(axis=1, keepdims=True)
        shrink = np.divide(lighter, mass, out=np.ones_like(mass), where=mass > 0)
        return np.where(shrink > 1 - BALANCED, 1.0, shrink)
    if not intercept:
        return np.zeros_like(mass)
    kept = np.divide(class_costs, mass, out=np.ones_like(mass), where=mass > 0)
    t = np.maximum(1 - kept.min(axis=1, keepdims=True), 0.0)
    moved = np.maximum(class_costs - (1 - t) * mass, 0.0)
    moved *= t / np.maximum(moved.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return np.where(t > BALANCED, moved, 0.0)
