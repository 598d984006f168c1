"""Charts as values, in the units of what they show; a template draws them as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from imlogit.arrays import Floats
from imlogit.report.table import Table

LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 28
SIDE, LOW_SIDE = 284, 190
MOST_TICKS = 6
FINE = (1, 2, 5)
# What lies further out is beyond the chart: quotients and powers of ten stay below 1e308.
LOG_ENDS = (1e-140, 1e140)


@dataclass(frozen=True)
class Axis:
    """What lies along a side of a chart, from ``low`` to ``high``.

    Attributes
    ----------
    words : str
    low, high : float
        Above 0 on a logarithmic axis.
    log : bool
    whole : bool
        Whether there are whole numbers only.
    named : tuple of (float, str)
        What is written at which value, where that is no number.
    """

    words: str
    low: float
    high: float
    log: bool = False
    whole: bool = False
    named: tuple[tuple[float, str], ...] = ()

    @classmethod
    def around(cls, words: str, values: Floats, *, log: bool = False) -> Axis:
        """Return an axis on which all values have some room."""
        low, high = float(np.min(values)), float(np.max(values))
        if log:
            low, high = (min(max(end, LOG_ENDS[0]), LOG_ENDS[1]) for end in (low, high))
            room = max((high / low) ** 0.05, 1.3)
            return cls(words, low / room, high * room, log=True)
        scale = max(1.0, abs(low), abs(high))
        # what differs by rounding only is drawn as one value
        room = 0.06 * (high - low) if high - low > 1e-12 * scale else 0.01 * scale
        return cls(words, low - room, high + room)

    def share(self, value: float) -> float:
        """Return how far along a value is, from 0 to 1."""
        if self.log:
            first, last = math.log(self.low), math.log(self.high)
            return (math.log(value) - first) / (last - first)
        return (value - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Round values, and what is written at them."""
        if self.named:
            return list(self.named)
        found = self._of_decades() if self.log else self._of_steps()
        return [(value, _written(value)) for value in found]

    def _of_steps(self) -> list[float]:
        step = 10.0 ** math.floor(math.log10((self.high - self.low) / MOST_TICKS))
        step = max(step, 1.0) if self.whole else step
        step *= next(k for k in (*FINE, 10) if (self.high - self.low) / (k * step) <= MOST_TICKS)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(k * step, 12) for k in range(first, last + 1)]

    def _of_decades(self) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        apart = -(-(last - first) // MOST_TICKS)
        rough = [10.0**k for k in range(first, last + 1) if k % apart == 0]
        inside = [value for value in rough if self.low <= value <= self.high]
        if len(inside) > 1:
            return inside
        finer = [k * 10.0**power for power in range(first, last + 1) for k in FINE]
        inside = [value for value in finer if self.low <= value <= self.high]
        return inside or [float(f"{math.sqrt(self.low * self.high):.2g}")]


def _written(value: float) -> str:
    """Return a round number as short as it can be."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:g}"
    digits, power = f"{value:e}".split("e")
    return f"{float(digits):g}e{int(power)}"


UNIT = 0.0, 1.0


@dataclass(frozen=True)
class Mark:
    """A dot, and the interval that it stands in: upwards or, in some charts, across."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Line:
    """A line, or dots only, and what is said of it below the chart.

    Attributes
    ----------
    name : str
    kind : {"first", "second", "guide"}
        In the accent and drawn through, quiet and dashed, or thin and dotted.
    x, y : ndarray of float64
        Of the line; without any there are dots only.
    marks : tuple of Mark
    """

    name: str
    kind: str
    x: Floats
    y: Floats
    marks: tuple[Mark, ...] = ()

    @classmethod
    def level(cls, name: str, kind: str, across: Axis, y: float) -> Line:
        """Return a line of one height over a whole chart."""
        return cls(name, kind, np.array([across.low, across.high]), np.array([y, y]))

    @classmethod
    def dots(cls, name: str, marks: tuple[Mark, ...], kind: str = "first") -> Line:
        """Return dots that nothing joins."""
        return cls(name, kind, np.zeros(0), np.zeros(0), marks)


@dataclass(frozen=True)
class Band:
    """What lies between two heights."""

    name: str
    kind: str
    x: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Chart:
    """A chart, with the table of what it shows.

    Attributes
    ----------
    title : str
    across, up : Axis
    lines : tuple of Line
    table : Table or None
        None where it stands beside the chart.
    bands : tuple of Band
    left, high : int
        Where it begins, and its height, in pixels.
    sideways : bool
        Whether intervals go across.
    """

    title: str
    across: Axis
    up: Axis
    lines: tuple[Line, ...]
    table: Table | None
    bands: tuple[Band, ...] = ()
    left: int = LEFT
    high: int = LOW_SIDE
    sideways: bool = False

    @property
    def size(self) -> str:
        """The whole chart, as SVG's viewBox."""
        return f"0 0 {LEFT + SIDE + RIGHT} {TOP + self.high + BOTTOM}"

    @property
    def corners(self) -> tuple[int, int, int, int]:
        """Left, right, top and bottom of what is drawn in."""
        return self.left, LEFT + SIDE, TOP, TOP + self.high

    def x(self, value: float) -> float:
        """Return the place of a value across."""
        return round(self.left + (LEFT + SIDE - self.left) * self.across.share(value), 1)

    def y(self, value: float) -> float:
        """Return the place of a value up."""
        return round(TOP + self.high * (1 - self.up.share(value)), 1)

    def path(self, line: Line) -> str:
        """Return a line as the points of a polyline."""
        return " ".join(self._points(line.x, line.y))

    def area(self, band: Band) -> str:
        """Return a band as the points of a polygon."""
        there, back = self._points(band.x, band.high), self._points(band.x[::-1], band.low[::-1])
        return " ".join([*there, *back])

    def _points(self, x: Floats, y: Floats) -> Iterator[str]:
        for a, b in zip(x.tolist(), y.tolist(), strict=True):
            yield f"{self.x(a)},{self.y(b)}"
