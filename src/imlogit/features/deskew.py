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
from imlogit.features import deskew_kernels as kernels
from imlogit.features.step import FittedStep, Step
from imlogit.system.text import by

# From one row to the next a stroke may move by so many pixels, and is set upright.
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

    @property
    def recipe(self) -> dict[str, Any]:
        """The largest slant."""
        return {"most_slant": MOST_SLANT}

    def fill(self, images: Pixels, out: NDArray[Any]) -> None:
        """Write a few images set upright."""
        grey = images.reshape(images.shape[:3])
        kernels.move_rows(grey, slants_of(grey), out.reshape(grey.shape))

    def spread(self, images: Pixels, shares: Floats) -> Floats:
        """Return the shares at the pixels from which each was taken.

        What was taken from beyond the edge goes to the nearest pixel.
        """
        n, height, width = images.shape[:3]
        slants = slants_of(images.reshape(n, height, width))
        moves = (slants[:, :1] + slants[:, 1:] * np.arange(height))[:, :, None]
        left = np.floor(moves).astype(np.intp)
        part = moves - left
        given = shares.reshape(n, height, width)
        out = np.zeros((n, height, width))
        image, row, column = np.ogrid[:n, :height, :width]
        for move, weights in ((left, 1 - part), (left + 1, part)):
            target = np.clip(column + move, 0, width - 1)
            np.add.at(out, (image, row, target), given * weights)
        return out.reshape(images.shape)


def slants_of(images: Pixels) -> Floats:
    """Return (a, b) for each image: row y moves left by a + b y, to stand upright in the middle."""
    out = np.empty((len(images), 2))
    kernels.find_slants(images, MOST_SLANT, out)
    return out
