"""Steps that nothing can be led back through: what they look at is found by hiding it.

References
----------
M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Pixels
from imlogit.features.step import FittedStep, NoFeaturesError

# Regions across and down that are hidden one after the other.
REGIONS = 8


class OpaqueStep(FittedStep):
    """A fitted step that is known by what it answers only."""

    adds_up: ClassVar[bool] = False

    def spread(self, images: Pixels, shares: Floats) -> Floats:
        """Give every pixel the same: it is not known which of them carries what."""
        sums = shares.reshape(len(images), -1).sum(axis=1) / math.prod(self.input_shape)
        return np.broadcast_to(sums.reshape(-1, *[1] * len(self.input_shape)), images.shape).astype(
            np.float64
        )

    def evidence(self, images: Pixels, weights: Floats) -> Floats:
        """Return by how much the margin falls where a region is hidden, evenly over its pixels.

        A region is hidden by the mean colour of its image. What regions do together is in none of
        them, so that they do not add up to the margin.

        Parameters
        ----------
        images : ndarray of uint8, shape (n, *input_shape)
        weights : ndarray of float64, shape (n_features,)
            As fitted to the features times `scale`.

        Returns
        -------
        ndarray of float64, shape (n, *input_shape)
        """
        return np.stack([self._occluded(image, weights) for image in images])

    def _occluded(self, image: Pixels, weights: Floats) -> Floats:
        regions = _regions(image.shape)
        hidden = np.repeat(image[None], len(regions) + 1, axis=0)
        mean = np.floor(image.mean(axis=(0, 1)) + 0.5).astype(np.uint8)
        for one, (rows, columns) in zip(hidden, regions, strict=False):
            one[rows, columns] = mean
        features = self.transform(hidden).reshape(len(hidden), -1).astype(np.float64)
        margins = features @ (weights * self.scale)
        shares = np.empty(image.shape)
        for (rows, columns), margin in zip(regions, margins, strict=False):
            place = shares[rows, columns]
            place[:] = (margins[-1] - margin) / place.size
        return shares


def refuse_unfinite(rows: NDArray[Any], who: str) -> None:
    """Refuse rows of features that are not numbers.

    Raises
    ------
    NoFeaturesError
        Names the first.
    """
    good = np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise NoFeaturesError(
            row, f"{who} answers NaN or infinity: look at the image, or leave it out"
        )


def _regions(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Return the regions of an image, row by row."""
    borders = []
    for side in shape[:2]:
        count = min(REGIONS, side)
        ends = [side * at // count for at in range(count + 1)]
        borders.append(list(map(slice, ends, ends[1:])))
    return [(rows, columns) for rows in borders[0] for columns in borders[1]]
