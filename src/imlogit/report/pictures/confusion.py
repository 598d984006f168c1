"""The confusion matrix as a picture, and the mistakes that are made most often."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imlogit.evaluation.scores import Scores
from imlogit.report.pictures.page import (
    EDGE,
    INK,
    QUIET,
    TEXT_POINTS,
    Page,
    fitting,
    in_own_style,
    width_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_WITH_TEXTS = 40
MOST_NAMED = 40
MOST_LISTED = 10
# Less, where mistakes are listed.
SIDE, LARGEST_CELL = 740, 150
HEAD, LINE = 62, 18
NAME_ROOM, COUNT_ROOM = 140, 110
# Of names, and of counts: what is smaller cannot be read.
LEAST_POINTS, LEAST_COUNT = 6.5, 5.5
POINTS_PER_PIXEL, DIGIT_WIDTH = 0.72, 0.7
GRID = "#e4e4e4"


@in_own_style
def confusion_figure(scores: Scores, names: Sequence[str]) -> bytes:
    """Draw how often each class is taken for each other, and list the worst confusions.

    Parameters
    ----------
    scores : Scores
    names : sequence of str
        What the classes are called, in their order.

    Returns
    -------
    bytes
        A PNG file.
    """
    n = len(names)
    step = math.ceil(n / MOST_NAMED)
    pairs = _most_frequent(scores) if n > 2 else []
    side = min(SIDE - LINE * (len(pairs) + 1 if n > 2 else 0), LARGEST_CELL * n)
    points = min(TEXT_POINTS, max(LEAST_POINTS, 0.75 * side * step / n * POINTS_PER_PIXEL))
    shown = {code: fitting(names[code], NAME_ROOM, points) for code in range(0, n, step)}
    beside = math.ceil(width_of(shown.values(), points))
    upright = beside < side * step / n - 6
    left, below = EDGE + 22 + beside + 6, 16 if upright else beside + 4
    foot = HEAD + side + below + 10
    lines = _mistakes(scores, names, pairs, (left + side) / 2 - COUNT_ROOM) if n > 2 else []
    wrong = scores.n - int(scores.confusion.trace())
    title = f"Confusion, {scores.origin} images: {wrong:,} of {scores.n:,} answers are wrong"
    size_of_counts = _size_of_counts(scores, side / n)
    counted = "counts; " if size_of_counts else ""
    thinned = f"; every {step}th class is named" if step > 1 else ""
    note = f"{counted}shaded by the share of the row's images, mistakes in colour{thinned}"
    size = left + side + EDGE, foot + 24 + LINE * len(lines) + EDGE
    page = Page(*size, title, note)
    axes = page.axes(left, HEAD, side, side)
    _fill(axes, scores)
    if size_of_counts:
        _write_counts(axes, scores, size_of_counts)
    for code, name in shown.items():
        middle = (code + 0.5) * side / n
        across = {"va": "top", "ha": "center", "rotation": 0 if upright else 90}
        page.write(left - 6, HEAD + middle, name, va="center", ha="right", fontsize=points)
        page.write(left + middle, HEAD + side + 4, name, fontsize=points, **across)
    page.write(EDGE, HEAD + side / 2, "class", rotation=90, va="center", color=QUIET)
    page.write(left + side / 2, foot, "answer", ha="center", color=QUIET)
    for row, text in enumerate(lines):
        page.write(EDGE, foot + 24 + LINE * row, text, color=INK if row else QUIET)
    return page.as_png()


def _fill(axes: Axes, scores: Scores) -> None:
    """Colour the cells by the shares of their rows; those without an image stay white."""
    import matplotlib as mpl

    counts = scores.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # the root, as most mistakes are a few of many
    cells = mpl.colormaps["Oranges"](np.sqrt(shares) * 0.8)
    right = np.eye(len(counts), dtype=bool)
    cells[right] = mpl.colormaps["Greys"](shares[right] * 0.45)
    cells[counts == 0] = 1
    axes.imshow(cells, interpolation="nearest")
    axes.set(xticks=[], yticks=[])


def _size_of_counts(scores: Scores, cell: float) -> float:
    """Return in how many points counts fit into cells of so many pixels, or 0."""
    digits = max(len(f"{scores.confusion.max():,}"), 2)
    points = min(11.0, cell / digits / DIGIT_WIDTH * POINTS_PER_PIXEL)
    return points if points >= LEAST_COUNT and len(scores.confusion) <= MOST_WITH_TEXTS else 0.0


def _write_counts(axes: Axes, scores: Scores, points: float) -> None:
    """Write counts into the cells, between thin lines; a nought stays empty."""
    counts = scores.confusion
    n = len(counts)
    lines = np.arange(1, n) - 0.5
    axes.hlines(lines, -0.5, n - 0.5, color=GRID, lw=0.6)
    axes.vlines(lines, -0.5, n - 0.5, color=GRID, lw=0.6)
    for row, column in zip(*np.nonzero(counts), strict=True):
        text = f"{counts[row, column]:,}"
        axes.text(column, row, text, ha="center", va="center", fontsize=points, color=INK)


def _most_frequent(scores: Scores) -> list[tuple[int, int]]:
    """Return the confusions that most images have, as pairs of classes: the true one first."""
    counts = _mistaken(scores)
    order = np.argsort(-counts, axis=None, kind="stable")[:MOST_LISTED].tolist()
    return [divmod(place, len(counts)) for place in order if counts.flat[place]]


def _mistaken(scores: Scores) -> NDArray[np.intp]:
    counts = scores.confusion.copy()
    np.fill_diagonal(counts, 0)
    return counts


def _mistakes(
    scores: Scores, names: Sequence[str], pairs: Sequence[tuple[int, int]], room: float
) -> list[str]:
    """Return a heading and a line for each pair, each name no wider than so many pixels."""
    left = int((_mistaken(scores) > 0).sum()) - len(pairs)
    totals = scores.confusion.sum(axis=1)
    lines = [
        f"{fitting(names[true], room)} taken for {fitting(names[said], room)}: "
        f"{scores.confusion[true, said]:,} of {totals[true]:,}"
        for true, said in pairs
    ]
    more = f" ({left:,} more pairs not shown)" if left else ""
    return [f"Most frequent mistakes{more if lines else ': none'}", *lines]
