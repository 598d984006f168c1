"""How often 95% intervals of scores hold the figure of endlessly many images.

``python -m benchmarks.coverage`` needs no data: labels are drawn from known probabilities, so that
what a figure is of endlessly many images follows from a large sample of those alone, without
drawing a label. A star marks shares outside of 93 to 97.5%, and a question mark those that two
errors of the simulation would bring inside; where some samples leave a figure
without an interval, the share that has one stands in brackets. Parts are two, ten and paired; none
means all. ``--figures`` takes some figures only, ``--sizes`` some numbers of images, and
``--quick`` takes few samples.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit, ndtri, softmax

from benchmarks.common import arguments, parse, show, table
from imlogit.evaluation.calibration import N_BINS, bins
from imlogit.evaluation.comparison import compare_probabilities
from imlogit.evaluation.scores import NAMES, score

SIZES = {20: 2000, 200: 2000, 2000: 1000, 20_000: 400, 60_000: 300}
LARGE, QUICK_LARGE, QUICK_SAMPLES, QUICK_MOST = 1_000_000, 20_000, 2, 2000
# What an interval is to hold in so many of 100 samples.
BARS = (0.93, 0.975)


class Kind(NamedTuple):
    """Images of one kind: the probability of each class, and what two models say it is."""

    n_classes: int
    offset: Any
    slope: float = 1.0
    shift: float = 0.0

    def probabilities(self, normal: Any) -> tuple[Any, Any, Any]:
        """Return the truth and both models' claims (n, n_classes) at normal deviates (n, k)."""
        margins = (2.5 if self.n_classes == 2 else 5) * normal + self.offset
        # the other model is misled by what is no signal, and less sure
        misled = 0.8 * margins + np.sin(40 * normal)
        claims = (margins, self.slope * margins + self.shift, misled)
        if self.n_classes > 2:
            return tuple(softmax(m, axis=1) for m in claims)  # type: ignore[return-value]
        second = [expit(m[:, 0]) for m in claims]
        return tuple(np.stack([1 - p, p], axis=1) for p in second)  # type: ignore[return-value]

    def draw(self, rng: Any, n: int) -> tuple[Any, Any, Any]:
        """Return labels and both models' probabilities of n images."""
        truth, *claims = self.probabilities(rng.normal(size=(n, self._columns)))
        below = truth.cumsum(axis=1)[:, :-1] < rng.random(n)[:, None]
        return below.sum(axis=1), *claims

    def large(self, n: int) -> tuple[Any, Any, Any]:
        """Return the truth and both models' claims of a large sample: of two classes, evenly."""
        if self._columns == 1:
            return self.probabilities(ndtri((np.arange(n) + 0.5) / n)[:, None])
        return self.probabilities(np.random.default_rng(1).normal(size=(n, self._columns)))

    @property
    def _columns(self) -> int:
        return 1 if self.n_classes == 2 else self.n_classes


TOO_SURE = {"slope": 1.3, "shift": 0.2}
UNEVEN = np.linspace(3, -5.5, 10)
TWO = {
    "half positive, calibrated": Kind(2, 0.0),
    "half positive, too sure": Kind(2, 0.0, **TOO_SURE),
    "10% positive, calibrated": Kind(2, -3.93),
    "10% positive, too sure": Kind(2, -3.93, **TOO_SURE),
    "2% positive, calibrated": Kind(2, -6.38),
    "2% positive, too sure": Kind(2, -6.38, **TOO_SURE),
}
TEN = {
    "ten even classes, calibrated": Kind(10, 0.0),
    "ten classes of 1% to 27%, too sure": Kind(10, UNEVEN, slope=1.3),
}


class Effort(NamedTuple):
    """How much work there is."""

    sizes: dict[int, int]
    large: int
    figures: tuple[str, ...]


