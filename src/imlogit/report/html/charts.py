"""Charts as values that a template draws as SVG: lines, points and bars in a unit square."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imlogit.arrays import Floats
from imlogit.evaluation.curve_areas import curve_points
from imlogit.report.html.content import RunContent
from imlogit.report.pictures.curves import PRECISION_RECALL, ROC, STEPS, Kind, Part
from imlogit.report.table import Table, numbers

LEFT, TOP, SIDE = 46, 12, 320
MOST_POINTS = 160
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Line:
    """A line, and what is written at it; the first of a chart is drawn in the accent."""

    name: str
    points: str
    marks: tuple[tuple[float, float, float, float], ...] = ()


@dataclass(frozen=True)
class Chart:
    """A chart of two shares, with the table of what it shows."""

    title: str
    across: str
    up: str
    lines: tuple[Line, ...]
    table: Table
    diagonal: bool = False


def curve(content: RunContent, kind: Kind) -> Chart:
    """Return a curve of the test images and one of those out of fold."""
    at = np.linspace(0, 1000, 11).astype(int)
    lines, columns = [], []
    for part in content.parts:
        x, y = _averaged(part, kind)
        shown = part.scores[kind.figure].value
        lines.append(Line(f"{part.words}, {kind.words} {shown:.4f}", _path(x, y)))
        columns.append(np.interp(STEPS, x, y)[at])
    rows = tuple(
        (f"{STEPS[k]:.1f}", *(f"{column[n]:.4f}" for column in columns)) for n, k in enumerate(at)
    )
    headings = (
        *numbers(kind.across.split(":")[0]),
        *numbers(*(one.words for one in content.parts)),
    )
    table = Table(f"{kind.title}: {kind.up.split(':')[0]}", headings, rows)
    return Chart(kind.title, kind.across, kind.up, tuple(lines), table, diagonal=kind is ROC)


def curves(content: RunContent) -> list[Chart]:
    """Return the curves of a run."""
    return [curve(content, ROC), curve(content, PRECISION_RECALL)]


def calibration(part: Part, table: Table) -> Chart:
    """Return what came true over what was claimed, with intervals."""
    found = [] if part.scores.reliability is None else part.scores.reliability.to_dict()
    marks = tuple(
        (_x(one["claimed"]), _y(one["observed"]), _y(one["low"]), _y(one["high"]))
        for one in found
        if one["n"]
    )
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in marks)
    line = Line(f"{part.words}, with 95% intervals", points, marks)
    across, up = "probability that the model claimed", "share that came true"
    return Chart("Calibration", across, up, (line,), table, diagonal=True)


def _averaged(part: Part, kind: Kind) -> tuple[Floats, Floats]:
    """Return a part's curve; of several classes the mean over those that have images."""
    n_classes = part.probabilities.shape[1]
    if n_classes == 2:
        return _thin(*kind.line(curve_points(part.codes == 1, part.probabilities[:, 1])))
    heights = [
        kind.at_steps(*kind.line(curve_points(part.codes == k, part.probabilities[:, k])))
        for k in range(n_classes)
        if 0 < (part.codes == k).sum() < len(part.codes)
    ]
    return _thin(STEPS, np.mean(heights, axis=0))


def _thin(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    keep = np.unique(np.linspace(0, len(x) - 1, MOST_POINTS).astype(int))
    return x[keep], y[keep]


def _path(x: Sequence[float] | Floats, y: Sequence[float] | Floats) -> str:
    return " ".join(f"{_x(a):.1f},{_y(b):.1f}" for a, b in zip(x, y, strict=True))


def _x(share: float) -> float:
    return round(LEFT + SIDE * float(share), 1)


def _y(share: float) -> float:
    return round(TOP + SIDE * (1 - float(share)), 1)
