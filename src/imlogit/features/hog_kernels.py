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
def fill_histograms(images, grids, orientations, signed, n_channels, out):  # type: ignore[no-untyped-def]
    """Set ``out[i]`` to the normalised histograms of all blocks of all grids."""
    height, width = images.shape[1:3]
    strength = np.empty((height, width, n_channels))
    turn = np.empty((height, width, n_channels))
    for i in range(images.shape[0]):
        _find_edges(images[i], orientations, signed, strength, turn)
        start = 0
        for level in range(grids.size):
            cells = grids[level]
            histogram = np.zeros((cells, cells, n_channels * orientations))
            _count(strength, turn, orientations, histogram)
            start = _normalise(histogram, out[i], start)


@numba.njit(inline="always")
def _find_edges(image, orientations, signed, strength, turn):  # type: ignore[no-untyped-def]
    """Set each pixel's strength of edge, and its direction from 0 to ``orientations``."""
    height, width, n_colours = image.shape
    n_channels = strength.shape[2]
    per_turn = orientations / (2 * math.pi if signed else math.pi)
    for y in range(height):
        up, down = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            strength[y, x] = -1.0
            for c in range(n_colours):
                dy = float(image[down, x, c]) - float(image[up, x, c])
                dx = float(image[y, right, c]) - float(image[y, left, c])
                size = math.sqrt(dx * dx + dy * dy)
                place = c if n_channels > 1 else 0
                if size > strength[y, x, place]:
                    angle = math.atan2(dy, dx)
                    if angle < 0:
                        angle += 2 * math.pi if signed else math.pi
                    strength[y, x, place] = size
                    turn[y, x, place] = angle * per_turn


@numba.njit(inline="always")
def _count(strength, turn, orientations, histogram):  # type: ignore[no-untyped-def]
    """Add each edge to the four nearest cells and the two nearest directions."""
    height, width, n_channels = strength.shape
    cells = histogram.shape[0]
    for y in range(height):
        down = (y + 0.5) * cells / height - 0.5
        row = math.floor(down)
        for x in range(width):
            across = (x + 0.5) * cells / width - 0.5
            column = math.floor(across)
            for c in range(n_channels):
                size = strength[y, x, c]
                if size <= 0:
                    continue
                first = int(turn[y, x, c])
                part = turn[y, x, c] - first
                one = c * orientations + first % orientations
                other = c * orientations + (first + 1) % orientations
                for v in range(2):
                    for u in range(2):
                        if 0 <= row + v < cells and 0 <= column + u < cells:
                            near = 1 - abs(down - (row + v))
                            near *= 1 - abs(across - (column + u))
                            cell = histogram[row + v, column + u]
                            cell[one] += size * near * (1 - part)
                            cell[other] += size * near * part


@numba.njit(inline="always")
def _normalise(histogram, out, start):  # type: ignore[no-untyped-def]
    """Write every block of four cells over its norm, as bytes; return where the next one goes."""
    cells, _, n_bins = histogram.shape
    for y in range(cells - 1):
        for x in range(cells - 1):
            total = LEAST_NORM * LEAST_NORM
            for v in range(2):
                for u in range(2):
                    for f in range(n_bins):
                        total += histogram[y + v, x + u, f] ** 2
            factor = 1 / (math.sqrt(total) * CLIP)
            for v in range(2):
                for u in range(2):
                    for f in range(n_bins):
                        value = min(histogram[y + v, x + u, f] * factor, 1.0)
                        out[start] = np.uint8(math.sqrt(value) * 255 + 0.5)
                        start += 1
    return start