def main() -> None:
    parser = arguments("coverage", PARTS)
    parser.add_argument("--figures", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--sizes", nargs="+", type=int, choices=SIZES, default=list(SIZES))
    asked = parse(parser, PARTS)
    sizes = {n: SIZES[n] for n in asked.sizes}
    if asked.quick:
        sizes = {n: QUICK_SAMPLES for n in sizes if n <= QUICK_MOST}
    effort = Effort(sizes, QUICK_LARGE if asked.quick else LARGE, tuple(asked.figures))
    for part in asked.parts:
        for found in PARTS[part](effort):
            show(found)


def scored(kinds: dict[str, Kind], effort: Effort) -> Iterator[Any]:
    """Simulate the intervals of single figures."""
    for title, kind in kinds.items():
        truth = true_figures(*kind.large(effort.large)[:2])

        def figures(codes: Any, p: Any, _: Any) -> dict[str, Any]:
            return score(codes, p, effort.figures, intervals=True).values

        yield simulated(title, kind, figures, truth, effort)


def paired(effort: Effort) -> Iterator[Any]:
    """Simulate the intervals of the differences of two models."""
    for title, kind in (TWO | TEN).items():
        q, *claims = kind.large(effort.large)
        pair = [true_figures(q, p) for p in claims]
        truth = {name: pair[1][name] - pair[0][name] for name in ("accuracy", "log_loss")}

        def figures(codes: Any, first: Any, second: Any) -> dict[str, Any]:
            found = compare_probabilities(codes, first, second)
            return {"accuracy": found.accuracy, "log_loss": found.log_loss}

        yield simulated(f"one model less another, {title}", kind, figures, truth, effort)


def simulated(
    title: str, kind: Kind, figures: Callable[..., dict[str, Any]], truth: Any, effort: Effort
) -> Any:
    """Return a table of the shares of samples whose intervals hold the truth."""
    rows: dict[str, list[str]] = {}
    by: dict[str, str] = {}
    for n, samples in effort.sizes.items():
        rng = np.random.default_rng(n)
        held, given = Counter[str](), Counter[str]()
        for _ in range(samples):
            for name, one in figures(*kind.draw(rng, n)).items():
                rows.setdefault(name, [])
                if one.low is not None:
                    held[name] += bool(one.low <= truth[name] <= one.high)
                    given[name] += 1
                    by[name] = str(one.interval)
        for name, cells in rows.items():
            cells.append(_cell(held[name], given[name], samples))
    headings = ("figure", "by", "truth", *(f"{n:,}" for n in effort.sizes))
    new = table(f"Coverage of 95% intervals: {title}", *headings)
    for name, cells in rows.items():
        new.add_row(name, by.get(name, ""), f"{truth[name]:.4f}", *cells)
    errors = (100 * math.sqrt(0.95 * 0.05 / samples) for samples in effort.sizes.values())
    new.add_row("error of the simulation", "", "", *(f"{error:.1f}" for error in errors))
    return new


def _cell(held: int, given: int, samples: int) -> str:
    """Say which share holds, and of how many samples where some have no interval."""
    if not given:
        return "no interval"
    share = held / given
    beyond = max(BARS[0] - share, share - BARS[1])
    error = math.sqrt(0.95 * 0.05 / given)
    mark = "" if beyond <= 0 else " ?" if beyond <= 2 * error else " *"
    return f"{100 * share:.1f}{mark}" + ("" if given == samples else f" ({given / samples:.0%})")


def true_figures(q: Any, p: Any) -> dict[str, float]:
    """Return the figures of claims p where a class has probability q, both (n, n_classes)."""
    n, n_classes = q.shape
    predicted = p.argmax(axis=1)
    confusion = np.stack([q[predicted == k].sum(axis=0) for k in range(n_classes)], axis=1)
    right, totals, called = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    looked_for = slice(1, None) if n_classes == 2 else slice(None)
    own_side = p[:, 1] if n_classes == 2 else p.max(axis=1)
    came_true = q[:, 1] if n_classes == 2 else q[np.arange(n), predicted]
    apart = np.bincount(bins(own_side), weights=own_side - came_true, minlength=N_BINS)
    squares = (q * (1 - 2 * p)).sum(axis=1) + (p * p).sum(axis=1)
    curves = [_areas(q[:, k], p[:, k]) for k in range(n_classes)[looked_for]]
    figures = {
        "accuracy": right.sum() / n,
        "balanced_accuracy": (right / totals).mean(),
        "precision": (right / called)[looked_for].mean(),
        "recall": (right / totals)[looked_for].mean(),
        "f1": (2 * right / (totals + called))[looked_for].mean(),
        "roc_auc": np.mean([area for area, _ in curves]),
        "average_precision": np.mean([precision for _, precision in curves]),
        "log_loss": -(q * np.log(p)).sum(axis=1).mean(),
        "brier": squares.mean() / (2 if n_classes == 2 else 1),
        "calibration_error": np.abs(apart).sum() / n,
    }
    return {name: float(value) for name, value in figures.items()}


def _areas(q: Any, p: Any) -> tuple[float, float]:
    """Return both areas under curves of one class."""
    weight = q[np.argsort(-p)]
    true, false = weight.cumsum(), (1 - weight).cumsum()
    above = true - weight / 2
    return (
        float(above @ (1 - weight) / true[-1] / false[-1]),
        float(weight @ (true / (true + false)) / true[-1]),
    )


PARTS: dict[str, Callable[[Effort], Iterator[Any]]] = {
    "two": lambda effort: scored(TWO, effort),
    "ten": lambda effort: scored(TEN, effort),
    "paired": paired,
}

if __name__ == "__main__":
    main()
