"""Kernels that deform images: turned, scaled, moved and bent, as numbers of their own say."""

from __future__ import annotations

import math

import numpy as np

from imlogit.system.compiled import kernel

# Points between which a bend is interpolated: `CELLS` squares a side, and three more for the
# splines at the edges.
CELLS = 4
POINTS = CELLS + 3


@kernel
def draw_numbers(seed, rows, copy, out):  # type: ignore[no-untyped-def]
    """Set ``out[i]`` to numbers from -1 to 1, drawn for a seed, a row and a copy: SplitMix64."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    for i in range(rows.shape[0]):
        state = np.uint64(seed)
        for part in (np.uint64(rows[i]), np.uint64(copy)):
            state = (state + golden) ^ part
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state ^= state >> np.uint64(31)
        for k in range(out.shape[1]):
            state += golden
            mixed = state
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
            out[i, k] = float(mixed >> np.uint64(11)) * 2.0**-52 - 1.0


@kernel
def weigh_points(out):  # type: ignore[no-untyped-def]
    """Set ``out[x]`` to the weights of the four points around a pixel: those of a cubic spline."""
    n = out.shape[0]
    for x in range(n):
        at = (x + 0.5) * CELLS / n
        part = at - math.floor(at)
        out[x, 0] = (1 - part) ** 3 / 6
        out[x, 1] = (3 * part**3 - 6 * part**2 + 4) / 6
        out[x, 2] = (-3 * part**3 + 3 * part**2 + 3 * part + 1) / 6
        out[x, 3] = part**3 / 6


@kernel
def find_places(numbers, turn, move, scale, bend, across, down, out):  # type: ignore[no-untyped-def]
    """Set ``out[y, x]`` to the place (y, x) in an image that a pixel of the deformed one is of.

    Of ``numbers`` (5 + 2 * POINTS**2), from -1 to 1, the first five turn by up to ``turn`` radians,
    move by up to ``move`` and scale by up to ``scale`` of the sides; the others bend, by up to
    ``bend`` of the sides. ``across`` (w, 4) and ``down`` (h, 4) are weights of points.
    """
    height, width = out.shape[:2]
    middle_y, middle_x = (height - 1) / 2, (width - 1) / 2
    wide, high = math.exp(numbers[3] * scale), math.exp(numbers[4] * scale)
    cosine, sine = math.cos(numbers[0] * turn), math.sin(numbers[0] * turn)
    row = np.empty((2, POINTS))
    for y in range(height):
        first = np.int64((y + 0.5) * CELLS / height)
        for k in range(POINTS):
            row[0, k] = row[1, k] = 0.0
            for j in range(4):
                place = 5 + 2 * ((first + j) * POINTS + k)
                row[0, k] += down[y, j] * numbers[place]
                row[1, k] += down[y, j] * numbers[place + 1]
        for x in range(width):
            left = np.int64((x + 0.5) * CELLS / width)
            bent_y = bent_x = 0.0
            for j in range(4):
                bent_y += across[x, j] * row[0, left + j]
                bent_x += across[x, j] * row[1, left + j]
            from_y, from_x = y - middle_y, x - middle_x
            at_y = middle_y + (cosine * from_y + sine * from_x) / high
            at_x = middle_x + (cosine * from_x - sine * from_y) / wide
            at_y += (numbers[1] * move + bent_y * bend) * height
            at_x += (numbers[2] * move + bent_x * bend) * width
            out[y, x, 0] = min(max(at_y, 0.0), height - 1.0)
            out[y, x, 1] = min(max(at_x, 0.0), width - 1.0)


@kernel
def deform(images, numbers, turn, move, scale, bend, out):  # type: ignore[no-untyped-def]
    """Set ``out[i]`` to image i (h, w, c), deformed as its numbers say: see `find_places`."""
    height, width, channels = images.shape[1:]
    across, down = np.empty((width, 4)), np.empty((height, 4))
    weigh_points(across)
    weigh_points(down)
    places = np.empty((height, width, 2))
    for i in range(images.shape[0]):
        find_places(numbers[i], turn, move, scale, bend, across, down, places)
        for y in range(height):
            for x in range(width):
                at_y, at_x = places[y, x]
                top, near = np.int64(at_y), np.int64(at_x)
                below, beside = min(top + 1, height - 1), min(near + 1, width - 1)
                part_y, part_x = at_y - top, at_x - near
                for c in range(channels):
                    upper = images[i, top, near, c] * (1 - part_x)
                    upper += images[i, top, beside, c] * part_x
                    lower = images[i, below, near, c] * (1 - part_x)
                    lower += images[i, below, beside, c] * part_x
                    value = upper * (1 - part_y) + lower * part_y
                    out[i, y, x, c] = np.uint8(value + 0.5)
