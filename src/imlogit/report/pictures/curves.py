"""ROC, precision-recall and calibration curves of a run, from what it holds of its images."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.evaluation.curve_areas import CurvePoints, areas, curve_points
from imlogit.evaluation.scores import Score, Scores
from imlogit.report.pictures.letters import plain
from imlogit.report.pictures.page import (
    ACCENT,
    INK,
    QUIET,
    SMALL_POINTS,
    Page,
    fitting,
    in_own_style,
    more_not_shown,
)
from imlogit.runs.predictions import Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 720, 730
LEFT, TOP, SIDE = 66, 70, 600
MOST_NAMED = 10
# From 0 to 1, where the curves of several classes are averaged.
STEPS = np.linspace(0, 1, 1001)
LINE_HEIGHT, MARGIN = 0.03, 0.03
NAME_ROOM = 220


class Part(NamedTuple):
    """Some images: what they are, what was said of them, and how that was scored.

    Attributes
    ----------
    words : str
    codes : ndarray of int, shape (n,)
    probabilities : ndarray of float64, shape (n, n_classes)
    scores : Scores
    """

    words: str
    codes: NDArray[np.integer]
    probabilities: Floats
    scores: Scores


class Kind(NamedTuple):
    """A kind of curve, and the figure that is the area under it.

    Attributes
    ----------
    title, across, up : str
        What it is called, and what its axes are.
    figure : str
        The name of the area among the scores.
    words : str
        What that is called.
    line : callable
        From `CurvePoints` to both coordinates.
    at_steps : callable
        From these to the height of the curve at each of ``STEPS``.
    drawstyle : str
        How points are joined.
    """

    title: str
    across: str
    up: str
    figure: str
    words: str
    line: Callable[[CurvePoints], tuple[Floats, Floats]]
    at_steps: Callable[[Floats, Floats], Floats]
    drawstyle: str = "default"


def _steps(one: CurvePoints) -> tuple[Floats, Floats]:
    """Return for each recall the precision with which it is first reached, held back to 0."""
    recall, first = np.unique(one.recall[one.recall > 0], return_index=True)
    precision = one.precision[one.recall > 0][first]
    return np.r_[0, recall], np.r_[precision[0], precision]


class OfClass(NamedTuple):
    """One class's curve against the rest."""

    name: str
    x: Floats
    y: Floats
    area: float


ROC = Kind(
    "ROC curve",
    "false positive rate: share of the other images that is taken for the class",
    "recall: share of the class's images that is found",
    "roc_auc",
    "ROC AUC",
    lambda one: (np.r_[0, one.false_positive_rate], np.r_[0, one.recall]),
    lambda x, y: np.interp(STEPS, x, y),
)
PRECISION_RECALL = Kind(
    "Precision and recall",
    ROC.up,
    "precision: share of what is taken for the class that is of it",
    "average_precision",
    "average precision",
    lambda one: _steps(one),
    lambda x, y: y[np.searchsorted(x[1:], STEPS) + 1],
    "steps-pre",
)


def parts_of(predictions: Predictions, pooled: Scores | None, test: Scores) -> list[Part]:
    """Return the parts of a run that have scores, the test first."""
    tested = Part("test", predictions.test_codes, predictions.test_probabilities, test)
    if pooled is None:
        return [tested]
    return [tested, Part("out of fold", *predictions.held_out, pooled)]


@in_own_style
def roc_figure(
    parts: Sequence[Part], names: Sequence[str], threshold: float | None = None
) -> bytes | None:
    """Draw how many images of a class are found, over how many others are taken for it.

    With two classes a curve for each part; with more, the test's mean and single classes.

    Parameters
    ----------
    parts : sequence of Part
        The test first.
    names : sequence of str
        What the classes are called.
    threshold : float, optional
        The model's, if it has one.

    Returns
    -------
    bytes or None
        A PNG file; None where no class has images, and others have, too.
    """
    page, axes = _square(ROC, names)
    axes.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=":", label="chance")
    axes.text(0.33, 0.32, "chance", color=QUIET, ha="left", va="top")
    if not _draw_curves(axes, ROC, parts, names, bottom=MARGIN, right=True):
        return None
    if len(names) == 2:
        right, wrong = parts[0].scores.confusion[0].tolist()
        place = wrong / (right + wrong), parts[0].scores["recall"].value
        _mark(axes, place, threshold, offset=(9, -5), ha="left")
    return page.as_png()


