"""Pictures of images and of weights, as PNG bytes that are the same for the same input."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len, chop_cells

from imlogit.arrays import Floats
from imlogit.data.image_set import ImageSet
from imlogit.estimators.folds import deviation
from imlogit.estimators.logistic_cv import CPath
from imlogit.system.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawn = ParamSpec("Drawn")
Picture = TypeVar("Picture")

SAMPLES_PER_CLASS = 10
# More classes than these would make a sheet that nobody reads.
MOST_ROWS = 20
PANELS_PER_ROW = 5
GAP_PIXELS = 2
# Longer names would squeeze the pictures beside them.
NAME_WIDTH = 20
INCHES_PER_LETTER = 0.085
CHANNELS = {3: ("red", "green", "blue")}


def in_own_style(draw: Callable[Drawn, Picture]) -> Callable[Drawn, Picture]:
    """Draw by matplotlib's own defaults, whatever the user's matplotlibrc says, such as LaTeX."""

    @wraps(draw)
    def drawn(*args: Drawn.args, **kwargs: Drawn.kwargs) -> Picture:
        import matplotlib as mpl

        with mpl.rc_context():
            mpl.rcdefaults()
            return draw(*args, **kwargs)

    return drawn


@in_own_style
def sample_sheet(image_set: ImageSet, seed: int = 0) -> bytes:
    """Draw random images of the first ``MOST_ROWS`` classes, one row a class.

    Parameters
    ----------
    image_set : ImageSet
    seed : int
        Of the draw.

    Returns
    -------
    bytes
        A PNG file.
    """
    names = [short(name) for name in image_set.class_names[:MOST_ROWS]]
    sheet = _mosaic(image_set, len(names), np.random.default_rng(seed))
    down, across = sheet.shape[:2]
    width = 0.85 * SAMPLES_PER_CLASS
    beside = max(1.0, 0.4 + INCHES_PER_LETTER * max(map(cell_len, names)))
    figure = new_figure(width + beside, width * down / across + 0.6)
    axes = figure.subplots()
    # one picture: a panel for each image would take longer to draw than the fit
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255)
    pitch = down / len(names)
    axes.set_yticks([(row + 0.5) * pitch for row in range(len(names))], map(plain, names))
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.set_frame_on(False)
    which = _first(image_set.n_classes) or "each class"
    figure.suptitle(plain(f"{short(image_set.name, 2 * NAME_WIDTH)}: random images of {which}"))
    return as_png(figure)


def _mosaic(image_set: ImageSet, n_classes: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Set random images of each class side by side, on white, one row a class."""
    height, width = image_set.image_shape[:2]
    pitch = height + GAP_PIXELS, width + GAP_PIXELS
    channels = drawable(image_set.images[0]).shape[2:]
    shape = (n_classes * pitch[0], SAMPLES_PER_CLASS * pitch[1], *channels)
    sheet = np.full(shape, 255, dtype=np.uint8)
    for code in range(n_classes):
        rows = np.flatnonzero(image_set.labels == code)
        for place, index in enumerate(np.sort(rng.permutation(rows)[:SAMPLES_PER_CLASS])):
            top, left = code * pitch[0] + GAP_PIXELS // 2, place * pitch[1] + GAP_PIXELS // 2
            sheet[top : top + height, left : left + width] = drawable(image_set.images[index])
    return sheet


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
    what = _first(len(weights))
    weights, titles = weights[:MOST_ROWS], titles[:MOST_ROWS]
    panels = _panels(weights, image_shape, titles)
    channels = len(panels) // len(weights)
    # the channels of one class stay in one row
    across = min(len(panels), PANELS_PER_ROW // channels * channels or PANELS_PER_ROW)
    down = math.ceil(len(panels) / across)
    figure = new_figure(
        2.4 * across + 1.2 if across > 1 else 5.2, 2.5 * down if across > 1 else 4.4
    )
    grid = figure.subplots(down, across, squeeze=False)
    largest = float(np.abs(weights).max()) or 1.0
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (title, panel) in zip(grid.flat, panels, strict=False):
        drawn = axes.imshow(panel, cmap="RdBu_r", vmin=-largest, vmax=largest)
        axes.set_title(plain(title), fontsize="medium")
    if what:
        figure.suptitle(f"The weights of {what}")
    figure.colorbar(
        drawn, ax=grid, shrink=0.8, label="weight (red: ink here speaks for it, blue: against)"
    )
    return as_png(figure)


@in_own_style
def validation_curve(path: CPath) -> bytes:
    """Draw log loss and accuracy over C, with one deviation over the folds to either side.

    Parameters
    ----------
    path : CPath

    Returns
    -------
    bytes
        A PNG file.
    """
    figure = new_figure(7, 6)
    panels = figure.subplots(2, 1, sharex=True)
    order = path.order()
    Cs = path.Cs[order]
    for axes, name, scores in zip(
        panels, ("log loss", "accuracy"), (path.log_loss, path.accuracy), strict=True
    ):
        mean = scores[:, order].mean(axis=0)
        apart = np.nan_to_num([deviation(scores[:, k]) for k in order])
        axes.fill_between(Cs, mean - apart, mean + apart, alpha=0.2, lw=0)
        axes.plot(Cs, mean, marker="o", markersize=4)
        axes.axvline(path.chosen_C, color="C1", ls="--", label=f"chosen: C = {path.chosen_C:.3g}")
        axes.set_ylabel(f"{name}, held-out images")
        axes.grid(alpha=0.3)
    panels[0].set_xscale("log")
    panels[0].legend()
    panels[1].set_xlabel("C (to the right: less penalty)")
    n_folds = len(path.log_loss)
    words = f"Mean over {n_folds} folds, and one deviation to either side"
    figure.suptitle(words if n_folds > 1 else "Of the one part that was held out")
    return as_png(figure)


def _panels(
    weights: Floats, image_shape: tuple[int, ...], titles: Sequence[str]
) -> list[tuple[str, NDArray[Any]]]:
    images = weights.reshape(len(weights), *image_shape)
    if images.ndim == 3:
        return list(zip(map(short, titles), images, strict=True))
    n_channels = image_shape[2]
    channels = CHANNELS.get(n_channels, tuple(f"channel {c}" for c in range(n_channels)))
    return [
        (f"{short(title, NAME_WIDTH - len(channel))}, {channel}", image[:, :, c])
        for title, image in zip(titles, images, strict=True)
        for c, channel in enumerate(channels)
    ]


def _first(n_classes: int) -> str:
    """Return which classes are drawn, where it is not all of them."""
    return f"the first {MOST_ROWS} of {n_classes:,} classes" if n_classes > MOST_ROWS else ""


def plain(text: str) -> str:
    r"""Return text that matplotlib draws as it stands: else ``a$b$c`` is a formula.

    Every text in which there may be a name goes through here. Matplotlib takes back what is done
    to it here wherever the text holds no formula.
    """
    return text.replace("$", r"\$")


def short(name: str, most: int = NAME_WIDTH) -> str:
    """Return a name on one line, without the middle of a long one.

    Parameters
    ----------
    name : str
    most : int
        How wide it may be, in letters; Chinese characters and their like are two wide.
    """
    name = printable(name)
    if cell_len(name) <= most:
        return name
    end = most // 3
    start, rest = (chop_cells(*part)[0] for part in ((name, most - end - 1), (name[::-1], end)))
    return f"{start}…{rest[::-1]}"


def drawable(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image as grey or RGB: with other numbers of channels, their mean."""
    if image.ndim == 2 or image.shape[2] == 3:
        return image
    grey: NDArray[np.uint8] = np.rint(image.mean(axis=2)).astype(np.uint8)
    return grey


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches."""
    # A Figure without pyplot opens no window and keeps no state.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def as_png(figure: Figure) -> bytes:
    """Return a figure as a PNG file, the same bytes for the same figure."""
    out = io.BytesIO()
    # The version of matplotlib would make files of the same picture differ.
    with warnings.catch_warnings():
        # A name in a script that the font does not have is drawn as boxes, which says enough.
        warnings.filterwarnings("ignore", r"Glyph \d+ .*missing from font", UserWarning)
        warnings.filterwarnings("ignore", r"Matplotlib .*does not support", UserWarning)
        figure.savefig(out, format="png", dpi=120, metadata={"Software": None})
    return out.getvalue()
