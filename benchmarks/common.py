"""What all benchmarks share: the clock, the data, the objective, the table."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from imlogit import Certificate
from imlogit.core.solution import Progress

# A peer that takes longer than this is timed once.
SLOW_SECONDS = 20.0
RUNS = 5


class Watch:
    """An observer that remembers how often all images were read."""

    passes = 0

    def __call__(self, news: Progress) -> None:
        """Take note."""
        self.passes = news.passes


def seconds(work: Callable[[], Any], runs: int = RUNS) -> tuple[float, Any]:
    """Return the median time of several runs, or the first run's if that was slow; and a result."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - began)
        if times[0] > SLOW_SECONDS:
            break
    return statistics.median(times), result


def mnist() -> tuple[Any, Any, Any, Any]:
    """Return training rows, training labels, test rows and test labels of the full MNIST."""
    import imlogit

    images = imlogit.load("mnist")
    train, test = images.train, images.test
    assert test is not None
    rows = np.array(train.images).reshape(len(train.images), -1)
    return rows, train.labels, np.array(test.images).reshape(len(test.images), -1), test.labels


def as_floats(rows: Any) -> Any:
    """Return uint8 rows as the float32 features that peers are given."""
    return (rows / 255).astype(np.float32)


def worst(certificates: Iterable[Certificate]) -> str:
    """Return the largest relative gap, of every single column."""
    parts = [part for one in certificates for part in one.columns or (one,)]
    return f"{max(part.relative_gap for part in parts):.1e}"


def objective(rows: Any, y: Any, coef: Any, intercept: float, C: float = 1.0) -> float:
    """Return F(w, b) in float64 for uint8 rows, whatever precision a peer worked in."""
    coef = np.asarray(coef, dtype=np.float64).ravel()
    margins = np.concatenate([part @ coef for part in np.array_split(rows / 255, 20)])
    signed = np.where(y, 1, -1) * (margins + float(np.ravel(intercept)[0]))
    return float(C * np.logaddexp(0, -signed).sum() + 0.5 * coef @ coef)


def softmax_objective(rows: Any, codes: Any, coef: Any, intercept: Any, C: float = 1.0) -> float:
    """Return the multinomial objective in float64 for uint8 rows and classes 0, 1, ..."""
    coef = np.asarray(coef, dtype=np.float64)
    loss = 0.0
    for part, of_part in zip(np.array_split(rows, 20), np.array_split(codes, 20), strict=True):
        margins = part / 255 @ coef.T + np.asarray(intercept, dtype=np.float64)
        own = margins[np.arange(len(part)), of_part]
        loss += float((np.logaddexp.reduce(margins, axis=1) - own).sum())
    return C * loss + 0.5 * float((coef * coef).sum())


def table(title: str, *headings: str) -> Table:
    """Return an empty table; all columns but the first are figures."""
    new = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for number, heading in enumerate(headings):
        new.add_column(heading, justify="right" if number else "left")
    return new


def show(*tables: Table) -> None:
    """Print tables, wide enough that no figure is cut."""
    console = Console(width=110, highlight=False)
    for one in tables:
        console.print(one)