@in_own_style
def precision_recall_figure(
    parts: Sequence[Part], names: Sequence[str], threshold: float | None = None
) -> bytes | None:
    """Draw how many of what is taken for a class are of it, over how many of it are found.

    Parameters and what is returned are those of `roc_figure`.
    """
    page, axes = _square(PRECISION_RECALL, names)
    share = parts[0].scores.confusion.sum(axis=1) / parts[0].scores.n
    base = float(share[1]) if len(names) == 2 else float(share[share > 0].mean())
    axes.axhline(base, color=QUIET, lw=1, ls=":", label="base rate")
    axes.text(0.99, base + 0.008, f"base rate {base:.3g}", color=QUIET, ha="right", va="bottom")
    bottom = MARGIN if base > 0.45 else base + 2 * MARGIN
    if not _draw_curves(axes, PRECISION_RECALL, parts, names, bottom=bottom, right=False):
        return None
    if len(names) == 2:
        scores = parts[0].scores
        place = scores["recall"].value, scores["precision"].value
        _mark(axes, place, threshold, offset=(-9, -5), ha="right")
    return page.as_png()


@in_own_style
def calibration_figure(part: Part, names: Sequence[str]) -> bytes | None:
    """Draw what came true over what was claimed, with intervals, and how many images each bin has.

    Parameters
    ----------
    part : Part
    names : sequence of str
        What the classes are called.

    Returns
    -------
    bytes or None
        A PNG file; None without a curve.
    """
    curve = part.scores.reliability
    if curve is None:
        return None
    claim = f"probability of {fitting(names[1], NAME_ROOM)}"
    if len(names) > 2:
        claim = "probability of the class that is answered"
    title = f"Calibration, {part.words}, {part.scores.n:,} images"
    note = "what came true in ten bins of equal width, with 95% intervals; dotted: as was claimed"
    page = Page(WIDTH, HEIGHT, title, note)
    axes = page.axes(LEFT, TOP, SIDE, SIDE - 80)
    axes.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=":", label="calibrated")
    full = curve.count > 0
    x, y = curve.claimed[full], curve.observed[full]
    axes.vlines(x, curve.low[full], curve.high[full], color=ACCENT, lw=1.4, label="interval")
    axes.plot(x, y, color=ACCENT, marker="o", ms=5, lw=0, label="observed")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="share that came true")
    axes.tick_params(labelbottom=False)
    said = f"calibration error {_said(part.scores['calibration_error'])}"
    axes.text(0.98, MARGIN, said, ha="right", color=ACCENT, fontweight="bold")
    below = page.axes(LEFT, TOP + SIDE - 56, SIDE, 56, sharex=axes)
    middles = (curve.edges[1:] + curve.edges[:-1]) / 2
    bars = below.bar(middles, curve.count, width=0.085, color="#d9d9d9")
    below.bar_label(bars, [f"{n:,}" if n else "" for n in curve.count], fontsize=SMALL_POINTS)
    below.set(yticks=[], xlabel=plain(claim), ylabel="images")
    below.margins(y=0.4)
    below.spines["left"].set_visible(False)
    return page.as_png()


def _square(kind: Kind, names: Sequence[str]) -> tuple[Page, Axes]:
    """Return a titled page with square axes from 0 to 1."""
    if len(names) == 2:
        first, second = (fitting(name, NAME_ROOM) for name in names)
        note = f"the class is {second}, against {first}"
    else:
        note = "each class against the rest, test images"
    page = Page(WIDTH, HEIGHT, kind.title, note)
    axes = page.axes(LEFT, TOP, SIDE, SIDE)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=kind.across, ylabel=kind.up)
    return page, axes


