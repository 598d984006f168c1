"""The step that sets slanted digits upright, by their moments.

References
----------
Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 86 (11), 1998.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Pixels
from imlogit.errors import DataError
from imlogit.features.step import FittedStep, Step
from imlogit.system.text import by

# Rows are moved sideways by this much of their height at most, up or down from the middle.
MOST_SLANT = 1.0


@dataclass(frozen=True)
class DeskewStep(Step):
    """Slanted strokes set upright: bright on dark, grey."""

    name: ClassVar[str] = "deskew"
    makes_images: ClassVar[bool] = True

    def check_shape(self, image_shape: tuple[int, ...]) -> None:
        """Refuse images of several colours.

        Raises
        ------
        DataError
        """
        if image_shape[2:] not in ((), (1,)):
            raise DataError(
                f"deskew sets strokes upright in grey images, and these are {by(image_shape)}: "
                "leave the step out, or read the images as grey"
            )

    def restore(
        self, input_shape: tuple[int, ...], arrays: Mapping[str, NDArray[Any]]
    ) -> FittedDeskew:
        """Return the fitted step, which has no arrays."""
        return FittedDeskew(self, input_shape, arrays)


class FittedDeskew(FittedStep):
    """Strokes set upright, in images of one shape: each row moves sideways."""

    @property
    def output_shape(self) -> tuple[int, ...]:
        """That of an image."""
        return self.input_shape

    def fill(self, images: Pixels, out: NDArray[Any]) -> None:
        """Write a few images set upright."""
        grey = images.reshape(images.shape[:3])
        left, part = _places(grey)
        padded = np.pad(grey, ((0, 0), (0, 0), (1, 1)))
        one = np.take_along_axis(padded, _inside(left, grey.shape[2]), axis=2)
        other = np.take_along_axis(padded, _inside(left + 1, grey.shape[2]), axis=2)
        moved = one * (1 - part) + other * part
        out[:] = np.floor(moved + 0.5).reshape(out.shape)

    def spread(self, images: Pixels, shares: Floats) -> Floats:
        """Return the shares at the pixels from which each was taken.

        What was taken from beyond the edge goes to the nearest pixel.
        """
        n, height, width = images.shape[:3]
        left, part = _places(images.reshape(n, height, width))
        given = shares.reshape(n, height, width)
        out = np.zeros((n, height, width))
        image, row, _ = np.ogrid[:n, :height, :width]
        for columns, weights in ((left, 1 - part), (left + 1, part)):
            target = np.clip(columns, 0, width - 1)
            np.add.at(out, (image, row, target), given * weights)
        return out.reshape(images.shape)


def _places(images: Pixels) -> tuple[NDArray[np.int64], Floats]:
    """Return for each pixel the column to its left that it is taken from, and the next one's part.

    Row y of the result is row y of the image, moved so that the strokes' axis is upright and
    their centre of mass in the middle column.
    """
    height, width = images.shape[1:]
    mass = images.astype(np.float64)
    y, x = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
    by_row = mass.sum(axis=2)
    total = np.maximum(by_row.sum(axis=1), 1)
    across = (mass * x).sum(axis=2)
    centre_y = (by_row * y).sum(axis=1) / total
    centre_x = across.sum(axis=1) / total
    above = y - centre_y[:, None]
    variance = (by_row * above**2).sum(axis=1)
    covariance = (above * (across - by_row * centre_x[:, None])).sum(axis=1)
    flat = variance <= 0
    slant = np.where(flat, 0, covariance / np.where(flat, 1, variance))
    slant = np.clip(slant, -MOST_SLANT, MOST_SLANT)
    shift = np.where(flat, 0, centre_x - (width - 1) / 2)
    place = x + (slant[:, None] * above + shift[:, None])[:, :, None]
    left = np.floor(place)
    return left.astype(np.int64), place - left


def _inside(columns: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Return columns of images with a dark column on either side, for what lies beyond."""
    return np.clip(columns + 1, 0, width + 1)
