"""Protocols of linear probes, by the names of the papers and packages that they come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from imlogit.arrays import Floats, Labels, Rows
from imlogit.errors import DataError

# CLIP's: 1e-6 to 1e6 in steps of an eighth of a decade, looked at first every two decades.
CLIP_STEPS, CLIP_STRIDE = 96, 16


class HowChosen(StrEnum):
    """How C is found: every value of a grid, a search for its peak, or by a rule."""

    GRID = "grid"
    PEAK = "peak"
    NORM = "norm"


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """What a probe does, and what of it is printed.

    Attributes
    ----------
    name : str
    objective, grid_words, split, normalisation, metric_words : str
        What each of these means, for a person.
    choice : HowChosen
    grid : tuple of float
        Values of C, in the order in which the first of equals wins; one value is not chosen.
    scoring : {"accuracy", "neg_log_loss", "average_precision"}
        What the validation part chooses by, and what names the metric.
    share : float
        Of the training part, drawn for validation where the source has none.
    by_class : bool
        Whether that is drawn of each class, or of all rows.
    shots : tuple of int
        So many rows of each class are fitted on, drawn ``draws`` times; none: all rows, once.
    draws : int
    """

    name: str
    objective: str
    grid_words: str
    split: str
    normalisation: str = "none"
    metric_words: str = "top-1 accuracy"
    choice: HowChosen = HowChosen.GRID
    grid: tuple[float, ...] = ()
    scoring: str = "accuracy"
    share: float = 0.1
    by_class: bool = True
    shots: tuple[int, ...] = ()
    draws: int = 1

    def facts(self) -> dict[str, str]:
        """Return what it means, by what each is about."""
        return {
            "protocol": self.name,
            "objective": self.objective,
            "values of C": self.grid_words,
            "validation": self.split,
            "normalisation": self.normalisation,
            "metric": self.metric_words,
        }


def _grid(first: float, last: float, count: int) -> tuple[float, ...]:
    return tuple((10 ** np.linspace(first, last, count)).tolist())


SUM = "C times the summed log loss + 0.5 ||W||^2, the intercept free, as scikit-learn's"
DINO = "45 values, 10^linspace(-6, 5), not scaled by n; the first best wins"
PROTOCOLS = {
    one.name: one
    for one in (
        Protocol(
            name="plain",
            objective=SUM,
            grid_words="25 values from 1e-6 to 1e6; the lowest log loss wins",
            split="the source's own part, or 10% of each class; refit on both",
            metric_words="log loss chooses; top-1 accuracy and others are shown",
            grid=_grid(-6, 6, 25),
            scoring="neg_log_loss",
        ),
        Protocol(
            name="dinov2",
            objective=SUM,
            grid_words=DINO,
            split="the source's own part, or 10% drawn plainly, with NumPy's generator in the "
            "place of torch.randperm; refit on both",
            grid=_grid(-6, 5, 45),
            by_class=False,
        ),
        Protocol(
            name="dinov3",
            objective=SUM,
            grid_words=DINO,
            split="the source's own part, or 10% of each class (1% with few shots, and no refit "
            "on it); several draws of shots are averaged",
            grid=_grid(-6, 5, 45),
        ),
        Protocol(
            name="clip",
            objective=SUM,
            grid_words="binary search over 1e-6 to 1e6 in 96 steps: every two decades, then half "
            "the distance around the peak, four times",
            split="the source's own part, or 10% of each class; refit on both",
            choice=HowChosen.PEAK,
            grid=_grid(-6, 6, CLIP_STEPS + 1),
        ),
        Protocol(
            name="uni",
            objective="mean log loss + (1/C) 0.5 ||W||, the norm not squared, the intercept free",
            grid_words="one, d K / 100, of d features and K classes",
            split="none: fitted on training and validation part together",
            choice=HowChosen.NORM,
        ),
        Protocol(
            name="mteb",
            objective=SUM,
            grid_words="one, 1; MTEB stops lbfgs after 100 iterations, here the optimum is proved",
            split="none: 8 rows of each class are fitted on, drawn 10 times",
            grid=(1.0,),
            shots=(8,),
            draws=10,
        ),
    )
}


def draw_validation(
    labels: Labels, share: float, seed: int, *, by_class: bool
) -> tuple[Rows, Rows]:
    """Draw a validation part: the first of a random order, of all rows or of each class.

    Returns
    -------
    train, validation : ndarray of intp
        Both ascending.

    Raises
    ------
    DataError
        Where there are too few rows for one.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    held_out = np.zeros(len(labels), dtype=bool)
    groups = [order]
    if by_class:
        groups = [order[labels[order] == code] for code in np.unique(labels)]
    for rows in groups:
        # int() as the protocols have it; of a class one at least, where two are there
        count = int(len(rows) * share + 1e-9)
        held_out[rows[: max(count, by_class and len(rows) > 1)]] = True
    if not held_out.any():
        raise DataError(
            f"{len(labels)} training rows are too few to draw {share:.0%} of them for validation: "
            "give a part with validation=..., or folds=...",
            parameter="validation",
        )
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def draw_shots(labels: Labels, shots: int, draws: int, seed: int) -> list[Rows]:
    """Draw so many rows of each class, several times.

    Raises
    ------
    DataError
        For a class that has fewer.
    """
    counts = np.bincount(labels)
    if counts[counts > 0].min() < shots:
        raise DataError(
            f"The smallest class has {counts[counts > 0].min()} training rows: too few for "
            f"{shots} shots. Give fewer with shots=...",
            parameter="shots",
        )
    of_class = [np.flatnonzero(labels == code) for code in np.unique(labels)]
    rng = np.random.default_rng((seed, shots))
    return [
        np.sort(np.concatenate([rng.choice(rows, shots, replace=False) for rows in of_class]))
        for _ in range(draws)
    ]


def find_peak(
    n: int, score_of: Callable[[Sequence[int]], Floats], stride: int = CLIP_STRIDE
) -> dict[int, float]:
    """Search a grid of ``n`` values for its peak, halving the distance around the best so far.

    Parameters
    ----------
    n : int
    score_of : callable
        Takes places of the grid and returns their scores.
    stride : int

    Returns
    -------
    dict of int to float
        The scores of all places that were looked at; of equal ones the first is the peak.
    """
    places = list(range(0, n, stride))
    known: dict[int, float] = {}
    while True:
        known |= dict(zip(places, map(float, score_of(places)), strict=True))
        peak = best_of(known)
        if stride == 1:
            return dict(sorted(known.items()))
        stride //= 2
        places = [k for k in (peak - stride, peak + stride) if 0 <= k < n and k not in known]


def best_of(scores: dict[int, float]) -> int:
    """Return the place with the best score; of equal ones the first."""
    return min(scores, key=lambda place: (-scores[place], place))