def _draw_curves(
    axes: Axes,
    kind: Kind,
    parts: Sequence[Part],
    names: Sequence[str],
    *,
    bottom: float,
    right: bool,
) -> bool:
    """Draw curves, and what the areas under them are; return whether there are any."""
    lines = list(_of_parts(axes, kind, parts) if len(names) == 2 else [])
    if len(names) > 2:
        lines = list(_of_classes(axes, kind, parts[0], names))
    for row, (text, colour, weight) in enumerate(reversed(lines)):
        axes.text(
            1 - MARGIN if right else MARGIN,
            bottom + row * LINE_HEIGHT,
            plain(text),
            ha="right" if right else "left",
            va="bottom",
            color=colour,
            fontweight=weight,
            bbox={"facecolor": "white", "alpha": 0.85, "lw": 0, "pad": 1},
        )
    return len(lines) > 0


def _of_parts(axes: Axes, kind: Kind, parts: Sequence[Part]) -> Iterator[tuple[str, str, str]]:
    """Draw the curve of each part, for two classes, and yield what to write of it."""
    drawn = [part for part in parts if 0 < (part.codes == 1).sum() < len(part.codes)]
    if drawn:
        yield f"{kind.words}, with its 95% interval", QUIET, "normal"
    for part in drawn:
        colour, weight = (ACCENT, "bold") if part.words == "test" else (INK, "normal")
        x, y = kind.line(curve_points(part.codes == 1, part.probabilities[:, 1]))
        width = 2 if part.words == "test" else 1
        axes.plot(x, y, color=colour, lw=width, drawstyle=kind.drawstyle, label=part.words)
        yield f"{part.words}: {_said(part.scores[kind.figure])}", colour, weight


def _of_classes(
    axes: Axes, kind: Kind, part: Part, names: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    """Draw the mean curve and those of the worst classes, and yield what to write of them."""
    found = sorted(_each(kind, part, names), key=lambda one: one.area)
    if not found:
        return
    yield f"{kind.words}, test images", QUIET, "normal"
    mean = np.mean([kind.at_steps(one.x, one.y) for one in found], axis=0)
    for place, one in enumerate(found[:MOST_NAMED]):
        colour = INK if place == 0 else "#c4c4c4"
        axes.plot(one.x, one.y, color=colour, lw=1, drawstyle=kind.drawstyle, label=one.name)
    axes.plot(STEPS, mean, color=ACCENT, lw=2, label="mean")
    mean_words = f"mean of {len(found)} classes"
    yield f"{mean_words}: {_said(part.scores[kind.figure])}", ACCENT, "bold"
    if len(found) < len(names):
        absent = len(names) - len(found)
        words = "1 class has" if absent == 1 else f"{absent} classes have"
        yield f"{words} no test images", QUIET, "normal"
    for place, one in enumerate(found[:MOST_NAMED]):
        shown = f"{fitting(one.name, NAME_ROOM)}: {one.area:.4f}"
        yield shown, INK if place == 0 else QUIET, "normal"
    if len(found) > MOST_NAMED:
        yield f"the lowest{more_not_shown(len(found) - MOST_NAMED)}", QUIET, "normal"


def _each(kind: Kind, part: Part, names: Sequence[str]) -> Iterator[OfClass]:
    """Yield the curve of each class that has images, and is not all of them."""
    counts = np.bincount(part.codes, minlength=len(names))
    for code in np.flatnonzero((counts > 0) & (counts < len(part.codes))).tolist():
        side = part.codes == code, part.probabilities[:, code]
        area = dict(zip((ROC.figure, PRECISION_RECALL.figure), areas(*side), strict=True))
        yield OfClass(names[code], *kind.line(curve_points(*side)), area[kind.figure])


def _mark(
    axes: Axes,
    place: tuple[float, float],
    threshold: float | None,
    offset: tuple[int, int],
    ha: str,
) -> None:
    """Mark where the model itself draws the line."""
    if math.isnan(sum(place)):
        return
    axes.plot(*place, marker="o", color=ACCENT, ms=7, mec="white", zorder=5, label="answers")
    words = "the model's answers on the test"
    if threshold is not None:
        words += f", from {threshold:.3g} on"
    axes.annotate(words, place, offset, textcoords="offset points", ha=ha, va="top", color=ACCENT)


def _said(score: Score) -> str:
    """Return a figure and its interval."""
    if math.isnan(score.value):
        return "undefined"
    ends = "" if score.low is None else f" ({score.low:.4f} to {score.high:.4f})"
    return f"{score.value:.4f}{ends}"
