"""What all benchmarks share: the arguments, the clock, the data, the objective, the table."""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from imlogit import Certificate, ImageSet
from imlogit.core.solution import Progress

# A peer that takes longer than this is timed once.
SLOW_SECONDS = 20.0
QUICK_IMAGES = 500
# How many numbers a block of rows has, where these become float64.
BLOCK_NUMBERS = 10_000_000


class Clock:
    """How often work is timed: once, to be quick."""

    runs = 5


class Watch:
    """An observer that remembers how often all images were read."""

    passes = 0

    def __call__(self, news: Progress) -> None:
        """Take note."""
        self.passes = news.passes


def seconds(work: Callable[[], Any], runs: int | None = None) -> tuple[float, Any]:
    """Return the median time of several runs, or the first run's if that was slow; and a result."""
    times, quick = [], Clock.runs == 1
    for _ in range(1 if quick else runs or Clock.runs):
        began = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - began)
        if times[0] > SLOW_SECONDS:
            break
    return statistics.median(times), result


class Rows(NamedTuple):
    """Training and test rows and digits."""

    rows: Any
    digits: Any
    test_rows: Any
    test_digits: Any

    @property
    def y(self) -> Any:
        """Which training images are twos."""
        return self.digits == 2


def arguments(name: str, parts: Iterable[str] = ()) -> argparse.ArgumentParser:
    """Return a parser of what every benchmark takes."""
    new = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    help_text = (
        "on few embedded images: shows in seconds that everything runs, and measures nothing"
    )
    new.add_argument("--quick", action="store_true", help=help_text)
    if parts:
        new.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}")
    return new


def parse(parser: argparse.ArgumentParser, parts: Iterable[str] = ()) -> argparse.Namespace:
    """Return the arguments; no part means all of them."""
    asked = parser.parse_args()
    if asked.quick:
        Clock.runs = 1
    if parts:
        for part in asked.parts:
            if part not in parts:
                parser.error(f"there is no part {part!r}: choose from {', '.join(parts)}")
        asked.parts = asked.parts or list(parts)
    return asked


def image_set(*, quick: bool) -> ImageSet:
    """Return the full MNIST; or, to be quick, some of the embedded images, a fifth for tests."""
    import imlogit

    if not quick:
        return imlogit.load("mnist")
    few = imlogit.load("mnist-5k")
    rows = np.random.default_rng(0).permutation(len(few))[:QUICK_IMAGES]
    new = {"images": few.images[rows], "labels": few.labels[rows], "sha256": ""}
    return replace(few, **new, n_train=QUICK_IMAGES * 4 // 5)


def mnist(*, quick: bool = False) -> Rows:
    """Return training rows, training labels, test rows and test labels."""
    images = image_set(quick=quick)
    train, test = images.train, images.test
    assert test is not None
    rows, test_rows = (
        np.array(part.images).reshape(len(part.images), -1) for part in (train, test)
    )
    return Rows(rows, train.labels, test_rows, test.labels)


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


def softmax_objective(
    rows: Any, codes: Any, coef: Any, intercept: Any, C: float = 1.0, unit: float = 255.0
) -> float:
    """Return the multinomial objective in float64 for rows in units and classes 0, 1, ...

    A single vector of weights is that of the second of two classes.
    """
    coef, intercept = np.atleast_2d(np.float64(coef)), np.float64(np.ravel(intercept))
    loss, blocks = 0.0, max(20, rows.size // BLOCK_NUMBERS)
    for part, of_part in zip(
        np.array_split(rows, blocks), np.array_split(codes, blocks), strict=True
    ):
        margins = part / np.float64(unit) @ coef.T + intercept
        if len(coef) == 1:
            margins = np.hstack([np.zeros_like(margins), margins])
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
