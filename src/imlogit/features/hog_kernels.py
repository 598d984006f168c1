"""The kernel of the step `hog`: edges of an image, counted by cell and direction."""

from __future__ import annotations

import math

import numba
import numpy as np

from imlogit.system.compiled import exact_kernel

# Added to a block's norm, in grey levels: less of an edge is noise.
LEAST_NORM = 20.0
# No direction of a block counts more than this part of its norm (Dalal and Triggs take 0.2).
CLIP = 0.5


@exact_kernel
def fill_histograms(  # type: ignore[no-untyped-def]
    images, grids, angles, orientations, signed, n_channels, out
):
    """Set ``out[i]`` to the normalised histograms of all blocks of all grids.

    ``angles``, (256, 256), are those of a first quarter, by rise and run, in directions.
    """
    height, width = images.shape[1:3]
    strength = np.empty((height, width, n_channels))
    turn = np.empty((height, width, n_channels))
    for i in range(images.shape[0]):
        _find_edges(images[i], angles, orientations, signed, strength, turn)
        start = 0
        for level in range(grids.size):
            # an edge of cells around, which nobody reads
            cells = grids[level] + 2
            histogram = np.zeros((cells * cells, n_channels * orientations))
            _count(strength, turn, orientations, cells, histogram)
            start = _normalise(
                histogram.reshape(cells, cells, -1)[1 : cells - 1, 1 : cells - 1], out[i], start
            )


@numba.njit(inline="always")
def _find_edges(image, angles, orientations, signed, strength, turn):  # type: ignore[no-untyped-def]
    """Set each pixel's strength of edge, and its direction from 0 to ``orientations``."""
    height, width, n_colours = image.shape
    n_channels = strength.shape[2]
    half = orientations / 2 if signed else float(orientations)
    for y in range(height):
        up, down = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            strength[y, x] = -1.0
            for c in range(n_colours):
                dy = np.int64(image[down, x, c]) - np.int64(image[up, x, c])
                dx = np.int64(image[y, right, c]) - np.int64(image[y, left, c])
                size = math.sqrt(float(dx * dx + dy * dy))
                place = c if n_channels > 1 else 0
                if size > strength[y, x, place]:
                    angle = angles[abs(dy), abs(dx)]
                    if dx < 0:
                        angle = half - angle
                    if dy < 0:
                        angle = orientations - angle
                    strength[y, x, place] = size
                    turn[y, x, place] = angle


@numba.njit(inline="always")
def _count(strength, turn, orientations, cells, histogram):  # type: ignore[no-untyped-def]
    """Add each edge to the four nearest cells and the two nearest directions."""
    height, width, n_channels = strength.shape
    inner = cells - 2
    columns = np.empty(width, np.int64)
    nearness = np.empty((width, 2))
    for x in range(width):
        across = (x + 0.5) * inner / width - 0.5
        columns[x] = math.floor(across)
        nearness[x, 0] = 1 - abs(across - columns[x])
        nearness[x, 1] = 1 - abs(across - (columns[x] + 1))
    for y in range(height):
        down = (y + 0.5) * inner / height - 0.5
        row = math.floor(down)
        above, below = 1 - abs(down - row), 1 - abs(down - (row + 1))
        for x in range(width):
            first_cell = (row + 1) * cells + columns[x] + 1
            for c in range(n_channels):
                size = strength[y, x, c]
                if size <= 0:
                    continue
                first = int(turn[y, x, c])
                part = turn[y, x, c] - first
                first = first if first < orientations else 0
                after = first + 1 if first + 1 < orientations else 0
                one, other = c * orientations + first, c * orientations + after
                for v in range(2):
                    near = below if v else above
                    for u in range(2):
                        cell = histogram[first_cell + v * cells + u]
                        amount = size * (near * nearness[x, u])
                        cell[one] += amount * (1 - part)
                        cell[other] += amount * part


@numba.njit(inline="always")
def _normalise(histogram, out, start):  # type: ignore[no-untyped-def]
    """Write every block of four cells over its norm, as bytes; return where the next one goes."""
    cells, _, n_bins = histogram.shape
    squares = np.zeros((cells, cells))
    for y in range(cells):
        for x in range(cells):
            for f in range(n_bins):
                squares[y, x] += histogram[y, x, f] * histogram[y, x, f]
    for y in range(cells - 1):
        for x in range(cells - 1):
            total = squares[y, x] + squares[y, x + 1] + squares[y + 1, x] + squares[y + 1, x + 1]
            factor = 1 / (math.sqrt(total + LEAST_NORM * LEAST_NORM) * CLIP)
            for v in range(2):
                for u in range(2):
                    counts, made = histogram[y + v, x + u], out[start : start + n_bins]
                    for f in range(n_bins):
                        made[f] = np.uint8(math.sqrt(min(counts[f] * factor, 1.0)) * 255 + 0.5)
                    start += n_bins
    return start
