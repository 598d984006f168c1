"""The step that counts edges by their direction, in the cells of several grids.

References
----------
N. Dalal and B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005;
S. Maji and J. Malik, "Fast and accurate digit classification", EECS-2009-159, Berkeley 2009.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from imlogit.arrays import Floats, Pixels
from imlogit.features import hog_kernels as kernels
from imlogit.features.parameters import switch, whole
from imlogit.features.step import WHITE, FittedStep, Step


@dataclass(frozen=True)
class HogStep(Step):
    """Histograms of oriented gradients over a pyramid of grids."""

    name: ClassVar[str] = "hog"

    cells: int = whole(8, 2, 64, "cells across and down of the finest grid")
    levels: int = whole(2, 1, 4, "grids, each of half as many cells")
    orientations: int = whole(9, 1, 36, "directions that are told apart")
    signed: bool = switch(True, "whether dark to bright differs from bright to dark")
    colour: bool = switch(False, "count every colour, instead of the strongest at a pixel")

    @property
    def least_side(self) -> int:
        """Two pixels a cell."""
        return 2 * self.cells

    def restore(
        self, input_shape: tuple[int, ...], arrays: Mapping[str, NDArray[Any]]
    ) -> FittedHog:
        """Return the fitted step, which has no arrays."""
        return FittedHog(self, input_shape, arrays)


class FittedHog(FittedStep):
    """Histograms of oriented gradients, of images of one shape."""

    step: HogStep

    @property
    def grids(self) -> list[int]:
        """How many cells each grid has across and down, at least two."""
        return [max(2, self.step.cells >> level) for level in range(self.step.levels)]

    @property
    def n_channels(self) -> int:
        """How many colours are counted each for itself."""
        return math.prod(self.input_shape[2:]) if self.step.colour else 1

    @property
    def output_shape(self) -> tuple[int, ...]:
        """(features,): by grid, block of four cells, cell, colour and direction."""
        blocks = sum((cells - 1) ** 2 for cells in self.grids)
        return (blocks * 4 * self.n_channels * self.step.orientations,)

    @cached_property
    def _angles(self) -> Floats:
        """The direction of a rise and a run of 0..255 each."""
        turn = 2 * math.pi if self.step.signed else math.pi
        sides = np.arange(WHITE + 1)
        return np.asarray(np.arctan2(sides[:, None], sides) * (self.step.orientations / turn))

    @property
    def recipe(self) -> dict[str, Any]:
        """The grids, the directions, and what a block's norm is."""
        return {
            "grids": np.array(self.grids),
            "orientations": self.step.orientations,
            "signed": self.step.signed,
            "each_colour": self.n_channels > 1,
            "least_norm": kernels.LEAST_NORM,
            "clip": kernels.CLIP,
        }

    def fill(self, images: Pixels, out: NDArray[Any]) -> None:
        """Write the features of a few images."""
        kernels.fill_histograms(
            images.reshape(*images.shape[:3], -1),
            np.array(self.grids),
            self._angles,
            self.step.orientations,
            self.step.signed,
            self.n_channels,
            out,
        )

    def spread(self, images: Pixels, shares: Floats) -> Floats:
        """Return each pixel's part: what a cell's features carry goes to its pixels evenly."""
        n, height, width = images.shape[:3]
        out = np.zeros((n, height, width))
        start = 0
        for cells in self.grids:
            size = (cells - 1) ** 2 * 4 * self.n_channels * self.step.orientations
            part = (
                shares[:, start : start + size].reshape(n, cells - 1, cells - 1, 2, 2, -1).sum(-1)
            )
            rows, columns = (np.arange(cells + 1) * side // cells for side in (height, width))
            for y, x, v, u in np.ndindex(*part.shape[1:]):
                cell = out[:, rows[y + v] : rows[y + v + 1], columns[x + u] : columns[x + u + 1]]
                cell += (part[:, y, x, v, u] / cell[0].size)[:, None, None]
            start += size
        each = out.reshape(n, height, width, 1) / math.prod(self.input_shape[2:])
        return np.broadcast_to(each, (n, height, width, math.prod(self.input_shape[2:]))).reshape(
            images.shape
        )
