"""Pictures of images, of weights and of a sweep; the same bytes for the same input."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats
from imlogit.data.image_set import ImageSet
from imlogit.estimators.folds import deviation
from imlogit.estimators.logistic_cv import CPath
from imlogit.report.pictures.letters import plain, short
from imlogit.report.pictures.page import (
    ACCENT,
    EDGE,
    INK,
    QUIET,
    SMALL_POINTS,
    WHITE,
    Page,
    fitting,
    framed,
    in_own_style,
    more_not_shown,
    stretched,
    width_of,
)

SAMPLES_PER_CLASS = 10
# More classes than these would make a sheet that nobody reads.
MOST_ROWS = 20
MOST_PIXELS = 1000
HEAD = 60
# The words below a scale have room.
LEAST_WIDTH = 460
LARGEST_TILE, LARGEST_PANEL = 86, 330
PANEL_TITLE, CHANNEL_TITLE = 22, 14
SCALE_WIDTH, SCALE_HEIGHT = 200, 12
CHANNELS = {3: ("red", "green", "blue")}


@in_own_style
def sample_sheet(
    image_set: ImageSet,
    seed: int = 0,
    per_class: int = SAMPLES_PER_CLASS,
    white: float = WHITE,
) -> bytes:
    """Draw random images of the first ``MOST_ROWS`` classes, one row a class.

    Parameters
    ----------
    image_set : ImageSet
    seed : int
        Of the draw.
    per_class : int
        At most so many of each; ``SAMPLES_PER_CLASS`` are the most that are drawn.
    white : float
        The pixel that is white.

    Returns
    -------
    bytes
        A PNG file.
    """
    across = min(per_class, SAMPLES_PER_CLASS)
    names = [short(name) for name in image_set.class_names[:MOST_ROWS]]
    beside = EDGE + math.ceil(width_of(names)) + 8
    tile = min(
        LARGEST_TILE,
        (MOST_PIXELS - beside - EDGE) // across,
        (MOST_PIXELS - HEAD - EDGE) // len(names),
    )
    more = more_not_shown(image_set.n_classes - len(names))
    note = f"random images of {'the first' if more else 'all'} classes{more}"
    size = beside + across * tile + EDGE, HEAD + len(names) * tile + EDGE
    page, rng = Page(*size, image_set.name, note), np.random.default_rng(seed)
    for code, name in enumerate(names):
        top = HEAD + code * tile
        page.write(beside - 8, top + tile / 2, name, ha="right", va="center")
        rows = np.flatnonzero(image_set.labels == code)
        for place, row in enumerate(np.sort(rng.permutation(rows)[:across])):
            pixels = framed([stretched(image_set.images[row], white)], tile, tile - 2)
            page.paint(beside + place * tile, top, pixels)
    return page.as_png()


@in_own_style
def weight_sheet(weights: Floats, image_shape: tuple[int, ...], titles: Sequence[str]) -> bytes:
    """Draw weights as images, on one even, diverging scale with zero in the middle.

    Parameters
    ----------
    weights : ndarray of float64, shape (k, d)
        The first ``MOST_ROWS`` are drawn.
    image_shape : tuple of int
        (h, w), or (h, w, c): then each channel has a panel of its own.
    titles : sequence of str
        What each row of ``weights`` speaks for.

    Returns
    -------
    bytes
        A PNG file.
    """
    n, drawn = len(weights), min(len(weights), MOST_ROWS)
    panels = weights[:drawn].reshape(drawn, *image_shape[:2], -1)
    channels = _channel_names(panels.shape[3])
    title_height = PANEL_TITLE + (CHANNEL_TITLE if len(channels) > 1 else 0)
    across, side = _grid(drawn, len(channels), title_height)
    group, foot = len(channels) * side, 2 * EDGE + SCALE_HEIGHT + 24
    height = HEAD + math.ceil(drawn / across) * (side + title_height) + foot
    of = f"of the first classes{more_not_shown(n - drawn)}" if n > drawn else "of the model"
    note = "on one scale for all panels" if drawn * len(channels) > 1 else ""
    page = Page(max(EDGE + across * (group + EDGE), LEAST_WIDTH), height, f"Weights {of}", note)
    largest = float(np.abs(panels).max()) or 1.0
    for place, (name, panel) in enumerate(zip(titles, panels, strict=False)):
        left = EDGE + place % across * (group + EDGE)
        top = HEAD + place // across * (side + title_height)
        page.write(left + group / 2, top, fitting(name, group), ha="center")
        for c, channel in enumerate(channels):
            if len(channels) > 1:
                where = left + (c + 0.5) * side, top + PANEL_TITLE - 6
                page.write(*where, channel, ha="center", color=QUIET, fontsize=SMALL_POINTS)
            pixels = framed([coloured(panel[:, :, c], largest)], side, side)
            page.paint(left + c * side, top + title_height - 4, pixels)
    meaning = "a brighter pixel speaks for the class", "against it"
    draw_scale(page, height - foot + EDGE, largest, meaning)
    return page.as_png()


def coloured(values: Floats, largest: float) -> NDArray[np.uint8]:
    """Return numbers as colours, RGB: blue below 0, white at 0, red above."""
    import matplotlib as mpl

    rgba = mpl.colormaps["RdBu_r"](values / (2 * largest) + 0.5, bytes=True)
    rgb: NDArray[np.uint8] = rgba[:, :, :3]
    return rgb


def draw_scale(
    page: Page, top: float, largest: float, meaning: tuple[str, str], left: float = EDGE
) -> None:
    """Draw which colour is which number, and say what red and blue mean."""
    ramp = np.linspace(-largest, largest, SCALE_WIDTH)[None].repeat(SCALE_HEIGHT, axis=0)
    low, high = f"−{largest:.3g}", f"+{largest:.3g}"
    start = left + math.ceil(width_of([low], SMALL_POINTS)) + 6
    page.paint(start, top, coloured(ramp, largest))
    middle = top + SCALE_HEIGHT / 2
    page.write(left, middle, low, va="center", fontsize=SMALL_POINTS)
    page.write(start + SCALE_WIDTH + 6, middle, high, va="center", fontsize=SMALL_POINTS)
    said = f"red: {meaning[0]}; blue: {meaning[1]}"
    page.write(left, top + SCALE_HEIGHT + 8, said, color=INK)


@in_own_style
def validation_curve(path: CPath) -> bytes:
    """Draw log loss and accuracy over C, with one deviation over the folds to either side.

    Where values of C are missing, the best of those that are there is marked, and is not called
    chosen.

    Parameters
    ----------
    path : CPath

    Returns
    -------
    bytes
        A PNG file.
    """
    n_folds = len(path.log_loss)
    words = f"mean over {n_folds} folds, and one deviation to either side"
    note = words if n_folds > 1 else "of the one part held out"
    page = Page(760, 680, "What each C comes to", note)
    order = path.order()
    Cs = path.Cs[order]
    marked, said = _marked(path)
    upper = page.axes(76, HEAD + 10, 660, 255)
    lower = page.axes(76, HEAD + 295, 660, 255, sharex=upper)
    for axes, name, scores in (
        (upper, "log loss", path.log_loss),
        (lower, "accuracy", path.accuracy),
    ):
        mean = scores[:, order].mean(axis=0)
        apart = np.nan_to_num([deviation(scores[:, k]) for k in order])
        axes.fill_between(Cs, mean - apart, mean + apart, color=QUIET, alpha=0.25, lw=0)
        axes.plot(Cs, mean, color=INK, marker="o", markersize=4)
        axes.axvline(marked, color=ACCENT, lw=1)
        axes.set_ylabel(f"{name}, held-out images")
    upper.set_xscale("log")
    upper.tick_params(labelbottom=False)
    above = upper.get_xaxis_transform()
    # at an end of the axis there is no room beyond it
    side = {Cs[0]: "left", Cs[-1]: "right"}.get(marked, "center")
    upper.text(marked, 1.01, plain(said), transform=above, color=ACCENT, ha=side)
    lower.set_xlabel("C (to the right: less penalty)")
    return page.as_png()


def _marked(path: CPath) -> tuple[float, str]:
    """Return the C that a figure marks, and what it says of it."""
    if path.interrupted:
        best = float(path.Cs[path.best])
        return best, f"best so far: C = {best:.3g}"
    return path.chosen_C, f"chosen: C = {path.chosen_C:.3g}"


def _channel_names(n: int) -> tuple[str, ...]:
    return CHANNELS.get(n, tuple(f"channel {c}" for c in range(n)))


def _grid(n: int, channels: int, title_height: int) -> tuple[int, int]:
    """Return how many groups of panels stand side by side, and how wide a panel is at most."""
    room = MOST_PIXELS - HEAD - 76

    def side(across: int) -> int:
        wide = ((MOST_PIXELS - 2 * EDGE) // across - EDGE) // channels
        return min(LARGEST_PANEL, wide, room // math.ceil(n / across) - title_height)

    best = max(range(1, n + 1), key=side)
    return best, side(best)
