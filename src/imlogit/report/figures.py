"""Pictures of images and of weights, as PNG bytes that are the same for the same input."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imlogit.core.columns import Floats
from imlogit.data import ImageSet
from imlogit.estimators.logistic_cv import Path, deviation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES_PER_CLASS = 10
# More classes than these would make a sheet that nobody reads.
MOST_ROWS = 20
PANELS_PER_ROW = 5
# White pixels between two images.
GAP = 2


def sample_sheet(image_set: ImageSet, seed: int = 0) -> bytes:
    """Draw random images of every class, one row a class.

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
    names = image_set.class_names[:MOST_ROWS]
    sheet = _mosaic(image_set, len(names), np.random.default_rng(seed))
    down, across = sheet.shape[:2]
    width = 0.85 * SAMPLES_PER_CLASS
    figure = new_figure(width + 1, width * down / across + 0.6)
    axes = figure.subplots()
    # one picture: a panel for each image would take longer to draw than the fit
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255)
    pitch = down / len(names)
    axes.set_yticks([(row + 0.5) * pitch for row in range(len(names))], names)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.set_frame_on(False)
    figure.suptitle(f"{image_set.name}: random images of each class")
    return as_png(figure)


def _mosaic(image_set: ImageSet, n_classes: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Set random images of each class side by side, on white, one row a class."""
    height, width = image_set.image_shape[:2]
    pitch = height + GAP, width + GAP
    shape = (n_classes * pitch[0], SAMPLES_PER_CLASS * pitch[1], *image_set.image_shape[2:])
    sheet = np.full(shape, 255, dtype=np.uint8)
    for code in range(n_classes):
        rows = np.flatnonzero(image_set.labels == code)
        for place, index in enumerate(np.sort(rng.permutation(rows)[:SAMPLES_PER_CLASS])):
            top, left = code * pitch[0] + GAP // 2, place * pitch[1] + GAP // 2
            sheet[top : top + height, left : left + width] = image_set.images[index]
    return sheet


def weight_sheet(weights: Floats, image_shape: tuple[int, ...], titles: Sequence[str]) -> bytes:
    """Draw weights as images, on one even, diverging scale with zero in the middle.

    Parameters
    ----------
    weights : ndarray of float64, shape (k, d)
    image_shape : tuple of int
        (h, w), or (h, w, c): then each channel has a panel of its own.
    titles : sequence of str
        What each row of ``weights`` speaks for.

    Returns
    -------
    bytes
        A PNG file.
    """
    panels = _panels(weights, image_shape, titles)
    across = min(len(panels), PANELS_PER_ROW)
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
        axes.set_title(title)
    figure.colorbar(
        drawn, ax=grid, shrink=0.8, label="weight (red: ink here speaks for it, blue: against)"
    )
    return as_png(figure)


def validation_curve(path: Path) -> bytes:
    """Draw log loss and accuracy over C, with one deviation over the folds to either side.

    Parameters
    ----------
    path : Path

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
    figure.suptitle(f"Mean over {len(path.log_loss)} folds, and one deviation to either side")
    return as_png(figure)


def _panels(
    weights: Floats, image_shape: tuple[int, ...], titles: Sequence[str]
) -> list[tuple[str, NDArray[Any]]]:
    images = weights.reshape(len(weights), *image_shape)
    if images.ndim == 3:
        return list(zip(titles, images, strict=True))
    channels = range(image_shape[2])
    return [
        (f"{title}, channel {c}", image[:, :, c])
        for title, image in zip(titles, images, strict=True)
        for c in channels
    ]


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, in inches."""
    # A Figure without pyplot opens no window and keeps no state.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def as_png(figure: Figure) -> bytes:
    """Return a figure as a PNG file, the same bytes for the same figure."""
    out = io.BytesIO()
    # The version of matplotlib would make files of the same picture differ.
    figure.savefig(out, format="png", dpi=120, metadata={"Software": None})
    return out.getvalue()
