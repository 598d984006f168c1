"""The way of one regression through the pool: what it gained, and which steps it takes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from imlogit.arrays import Floats
from imlogit.core.descent import Descent
from imlogit.core.directions.schedule import Schedule
from imlogit.core.newton import Damping

# Up to so many weights the exact Hessian costs less than further steps would.
EXACT_WEIGHTS = 500
# What has not arrived after so many steps is badly conditioned: then exact ones are taken.
PATIENT_STEPS = 8
# Exact steps of so many multiplications are cheaper than the first preconditioner...
CHEAP = 1e8
# ...of so many, or of a few other steps, cheaper than what is left after steps that did not
# arrive, soon with few weights, late with many...
FAIR, FEW_STEPS, MOST_PATIENT_STEPS = 2e9, 16, 100
# ...and of so many what there is where other steps lead nowhere, as any are with few weights.
DEAR = 2e10
# Gaps above the objective after so many steps are not for these steps to close.
HOPELESS_STEPS = 30
# A fit has stalled when so many steps neither halved the gap nor lowered the objective by this
# share; the factors have been renewed several times by then.
STALLED_STEPS = 24
STALLED_DECREASE = 1e-6


@dataclass(eq=False)
class Way:
    """A regression on its way down.

    Attributes
    ----------
    place : int
        In the caller's list.
    gap : float or None
        With all that rounding may hide, where it has come down to that.
    exact : bool
        Whether steps are exact from here on, as others found nothing any more.
    best : tuple of objective, weights and intercepts, or None
        Where others had led to.
    claims : bool
        Whether it has come to an end that is yet to be proved, and takes no steps until then.
    """

    place: int
    descent: Descent
    schedule: Schedule
    began: float
    gap: float | None = None
    exact: bool = False
    best: tuple[float, Floats, Floats] | None = None
    damping: Damping = field(default_factory=Damping)
    distance: float = np.inf
    objective: float = np.inf
    idle: int = -1
    status: str = ""
    claims: bool = False

    def note_progress(self) -> None:
        """Note where the descent is, and count the steps since something was gained."""
        nearer = self.descent.distance < 0.5 * self.distance
        lower = self.descent.objective < (1 - STALLED_DECREASE) * self.objective
        self.distance = self.descent.distance if nearer else self.distance
        self.objective = self.descent.objective if lower else self.objective
        self.idle = 0 if nearer or lower else self.idle + 1

    @property
    def stalled(self) -> bool:
        """Whether nothing was gained for long."""
        return self.idle >= STALLED_STEPS

    def give_up(self) -> None:
        """Count as stalled: no step lowers the objective."""
        self.idle = STALLED_STEPS

    def begin_anew(self) -> None:
        """Forget what was gained: in float64 it may go on."""
        self.distance = self.objective = np.inf
        self.idle = -1

    @property
    def is_small(self) -> bool:
        """Whether there are few weights and intercepts."""
        return self.descent.weights.size + self.descent.b.size <= EXACT_WEIGHTS

    @property
    def price(self) -> float:
        """The multiplications of an exact step: of the Hessian, and of its factor."""
        k, d = self.descent.weights.shape
        n = len(self.descent.regression.codes)
        return k * (k + 1) / 2 * n * d**2 + (k * (d + 1)) ** 3 / 3

    @property
    def is_fair(self) -> bool:
        """Whether an exact step costs little, or no more than a few others."""
        k, d = self.descent.weights.shape
        step = 2 * len(self.descent.regression.codes) * k * d
        return self.price <= max(FAIR, FEW_STEPS * step)

    @property
    def may_be_polished(self) -> bool:
        """Whether a few exact steps at the end are next to nothing."""
        return self.is_small and self.is_fair

    @property
    def is_exact(self) -> bool:
        """Whether exact steps are cheap, or all that is left."""
        steps = self.descent.iterations
        if self.is_small:
            return self.exact or self.price <= CHEAP or (steps >= PATIENT_STEPS and self.is_fair)
        return self.exact or (steps >= MOST_PATIENT_STEPS and self.is_fair)

    @property
    def may_yet_be_exact(self) -> bool:
        """Whether exact steps from the base rate are within reach, and were not taken."""
        return (self.is_small or self.price <= DEAR) and not self.exact

    @property
    def is_hopeless(self) -> bool:
        """Whether so many steps have not come near the optimum that others are called for."""
        slow = self.descent.iterations >= HOPELESS_STEPS
        return slow and self.descent.distance > self.descent.objective and self.may_yet_be_exact
